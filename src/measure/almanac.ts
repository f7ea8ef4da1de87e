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
import { bootstrapSums, type Estimate, percentileInterval } from "../numeric/bootstrap.ts";
import { sum } from "../numeric/sums.ts";
import type { Almanac } from "../profile/almanac.ts";
import type { Profile } from "../profile/profile.ts";
import type { PageRecord } from "../text/almanac/record.ts";
import type { TokenizedDocument } from "../text/corpus.ts";
import { LEAST_PAGES } from "./knowledge.ts";

interface Page extends PageRecord {
  readonly bytes: number;
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
  readonly has: (page: Page) => boolean;
}

interface Summed {
  readonly name: string;
  readonly pages: number;
  readonly observed: Sums;
  /** [resamples]; null where there are too few pages for an interval, or none of them in some resample */
  readonly resampled: readonly Sums[] | null;
}

const isHeldOut = ({ split }: Page): boolean => split === "known" || split === "balanced";

/**
 * @param documents those that carry no floors are left out
 * @param nats [documents] what each cost the model, by its index
 * @returns no section where the text has no page of the almanac, null where none of its pages is held out about a known
 * entity; a reason for every figure that is null
 */
export function almanacSection(
  documents: readonly Pick<TokenizedDocument, "index" | "bytes" | "page">[],
  nats: ArrayLike<number>,
  seed: number,
): { almanac?: Almanac | null; refusals: Profile["refusals"] } {
  const pages = documents.flatMap(({ index, bytes, page }): Page[] =>
    page && bytes > 0 ? [{ ...page, bytes, bits: nats[index] / Math.LN2 }] : [],
  );
  if (pages.length === 0) return { refusals: [] };
  if (!pages.some(({ split }) => split === "known")) {
    const reason = "no page of the text is held out about a known entity: give the almanac's known.jsonl";
    return { almanac: null, refusals: [{ figure: "almanac", reason }] };
  }
  const levels = [...new Set(pages.filter(isHeldOut).map(({ exposures }) => exposures))].sort((a, b) => a - b);
  const [known, unseen, ...byExposure] = summed(
    pages,
    [
      { name: "split known", has: ({ split }) => split === "known" },
      { name: "split unseen", has: ({ split }) => split === "unseen" },
      ...levels.map((level) => ({
        name: `exposure ${level}`,
        has: (page: Page) => isHeldOut(page) && page.exposures === level,
      })),
    ],
    seed,
  );
  const shares = (own: Summed) => ({
    shareOfKnowledge: estimate([own, unseen], (sums, other) => share(sums, gap(other))),
    shareOfKnowledgeWithoutGap: estimate([own], (sums) => share(sums, 0)),
  });
  const few = [known, unseen, ...byExposure].filter(({ pages, resampled }) => pages > 0 && resampled === null);
  const almanac: Almanac = {
    ...costs(known),
    ...shares(known),
    aboveFloor: estimate([known], ({ bits, known: floor }) => bits / floor - 1),
    languageGap: estimate([unseen], gap),
    unseen: unseen.pages > 0 ? costs(unseen) : null,
    exposures: byExposure.map((group, i) => ({ exposures: levels[i], ...costs(group), ...shares(group) })),
    interval: {
      level: 0.95,
      resamples: known.resampled?.length ?? 0,
      absent:
        few.length === 0
          ? null
          : `no interval, too few pages: ${few.map(({ name, pages }) => `${name} (${pages})`).join(", ")}`,
    },
  };
  return { almanac, refusals: refusalsOf(almanac) };
}

function summed(pages: readonly Page[], groups: readonly Group[], seed: number): Summed[] {
  const columns = groups.map(({ has }) =>
    COLUMNS.map((column) => Float64Array.from(pages, (page) => (has(page) ? column(page) : 0))),
  );
  const samples = bootstrapSums(columns.flat(), { seed });
  return groups.map(({ name, has }, g) => {
    const own = samples.slice(g * COLUMNS.length, (g + 1) * COLUMNS.length);
    const resampled = Array.from(own[0], (_, r) => named(own.map((column) => column[r])));
    const count = pages.filter(has).length;
    return {
      name,
      pages: count,
      observed: named(columns[g].map((column) => sum(column))),
      resampled: count >= LEAST_PAGES && resampled.every(({ bytes }) => bytes > 0) ? resampled : null,
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

function refusalsOf({ unseen, shareOfKnowledgeWithoutGap: without }: Almanac): Profile["refusals"] {
  const refused = (reason: string, ...figures: string[]): Profile["refusals"] =>
    figures.map((figure) => ({ figure: `almanac.${figure}`, reason }));
  if (without.value === null) {
    const reason = "the known floor is not below the unknown one: the pages hold nothing to know";
    return refused(reason, "shareOfKnowledge", "shareOfKnowledgeWithoutGap");
  }
  if (unseen === null) {
    const reason = "no page of the text is about an entity never seen: give the almanac's unseen.jsonl too";
    return refused(reason, "languageGap", "shareOfKnowledge");
  }
  return [];
}
