/**
 * What the inputs of a model's matrices are like (METHODS §7.1): a pass over a calibration text, which is never the text that
 * points are measured on. Σ x xᵀ goes into a file of the cache folder, some blocks after the other.
 *
 * Memory: as a pass; 8 bytes an input and matrix; with second moments `HELD_BYTES` more, or those of one block where these are more. Disk:
 * 4·d² bytes for every value of width d that is read.
 */
import { sumInputs } from "../../engines/inputs.ts";
import { batchesFor } from "../../engines/score.ts";
import { cacheFolder } from "../../files/cache.ts";
import { createSpill, type Spill } from "../../files/spill.ts";
import type { ModelMatrix } from "../../models/matrices.ts";
import { matrixName } from "../../models/matrices.ts";
import type { DecoderSpec, LinearSpec } from "../../models/spec.ts";
import { count, counted } from "../../numeric/amounts.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import { groupBy } from "../../numeric/groups.ts";
import { random } from "../../numeric/random.ts";
import { sum } from "../../numeric/sums.ts";
import type { RunContext } from "../../ports/context.ts";
import { type Decoder, type Model, requireDecoder } from "../../ports/model.ts";
import type { Plan } from "../../profile/plan.ts";
import type { Squeezing } from "../../profile/squeeze.ts";
import type { Inputs } from "../../squeeze/transform.ts";
import type { TokenizedDocument, WindowBatch } from "../../text/corpus.ts";
import { overlapWith, RUN } from "../../text/overlap.ts";
import { describeBatch, longestOf, windowsOf } from "../../text/windows.ts";
import { type Costed, countPass, passSeconds } from "../foresight/work.ts";
import type { Course } from "../lockstep/course.ts";
import { openTokenizer } from "../prepare.ts";
import { corpusDigest, corpusName, readCorpus } from "../preparing/corpus.ts";
import { CALIBRATION, READING_CALIBRATION } from "../stages.ts";

/** Tokens that are read at most: as many as the sources of Wanda and SVD-LLM take, 128 windows of 2,048. */
const MOST_TOKENS = 2 ** 18;
/** Share of either text that the other may have too: what is quoted, or printed on every page. */
const MOST_SHARED = 0.01;
/** Second moments that are held together. */
const HELD_BYTES = 2 ** 29;

export interface CalibrationText {
  readonly documents: readonly TokenizedDocument[];
  readonly batches: readonly WindowBatch[];
  readonly described: NonNullable<Squeezing["calibration"]>;
}

export interface CalibrationRequest extends RunContext {
  readonly model: Model;
  readonly plan: Plan;
  /** what is read */
  readonly calibration: Plan["text"];
  readonly outputs?: readonly string[];
}

/**
 * Reads the calibration text, as the measured text is read, and holds the two against each other.
 * @throws LossyscopeError `usage` where one stands in the other, with the numbers; `text` where it is empty; as `readCorpus`
 */
export async function readCalibration(
  request: CalibrationRequest,
  course: Pick<Course, "documents" | "context" | "overlap">,
): Promise<CalibrationText> {
  const { model, calibration, outputs, progress, signal } = request;
  const plan: Plan = { ...request.plan, text: calibration, labels: [], limitBytes: null, limitDocuments: null };
  const { tokenizer, chat } = await openTokenizer(model, plan);
  const reading = { tokenizer, chat, outputs, progress, signal, stage: READING_CALIBRATION };
  const read = await readCorpus(plan, reading);
  const name = corpusName(plan);
  refuseSame(name, read.documents, course.documents);
  const documents = someOf(read.documents, plan.seed);
  const tokens = sum(documents.map(({ ids }) => ids.length));
  if (tokens === 0)
    throw new LossyscopeError("text", `the calibration text ${name} is empty`, "name another one with --calibration");
  const { context, overlap } = course;
  const windows = documents.flatMap(({ ids }, index) => windowsOf(index, ids, tokenizer.prefix, context, overlap));
  const { share } = overlapWith(documents, course.documents);
  return {
    documents,
    batches: batchesFor(model, windows, plan.batchTokens),
    described: {
      ...{ name, digest: corpusDigest({ documents }), documents: documents.length, tokens },
      bytes: sum(documents.map(({ bytes }) => bytes)),
      shared: share,
    },
  };
}

function refuseSame(name: string, own: readonly TokenizedDocument[], measured: readonly TokenizedDocument[]): void {
  const [of, among] = [overlapWith(own, measured), overlapWith(measured, own)];
  if (of.documents === 0 && Math.max(of.share, among.share) <= MOST_SHARED) return;
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  throw new LossyscopeError(
    "usage",
    `the calibration text ${name} overlaps the text that points are measured on: ${counted(of.documents, "document")} of ${count(own.length)} are in both, and ${percent(of.share)} of its tokens, ${percent(among.share)} of the measured text's, stand in runs of ${RUN} or more that both have`,
    "name other text of the same kind: points that are fitted to the text that judges them look too good",
  );
}

/** All documents, or, where they are too many, as many of them in an order drawn by the seed as make up the tokens. */
function someOf(documents: readonly TokenizedDocument[], seed: number): TokenizedDocument[] {
  if (sum(documents.map(({ ids }) => ids.length)) <= MOST_TOKENS) return [...documents];
  const chosen: TokenizedDocument[] = [];
  let tokens = 0;
  for (const document of random(seed, "calibration").shuffle([...documents])) {
    if (tokens >= MOST_TOKENS) break;
    chosen.push(document);
    tokens += document.ids.length;
  }
  return chosen.sort((a, b) => a.index - b.index);
}

/** Seconds of the passes, about, and of the sums. */
export function calibrationSeconds(
  spec: DecoderSpec,
  matrices: readonly ModelMatrix[],
  moments: boolean,
  { batches }: Pick<CalibrationText, "batches">,
  how: Omit<Costed, "spec">,
): number {
  const longest = longestOf(batches);
  const outputs = { losses: false, shares: 0, moments: false };
  return sum(
    partsOf(matrices, moments).map((part) => {
      const blocks = spec.blocks.slice(0, Math.max(...part.map(({ block }) => block!)) + 1);
      const counts = countPass({ ...spec, blocks }, batches, longest);
      const products = moments ? counts.slots * sum(part.map(({ columns, stack }) => stack * columns ** 2)) : 0;
      return passSeconds({ ...how, spec: { ...spec, blocks } }, counts, outputs) + products / how.rates.products;
    }),
  );
}

/** Sums of what each linear map reads. */
export class Calibration {
  readonly #decoder: Decoder;
  readonly #squares = new Map<LinearSpec, Float64Array>();
  /** where the second moments of a map lie */
  readonly #moments = new Map<LinearSpec, { readonly offset: number; readonly bytes: number }>();
  #spill: Spill | undefined;

  constructor(model: Model) {
    this.#decoder = requireDecoder(model, "calibrating");
  }

  /** @param moments whether Σ x xᵀ is wanted. @throws LossyscopeError as `sumInputs`; `io` */
  async run(
    matrices: readonly ModelMatrix[],
    moments: boolean,
    { batches, documents }: CalibrationText,
    { threads, progress, signal }: Pick<CalibrationRequest, "threads" | "progress" | "signal">,
  ): Promise<void> {
    const parts = partsOf(matrices, moments);
    const windows = sum(batches.map((batch) => batch.windows.length));
    progress.start(CALIBRATION, parts.length * windows, "windows");
    for (const [index, part] of parts.entries()) {
      const linears = new Set(part.flatMap((matrix) => matrix.linears));
      const lastBlock = Math.max(...part.map(({ block }) => block!));
      const found = await sumInputs(
        {
          ...{ decoder: this.#decoder, threads, signal, longest: longestOf(batches) },
          describe: (batch) => describeBatch(batch, documents),
          onWindows: (done) => progress.update(index * windows + done),
        },
        batches,
        { linears, lastBlock, moments },
      );
      const kept = new Map<Float64Array, { readonly offset: number; readonly bytes: number }>();
      for (const [linear, own] of found) {
        this.#squares.set(linear, own.squares);
        if (!own.moments) continue;
        this.#spill ??= createSpill(
          cacheFolder("squeezed"),
          `${process.pid}-${Math.random().toString(36).slice(2)}.moments`,
        );
        const place = kept.get(own.moments) ?? {
          offset: this.#spill.append(own.moments),
          bytes: own.moments.byteLength,
        };
        kept.set(own.moments, place);
        this.#moments.set(linear, place);
      }
    }
    progress.finish();
  }

  /**
   * What each matrix of a tensor reads.
   * @throws LossyscopeError `text` where the calibration text never comes to one of them
   */
  inputsOf(matrix: ModelMatrix): readonly Inputs[] {
    const byEntry = groupBy(matrix.linears, ({ entry }) => entry ?? 0);
    return Array.from({ length: matrix.stack }, (_, index) => {
      const own = byEntry.get(index)!;
      const squares = added(own.map((linear) => this.#squares.get(linear)!));
      if (!squares.some((square) => square > 0))
        throw new LossyscopeError(
          "text",
          `the calibration text never comes to ${matrixName(matrix)}${matrix.stack > 1 || own.length > 0 ? ` (${own[0].weight.names[0]}${matrix.stack > 1 ? `, ${index}` : ""})` : ""}`,
          "pass a longer --calibration, or leave out what goes by the inputs",
        );
      const places = own.flatMap((linear) => this.#moments.get(linear) ?? []);
      if (places.length === 0) return { squares };
      const moments = places.map(({ offset, bytes }) => new Float64Array(this.#spill!.read(offset, bytes).buffer));
      return { squares, moments: added(moments) };
    });
  }

  close(): void {
    this.#spill?.dispose();
  }
}

function added(all: readonly Float64Array[]): Float64Array {
  if (all.length === 1) return all[0];
  const total = new Float64Array(all[0].length);
  for (const one of all) for (let i = 0; i < total.length; i++) total[i] += one[i];
  return total;
}

/** Blocks one after the other, as many together as may be held. */
function partsOf(matrices: readonly ModelMatrix[], moments: boolean): ModelMatrix[][] {
  if (!moments) return [[...matrices]];
  const parts: ModelMatrix[][] = [];
  let held = Infinity;
  for (const [, own] of [...groupBy(matrices, ({ block }) => block!)].sort(([a], [b]) => a - b)) {
    // Maps that read one value share it: this is at most three times too much, as for query, key and value.
    const bytes = sum(own.map(({ columns, stack }) => 8 * stack * columns ** 2));
    if (held + bytes > HELD_BYTES) {
      parts.push([]);
      held = 0;
    }
    parts[parts.length - 1].push(...own);
    held += bytes;
  }
  return parts;
}
