/**
 * Models on the same text (METHODS §12): the difference in bits per byte with a paired bootstrap over units, by domain, and
 * the documents and stretches of text where they differ most. The first profile is the baseline; every difference is
 * another model's figure less the baseline's. Ties are ties: a difference whose interval holds zero is not told apart. How
 * alike their layers are is found in `similarity.ts` and only handed on.
 *
 * Units are documents. Of a text with few of them (`unit: block`) a profile does not keep the sums of its blocks, and
 * blocks of 2,048 tokens are different bytes for different tokenizers; there the interval is over stretches of as many
 * bytes of the text that all profiles kept, and says what share of the text that is.
 */

import { count, counted } from "../numeric/amounts.ts";
import { bootstrapSums, type Estimate, FEWEST_UNITS, percentileInterval } from "../numeric/bootstrap.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { sum } from "../numeric/sums.ts";
import type { Lockstep } from "../profile/lockstep.ts";
import type { Profile } from "../profile/profile.ts";
import { BLOCK_TOKENS } from "../text/units.ts";
import { alignedStretches, documentKeys, type Stretch } from "./alignment.ts";
import { type ConceptComparison, conceptsBeside } from "./concepts.ts";
import type { NotAlike, Similarity } from "./similarity.ts";
import { differentPrecision, differentWindows, labelsOf, type Named } from "./text.ts";

const FEW_DOCUMENTS = "the text has few documents; see the figure over the kept text";
/** Stretches shown: about so long, and so many on either side. */
const SHOWN_BYTES = 240;
const SHOWN = 5;

export type Verdict = "better" | "worse" | "tie";

export interface Difference {
  /** bits per byte, the model's less the baseline's */
  readonly difference: Estimate;
  /** the model's over the baseline's, less one */
  readonly relative: Estimate;
  /** null without an interval */
  readonly verdict: Verdict | null;
  readonly bytes: number;
  readonly units: number;
  readonly unit: "document" | "stretch";
  /** share of the text's bytes that the units cover */
  readonly share: number;
  /** why there is no interval */
  readonly absent: string | null;
}

export interface DocumentDifference {
  readonly id: string;
  readonly domain: string;
  readonly bytes: number;
  /** bits per byte */
  readonly baseline: number;
  readonly model: number;
}

export interface Pair {
  readonly model: string;
  /** over the whole text; without an interval where the units are blocks and not all text was kept */
  readonly overall: Difference;
  /** over the kept text, where an interval can be had for that alone */
  readonly kept: Difference | null;
  readonly domains: readonly (Difference & { readonly domain: string })[];
  readonly tally: Readonly<Record<Verdict | "unknown", number>>;
  readonly documents: readonly DocumentDifference[];
  /** where the model needs fewer bits than the baseline, most first; and where it needs more */
  readonly better: readonly Stretch[];
  readonly worse: readonly Stretch[];
  /** of the layers' states; null where they were not kept or not looked at */
  readonly similarity: Similarity | null;
  /** how they lay out the same concepts; null where a profile has none, or others */
  readonly concepts: ConceptComparison | null;
  /** of both models over the text at a time; null where they were not read so */
  readonly lockstep: Lockstep | null;
}

export interface Comparison {
  readonly corpus: { readonly name: string; readonly documents: number; readonly bytes: number };
  readonly models: readonly { readonly model: string; readonly bitsPerByte: number; readonly tokens: number }[];
  readonly pairs: readonly Pair[];
  /** what a reader must know of how the profiles were made */
  readonly notes: readonly string[];
  readonly refusals: readonly { readonly figure: string; readonly reason: string }[];
}

/** One unit of comparison: bytes, and the nats of baseline and model. */
interface Unit {
  readonly bytes: number;
  readonly nats: readonly [number, number];
}

/**
 * @param whole bytes of the text that the units are a part of
 * @param absent why no interval is to be given, whatever the units
 */
function differenceOf(
  units: readonly Unit[],
  unit: Difference["unit"],
  whole: number,
  seed: number,
  absent: string | null = null,
): Difference {
  const bytes = Float64Array.from(units, (one) => one.bytes);
  const [baseline, model] = [0, 1].map((side) => Float64Array.from(units, (one) => one.nats[side]));
  const [totalBytes, a, b] = [bytes, baseline, model].map((column) => sum(column));
  const few =
    units.length < FEWEST_UNITS ? `${unitsText(units.length, unit)}; an interval needs ${FEWEST_UNITS}` : null;
  const reason = absent ?? few;
  const samples =
    reason === null ? bootstrapSums([bytes, baseline, model], { seed }) : [0, 1, 2].map(() => new Float64Array(0));
  const [n, x, y] = samples;
  const difference = percentileInterval(
    (b - a) / Math.LN2 / totalBytes,
    n.map((value, r) => (y[r] - x[r]) / Math.LN2 / value),
  );
  const relative = percentileInterval(
    b / a - 1,
    x.map((value, r) => y[r] / value - 1),
  );
  return {
    difference,
    relative,
    verdict: verdictOf(difference),
    bytes: totalBytes,
    units: units.length,
    unit,
    share: totalBytes / whole,
    absent: reason,
  };
}

/** `9 documents`, `1 stretch` */
export const unitsText = (units: number, unit: Difference["unit"]): string =>
  `${count(units)} ${unit === "document" ? "document" : "stretch"}${units === 1 ? "" : unit === "document" ? "s" : "es"}`;

/** Fewer bits are better. */
function verdictOf({ low, high }: Estimate): Verdict | null {
  if (low === null || high === null) return null;
  return high < 0 ? "better" : low > 0 ? "worse" : "tie";
}

interface MatchedDocument {
  readonly id: string;
  readonly domain: string;
  readonly bytes: number;
  /** [profiles] */
  readonly nats: readonly number[];
}

/**
 * The documents that all profiles have, by content, as the first one orders and names them.
 * @param common whether documents that some profile lacks may be left out
 * @throws LossyscopeError `input` for different texts or profiles without code lengths
 */
function matchDocuments(given: readonly Named[], common: boolean): MatchedDocument[] {
  const nats = given.map(({ file, profile }) => {
    const keys = documentKeys(profile);
    return new Map(
      profile.documents.map((document, index) => {
        if (document.nats === null) {
          throw new LossyscopeError(
            "input",
            `${file} has no code length of ${document.id}`,
            "measure it with its losses",
          );
        }
        return [keys[index], document.nats] as const;
      }),
    );
  });
  const [first] = given;
  const keys = documentKeys(first.profile);
  const shared = keys.filter((key) => nats.every((one) => one.has(key)));
  const other = given.findIndex((_, index) => nats[index].size !== shared.length);
  if (shared.length === 0 || (other >= 0 && !common)) {
    const said = given.map(({ file }, index) => `${file} has ${count(nats[index].size)} documents`).join(", ");
    throw new LossyscopeError(
      "input",
      `the profiles are of different texts: ${said}, ${count(shared.length)} are in all`,
      shared.length === 0
        ? "measure all models on the same text"
        : "measure all models on the same text, or pass --common to compare on the shared documents",
    );
  }
  const wanted = new Set(shared);
  if (first.profile.documents.every(({ bytes }, index) => bytes === 0 || !wanted.has(keys[index])))
    throw new LossyscopeError(
      "input",
      `no bytes in what all profiles have (${counted(shared.length, "document")})`,
      "measure all models on the same text",
    );
  return first.profile.documents.flatMap(({ id, domain, bytes }, index) =>
    wanted.has(keys[index]) ? [{ id, domain, bytes, nats: nats.map((one) => one.get(keys[index])!) }] : [],
  );
}

/** Bytes of a stretch that stands for a block, or null where documents are the units of all profiles. */
function blockBytesOf(profiles: readonly Profile[]): number | null {
  const [{ corpus }] = profiles;
  return profiles.some((one) => one.corpus.unit === "block")
    ? (BLOCK_TOKENS * corpus.bytes) / Math.max(1, corpus.tokens)
    : null;
}

const unitOf = ({ bytes, nats }: Stretch): Unit => ({ bytes, nats: [nats[0], nats[1]] });

/**
 * Difference in bits per byte of two models over the units that an interval can be had for.
 * @throws as `compare`
 */
export function differenceBetween(baseline: Named, model: Named, { seed, common }: CompareOptions): Difference {
  const documents = matchDocuments([baseline, model], common).map(({ bytes, nats }) => ({
    bytes,
    nats: [nats[0], nats[1]] as const,
  }));
  const bytes = sum(documents.map((one) => one.bytes));
  const pair = [baseline.profile, model.profile];
  const blockBytes = blockBytesOf(pair);
  return blockBytes === null
    ? differenceOf(documents, "document", bytes, seed)
    : differenceOf(alignedStretches(pair, blockBytes).map(unitOf), "stretch", bytes, seed);
}

export interface CompareOptions {
  readonly seed: number;
  /** compares on the documents that all profiles have */
  readonly common: boolean;
}

/**
 * Compares models on one text with the first one, paired.
 * @param given the baseline, then one or more others, each of another model or of one measured in another way
 * @throws LossyscopeError `usage` for fewer than two, `input` for profiles of different texts or without code lengths
 */
export function compare(given: readonly Named[], { seed, common }: CompareOptions): Comparison {
  if (given.length < 2)
    throw new LossyscopeError("usage", "one profile has nothing to be compared with", "name two or more");
  const documents = matchDocuments(given, common);
  const bytes = sum(documents.map((one) => one.bytes));
  const profiles = given.map(({ profile }) => profile);
  const [first] = profiles;
  const labels = labelsOf(given);
  const concepts = given.slice(1).map((one) => conceptsBeside(given[0], one, seed));
  const pairs = profiles.slice(1).map((profile, index) => ({
    ...pairOf(
      labels[index + 1],
      first,
      profile,
      documents.map((one) => ({ ...one, nats: [one.nats[0], one.nats[index + 1]] })),
      {
        seed,
        bytes,
        blockBytes: blockBytesOf(profiles),
      },
    ),
    concepts: foundIn(concepts[index]),
  }));
  return {
    corpus: { name: first.corpus.name, documents: documents.length, bytes },
    models: profiles.map(({ corpus }, index) => {
      const nats = sum(documents.map((one) => one.nats[index]));
      return { model: labels[index], bitsPerByte: nats / Math.LN2 / bytes, tokens: corpus.tokens };
    }),
    pairs,
    notes: [differentWindows(given), differentPrecision(given)].filter((note) => note !== null),
    refusals: [
      ...(profiles.some(({ passages }) => passages.length === 0)
        ? [{ figure: "passages", reason: "a profile keeps no text (--no-text)" }]
        : []),
      ...(profiles.some(({ plane }) => plane === null)
        ? [{ figure: "planes", reason: "a profile has no information plane" }]
        : []),
      ...[...new Set(concepts.flatMap((one) => (one && "absent" in one ? [one.absent] : [])))].map((reason) => ({
        figure: "concepts",
        reason,
      })),
    ],
  };
}

const foundIn = (found: ReturnType<typeof conceptsBeside>): ConceptComparison | null =>
  found === null || "absent" in found ? null : found;

/**
 * @param alike what `similarities` found, one for each pair
 * @returns the comparison with it: figures, notes, and why figures are missing
 */
export function withSimilarities(comparison: Comparison, alike: readonly (Similarity | NotAlike)[]): Comparison {
  const { pairs, notes, refusals } = comparison;
  const found = alike.map((one) => ("absent" in one ? null : one));
  const absent = new Set(alike.flatMap((one) => ("absent" in one ? [one.absent] : [])));
  const said = new Set(found.flatMap((one) => (one?.note ? [one.note] : [])));
  return {
    ...comparison,
    pairs: pairs.map((pair, index) => ({ ...pair, similarity: found[index] })),
    notes: [...notes, ...said],
    refusals: [...refusals, ...[...absent].map((reason) => ({ figure: "similarity", reason }))],
  };
}

/**
 * @param together what `measureLockstep` found, one for each pair; null where it was not asked for
 * @returns the comparison with it, and why figures are missing
 */
export function withLocksteps(
  comparison: Comparison,
  together: readonly (Lockstep | { readonly absent: string } | null)[],
): Comparison {
  const { pairs, refusals } = comparison;
  const found = together.map((one) => (one === null || "absent" in one ? null : one));
  const absent = together.flatMap((one, index) =>
    one === null
      ? []
      : "absent" in one
        ? [{ figure: `token by token, ${pairs[index].model}`, reason: one.absent }]
        : one.refusals.map(({ figure, reason }) => ({ figure: `${figure}, ${pairs[index].model}`, reason })),
  );
  return {
    ...comparison,
    pairs: pairs.map((pair, index) => ({ ...pair, lockstep: found[index] })),
    refusals: [...refusals, ...absent],
  };
}

function pairOf(
  name: string,
  baseline: Profile,
  model: Profile,
  documents: readonly (Omit<MatchedDocument, "nats"> & Unit)[],
  { seed, bytes, blockBytes }: { seed: number; bytes: number; blockBytes: number | null },
): Pair {
  const stretches = blockBytes === null ? null : alignedStretches([baseline, model], blockBytes);
  const overStretches = stretches && differenceOf(stretches.map(unitOf), "stretch", bytes, seed);
  const all = overStretches?.bytes === bytes;
  const kept = all ? null : overStretches;
  const names = [...new Set(documents.map(({ domain }) => domain))];
  const domains = names.map((domain) => {
    const own = documents.filter((one) => one.domain === domain);
    const whole = sum(own.map((one) => one.bytes));
    const inside = stretches?.filter(({ document }) => baseline.documents[document].domain === domain);
    return {
      domain,
      ...(inside
        ? differenceOf(inside.map(unitOf), "stretch", whole, seed)
        : differenceOf(own, "document", whole, seed)),
    };
  });
  const count = (verdict: Verdict | null): number => domains.filter((one) => one.verdict === verdict).length;
  const shown = alignedStretches([baseline, model], SHOWN_BYTES)
    .map((one) => ({ one, gain: one.nats[0] - one.nats[1] }))
    .sort((a, b) => b.gain - a.gain);
  const toBits = (nats: number, length: number): number => nats / Math.LN2 / length;
  return {
    model: name,
    overall: all ? overStretches : differenceOf(documents, "document", bytes, seed, kept && FEW_DOCUMENTS),
    kept,
    domains,
    tally: { better: count("better"), worse: count("worse"), tie: count("tie"), unknown: count(null) },
    documents: documents
      .filter((one) => one.bytes > 0)
      .map(({ id, domain, bytes: length, nats: [a, b] }) => ({
        id,
        domain,
        bytes: length,
        baseline: toBits(a, length),
        model: toBits(b, length),
      }))
      .sort((a, b) => Math.abs((b.model - b.baseline) * b.bytes) - Math.abs((a.model - a.baseline) * a.bytes))
      .slice(0, SHOWN),
    better: shown
      .filter(({ gain }) => gain > 0)
      .slice(0, SHOWN)
      .map(({ one }) => one),
    worse: shown
      .filter(({ gain }) => gain < 0)
      .slice(-SHOWN)
      .reverse()
      .map(({ one }) => one),
    similarity: null,
    concepts: null,
    lockstep: null,
  };
}
