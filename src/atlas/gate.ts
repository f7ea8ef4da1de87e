/**
 * Thresholds on figures of a profile, for continuous integration: absolute, or as a change against a baseline's profile,
 * absolute or relative. A threshold is missed where the figure lies beyond it by more than its error bar; where the bar
 * holds the threshold it is a tie, and a tie is not a miss. Changes in bits per byte are paired over units
 * (`compare.ts`); for any other figure the two error bars are combined as if independent, which is too wide rather than
 * too narrow. Figures without an error bar are held against the threshold as they are.
 */

import type { Estimate } from "../numeric/bootstrap.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { figureAt } from "../profile/read.ts";
import { compare, unitsText } from "./compare.ts";
import { differentPrecision, differentWindows, type Named, requireOneText } from "./text.ts";

export type Bound = "max" | "min";

export interface Threshold {
  readonly bound: Bound;
  readonly path: string;
  readonly kind: "absolute" | "change" | "relative";
  /** of a relative one a share: +1 % is 0.01 */
  readonly limit: number;
}

export interface Check {
  readonly threshold: Threshold;
  readonly figure: Estimate;
  readonly baseline: Estimate | null;
  /** what is held against the limit: the figure, its change, or its relative change */
  readonly tested: Estimate;
  readonly outcome: "held" | "tie" | "missed";
  /** what the error bar rests on */
  readonly basis: string;
}

/**
 * `coding.overall.bitsPerByte=+1%` relative to the baseline, `…=+0.02` a change against it, `…=3.2` absolute.
 * @throws LossyscopeError `usage`
 */
export function parseThreshold(text: string, bound: Bound): Threshold {
  const cut = text.lastIndexOf("=");
  const match = /^([+-]?)((?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(%?)$/.exec(text.slice(cut + 1));
  if (cut < 1 || match === null || (match[3] === "%" && match[1] === "")) {
    throw new LossyscopeError(
      "usage",
      `--${bound} ${text} is no threshold`,
      "write PATH=+1% or PATH=+0.02 (against the baseline), or PATH=3.2",
    );
  }
  const [, sign, digits, percent] = match;
  const value = Number(digits) * (sign === "-" ? -1 : 1);
  const path = text.slice(0, cut);
  if (percent === "%") return { bound, path, kind: "relative", limit: value / 100 };
  return { bound, path, kind: sign === "" ? "absolute" : "change", limit: value };
}

function figureOf({ file, profile }: Named, path: string): Estimate & { value: number } {
  const found = figureAt(profile, path);
  if (found.kind === "absent")
    throw new LossyscopeError(
      "input",
      `${file} has no figure at ${path} (${found.why})`,
      "measure it, or drop the threshold",
    );
  return found.figure;
}

/** Whether a path's figure is of the text, and so compares only on the same one. */
const isOfText = (path: string): boolean => /^(?:coding|plane|geometry|corpus|documents)\b/.test(path);

/** The domain whose bits per byte a path names, `overall` for the whole text, null for any other figure. */
function bitsPerByteOf(path: string): { domain: string | null } | null {
  const match = /^coding\.(?:overall|domains(?:\.([^.[\]]+)|\["([^"]*)"\]))\.bitsPerByte(?:\.value)?$/.exec(path);
  return match && { domain: match[1] ?? match[2] ?? null };
}

type Tested = Pick<Check, "tested" | "basis">;

function pairedChange(
  baseline: Named,
  profile: Named,
  domain: string | null,
  kind: "change" | "relative",
  seed: number,
): Tested {
  const [pair] = compare([baseline, profile], { seed, common: false }).pairs;
  const found = domain === null ? (pair.kept ?? pair.overall) : pair.domains.find((one) => one.domain === domain);
  if (!found)
    throw new LossyscopeError(
      "input",
      `${baseline.file} has no domain ${domain}`,
      "measure both with the same domains",
    );
  const units = `paired over ${unitsText(found.units, found.unit)}`;
  const part = found.unit === "stretch" ? ` of the kept text, ${(100 * found.share).toFixed(0)} % of it all` : "";
  return {
    tested: kind === "change" ? found.difference : found.relative,
    basis: found.absent === null ? units + part : `no error bar: ${found.absent}`,
  };
}

/** MOVER (Zou & Donner 2008) for the difference of two independent figures; a figure without a bar counts as exact. */
function unpairedChange(
  figure: Estimate & { value: number },
  baseline: Estimate & { value: number },
  kind: "change" | "relative",
  path: string,
): Tested {
  const difference = figure.value - baseline.value;
  const reach = (one: Estimate & { value: number }, end: "low" | "high"): number => (one[end] ?? one.value) - one.value;
  const scale = kind === "change" ? 1 : Math.abs(baseline.value);
  if (scale === 0)
    throw new LossyscopeError(
      "input",
      `${path} is 0 in the baseline and nothing is relative to that`,
      "write the change itself, as +0.02",
    );
  const bars = figure.low !== null || baseline.low !== null;
  return {
    tested: {
      value: difference / scale,
      low: bars ? (difference - Math.hypot(reach(figure, "low"), reach(baseline, "high"))) / scale : null,
      high: bars ? (difference + Math.hypot(reach(figure, "high"), reach(baseline, "low"))) / scale : null,
    },
    basis: bars ? "both error bars, as if independent" : "no error bar",
  };
}

function outcomeOf({ value, low, high }: Estimate, { bound, limit }: Threshold): Check["outcome"] {
  const side = bound === "max" ? 1 : -1;
  const ends = [low ?? value!, high ?? value!].map((end) => side * (end - limit));
  return Math.min(...ends) > 0 ? "missed" : Math.max(...ends) <= 0 ? "held" : "tie";
}

/**
 * Holds a profile against thresholds.
 * @param baseline the profile that changes are against; null where there is none
 * @throws LossyscopeError `usage` for a path that no profile has or a change without a baseline, `input` for a figure that
 *   is missing or a baseline of another text
 */
export function gate(profile: Named, baseline: Named | null, thresholds: readonly Threshold[], seed: number): Check[] {
  return thresholds.map((threshold) => {
    const { path, kind } = threshold;
    const figure = figureOf(profile, path);
    if (kind === "absolute") {
      const basis = figure.low === null ? "no error bar" : "its own error bar";
      return { threshold, figure, baseline: null, tested: figure, outcome: outcomeOf(figure, threshold), basis };
    }
    if (baseline === null) {
      throw new LossyscopeError(
        "usage",
        `--${threshold.bound} ${path} is a change and there is no baseline`,
        "pass --baseline PROFILE",
      );
    }
    if (isOfText(path)) requireOneText([baseline, profile]);
    const before = figureOf(baseline, path);
    const bits = bitsPerByteOf(path);
    const windows = /^coding\b/.test(path) ? differentWindows([baseline, profile]) : null;
    const precision = /^ledger\b/.test(path) ? null : differentPrecision([baseline, profile]);
    if (precision)
      throw new LossyscopeError("input", `${path}: ${precision}`, "measure both with the same --precision");
    if (windows)
      throw new LossyscopeError("input", `${path}: ${windows}`, "measure both with the same --context and --overlap");
    const { tested, basis } = bits
      ? pairedChange(baseline, profile, bits.domain, kind, seed)
      : unpairedChange(figure, before, kind, path);
    return { threshold, figure, baseline: before, tested, outcome: outcomeOf(tested, threshold), basis };
  });
}
