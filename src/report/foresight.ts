/**
 * What a run will do, in a few lines: on what, in which stages and for about how long, on how much memory and disk, where the
 * results go, and which figures will be missing. For the terminal, before a run and instead of one.
 */
import { groupBy } from "../numeric/groups.ts";
import type { ForeseenRun, Foresight } from "../profile/foresight.ts";
import { count, counted, duration, figure, roughly, si, visible, wrap } from "./format.ts";
import { together, whyMissing } from "./refusals.ts";

/** Stages that are named; those that take a smaller part are not. */
const NAMED_SHARE = 0.04;

/** Of many files so many are named, from the front and from the end. */
const NAMED_FILES = [4, 2] as const;

type Training = NonNullable<ForeseenRun["training"]>;

const batches = (value: number): string => (value === 1 ? "1 batch" : `${count(value)} batches`);

/** `100 steps of 32 rows of 256 tokens, 819,200 tokens in all; leaves 12 checkpoints of 5.20 MB` */
function learning({ steps, settles, rows, positions, tokens, heldOutTokens, checkpoints, checkpointBytes }: Training) {
  const size = `${si(checkpointBytes, "B")}${checkpoints === 1 ? "" : " each"}`;
  return [
    `${settles ? "at most " : ""}${counted(steps, "step")} of ${counted(rows, "row")} of ${counted(positions, "token")}, ${counted(tokens, "token")} in all`,
    `leaves ${counted(checkpoints, "checkpoint")}, ${size}${heldOutTokens > 0 ? `, tried on ${counted(heldOutTokens, "held-out token")}` : ""}`,
  ];
}

function subject({ model, text, facts, pass, sent, training }: ForeseenRun): string {
  const { name, architecture, layers, width, parameters } = model;
  const shape = [
    ...(architecture === null ? [] : [architecture]),
    ...(layers === null || width === null ? [] : [`${counted(layers, "block")} of ${counted(width, "dimension")}`]),
    ...(parameters === null ? [] : [`${si(parameters, "")} parameters`]),
  ];
  const what = shape.length === 0 ? name : `${name} (${shape.join(", ")})`;
  const unseen = text?.unseen ? [counted(text.unseen, "unseen document")] : [];
  return [
    text
      ? `${what} on ${text.name}: ${[counted(text.documents, "document"), si(text.bytes, "B"), counted(text.tokens, "token"), ...unseen].join(", ")}`
      : what,
    ...(pass
      ? [`${counted(pass.windows, "window")} of at most ${counted(pass.context, "token")}, ${batches(pass.batches)}`]
      : []),
    ...(sent
      ? [`sends about ${counted(sent.tokens, "token")} in ${counted(sent.requests, "request")}${costOf(sent)}`]
      : []),
    ...(training ? learning(training) : []),
    ...(facts
      ? [`${counted(facts.questions, "question")} about ${counted(facts.facts, "fact")} of ${facts.name}`]
      : []),
  ].join("; ");
}

const costOf = ({ price }: NonNullable<ForeseenRun["sent"]>): string =>
  price === null ? "" : `, for about ${figure(price)} at the price that was given`;

function stages({ stages, seconds }: ForeseenRun): string {
  const named = stages.filter((stage) => stage.seconds >= NAMED_SHARE * (seconds ?? 0));
  return named.map(({ label, seconds: own }) => `${label} ${duration(own)}`).join(", ");
}

/** Of weights that are stored in few bits. */
function holding({ part, held }: ForeseenRun): string[] {
  if (!held) return [];
  const { codeBytes, floatBytes, floatTypes } = held;
  const of = part === null ? "" : `${part}: `;
  return [
    `${of}Weights run as codes under scales in ${si(codeBytes, "B")}, as float32 in ${si(floatBytes, "B")} (${floatTypes.join(", ")}).`,
  ];
}

/** Of weights that are not held: they are read again and again, and that is slow. */
function streaming({ part, streams }: ForeseenRun): string[] {
  if (!streams) return [];
  const { reads, bytes } = streams;
  const times = reads === 1 ? "once" : `${count(reads)} times over`;
  return [
    `${part === null ? "" : `${part}: `}The weights stream, one block at a time (${si(bytes, "B")} read ${times}): slower than a model that fits into memory, with the same figures.`,
  ];
}

/** Runs of one text are alike: the first one stands for the stages of all. */
function course({ runs, seconds, memoryBytes, diskBytes }: Foresight): string {
  const [first] = runs;
  const most = runs.some(({ training }) => training?.settles) ? "At most about" : "About";
  const each = runs.length > 1 ? `, the first of ${count(runs.length)}` : "";
  const disk = diskBytes > 0 ? ` and ${si(diskBytes, "B")} of disk for a while` : "";
  const beside = stages(first);
  const about =
    seconds === null
      ? `How long the model takes is not known here${beside === "" ? "" : ` (beside it ${beside}${each})`}`
      : `${seconds < 1 ? "Less than a second" : `${most} ${roughly(seconds)}`} (${beside}${each})`;
  const memory = memoryBytes === null ? [] : [`up to ${si(memoryBytes, "B")} of memory for the model${disk}`];
  return [about, ...(memoryBytes === null && disk !== "" ? [disk.replace(/^ and /, "")] : memory)].join("; ");
}

/** What will be missing, together with what is missing for the same reason; of which runs, where not of all. */
function missing({ runs, missing: ofAll }: Foresight): string[] {
  const partsOf = groupBy(
    runs.flatMap((run) => run.missing.map((one) => ({ one, key: JSON.stringify(one), part: run.part }))),
    ({ key }) => key,
  );
  const byParts = groupBy(partsOf.values(), (own) =>
    own.length === runs.length ? "" : ` of ${own.map(({ part }) => part).join(" and ")}`,
  );
  const said = ([whose, items]: readonly [string, readonly Foresight["missing"][number][]]): string[] =>
    together(items).map((one) => `Will be missing${whose}: ${one.figures.join(", ")}: ${whyMissing(one)}.`);
  return [
    ...[...byParts].map(([whose, own]) => [whose, own.map(([{ one }]) => one)] as const),
    ["", ofAll] as const,
  ].flatMap(said);
}

function listed(files: readonly string[]): string {
  const [front, end] = NAMED_FILES;
  const between = files.length - front - end;
  if (between <= 1) return files.join(", ");
  return [...files.slice(0, front), `${count(between)} more`, ...files.slice(-end)].join(", ");
}

/** @returns sentences, one a line, foreign text made visible, not wrapped */
export function foresightSentences(foresight: Foresight): string[] {
  const { runs, writes } = foresight;
  if (runs.length === 0) return ["There is nothing left to train."];
  const shown = runs.length > 3 ? [runs[0], runs[runs.length - 1]] : runs;
  return [
    ...shown.map((run) => `${run.part === null ? "" : `${run.part}: `}${subject(run)}.`),
    ...shown.flatMap(holding),
    ...shown.flatMap(streaming),
    `${course(foresight)}.`,
    writes.length > 0 ? `Writes ${listed(writes)}.` : "Writes no file; the result goes to standard output.",
    ...missing(foresight),
  ].map((sentence) => visible(sentence));
}

/** @returns lines of at most `width` columns */
export const foresightLines = (foresight: Foresight, width: number): string[] =>
  foresightSentences(foresight).flatMap((sentence) => wrap(sentence, width));
