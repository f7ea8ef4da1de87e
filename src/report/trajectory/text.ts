/** What a trajectory says, as blocks for terminal, Markdown and page: how far the run came, its phase change, a table by step. */
import type { Interval } from "../../profile/figures.ts";
import type { Trajectory, TrajectoryStep } from "../../profile/trajectory.ts";
import { type Block, rows, text } from "../findings.ts";
import { ABSENT, count, counted, figure, interval, sentence, shareOf, si } from "../format.ts";

/** Shares of ln m → bits; null for trajectories without a plane. */
export const inBits =
  ({ plane }: Trajectory) =>
  ({ value, low, high }: Interval): Interval => {
    const bits = (share: number | null): number | null =>
      share === null || plane === null ? null : (share * plane.lnM) / Math.LN2;
    return { value: bits(value), low: bits(low), high: bits(high) };
  };

/** The share of knowledge; null where the text is no almanac, and in trajectories older than the figure. */
export const knowledgeOf = ({ almanac }: TrajectoryStep): Interval | null => almanac?.knowledge ?? null;

/** What the bits per byte of a step are of: an almanac's held-out pages, which the floors are for, or the whole text. */
export const sizeOf = ({ almanac, bitsPerByte }: TrajectoryStep): Interval => almanac?.bitsPerByte ?? bitsPerByte;

/** From the first step to the last. */
export function courseClaim({ run, steps }: Trajectory): string {
  const [first, last] = [steps[0], steps[steps.length - 1]];
  if (steps.length === 1)
    return `At step ${count(first.step)} ${run.name} needs ${interval(sizeOf(first))} bits a byte`;
  return `From step ${count(first.step)} to step ${count(last.step)} ${run.name} goes from ${figure(sizeOf(first).value)} to ${figure(sizeOf(last).value)} bits a byte`;
}

const stretchText = ({ low, high }: { readonly low: number; readonly high: number }): string =>
  low === high ? "that step alone" : `steps ${count(low)} to ${count(high)}`;

export function phaseText(trajectory: Trajectory): string {
  const { phaseChange, plane } = trajectory;
  if (phaseChange === null) {
    return `Phase change: not looked for. ${sentence(plane?.absent ?? "the information plane was not measured")}`;
  }
  const { found, step, interval: steps, fall, reason } = phaseChange;
  const bits = interval(inBits(trajectory)(fall));
  const where = `step ${count(step)}${steps ? ` (95 % interval: ${stretchText(steps)})` : ""}`;
  return found
    ? `Phase change at ${where}: there the blocks keep more of the token they read than at any other step; from there to the end they let go of ${bits} bits of it.`
    : `Phase change: none inside the run. Complexity is largest at ${where} and falls by ${bits} bits to the last step. ${sentence(reason ?? "")}`;
}

/** A figure that says nothing beyond another is left out. */
const othersThan = (one: Interval, other: Interval | undefined): string =>
  other === undefined || interval(other) === interval(one) ? ABSENT : interval(other);

/** Column heads and cells of the steps; columns that no step has are left out. */
export function stepTable(trajectory: Trajectory): { readonly head: string[]; readonly cells: string[][] } {
  const bits = inBits(trajectory);
  const columns: readonly [string, (step: TrajectoryStep) => string][] = [
    ["step", ({ step }) => count(step)],
    ["tokens read", ({ trainedTokens }) => (trainedTokens === null ? ABSENT : si(trainedTokens, ""))],
    ["bits/byte", ({ bitsPerByte }) => interval(bitsPerByte)],
    ["known pages", ({ almanac, bitsPerByte }) => othersThan(bitsPerByte, almanac?.bitsPerByte)],
    ["knowledge", (step) => shareOf(knowledgeOf(step) ?? { value: null, low: null, high: null })],
    ["complexity", ({ plane }) => (plane ? interval(bits(plane.mean.complexity)) : ABSENT)],
    ["expressivity", ({ plane }) => (plane ? interval(bits(plane.mean.expressivity)) : ABSENT)],
    ["optimality", ({ plane }) => (plane ? interval(plane.mean.optimality) : ABSENT)],
    ["effective rank", ({ effectiveRank }) => figure(effectiveRank?.mean)],
  ];
  const written = columns.map(([, write]) => trajectory.steps.map(write));
  const kept = [...columns.keys()].filter((column) => written[column].some((cell) => cell !== ABSENT));
  return {
    head: kept.map((column) => columns[column][0]),
    cells: trajectory.steps.map((_, step) => kept.map((column) => written[column][step])),
  };
}

export function trajectoryBlocks(trajectory: Trajectory): Block[] {
  const { corpus, plane, steps } = trajectory;
  const { head, cells } = stepTable(trajectory);
  const planes = plane
    ? ` Complexity and expressivity: mean over the blocks, one token, held out, in bits (at most ${figure(plane.lnM / Math.LN2)}).`
    : "";
  return [
    text(`${courseClaim(trajectory)}.`),
    text(phaseText(trajectory)),
    rows(
      `${counted(steps.length, "checkpoint")} on ${corpus.name}: ${counted(corpus.documents, "document")}, ${si(corpus.bytes, "B")}`,
      head,
      cells,
    ),
    text(
      `95 % intervals over ${counted(corpus.units, corpus.unit)}.${planes}${plane?.absent ? ` ${sentence(plane.absent)}` : ""}`,
    ),
  ];
}
