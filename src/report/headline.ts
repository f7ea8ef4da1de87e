/**
 * What a profile says in a few plain sentences, for the head of the report and of the terminal summary. Every sentence
 * stands on figures of the profile (METHODS §1, §1.1, §1.2) and is left out where they are missing.
 */
import type { Baseline } from "../profile/coding.ts";
import type { Profile } from "../profile/profile.ts";
import { figure, interval, ofSize, percent, shorten, si } from "./format.ts";

/** Longest name that a sentence carries. */
const NAME = 48;
/** Towers that the headline names. */
const NAMED = 3;

/** The baseline of fewest bits per byte, null where there is none. */
export function bestBaseline(baselines: readonly Baseline[]): Baseline | null {
  return baselines.reduce<Baseline | null>(
    (best, one) => (best === null || one.bitsPerByte < best.bitsPerByte ? one : best),
    null,
  );
}

function against(bitsPerByte: { value: number; low: number | null; high: number | null }, best: Baseline): string {
  const { value, low, high } = bitsPerByte;
  const change = value / best.bitsPerByte - 1;
  const tie = low !== null && high !== null ? low <= best.bitsPerByte && best.bitsPerByte <= high : change === 0;
  const verdict = tie
    ? "too close to tell apart"
    : change < 1
      ? `the model needs ${percent(Math.abs(change))} ${change < 0 ? "fewer" : "more"}`
      : `the model needs ${figure(1 + change)} times as many`;
  return `the best ordinary compressor here, ${shorten(best.name, NAME)}, needs ${figure(best.bitsPerByte)}: ${verdict}`;
}

/** The claim, and what has to be known beside it. Plain text, foreign names visible and shortened. */
export function headline(profile: Profile): { claim: string; beside: string[] } {
  const { ledger } = profile;
  const model = shorten(profile.model.name, NAME);
  const corpus = shorten(profile.corpus.name, NAME);
  const beside: string[] = [];
  let claim = ledger ? `${model}: ${si(ledger.weightBytes, "B")} of weights` : model;
  const overall = profile.coding?.overall;
  const value = overall?.bitsPerByte.value ?? null;
  if (overall && value !== null) {
    claim =
      value < 8
        ? `${model} writes ${corpus} in ${ofSize(value / 8)}`
        : `${model} does not make ${corpus} any smaller: ${ofSize(value / 8)}`;
    const best = bestBaseline(overall.baselines);
    const need = `That is ${interval(overall.bitsPerByte)} bits for each byte`;
    beside.push(best ? `${need}; ${against({ ...overall.bitsPerByte, value }, best)}.` : `${need}.`);
    if (!overall.isCodeLength) {
      beside.push(
        `Not a code length: ${percent(overall.repairs.bytes / overall.bytes)} of the bytes are not what the tokens decode to.`,
      );
    }
    if (ledger && overall.adjustedRate !== null) {
      const size = si(ledger.weightBytes, "B");
      beside.push(`With the model's own ${size} counted in, the text takes ${ofSize(overall.adjustedRate)}.`);
    }
  }
  if (ledger?.aside) {
    const towers = ledger.aside.map(({ name, bytes }) => `${shorten(name, NAME)} (${si(bytes, "B")})`);
    const more = towers.length > NAMED ? ` and ${towers.length - NAMED} more` : "";
    beside.push(`The text model alone is measured; left aside: ${towers.slice(0, NAMED).join(", ")}${more}.`);
  }
  if (ledger && ledger.storageRatio !== null && ledger.training?.bytes) {
    beside.push(
      `Every byte of weights stands for ${figure(ledger.storageRatio)} bytes of training text (${si(ledger.training.bytes, "B")} in all).`,
    );
  }
  return { claim, beside };
}
