/**
 * From answers to the figures of the profile (METHODS §5): shares by prefix length, place and number of occurrences, and the
 * passages that are shown.
 */
import { count } from "../../numeric/amounts.ts";
import { groupBy } from "../../numeric/groups.ts";
import { groupsNeed, type Need } from "../../numeric/needs.ts";
import { random } from "../../numeric/random.ts";
import type { Occurrences, Recall, Verbatim } from "../../profile/recall.ts";
import type { Units } from "../../text/units.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import type { Control } from "./control.ts";
import type { Means } from "./means.ts";
import { exposuresOf } from "./places.ts";
import { type Answer, bytesOf } from "./verbatim.ts";

/** Passages whose words a profile shows, and how many of each kind at most. */
const SAMPLES = { all: 24, memorised: 10, guessable: 4 };

/** Comes back exactly though nobody would guess it. */
const isMemory = ({ model, guess }: Answer): boolean => model.exact && guess !== null && !guess.exact;

export function shares(own: readonly Answer[], means: Means, control: Control | null) {
  return {
    passages: own.length,
    exact: means.share(own, ({ model }) => model.exact),
    memorised: control ? means.share(own, isMemory) : { value: null, low: null, high: null },
  };
}

export function verbatimFigures(
  prefix: number,
  own: readonly Answer[],
  means: Means,
  control: Control | null,
): Verbatim {
  const { exact, memorised } = shares(own, means, control);
  const size = ({ truthBytes }: Answer): number => truthBytes.length;
  return {
    prefix,
    exact,
    memorised,
    commonPrefix: means.of(own, ({ model }) => model.common, size),
    editDistance: means.of(own, ({ edits }) => edits),
    guess: control && {
      exact: means.share(own, ({ guess }) => guess!.exact),
      commonPrefix: means.of(own, ({ guess }) => guess!.common, size),
    },
  };
}

interface Occurring<T> extends Pick<Occurrences, "from" | "to"> {
  readonly own: readonly T[];
}

/** By number of occurrences, in powers of two: 0, 1, 2–3, 4–7, … */
export function groupsByOccurrences<T>(all: readonly T[], occurrencesOf: (one: T) => number): Occurring<T>[] {
  const power = (one: T): number => Math.floor(Math.log2(occurrencesOf(one)));
  return [...groupBy(all, power)]
    .sort(([a], [b]) => a - b)
    .map(([, own]) => {
      const counts = own.map(occurrencesOf);
      return { from: Math.min(...counts), to: Math.max(...counts), own };
    });
}

export const byOccurrences = (
  groups: readonly Occurring<Answer>[],
  means: Means,
  control: Control | null,
): Occurrences[] => groups.map(({ from, to, own }) => ({ from, to, ...shares(own, means, control) }));

/** What their intervals take. */
export const occurrencesNeed = <T>(
  figure: string,
  unit: Units["kind"],
  groups: readonly Occurring<T>[],
  unitOf: (one: T) => number,
): Need =>
  groupsNeed(
    figure,
    unit,
    groups.map(({ from, to, own }) => [
      `${count(from)}${from === to ? "" : `–${count(to)}`} ${to === 1 ? "time" : "times"}`,
      new Set(own.map(unitOf)).size,
    ]),
  );

export function samplesOf(
  own: readonly Answer[],
  repeats: ReadonlyMap<Answer, number>,
  tokenizer: Tokenizer,
  seed: number,
): Recall["samples"] {
  const drawn = random(seed, "recall samples").shuffle([...own]);
  const memorised = drawn.filter(isMemory).slice(0, SAMPLES.memorised);
  const guessable = drawn.filter(({ model, guess }) => model.exact && guess?.exact).slice(0, SAMPLES.guessable);
  const chosen = new Set([...memorised, ...guessable]);
  const rest = drawn.filter((answer) => !chosen.has(answer) && !answer.model.exact);
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  return [...chosen, ...rest.slice(0, SAMPLES.all - chosen.size)].map((answer) => ({
    document: answer.place.document.index,
    token: answer.from,
    prompt: decoder.decode(bytesOf(tokenizer, answer.prompt, tokenBefore(answer))),
    truth: decoder.decode(answer.truthBytes),
    came: decoder.decode(answer.cameBytes),
    exact: answer.model.exact,
    guessable: answer.guess?.exact ?? null,
    exposures: exposuresOf(answer.place),
    repeats: repeats.get(answer)!,
  }));
}

/** The token that stands before the prompt; null where the prompt opens its document. */
const tokenBefore = ({ place, from, prompt }: Answer): number | null =>
  place.document.ids[from - prompt.length - 1] ?? null;
