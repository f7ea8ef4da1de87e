/** What a profile says of facts (METHODS §5, §6), in the words and lines that terminal, report and comparison share. */
import type { FactRates, Facts } from "../profile/facts.ts";
import type { Interval } from "../profile/figures.ts";
import { ABSENT, count, counted, interval, percent, sentence, si, wrap } from "./format.ts";
import { proseWidth } from "./terminal-options.ts";
import { fitsWhole, type TextTable, tableLines } from "./text-table.ts";

/** `12.5 % (9.1–16.4)` */
export function inPercent({ value, low, high }: Interval): string {
  if (value === null || low === null || high === null) return percent(value);
  return interval({ value: 100 * value, low: 100 * low, high: 100 * high }).replace(" (", "\u00a0% (");
}

/** `never`, `1`, `1,024`; facts of unknown exposures: `all` */
export const exposuresText = (exposures: number | null): string =>
  exposures === null ? "all" : exposures === 0 ? "never" : count(exposures);

/** The one sentence that says most: what comes back of the rarest facts and of the commonest. Plain text. */
export function knownClaim({ overall, exposures }: Facts): string {
  const [first, last] = [exposures.find((one) => one.exposures !== 0), exposures.at(-1)];
  if (!first || !last || first === last || first.exposures === null)
    return `Of what it is asked it knows ${percent(overall.exact.value)}, and makes up ${percent(overall.confusion.value)}.`;
  return `Of facts told ${times(first.exposures)} it knows ${percent(first.exact.value)}, of those told ${times(last.exposures!)} ${percent(last.exact.value)}.`;
}

/** The findings in sentences. Plain text. */
export function known({ overall, exposures, calibration, knowledge }: Facts): string[] {
  const found = [
    `Asked for ${counted(overall.facts, "fact")} that stand for ${count(overall.total)}, it answers ${inPercent(overall.exact)} exactly, makes up ${inPercent(overall.confusion)} and is beside the point in ${inPercent(overall.offType)}; guessing the commonest values scores ${percent(overall.guess)}.`,
  ];
  const { calibrationError, auroc } = calibration.exact;
  if (auroc.value !== null)
    found.push(
      `A right answer has the higher confidence than a wrong one with probability ${interval(auroc)}, where 0.5 is chance; its confidence is off by ${inPercent(calibrationError)} on average.`,
    );
  const never = exposures.find((one) => one.exposures === 0);
  if (never)
    found.push(
      `About what it has never seen it is ${percent(never.confidence.value)} sure on average, and right in ${percent(never.exact.value)}.`,
    );
  if (knowledge) {
    const { corrected, unfloored, share, priorBits } = knowledge.overall;
    const kept =
      corrected.value === null
        ? `${interval(unfloored)} bits, not held against facts never seen,`
        : `${interval(corrected)} bits (${inPercent(share)})`;
    const each =
      knowledge.bitsPerParameter.value === null ? "" : `: ${interval(knowledge.bitsPerParameter)} a parameter`;
    found.push(`Its weights keep ${kept} of the ${si(priorBits, "bit")} that there are to know${each}.`);
  }
  return found;
}

const times = (exposures: number): string => (exposures === 1 ? "once" : `${count(exposures)} times`);

/** Figures of a group, a column each. */
export const RATE_HEADS = ["known", "made up", "beside the point", "confidence", "guessing", "bits kept"];

type WriteShare = (given: Interval) => string;

const rateCells = (
  { exact, confusion, offType, confidence, guess, knowledge }: FactRates,
  write: WriteShare,
): string[] => [
  write(exact),
  percent(confusion.value),
  percent(offType.value),
  write(confidence),
  percent(guess),
  knowledge === null || knowledge.share.value === null ? ABSENT : write(knowledge.share),
];

const HEADS = ["told", "facts", "known", "made up", "beside", "confident", "guessing", "bits kept"];

/** For the terminal: the claim, a line for each number of exposures, then the sentences. */
export function factLines(facts: Facts, width: number): string[] {
  const prose = proseWidth(width);
  const tableOf = (write: WriteShare): TextTable => ({
    head: HEADS,
    kinds: ["figures"],
    rows: facts.exposures.map((one) => [exposuresText(one.exposures), count(one.facts), ...rateCells(one, write)]),
  });
  const full = tableOf(inPercent);
  return [
    ...wrap(`Facts: ${knownClaim(facts)}`, prose),
    ...tableLines(fitsWhole(full, width) ? full : tableOf(({ value }) => percent(value)), width),
    ...known(facts).flatMap((text) => wrap(text, prose)),
    ...facts.notes.flatMap((note) => wrap(sentence(note), prose)),
  ];
}
