/**
 * How much a model can keep of what has no structure (METHODS §5 Capacity; Morris et al. 2025, arXiv 2505.24832): trained
 * on n strings of tokens drawn uniformly, it has memorised Σ ( H(x) − code length of x ) bits of them, and what that comes
 * to as n grows past what fits is its capacity. Here are the figures and the document that holds them; what one n takes
 * is `memorise.ts`'s.
 */
import { z } from "zod";
import { parseJson } from "../formats/json.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { checked } from "../numeric/schema-faults.ts";
import { sum } from "../numeric/sums.ts";
import { type Interval, count as integer, intervalSchema } from "../profile/figures.ts";

export const CAPACITY_SCHEMA = "lossyscope.capacity/1";

/** How much less than the largest mean over the seeds may be memorised of an n that is still on the plateau. */
export const PLATEAU = 0.1;
/** A model that has memorised more than this share of its strings may have room left. */
const FULL = 0.9;

/** @throws LossyscopeError `input` where the text is no capacity of this schema */
export function parseCapacity(text: string, path: string): Capacity {
  const strange = (why: string): LossyscopeError =>
    new LossyscopeError("input", `${path} is not a capacity that this version wrote (${why})`, "pass another --out");
  const json = parseJson(text, (why) => strange(`it ${why}`));
  return checked(capacitySchema, json, strange);
}

/** How a run is trained, and on what; any two runs of the same settings, n and seed are the same. */
const settingsSchema = z.object({
  length: integer.meta({ description: "tokens of a string" }),
  steps: integer.meta({ description: "of a run at most" }),
  batch: integer.meta({ description: "strings of a step" }),
  runTokens: integer.meta({ description: "tokens that go through the model together" }),
  rate: z.number().meta({ description: "learning rate after the warm-up" }),
});
export type CapacitySettings = z.infer<typeof settingsSchema>;

const runSchema = z.object({
  strings: integer.meta({ description: "n" }),
  seed: z.number().int().meta({ description: "of the strings, the weights at the start and the order" }),
  steps: integer,
  settled: z.boolean().meta({ description: "whether training ended because nothing was gained any more" }),
  entropyBits: z.number().meta({ description: "of all strings together" }),
  unflooredBits: z.number().meta({ description: "entropy less code length, over the strings" }),
  flooredBits: z.number().meta({
    description: "the same, each string at least 0, less what as many strings never seen come to",
  }),
  unseenUnflooredBits: z.number().meta({ description: "entropy less code length, over as many strings never seen" }),
});
export type CapacityRun = z.infer<typeof runSchema>;

const plateauSchema = z.object({
  strings: z.array(integer).meta({ description: "the n on it" }),
  reached: z.boolean().meta({ description: "false: the figures are what the model holds at least" }),
  bits: intervalSchema.meta({ description: "memorised: floored, less the control; mean over seeds and their range" }),
  unflooredBits: intervalSchema.meta({ description: "memorised: unfloored; mean over seeds and their range" }),
});
export type Plateau = z.infer<typeof plateauSchema>;

export const capacitySchema = z.object({
  schema: z.literal(CAPACITY_SCHEMA),
  config: z.record(z.string(), z.unknown()).meta({ description: "config.json of the model" }),
  settings: settingsSchema,
  parameters: z.object({ total: integer, nonEmbedding: integer }),
  runs: z.array(runSchema),
  plateau: plateauSchema.nullable().meta({ description: "null: runs are missing" }),
});
export type Capacity = z.infer<typeof capacitySchema>;

/**
 * What a model has memorised of strings, from their code lengths and those of as many that it never saw.
 * @param entropyBits H(x) of a string
 * @param seen, unseen [n] code lengths in nats
 */
export function memorised(
  entropyBits: number,
  seen: Float64Array,
  unseen: Float64Array,
): Pick<CapacityRun, "entropyBits" | "unflooredBits" | "flooredBits" | "unseenUnflooredBits"> {
  const saved = (nats: Float64Array): Float64Array => nats.map((one) => entropyBits - one / Math.LN2);
  const floored = (nats: Float64Array): number => sum(saved(nats).map((bits) => Math.max(0, bits)));
  return {
    entropyBits: entropyBits * seen.length,
    unflooredBits: sum(saved(seen)),
    flooredBits: floored(seen) - (seen.length / unseen.length) * floored(unseen),
    unseenUnflooredBits: (seen.length / unseen.length) * sum(saved(unseen)),
  };
}

const mean = (values: readonly number[]): number => sum(values) / values.length;

/** Mean, and the range where there are several. */
const rangeOf = (values: readonly number[]): Interval => ({
  value: mean(values),
  low: values.length > 1 ? Math.min(...values) : null,
  high: values.length > 1 ? Math.max(...values) : null,
});

/**
 * The n whose mean over the seeds is within a tenth of the largest such mean, and what a seed memorises on average over
 * them. It counts as reached where the model was full at one of them, and some other n is on it or beyond it.
 * @param runs a run for each of some seeds at each n
 */
export function plateauOf(runs: readonly CapacityRun[]): Plateau {
  const sizes = [...new Set(runs.map(({ strings }) => strings))].sort((a, b) => a - b);
  const at = (n: number): readonly CapacityRun[] => runs.filter(({ strings }) => strings === n);
  const held = new Map(sizes.map((n) => [n, mean(at(n).map(({ flooredBits }) => flooredBits))]));
  const most = Math.max(...held.values());
  const strings = sizes.filter((n) => held.get(n)! >= (1 - PLATEAU) * most);
  const on = runs.filter((run) => strings.includes(run.strings));
  const seeds = [...new Set(on.map(({ seed }) => seed))];
  const ofSeeds = (figure: (run: CapacityRun) => number): Interval =>
    rangeOf(seeds.map((seed) => mean(on.filter((run) => run.seed === seed).map(figure))));
  return {
    strings,
    reached:
      on.some(({ flooredBits, entropyBits }) => flooredBits < FULL * entropyBits) &&
      (strings.length > 1 || sizes.at(-1)! > strings[0]),
    bits: ofSeeds(({ flooredBits }) => flooredBits),
    unflooredBits: ofSeeds(({ unflooredBits }) => unflooredBits),
  };
}

/** A figure and its range, divided. */
export const per = ({ value, low, high }: Interval, parameters: number): Interval => ({
  value: value === null ? null : value / parameters,
  low: low === null ? null : low / parameters,
  high: high === null ? null : high / parameters,
});
