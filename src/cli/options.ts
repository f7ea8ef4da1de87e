/** Readers of option values that several commands share; each refuses a wrong value with what it expects. */
import { availableParallelism } from "node:os";
import { InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { Shard } from "../measure/shards/share.ts";
import { defaultAtlas } from "../store/sets.ts";

function whole(text: string, least: number): number {
  const value = Number(text);
  if (!/^-?\d+$/.test(text) || !Number.isSafeInteger(value) || value < least) {
    const bound = least > Number.MIN_SAFE_INTEGER ? ` of at least ${least}` : "";
    throw new InvalidArgumentError(`expected a whole number${bound}`);
  }
  return value;
}

export const atLeast =
  (least: number) =>
  (text: string): number =>
    whole(text, least);

export const seed = (text: string): number => whole(text, Number.MIN_SAFE_INTEGER);

/** `--threads`; its default is this machine's, which the help does not spell out. */
export const threads = () =>
  new Option("--threads <n>", "threads of the runtime")
    .argParser(atLeast(1))
    .default(availableParallelism(), "all cores");

/** `--force`, of every command that writes files. */
export const force = () => new Option("--force", "replaces files that are there").default(false);

/** `--fast`, of commands that let a model run; `measure` has `--precision` beside it. */
export const fast = () =>
  new Option("--fast", "rounds what meets codes of weights (GGUF) to 8 bits, as llama.cpp does").default(false);

/** What it makes of a plan, which says nothing of what is exact. */
export const fastPlan = ({ fast }: { readonly fast: boolean }): { readonly precision?: "fast" } =>
  fast ? { precision: "fast" } : {};

/** `--quiet`, of every command that takes its time. */
export const quiet = () =>
  new Option("--quiet", "prints one line in place of the summary, and nothing of how far it is").default(false);

export const unseenText = () =>
  new Option("--unseen <path...>", "text of the same kind that the model was not trained on: membership").default(
    [] as string[],
  );

/** A name for a model, as it stands in profiles and tables. */
export function modelName(text: string): string {
  if (!/^\S(?:[^\p{C}]{0,198}\S)?$/u.test(text))
    throw new InvalidArgumentError("expected a name of 1 to 200 characters");
  return text;
}

/** `8,16,32` */
export const counts = (text: string): number[] => text.split(",").map((one) => whole(one.trim(), 1));

const MULTIPLES: Readonly<Record<string, number>> = {
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** `5000`, `5e12`, `20MB`, `16GiB`, `2T` */
export function quantity(text: string): number {
  const match = /^(\d+(?:\.\d+)?(?:e\d+)?)\s*([kMGT]i?|)B?$/.exec(text.trim());
  const value = match ? Number(match[1]) * MULTIPLES[match[2]] : Number.NaN;
  if (!Number.isFinite(value) || value <= 0)
    throw new InvalidArgumentError("expected a size such as 5000, 20MB, 16GiB or 2e12");
  return Math.round(value);
}

/** `2/8`: the second of eight. @throws LossyscopeError `usage` where there is no such shard */
export function shard(text: string): Shard {
  const match = /^(\d+)\/(\d+)$/.exec(text);
  if (!match) throw new InvalidArgumentError("expected i/n, such as 2/8");
  return new Shard(Number(match[1]), Number(match[2]));
}

/** Adds one occurrence of a repeatable option to those before it. */
export const collect = (value: string, before: string[]): string[] => [...before, value];

/** A number of at least zero. */
export function penalty(text: string): number {
  const value = /^\d+(?:\.\d+)?(?:e-?\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isFinite(value)) throw new InvalidArgumentError("expected a number of at least 0");
  return value;
}

/** A part of a whole. */
export function part(text: string): number {
  const value = /^\d*\.?\d+(?:e-?\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(value > 0 && value <= 0.5)) throw new InvalidArgumentError("expected a part of the whole above 0, at most 0.5");
  return value;
}

/** Where calibration sets of one's own lie; help shows the rule, not this user's folder. */
export const atlasOption = () =>
  new Option("--atlas <folder>", "where your own calibration sets lie").default(
    defaultAtlas(process.env),
    "lossyscope/atlas in $XDG_DATA_HOME or ~/.local/share",
  );
