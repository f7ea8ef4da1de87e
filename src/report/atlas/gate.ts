/** Thresholds held, tied and missed, as blocks for a terminal and for a pull request. */
import type { Check, Threshold } from "../../atlas/gate.ts";
import type { Estimate } from "../../numeric/bootstrap.ts";
import { type Block, rows, text } from "../findings.ts";
import { ABSENT, figure, interval } from "../format.ts";

/** A number, or a share as per cent, with its sign where it is a change. */
function limitText({ kind, limit, bound }: Threshold): string {
  const sign = kind === "absolute" ? "" : limit < 0 ? "−" : "+";
  const size = kind === "absolute" ? limit : Math.abs(limit);
  return `${bound === "max" ? "≤" : "≥"} ${sign}${kind === "relative" ? `${figure(100 * size)} %` : figure(size)}`;
}

const inPercent = (end: number | null): number | null => (end === null ? null : 100 * end);

function testedText({ tested, threshold: { kind } }: Check): string {
  if (kind !== "relative") return interval(tested);
  const shown: Estimate = { value: inPercent(tested.value), low: inPercent(tested.low), high: inPercent(tested.high) };
  return `${interval(shown)} %`;
}

/** The one line for a check's head and an error's message. */
export function gateClaim(checks: readonly Check[]): string {
  const missed = checks.filter(({ outcome }) => outcome === "missed").length;
  return missed === 0 ? `All ${checks.length} thresholds held` : `${missed} of ${checks.length} thresholds missed`;
}

export function gateBlocks(checks: readonly Check[]): Block[] {
  return [
    text(`${gateClaim(checks)}.`),
    rows(
      "Thresholds",
      ["figure", "now", "baseline", "tested (95 % interval)", "threshold", "outcome", "error bar"],
      checks.map((check) => [
        check.threshold.path,
        interval(check.figure),
        check.baseline === null ? ABSENT : interval(check.baseline),
        testedText(check),
        limitText(check.threshold),
        check.outcome,
        check.basis,
      ]),
    ),
    ...(checks.some(({ outcome }) => outcome === "tie")
      ? [text("A tie: the error bar holds the threshold. It is not a miss, and not a proof that there is none.")]
      : []),
  ];
}
