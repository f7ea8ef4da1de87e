/**
 * What a profile says of the almanac (METHODS §9), in the words and rows that terminal and report share. Draws nothing.
 */
import type { Almanac } from "../profile/almanac.ts";
import type { CodingFigures } from "../profile/coding.ts";
import type { Interval } from "../profile/figures.ts";
import type { Profile } from "../profile/profile.ts";
import { count, percent, shareOf } from "./format.ts";

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

/** Of a profile that was written before the figure was defined. */
const OLDER = "Share of knowledge: this profile is older than the figure; measure again for it.";

/** The findings of the section in sentences, the share of knowledge first. Plain text. */
export function knowledge({ knowledge: found, aboveFloor }: Almanac): string[] {
  const above = `Its bits per byte are ${shareOf(aboveFloor)} above the known floor.`;
  if (!found) return found === undefined ? [OLDER, above] : [above];
  const { share, unhedged, control } = found;
  return [
    `Share of knowledge: ${shareOf(share)} of the bits of the facts that these pages state; taken at its word, ${shareOf(unhedged)}.`,
    ...(control
      ? [
          `Of facts about entities never seen, the control: ${shareOf(control.share)}; at its word ${shareOf(control.unhedged)}, the price of clumsiness and of making things up.`,
        ]
      : []),
    above,
  ];
}

/** Shares by exposure, and the first and last of them in words: `0 % at exposure 1, 99.8 % at 1,024`. */
export function fromRareToCommon({ knowledge: found }: Almanac): { shares: (number | null)[]; ends: string } | null {
  const levels = found?.exposures ?? [];
  const shares = levels.map(({ share }) => share.value);
  const [first, last] = [levels.at(0), levels.at(-1)];
  if (!first || !last || first === last) return null;
  return {
    shares,
    ends: `${percent(first.share.value)} at exposure ${count(first.exposures)}, ${percent(last.share.value)} at ${count(last.exposures)}`,
  };
}
