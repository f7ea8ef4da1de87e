/** How a profile was computed, in sentences, where not exactly or not as it was asked. */
import { figure } from "../numeric/amounts.ts";
import type { PlaneDifference, Precision } from "../profile/precision.ts";
import { count } from "./format.ts";

const signed = (value: number): string => `${value < 0 ? "−" : "+"}${figure(Math.abs(value))}`;

export function precisionSentence({ kind, asked, trial, difference }: Precision): string {
  if (!difference) {
    const why = !trial
      ? ""
      : trial.isRight
        ? `: in a trial its products were ${figure(trial.speed)} times as fast as exact ones`
        : ": this machine does not add products of 8 bits without loss";
    return `Computed exactly, where --precision ${asked ?? kind} was asked for${why}.`;
  }
  const { tokens, bitsPerByte, largest, kl, agreement, plane } = difference;
  const fast = trial ? ` (its products ${figure(trial.speed)} times as fast in a trial)` : "";
  return [
    `Computed with --precision ${kind}, not exactly${fast}: on ${count(tokens)} tokens of the first windows ${signed(bitsPerByte)} ` +
      `bits per byte, ${figure(largest)} bits on a token at most, KL ${figure(kl)} bits a token, ` +
      `the same first choice before ${figure(100 * agreement)} % of them.`,
    ...(plane ? [planeSentence(plane)] : []),
  ].join(" ");
}

/** What people look at first; the rest is in the profile. */
const SHOWN = { entropy: "entropy", "complexity.1": "complexity", "expressivity.1": "expressivity" } as const;

function planeSentence({ positions, figures }: PlaneDifference): string {
  const held = "complexity.1" in figures;
  const names: Readonly<Record<string, string>> = held
    ? SHOWN
    : {
        entropy: "entropy",
        "complexityPlugin.1": "plug-in complexity",
        "expressivityPlugin.1": "plug-in expressivity",
      };
  const said = Object.entries(names).flatMap(([name, word]) => {
    const found = figures[name];
    return found ? [`${word} ${signed(found.mean)} (layer ${found.layer} ${signed(found.largest)})`] : [];
  });
  return `The plane of ${count(positions)} positions there, mean over layers (and the layer that differs most), in shares of ln m: ${said.join("; ")}.`;
}
