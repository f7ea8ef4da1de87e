/**
 * What a run will do, in a few lines: on what, in which stages and for about how long, on how much memory and disk, where the
 * results go, and which figures will be missing. For the terminal, before a run and instead of one.
 */
import type { ForeseenRun, Foresight } from "../profile/foresight.ts";
import { count, counted, duration, roughly, si, visible, wrap } from "./format.ts";
import { together, whyMissing } from "./refusals.ts";

/** Stages that are named; those that take a smaller part are not. */
const NAMED_SHARE = 0.04;

const batches = (value: number): string => (value === 1 ? "1 batch" : `${count(value)} batches`);

function subject({ model, text, facts, pass }: ForeseenRun): string {
  const { name, architecture, layers, width, parameters } = model;
  const what = `${name} (${architecture}, ${counted(layers, "block")} of ${counted(width, "dimension")}, ${si(parameters, "")} parameters)`;
  const asked =
    facts && `${counted(facts.questions, "question")} about ${counted(facts.facts, "fact")} of ${facts.name}`;
  if (!text) return asked ? `${what}, ${asked}` : what;
  const unseen = text.unseen === null ? [] : [`${counted(text.unseen, "unseen document")}`];
  const read = [counted(text.documents, "document"), si(text.bytes, "B"), counted(text.tokens, "token"), ...unseen];
  const through =
    pass &&
    `in ${counted(pass.windows, "window")} of at most ${counted(pass.context, "token")}, ${batches(pass.batches)}`;
  return [`${what} on ${text.name}: ${read.join(", ")}`, ...(through ? [through] : []), ...(asked ? [asked] : [])].join(
    "; ",
  );
}

function stages({ stages, seconds }: ForeseenRun): string {
  const named = stages.filter((stage) => stage.seconds >= NAMED_SHARE * seconds);
  return named.map(({ label, seconds: own }) => `${label} ${duration(own)}`).join(", ");
}

/** Runs of one text are alike: the first one stands for the stages of all. */
function course({ runs, seconds, memoryBytes, diskBytes }: Foresight): string {
  const [first] = runs;
  const each = runs.length > 1 ? `, the first of ${count(runs.length)}` : "";
  const disk = diskBytes > 0 ? ` and ${si(diskBytes, "B")} of disk for a while` : "";
  const about = seconds < 1 ? "Less than a second" : `About ${roughly(seconds)}`;
  return `${about} (${stages(first)}${each}); up to ${si(memoryBytes, "B")} of memory for the model${disk}`;
}

/** @returns sentences, one a line, foreign text made visible, not wrapped */
export function foresightSentences(foresight: Foresight): string[] {
  const { runs, writes } = foresight;
  const shown = runs.length > 3 ? [runs[0], runs[runs.length - 1]] : runs;
  const missing = [...new Map(runs.flatMap((run) => run.missing).map((one) => [JSON.stringify(one), one])).values()];
  return [
    ...shown.map((run) => `${run.part === null ? "" : `${run.part}: `}${subject(run)}.`),
    `${course(foresight)}.`,
    writes.length > 0 ? `Writes ${writes.join(", ")}.` : "Writes no file; the result goes to standard output.",
    ...together([...missing, ...foresight.missing]).map(
      (one) => `Will be missing: ${one.figures.join(", ")}: ${whyMissing(one)}.`,
    ),
  ].map((sentence) => visible(sentence));
}

/** @returns lines of at most `width` columns */
export const foresightLines = (foresight: Foresight, width: number): string[] =>
  foresightSentences(foresight).flatMap((sentence) => wrap(sentence, width));
