/**
 * What a profile says of the almanac (METHODS §9), in the words and rows that terminal and report share. Draws nothing.
 */
import type { Almanac } from "../profile/almanac.ts";
import type { CodingFigures } from "../profile/coding.ts";
import type { Interval } from "../profile/figures.ts";
import type { Profile } from "../profile/profile.ts";
import { count, interval, percent, shareOf } from "./format.ts";

/** Someone who writes the pages down: a compressor, the model, or one of the two readers whose cost is known. */
export interface Writer extends Interval {
  readonly name: string;
  readonly kind: "compressor" | "model" | "reader";
}

const alone = (value: number): Interval => ({ value, low: null, high: null });

/** The domain that is just the pages of the section, where the text has one. */
function ownDomain({ coding }: Profile, { pages, bytes }: Almanac): CodingFigures | undefined {
  return Object.values(coding?.domains ?? {}).find((own) => own.documents === pages && own.bytes === bytes);
}

/**
 * From the weakest writer to the one who knows everything, in bits per byte.
 * @returns `elsewhere`: the compressors had the whole text, and not only the pages of the section
 */
export function writers(profile: Profile, almanac: Almanac): { writers: Writer[]; elsewhere: boolean } {
  const own = ownDomain(profile, almanac);
  const { baselines = [] } = own ?? profile.coding?.overall ?? {};
  return {
    writers: [
      ...[...baselines]
        .sort((a, b) => b.bitsPerByte - a.bitsPerByte)
        .map(({ name, bitsPerByte }): Writer => ({ name, kind: "compressor", ...alone(bitsPerByte) })),
      { name: profile.model.name, kind: "model", ...almanac.bitsPerByte },
      { name: "unknown floor", kind: "reader", ...alone(almanac.floorUnknown) },
      { name: "known floor", kind: "reader", ...alone(almanac.floorKnown) },
    ],
    elsewhere: own === undefined && baselines.length > 0,
  };
}

/** The findings of the section in sentences, the share of knowledge first. Plain text. */
export function knowledge({
  shareOfKnowledge,
  shareOfKnowledgeWithoutGap,
  languageGap,
  aboveFloor,
}: Almanac): string[] {
  const above = `Its bits per byte are ${shareOf(aboveFloor)} above the known floor.`;
  const without = shareOf(shareOfKnowledgeWithoutGap);
  if (shareOfKnowledge.value === null) {
    return [`Share of knowledge with the clumsiness left in: ${without}.`, above];
  }
  return [
    `Share of knowledge: ${shareOf(shareOfKnowledge)} of what there is to know of the world.`,
    `That leaves out ${interval(languageGap)} bits a byte of clumsiness with the language, taken from pages about entities never seen; left in, the share is ${without}.`,
    above,
  ];
}

/** Shares by exposure, and the first and last of them in words: `41.2 % at exposure 1, 88.0 % at 1,024`. */
export function fromRareToCommon({ exposures }: Almanac): { shares: (number | null)[]; ends: string } | null {
  const shares = exposures.map(
    ({ shareOfKnowledge, shareOfKnowledgeWithoutGap: without }) => shareOfKnowledge.value ?? without.value,
  );
  const [first, last] = [exposures.at(0), exposures.at(-1)];
  if (!first || !last || first === last) return null;
  return {
    shares,
    ends: `${percent(shares[0])} at exposure ${count(first.exposures)}, ${percent(shares[shares.length - 1])} at ${count(last.exposures)}`,
  };
}
