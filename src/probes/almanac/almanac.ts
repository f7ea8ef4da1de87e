/**
 * What the almanac's pages cost the model beside the floors that come with them (METHODS §9), and the share of knowledge as
 * it was taken from those alone, superseded by `knowledge.ts` and kept for one version:
 *
 *   g     = Σ (bits − unknown) / Σ bytes                                over pages about entities never seen
 *   share = (Σ (unknown − bits) + g Σ bytes) / Σ (unknown − known)      over held-out pages about known ones
 *
 * All pages of the text are resampled together, and every figure is taken from the same resamples.
 *
 * Memory: 32 bytes a page and 150 kB for each group of pages (two, and one an exposure).
 */

import { almanacPages, type PageRecord } from "../../almanac/record.ts";
import { bootstrapSums, type Estimate, FEWEST_UNITS, percentileInterval } from "../../numeric/bootstrap.ts";
import { groupsNeed, isMet, type Need, needed, SURELY_DRAWN } from "../../numeric/needs.ts";
import { sum } from "../../numeric/sums.ts";
import type { Almanac } from "../../profile/almanac.ts";
import type { TokenizedDocument } from "../../text/corpus.ts";
import { saidBy } from "../../text/metadata.ts";

/** A page as it is known before the model has seen it. */
interface GivenPage extends PageRecord {
  readonly index: number;
  readonly bytes: number;
}

interface Page extends GivenPage {
  /** what the model needs */
  readonly bits: number;
}

/** Sums over the pages of a group, as observed or in one resample; the floors in bits. */
interface Sums {
  readonly bits: number;
  readonly bytes: number;
  readonly known: number;
  readonly unknown: number;
}
const COLUMNS = [
  ({ bits }: Page) => bits,
  ({ bytes }: Page) => bytes,
  ({ knownBits }: Page) => knownBits,
  ({ unknownBits }: Page) => unknownBits,
];
const named = ([bits, bytes, known, unknown]: readonly number[]): Sums => ({ bits, bytes, known, unknown });

/** Pages that figures are taken over. */
interface Group {
  readonly name: string;
  readonly has: (page: GivenPage) => boolean;
}

interface Summed {
  readonly name: string;
  readonly pages: number;
  readonly observed: Sums;
  /** [resamples]; null where there are too few pages for an interval, or none of them in some resample */
  readonly resampled: readonly Sums[] | null;
}

const isHeldOut = ({ split }: GivenPage): boolean => split === "known" || split === "balanced";

type Documents = readonly Pick<TokenizedDocument, "index" | "bytes" | "metadata">[];

const pagesOf = (documents: Documents): GivenPage[] =>
  documents.flatMap(({ index, bytes, metadata }) => {
    const page = saidBy(almanacPages, metadata);
    return page && bytes > 0 ? [{ ...page, bytes, index }] : [];
  });

const levelsOf = (pages: readonly GivenPage[]): number[] =>
  [...new Set(pages.filter(isHeldOut).map(({ exposures }) => exposures))].sort((a, b) => a - b);

/** Known pages, unseen ones, then those held out by how often training told of their entity. */
const groupsOf = (pages: readonly GivenPage[]): Group[] => [
  { name: "split known", has: ({ split }) => split === "known" },
  { name: "split unseen", has: ({ split }) => split === "unseen" },
  ...levelsOf(pages).map((level) => ({
    name: `exposure ${level}`,
    has: (page: GivenPage) => isHeldOut(page) && page.exposures === level,
  })),
];

/** Names of the groups that have no interval, with their pages: too few of them, or none of them in some resample. */
function withoutInterval(pages: readonly GivenPage[], groups: readonly Group[], seed: number): Map<string, number> {
  const counted = groups.map(({ name, has }) => ({ name, has, count: pages.filter(has).length }));
  const doubtful = counted.filter(({ count }) => count >= FEWEST_UNITS && count < SURELY_DRAWN);
  const drawn = bootstrapSums(
    doubtful.map(({ has }) => Float64Array.from(pages, (page) => Number(has(page)))),
    { seed },
  );
  const missed = new Set(doubtful.filter((_, g) => drawn[g].includes(0)).map(({ name }) => name));
  const without = counted.filter(({ name, count }) => count < FEWEST_UNITS || missed.has(name));
  return new Map(without.map(({ name, count }) => [name, count]));
}

/** What intervals over groups of pages take. */
const pagesNeed = (without: ReadonlyMap<string, number>): Need =>
  groupsNeed(
    "almanac.interval",
    "page",
    [...without].flatMap(([name, count]) => (count > 0 ? [[name, count, count >= FEWEST_UNITS] as const] : [])),
  );

/** What the figures take that are made of a text with pages of the almanac; nothing where it has none. */
export function almanacNeeds(documents: Documents, seed: number): Need[] {
  const pages = pagesOf(documents);
  if (pages.length === 0) return [];
  const known = pages.filter(({ split }) => split === "known");
  const held = needed(
    "almanac",
    known.length > 0,
    "page",
    "no page of the text is held out about a known entity",
    "give the almanac's known.jsonl",
  );
  if (!isMet(held)) return [held];
  const open = sum(known.map(({ unknownBits, knownBits }) => unknownBits - knownBits)) > 0;
  const telling = (figure: string): Need =>
    needed(
      `almanac.${figure}`,
      open,
      "fact",
      "the known floor is not below the unknown one: the pages hold nothing to know",
      "give pages that state facts",
    );
  const unseen = (figure: string): Need =>
    needed(
      `almanac.${figure}`,
      pages.some(({ split }) => split === "unseen"),
      "page",
      "no page of the text is about an entity never seen",
      "give the almanac's unseen.jsonl too",
    );
  return [
    telling("shareOfKnowledgeWithoutGap"),
    unseen("languageGap"),
    open ? unseen("shareOfKnowledge") : telling("shareOfKnowledge"),
    pagesNeed(withoutInterval(pages, groupsOf(pages), seed)),
  ];
}

/**
 * @param documents those that carry no floors are left out
 * @param nats [documents] what each cost the model, by its index
 * @returns undefined where the text has no page of the almanac, null where none of its pages is held out about a known
 * entity; why figures are null says `almanacNeeds`
 */
export function almanacSection(
  documents: Documents,
  nats: ArrayLike<number>,
  seed: number,
): Almanac | null | undefined {
  const pages = pagesOf(documents).map((page): Page => ({ ...page, bits: nats[page.index] / Math.LN2 }));
  if (pages.length === 0) return undefined;
  if (!pages.some(({ split }) => split === "known")) return null;
  const groups = groupsOf(pages);
  const without = withoutInterval(pages, groups, seed);
  const [known, unseen, ...byExposure] = summed(pages, groups, without, seed);
  const shares = (own: Summed) => ({
    shareOfKnowledge: estimate([own, unseen], (sums, other) => share(sums, gap(other))),
    shareOfKnowledgeWithoutGap: estimate([own], (sums) => share(sums, 0)),
  });
  const levels = levelsOf(pages);
  const interval = pagesNeed(without);
  return {
    ...costs(known),
    ...shares(known),
    aboveFloor: estimate([known], ({ bits, known: floor }) => bits / floor - 1),
    languageGap: estimate([unseen], gap),
    unseen: unseen.pages > 0 ? costs(unseen) : null,
    exposures: byExposure.map((group, i) => ({ exposures: levels[i], ...costs(group), ...shares(group) })),
    interval: {
      level: 0.95,
      resamples: known.resampled?.length ?? 0,
      absent: isMet(interval) ? null : interval.reason,
    },
  };
}

function summed(
  pages: readonly Page[],
  groups: readonly Group[],
  without: ReadonlyMap<string, number>,
  seed: number,
): Summed[] {
  const columns = groups.map(({ has }) =>
    COLUMNS.map((column) => Float64Array.from(pages, (page) => (has(page) ? column(page) : 0))),
  );
  const samples = bootstrapSums(columns.flat(), { seed });
  return groups.map(({ name, has }, g) => {
    const own = samples.slice(g * COLUMNS.length, (g + 1) * COLUMNS.length);
    const resampled = Array.from(own[0], (_, r) => named(own.map((column) => column[r])));
    return {
      name,
      pages: pages.filter(has).length,
      observed: named(columns[g].map((column) => sum(column))),
      resampled: without.has(name) ? null : resampled,
    };
  });
}

function estimate(groups: readonly Summed[], of: (...sums: Sums[]) => number): Estimate {
  const resamples = groups.every(({ resampled }) => resampled !== null) ? groups[0].resampled!.length : 0;
  return percentileInterval(
    of(...groups.map(({ observed }) => observed)),
    Float64Array.from({ length: resamples }, (_, r) => of(...groups.map(({ resampled }) => resampled![r]))),
  );
}

const gap = ({ bits, unknown, bytes }: Sums): number => (bits - unknown) / bytes;

/** Not a number where the two readers cost the same: then there is nothing to know. */
const share = ({ bits, known, unknown, bytes }: Sums, g: number): number =>
  unknown > known ? (unknown - bits + g * bytes) / (unknown - known) : Number.NaN;

const costs = (group: Summed) => ({
  pages: group.pages,
  bytes: group.observed.bytes,
  bitsPerByte: estimate([group], ({ bits, bytes }) => bits / bytes),
  floorKnown: group.observed.known / group.observed.bytes,
  floorUnknown: group.observed.unknown / group.observed.bytes,
});
