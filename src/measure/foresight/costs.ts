/**
 * About how long the stages of a measurement take (`stages.ts`), in seconds: their work, counted from the spec, the windows and
 * the plan, at the rates of this machine where a trial has found them (`work.ts`). Meant to be right within a factor of two
 * where it has; `bench/foresee.ts` prints both.
 */
import { defaultRows, type Layout } from "../../decode/codec.ts";
import { groupBytes } from "../../engines/streamed-groups.ts";
import type { Rates } from "../../engines/trial.ts";
import { SHUFFLES } from "../../info/concepts/chance.ts";
import { PACKED } from "../../info/packing.ts";
import { unitsOf as unitsOfSpec } from "../../models/heads.ts";
import { lengthSteps } from "../../models/rotary.ts";
import { RESAMPLES } from "../../numeric/bootstrap.ts";
import { sum } from "../../numeric/sums.ts";
import { decoderOf, type Model, requireDecoder } from "../../ports/model.ts";
import { CODE_LENGTHS } from "../../probes/coding/probe.ts";
import { geometryRows } from "../../probes/geometry/geometry.ts";
import { LAYERS as GEOMETRY } from "../../probes/geometry/probe.ts";
import { countPlaneUnits, countPositions } from "../../probes/plane/plane-needs.ts";
import { ORDERS } from "../../probes/plane/positions.ts";
import { FRONTIER, LAYERS as PLANE } from "../../probes/plane/probe.ts";
import { dealt } from "../../probes/spread/pools.ts";
import { UNITS } from "../../probes/spread/probe.ts";
import type { TokenizedDocument, Window, WindowBatch } from "../../text/corpus.ts";
import { unitsOf } from "../../text/units.ts";
import { batchesOf, longestOf, windowsOf } from "../../text/windows.ts";
import { llamaCppWindows } from "../llama-cpp/llama-cpp.ts";
import { lmEvalCorpusWindows } from "../lm-eval/lm-eval.ts";
import { beginningOf } from "../precision.ts";
import type { Prepared, Subject } from "../prepare.ts";
import { MOST_BYTES } from "../recall/control.ts";
import { fittingPrefixes } from "../recall/needs.ts";
import { placesOf } from "../recall/places.ts";
import * as STAGE from "../stages.ts";
import { COMPRESSORS } from "../static/compressors.ts";
import { goesBeside } from "../static/embedding-section.ts";
import {
  bootstrapSeconds,
  type Costed,
  compressorSeconds,
  countPass,
  embeddingSeconds,
  entropySeconds,
  frontierSeconds,
  geometrySeconds,
  learningSeconds,
  observedInPass,
  own,
  type PassOutputs,
  passSeconds,
  planeThreadSeconds,
  REFERENCE,
  ready,
  stepsSeconds,
  weightReads,
} from "./work.ts";

const LOSSES = { losses: true, shares: 0, moments: false };
const STATES = { losses: false, shares: 0, moments: false };

/** What runs a model. */
interface Machine {
  readonly model: Pick<Model, "name" | "runs" | "weightFileBytes">;
  readonly threads: number;
}

function costedOf({ model, threads }: Machine, rates = REFERENCE): Costed {
  const { spec, streams = false } = requireDecoder(model, "foretelling");
  return { rates, threads, spec, weightBytes: model.weightFileBytes, streams };
}

/** What the pass of a plan gives of a row. */
const outputsOf = ({ plan, reference }: Pick<Subject, "plan" | "reference">): PassOutputs => ({
  losses: true,
  shares: plan.plane && reference ? reference.m * reference.draws : 0,
  moments: plan.geometry,
});

/** How often the pass of a plan reads all weights, and the bytes of its observations that wait; null where they are held. */
export function streamingOf(
  machine: Machine,
  { subject, longest }: Pick<Prepared, "subject" | "longest">,
  batches: readonly WindowBatch[],
): { readonly reads: number; readonly diskBytes: number } | null {
  if (!decoderOf(machine.model)?.streams) return null;
  const costed = costedOf(machine);
  const counts = countPass(costed.spec, batches, longest);
  const outputs = outputsOf(subject);
  const each = observedInPass(costed.spec, counts.rows / Math.max(1, batches.length), outputs);
  return {
    reads: weightReads(costed, counts, outputs),
    diskBytes: Math.round(groupBytes(each, each * batches.length)),
  };
}

/** Seconds by stage; those that the plan does not ask for are not among them, or take none. */
export type Costs = Readonly<Record<string, number>>;

/**
 * @param batches that this process lets the model run
 * @param rates of this machine; a usual one's where it was not tried
 * @returns of a model whose weights are not at hand only what does not take the model
 */
export function costsOf(
  machine: Machine,
  prepared: Prepared,
  batches: readonly WindowBatch[],
  rates: Rates = REFERENCE,
): Costs {
  const { subject, unseen, likeLlamaCpp } = prepared;
  const { plan, documents, likeLmEval } = subject;
  const bytes = sum(documents.map((document) => document.bytes));
  const lengths = documents.map(({ ids }) => ids.length);
  const pass = (windows: readonly Window[], outputs = LOSSES): number => {
    const own = batchesOf(windows, plan.batchTokens, lengthSteps(spec));
    return passSeconds(costed, countPass(spec, own, longestOf(own)), outputs);
  };
  const streams = new Set(documents.map(({ domain }) => domain)).size > 1 ? 2 : 1;
  const ofText: Costs = {
    ...(plan.baselines && { [STAGE.COMPRESSORS]: compressorSeconds({ rates }, COMPRESSORS.length, streams * bytes) }),
    [CODE_LENGTHS]: bootstrapSeconds({ rates }, RESAMPLES, streams * subject.corpus.units, 4),
    [STAGE.WRITING]: own({ rates }, 2e8 + 1000 * sum(lengths)),
  };
  if (!decoderOf(machine.model)) return ofText;
  const costed = costedOf(machine, rates);
  const { spec } = costed;
  const learnt = sum([documents, unseen ?? []].map((side) => Math.min(MOST_BYTES, sum(side.map((one) => one.bytes)))));
  const measuredPass = passSeconds(costed, countPass(spec, batches, prepared.longest), outputsOf(subject));
  const { threads } = machine;
  const compressing = ofText[STAGE.COMPRESSORS] ?? 0;
  const searching = frontierSearch(costed, subject);
  // What goes beside the pass, where there is a second thread, takes it from the pass.
  const within = (seconds: number): number => (threads > 1 ? Math.min(seconds, measuredPass) : 0);
  return {
    ...ofText,
    [STAGE.PASS]: measuredPass + (within(compressing) + within(searching)) / threads,
    ...(plan.baselines && { [STAGE.COMPRESSORS]: compressing - within(compressing) }),
    ...(plan.precision && {
      [STAGE.PRECISION]:
        2 * pass(beginningOf({ subject, model: machine.model }).batches.flatMap(({ windows: own }) => own)),
    }),
    ...(likeLmEval && { [STAGE.LIKE_LM_EVAL]: pass(lmEvalCorpusWindows(likeLmEval)) }),
    ...(likeLlamaCpp && { [STAGE.LIKE_LLAMA_CPP]: pass(llamaCppWindows(likeLlamaCpp)) }),
    ...(plan.entropy && { [STAGE.ENTROPY]: entropySeconds(costed) }),
    ...(plan.with.includes("recall") && {
      [STAGE.GUESSES]: learningSeconds(costed, learnt),
      ...recallCosts(costed, prepared, pass),
    }),
    ...(plan.with.includes("recall") &&
      unseen && {
        [STAGE.UNSEEN_PASS]: pass(windowsIn(unseen, subject)),
        [STAGE.MEMBERSHIP]: learningSeconds(costed, 4 * learnt),
      }),
    ...factsCosts(costed, prepared),
    ...conceptsCosts(costed, prepared, pass),
    ...unitsCosts(costed, subject),
    ...pairsCosts(costed, prepared, pass),
    ...planeCosts(costed, subject, searching - within(searching)),
    ...(plan.geometry && {
      // What goes beside the loading of the model does not wait for it.
      [STAGE.EMBEDDING]: Math.max(
        0,
        embeddingSeconds(costed, PACKED) - (goesBeside(costed, machine.threads) ? ready(costed) : 0),
      ),
      [GEOMETRY]: geometrySeconds(costed, geometryRows(lengths, spec.width, plan.seed).points),
    }),
  };
}

const windowsIn = (documents: readonly TokenizedDocument[], { prefix, context, overlap }: Subject): Window[] =>
  documents.flatMap(({ index, ids }) => windowsOf(index, ids, prefix, context, overlap));

function frontierSearch(costed: Costed, { plan, documents, reference }: Subject): number {
  return plan.plane?.frontier && reference ? searchSeconds(costed, documents, plan.plane.frontier) : 0;
}

/**
 * Layers are summed in threads while what the pass has left of the frontier is looked for beside them; the rest of it comes after.
 * @param search seconds
 */
function planeCosts(costed: Costed, { plan, documents, prefix, reference }: Subject, search: number): Costs {
  if (!plan.plane || !reference) return {};
  const { allPositions, frontier } = plan.plane;
  const units = unitsOf(documents.map(({ ids }) => ids.length));
  const used = countPlaneUnits({ documents, prefix, units, allPositions });
  const layers = planeThreadSeconds(costed, {
    positions: countPositions({ documents, prefix, allPositions }),
    evaluatedUnits: used / 5,
    points: reference.m,
    draws: reference.draws,
    populations: allPositions ? ORDERS : 1,
    labels: new Set(documents.flatMap(({ metadata }) => Object.keys(metadata?.labels ?? {}))).size,
    resamples: RESAMPLES,
  });
  const { threads } = costed;
  const plane = Math.max(layers / Math.min(threads, costed.spec.blocks.length + 1), (layers + search) / (threads + 1));
  return { [PLANE]: plane, ...(frontier && { [FRONTIER]: Math.max(0, search - plane) }) };
}

/** Tokens that are enough to count pairs in. */
const MOST_COUNTED = 2_000_000;

function searchSeconds(
  costed: Costed,
  documents: readonly TokenizedDocument[],
  { vocabulary, clusters }: { readonly vocabulary: number; readonly clusters: number },
): number {
  const times = new Int32Array(costed.spec.vocabulary);
  let tokens = 0;
  const counted = documents.filter(({ ids }) => (tokens += ids.length) <= MOST_COUNTED || tokens === ids.length);
  for (const { ids } of counted) for (const id of ids) times[id]++;
  const frequent = [...times.keys()].filter((id) => times[id] > 0).sort((a, b) => times[b] - times[a]);
  const classes = Math.min(vocabulary, frequent.length) + 1;
  const classOf = new Int32Array(times.length).fill(classes - 1);
  for (const [place, id] of frequent.slice(0, vocabulary).entries()) classOf[id] = place;
  const seen = new Uint8Array(classes ** 2);
  for (const { ids } of counted)
    for (let i = 1; i < ids.length; i++) seen[classOf[ids[i - 1]] * classes + classOf[ids[i]]] = 1;
  const pairs = seen.reduce((count, there) => count + there, 0);
  return frontierSeconds(costed, pairs, classes, clusters);
}

function recallCosts(
  costed: Costed,
  { subject, tokenizer }: Prepared,
  pass: (windows: readonly Window[], outputs: typeof STATES) => number,
): Costs {
  const { plan, documents } = subject;
  const { length, passages: most } = plan.recall;
  const prefixes = fittingPrefixes(plan.recall, costed.spec.positions, tokenizer.prefix);
  const longest = prefixes.at(-1);
  if (longest === undefined) return {};
  const places = placesOf(documents, { longest, length, most, seed: plan.seed });
  const batches = prefixes.length * Math.ceil(places.length / defaultRows(costed.spec, longest + length));
  const sequence = (document: number): Window => ({
    document,
    ids: new Int32Array(length + Number(tokenizer.prefix !== null)),
    prefixSlots: 0,
    start: 0,
    fresh: 0,
  });
  return {
    [STAGE.PASSAGES]:
      places.length === 0
        ? 0
        : stepsSeconds(costed, {
            read: places.length * sum(prefixes),
            steps: batches * length,
            rows: places.length * prefixes.length * length,
          }),
    [STAGE.GIST]: pass(
      Array.from({ length: 2 * places.length }, (_, i) => sequence(i)),
      STATES,
    ),
  };
}

/** Questions that are tokenised to know the others by. */
const SAMPLED = 32;
/** Tokens that an answer has at most, and rows that answer together (`decode/candidates.ts`). */
const ANSWER = 16;
const ANSWERING = 256;

/** Multiply-adds of a classifier's fit, a text, text and concept: five folds, some thirty passes, there and back. */
const FITTING = 300;

function conceptsCosts(
  costed: Costed,
  { concepts }: Pick<Prepared, "concepts">,
  pass: (windows: readonly Window[]) => number,
): Costs {
  if (!concepts) return {};
  const { texts, concepts: named } = concepts.set;
  const { width, blocks } = costed.spec;
  const n = texts.length;
  const layer = n ** 2 * (width / 2 + 2 * SHUFFLES + FITTING * named.length);
  return {
    [STAGE.CONCEPTS]: pass(concepts.windows),
    [STAGE.CONCEPT_FIGURES]: own(costed, (blocks.length + 1) * layer),
  };
}

function pairsCosts(
  costed: Costed,
  { pairs, subject: { plan, reference } }: Pick<Prepared, "pairs" | "subject">,
  pass: (windows: readonly Window[], outputs: { losses: boolean; shares: number; moments: boolean }) => number,
): Costs {
  if (!pairs) return {};
  const shares = plan.plane && reference ? reference.m : 0;
  const sums = (1 + SHUFFLES) * 2 * pairs.set.pairs.length * shares;
  return {
    [STAGE.PAIRS]: pass(pairs.windows, { ...LOSSES, shares }),
    [STAGE.PAIR_FIGURES]: own(costed, (costed.spec.blocks.length + 1) * sums),
  };
}

/** Nanoseconds a unit and draw of mixed text, and a unit, draw and pair of domains. */
const [MIXING, DEALING] = [70, 29];

function unitsCosts(costed: Costed, { plan, documents }: Subject): Costs {
  if (!plan.with.some((one) => one === "spread" || one === "sharing")) return {};
  const units = sum(unitsOfSpec(costed.spec) ?? []);
  const pools = dealt(documents, unitsOf(documents.map(({ ids }) => ids.length)), plan.seed);
  const count = pools?.domains.length ?? 0;
  const spread = plan.with.includes("spread") && count > 1 ? MIXING * count : 0;
  const sharing = plan.with.includes("sharing") ? (DEALING * count * (count - 1)) / 2 : 0;
  return spread + sharing > 0 ? { [UNITS]: own(costed, SHUFFLES * units * (spread + sharing)) } : {};
}

/** @param facts null where none are asked for */
function factsCosts(costed: Costed, { facts, tokenizer }: Pick<Prepared, "facts" | "tokenizer">): Costs {
  if (!facts) return {};
  const asked = facts.facts.flatMap(({ prompts, candidates }) => prompts.map((prompt) => ({ prompt, candidates })));
  const every = Math.max(1, Math.floor(asked.length / SAMPLED));
  const sampled = asked.filter((_, index) => index % every === 0);
  const tokensIn = (text: string): number => tokenizer.encode(text).ids.length;
  const stem = sum(sampled.map(({ prompt }) => tokensIn(prompt.text))) / sampled.length;
  const tails =
    sum(
      sampled.map(({ prompt: { joint, terminator }, candidates }) =>
        tokensIn(candidates.map((one) => `${joint}${one}${terminator}`).join("")),
      ),
    ) / sampled.length;
  const slots = asked.length * (stem + tails);
  return {
    [STAGE.CANDIDATES]: passSeconds(
      costed,
      { slots, rows: asked.length * tails, scores: 0, scoreProducts: 0, batches: Math.ceil(slots / 4096) },
      LOSSES,
    ),
    [STAGE.ANSWERS]: stepsSeconds(costed, {
      read: asked.length * stem,
      steps: ANSWER * Math.ceil(asked.length / ANSWERING),
      rows: ANSWER * asked.length,
    }),
  };
}

/** Of asking for facts alone. */
export const askingCosts = (machine: Machine, asked: Pick<Prepared, "facts" | "tokenizer">, rates?: Rates): Costs =>
  factsCosts(costedOf(machine, rates), asked);

/**
 * Of writing out all that a model computes, a window at a time.
 * @param rows a token, and the bytes of a row in the file, which is put together of parts
 */
export function statesSeconds(
  machine: Machine,
  windows: readonly Window[],
  { rows, rowBytes, logits }: { readonly rows: number; readonly rowBytes: number; readonly logits: boolean },
  rates?: Rates,
): number {
  const costed = costedOf(machine, rates);
  const batches = windows.map((window, index) => ({ index, windows: [window] }));
  const counts = countPass(costed.spec, batches, longestOf(batches));
  const written = own(costed, rows * (4 * rowBytes + (logits ? 15 * costed.spec.vocabulary : 0)));
  return passSeconds(costed, { ...counts, rows: counts.slots }, LOSSES) + written;
}

/** Bytes of a token of usual text. */
const TOKEN_BYTES = 4;

/** About how long it takes to code bytes under a model, or to decode them. */
export function codingSeconds(
  machine: Machine,
  bytes: number,
  { blocks, rows, lanes, primer }: Pick<Layout, "rows" | "lanes" | "primer"> & { readonly blocks: number },
): number {
  const tokens = bytes / TOKEN_BYTES;
  const together = Math.max(1, Math.min(rows, blocks));
  const openings = Math.min(tokens, Math.ceil(blocks / together) * primer);
  const steps = openings + Math.max(0, tokens - openings * together) / (together * lanes);
  return stepsSeconds(costedOf(machine), { read: 0, steps, rows: tokens });
}
