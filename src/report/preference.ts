/** What a profile says of completions that were chosen and rejected (METHODS §2.3), in the words that terminal and report share. */
import type { AgainstChance } from "../profile/concepts.ts";
import type { Interval } from "../profile/figures.ts";
import type { Preference } from "../profile/preference.ts";
import { counted, figure, interval, sentence, shareOf, wrap } from "./format.ts";
import { proseWidth } from "./terminal-options.ts";
import { type TextTable, tableLines } from "./text-table.ts";

/** A figure counts against its null from here on. */
const SIGNIFICANT = 0.05;
export const speaks = ({ p }: AgainstChance): boolean => p <= SIGNIFICANT;

const pValue = ({ p }: AgainstChance): string => `p\u00a0=\u00a0${figure(p, 2)}`;

/** Shares of ln m as bits. */
export function inBits({ lnM }: NonNullable<Preference["information"]>) {
  const bits = (share: number): number => (share * lnM) / Math.LN2;
  const end = (share: number | null): number | null => (share === null ? null : bits(share));
  return {
    wide: ({ value, low, high }: Interval): Interval => ({ value: end(value), low: end(low), high: end(high) }),
    against: ({ value, chance, low, high, p }: AgainstChance): AgainstChance => ({
      value: bits(value),
      chance: bits(chance),
      low: bits(low),
      high: bits(high),
      p,
    }),
  };
}

/** The one sentence that says most. Plain text. */
export function preferenceClaim({ pairs, cheaper, chosen, rejected }: Preference): string {
  const cost = `${figure(chosen.bitsPerByte.value)} bits a byte to ${figure(rejected.bitsPerByte.value)}`;
  const { value, low, high } = cheaper.chance;
  return value < low || value > high
    ? `Of ${counted(pairs, "pair")} of completions the chosen one costs less for ${shareOf(cheaper.share)} (${cost}).`
    : `Which of ${counted(pairs, "pair")} of completions was chosen is not told by what they cost: the chosen one costs less for ${shareOf(cheaper.share)} (${cost}).`;
}

/** The findings in sentences. Plain text. */
export function preferenceFindings({ information, difference, differenceChance }: Preference): string[] {
  const said = [
    `Chosen less rejected: ${interval(difference)} bits a byte, with labels swapped inside pairs ${figure(differenceChance.low)} to ${figure(differenceChance.high)}.`,
  ];
  if (information === null) return said;
  const { wide, against } = inBits(information);
  const { heldOut, heldOutChance } = information.summary;
  const chance = against(heldOutChance);
  const top = information.layers.reduce((a, b) => ((b.heldOut.value ?? 0) > (a.heldOut.value ?? 0) ? b : a));
  said.push(
    speaks(heldOutChance)
      ? `A token's state tells ${interval(wide(heldOut))} bits of which was chosen, mean over blocks, on pairs held out; with labels swapped ${figure(chance.chance)} (${pValue(chance)}). Most at layer ${top.layer}: ${interval(wide(top.heldOut))}.`
      : `What layers tell of which was chosen, on pairs held out, cannot be told from nothing: ${interval(wide(heldOut))} bits, mean over blocks; with labels swapped ${figure(chance.low)} to ${figure(chance.high)} (${pValue(chance)}).`,
  );
  return said;
}

/** For the terminal. */
export function preferenceLines(given: Preference, width: number): string[] {
  const prose = proseWidth(width);
  const { information, notes } = given;
  const table = information && layerTable(information);
  return [
    ...wrap(`Preference: ${preferenceClaim(given)}`, prose),
    ...preferenceFindings(given).flatMap((text) => wrap(text, prose)),
    ...(table ? tableLines(table, width) : []),
    ...notes.flatMap((note) => wrap(sentence(note), prose)),
  ];
}

function layerTable(information: NonNullable<Preference["information"]>): TextTable {
  const { wide, against } = inBits(information);
  const { layers } = information;
  const every = Math.max(1, Math.ceil(layers.length / 8));
  return {
    head: ["layer", "tells, bits", "swapped", "p", "plug-in"],
    kinds: ["figures"],
    rows: layers
      .filter(({ layer }) => layer % every === 0 || layer === layers.length - 1)
      .map(({ layer, heldOut, heldOutChance, plugin }) => [
        String(layer),
        interval(wide(heldOut)),
        figure(against(heldOutChance).chance),
        figure(heldOutChance.p, 2),
        figure(against(plugin).value),
      ]),
  };
}
