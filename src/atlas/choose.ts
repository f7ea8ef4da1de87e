/**
 * Which of several measured models to take (METHODS §11): constraints first, then what is dominated by what, then the
 * frontier, and a recommendation with its reason. Text size is the one criterion with an error bar: a model is better in it
 * only where the paired interval says so, and what cannot be told apart is a tie. Everything else is counted.
 *
 * A criterion is used where it is known of every candidate that meets the constraints (speed where it is given: that of a
 * measurement depends on its settings and on what else ran); weights stand for memory, and what
 * a run needs beside them (cache, activations) comes on top.
 */
import { numberIn, tableOf } from "../formats/csv.ts";
import type { Estimate } from "../numeric/bootstrap.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { type Difference, differenceBetween } from "./compare.ts";
import { type Constraints, type Limited, type Miss, missesOf, nearestWays, type Way } from "./limits.ts";
import { differentPrecision, differentWindows, type Named, requireDistinct, requireOneText } from "./text.ts";

/** What the user knows of a model that no profile does. */
export interface Facts {
  readonly model: string;
  /** for a million tokens */
  readonly price: number | null;
  readonly licence: string | null;
  readonly tokensPerSecond: number | null;
}

/**
 * A table `model[,price][,licence][,tokens_per_second]`, price per million tokens.
 * @throws LossyscopeError `input` with the line
 */
export function parseFacts(content: string, name: string): Facts[] {
  const seen = new Map<string, number>();
  return tableOf(content, name, ["model"], ["price", "licence", "license", "tokens_per_second"]).map((row) => {
    const { model } = row.cells;
    const before = seen.get(model);
    const fault = (message: string): never => {
      throw new LossyscopeError("input", `${name}, line ${row.line}: ${message}`, "correct the row");
    };
    if (!model) fault("no model");
    if (before !== undefined) fault(`${model} stands on line ${before} as well`);
    seen.set(model, row.line);
    const positive = (column: string): number | null => {
      const value = numberIn(row, column, name);
      return value !== null && value < 0 ? fault(`${column} is ${value}`) : value;
    };
    return {
      model,
      price: positive("price"),
      licence: row.cells.licence || row.cells.license || null,
      tokensPerSecond: positive("tokens_per_second"),
    };
  });
}

export interface Candidate extends Limited {
  readonly model: string;
  readonly bitsPerByte: Estimate & { readonly value: number };
  /** whether the speed is the table's; one of the measurement is a constraint's to use, not a reason to dominate */
  readonly speedGiven: boolean;
  /** for a million bytes of the profiles' text: the price of the tokens that this model cuts them into */
  readonly costPerMillionBytes: number | null;
}

export type Criterion = "bits per byte" | "weights" | "cost" | "speed";

export interface Excluded {
  readonly model: string;
  /** a reason for each of the misses, in words */
  readonly reasons: readonly string[];
  readonly misses: readonly Miss[];
}

export interface Choice {
  readonly corpus: { readonly name: string; readonly bytes: number };
  readonly candidates: readonly Candidate[];
  readonly excluded: readonly Excluded[];
  /** where none is left: limits that would let one through, nearest first */
  readonly nearest: readonly Way[];
  readonly criteria: readonly Criterion[];
  /** criteria left out because they are not known of every candidate */
  readonly unknown: readonly Criterion[];
  readonly dominated: readonly { readonly model: string; readonly by: readonly string[] }[];
  /** models that nothing dominates, fewest bits per byte first */
  readonly frontier: readonly string[];
  readonly recommendation: Recommendation | null;
  /** what a reader must know of how the profiles were made */
  readonly notes: readonly string[];
}

export interface Recommendation {
  readonly model: string;
  /** of all that meet the constraints, with the fewest bits per byte as measured */
  readonly smallest: string;
  /** candidates that cannot be told apart from the smallest, it among them */
  readonly tied: readonly string[];
  /** what chose among the tied; null where nothing had to, or could */
  readonly by: "cost" | "weights" | null;
  /** the next in bits per byte among those the constraints leave, against the recommended */
  readonly next: { readonly model: string; readonly difference: Difference } | null;
}

/** The licence of a model by its name and number of parameters, where it is known. */
export type LicenceOf = (model: string, parameters: number) => string | null;

function candidateOf({ file, profile }: Named, facts: Facts | undefined, licenceOf: LicenceOf): Candidate {
  const bitsPerByte = profile.coding?.overall.bitsPerByte;
  if (bitsPerByte === undefined || bitsPerByte.value === null) {
    throw new LossyscopeError("input", `${file} has no bits per byte`, "measure it with its losses");
  }
  const { model, ledger, provenance, corpus } = profile;
  const price = facts?.price ?? null;
  return {
    model: model.name,
    bitsPerByte: { ...bitsPerByte, value: bitsPerByte.value },
    weightBytes: ledger?.weightBytes ?? null,
    licence: facts?.licence ?? (ledger && licenceOf(model.name, ledger.parameters.total)),
    tokensPerSecond: facts?.tokensPerSecond ?? provenance.tokensPerSecond,
    speedGiven: facts !== undefined && facts.tokensPerSecond !== null,
    price,
    costPerMillionBytes: price === null ? null : (price * corpus.tokens) / corpus.bytes,
  };
}

/** Counted criteria, lower is better. */
const COUNTED: Readonly<Record<Exclude<Criterion, "bits per byte">, (candidate: Candidate) => number | null>> = {
  weights: ({ weightBytes }) => weightBytes,
  cost: ({ costPerMillionBytes }) => costPerMillionBytes,
  speed: ({ tokensPerSecond, speedGiven }) => (speedGiven ? -tokensPerSecond! : null),
};
const COUNTED_NAMES = ["weights", "cost", "speed"] as const;

/**
 * Chooses among models measured on one text, within constraints.
 * @param given one profile a model, all of one text
 * @param facts of any models; those that are no candidate are an error, as they are most likely misspelt
 * @param licenceOf of models whose facts name none
 * @throws LossyscopeError `input` for different texts, a model twice, facts of a model that is no candidate
 */
export function choose(
  given: readonly Named[],
  facts: readonly Facts[],
  constraints: Constraints,
  seed: number,
  licenceOf: LicenceOf = () => null,
): Choice {
  if (given.length === 0) throw new LossyscopeError("usage", "no profile is given", "name two or more");
  requireDistinct(given);
  requireOneText(given);
  const names = given.map(({ profile }) => profile.model.name);
  const stranger = facts.find(({ model }) => !names.includes(model));
  if (stranger) {
    throw new LossyscopeError(
      "input",
      `the table names ${stranger.model}, of which there is no profile`,
      `the profiles are of ${names.join(", ")}`,
    );
  }
  const candidates = given.map((one) =>
    candidateOf(
      one,
      facts.find(({ model }) => model === one.profile.model.name),
      licenceOf,
    ),
  );
  const excluded = candidates.flatMap((candidate) => {
    const misses = missesOf(candidate, constraints);
    return misses.length > 0 ? [{ model: candidate.model, reasons: misses.map(({ reason }) => reason), misses }] : [];
  });
  const left = candidates
    .filter(({ model }) => !excluded.some((one) => one.model === model))
    .sort((a, b) => a.bitsPerByte.value - b.bitsPerByte.value);
  const profileOf = new Map(given.map((one) => [one.profile.model.name, one]));
  const between = pairwise((a, b) => differenceBetween(profileOf.get(a)!, profileOf.get(b)!, { seed, common: false }));
  const counted = COUNTED_NAMES.filter((name) => left.every((one) => COUNTED[name](one) !== null));

  /** Whether a is nowhere worse than b and somewhere better. */
  const dominates = (a: Candidate, b: Candidate): boolean => {
    if (a === b) return false;
    const { verdict } = between(b.model, a.model);
    if (verdict === "worse") return false;
    const gaps = counted.map((name) => COUNTED[name](b)! - COUNTED[name](a)!);
    return gaps.every((gap) => gap >= 0) && (verdict === "better" || gaps.some((gap) => gap > 0));
  };
  const dominated = left.flatMap((candidate) => {
    const by = left.filter((other) => dominates(other, candidate)).map(({ model }) => model);
    return by.length > 0 ? [{ model: candidate.model, by }] : [];
  });
  const frontier = left.filter(({ model }) => !dominated.some((one) => one.model === model));
  return {
    corpus: { name: given[0].profile.corpus.name, bytes: given[0].profile.corpus.bytes },
    candidates,
    excluded,
    nearest: left.length === 0 ? nearestWays(excluded) : [],
    criteria: ["bits per byte", ...counted],
    unknown: COUNTED_NAMES.filter((name) => !counted.includes(name)),
    dominated,
    frontier: frontier.map(({ model }) => model),
    recommendation: frontier.length > 0 ? recommend(left, frontier, counted.includes("cost"), between) : null,
    notes: [differentWindows(given), differentPrecision(given)].filter((note) => note !== null),
  };
}

/** Each difference once. */
function pairwise(difference: (a: string, b: string) => Difference): (a: string, b: string) => Difference {
  const known = new Map<string, Difference>();
  return (a, b) => {
    const key = JSON.stringify([a, b]);
    const found = known.get(key) ?? difference(a, b);
    known.set(key, found);
    return found;
  };
}

/** Of what cannot be told from the smallest text, the cheapest of the frontier, or the one of fewest bytes. */
function recommend(
  left: readonly Candidate[],
  frontier: readonly Candidate[],
  priced: boolean,
  between: (a: string, b: string) => Difference,
): Recommendation {
  const [smallest] = left;
  const tied = left.filter((one) => one === smallest || between(smallest.model, one.model).verdict !== "worse");
  const by = priced ? "cost" : "weights";
  const value = COUNTED[by];
  const among = tied.filter((one) => frontier.includes(one));
  const open = among.length > 0 ? among : frontier;
  // Where it is not known of all of them, fewest bits as measured choose.
  const known = open.every((one) => value(one) !== null);
  const model = known ? open.reduce((best, one) => (value(one)! < value(best)! ? one : best)) : open[0];
  const next = left.find((one) => one !== model);
  return {
    model: model.model,
    smallest: smallest.model,
    tied: tied.map((one) => one.model),
    by: tied.length > 1 && known ? by : null,
    next: next ? { model: next.model, difference: between(model.model, next.model) } : null,
  };
}
