/**
 * How long pieces of work take: operations, counted by whoever asks, over the rates of a machine (`engines/trial.ts`). Matrix
 * products go by the runtime's own rate; all else by that of a loop of ours, each operation at what it took where that loop
 * makes `REFERENCE.loop` turns a second. Nothing but what is shown depends on it.
 */
import { observedBytes, togetherOf } from "../../engines/streamed-groups.ts";
import type { Rates } from "../../engines/trial.ts";
import { operationsOf, scoresOf } from "../../models/operations.ts";
import type { DecoderSpec } from "../../models/spec.ts";
import type { WindowBatch } from "../../text/corpus.ts";

/** What runs, and what runs it. */
export interface Costed {
  readonly rates: Rates;
  readonly threads: number;
  readonly spec: DecoderSpec;
  /** as stored */
  readonly weightBytes: number;
  /** whether they are read anew for every group of batches */
  readonly streams?: boolean;
}

/** The machine that the nanoseconds below were taken on, two cores of a server's processor of 2023; and any, before a trial. */
export const REFERENCE: Rates = { start: 0.2, products: 4e10, loop: 5.7e8 };

/** Nanoseconds at that rate; those of the runtime of all its threads together. */
const NANOSECONDS = {
  /** a graph built and handed over */
  graph: 1.5e8,
  /** a byte of weights, loaded */
  weightByte: 1.2,
  /** a score of attention: scaled, masked, exponential */
  score: 2,
  /** a number of a state on its way through a block: norms, rotation, activation, sums */
  stateNumber: 25,
  /** a logit in the softmax of a loss */
  logit: 1.5,
  /** a token of the vocabulary between two models: logits of both widened, exponentials, sums, in float64 */
  together: 12,
  /** a soft assignment's share: out of the runtime, into fixed point, onto the disk */
  share: 25,
  /** a number of a Gram matrix, added exactly */
  gram: 20,
  /** a row of a decoding step in a block */
  stepRow: 30_000,
  /** a byte of weights read again at every step */
  stepByte: 0.15,
  /** a byte given to all compressors together, and a start of one of their processes */
  compressed: 4000,
  compressor: 1.2e8,
  /** a byte of weights counted for its entropy */
  counted: 4,
  /** a multiply-add over two rows of the embedding matrix */
  packed: 1.3,
  /** a draw of the bootstrap */
  draw: 35,
  /** a share of an assignment in all sums of the plane, and in the sums of a further draw of reference points */
  planeShare: 120,
  drawnShare: 27,
  /** a reference point in what chance gives a layer */
  chance: 1.7e6,
  /** a multiply-add of the frontier; a logarithm and an exponential of it */
  frontierProduct: 0.7,
  frontierLogarithm: 20,
  /** a multiply-add of an eigenvalue problem, d³ of them; of a distance between neighbours */
  eigen: 0.31,
  neighbour: 0.4,
  /** a byte that a byte model learns or prices */
  learnt: 400,
} as const;

/** Seconds of our own work on one thread. */
export const own = ({ rates }: Pick<Costed, "rates">, nanoseconds: number): number =>
  (nanoseconds * 1e-9 * REFERENCE.loop) / rates.loop;

/** Seconds of the runtime's work that is no product, on all its threads. */
const spread = (costed: Costed, nanoseconds: number): number => own(costed, nanoseconds) / costed.threads;

/** Seconds until a model stands ready. */
export const ready = (costed: Costed): number =>
  costed.rates.start + own(costed, NANOSECONDS.graph + NANOSECONDS.weightByte * costed.weightBytes);

/** What a pass over windows gives, a row being a token that is new in its window. */
export interface PassOutputs {
  readonly losses: boolean;
  /** shares of assignments a row and layer; 0 for none */
  readonly shares: number;
  /** whether moments of the states are added */
  readonly moments: boolean;
}

export interface PassCounts {
  /** slots, padding among them */
  readonly slots: number;
  readonly rows: number;
  readonly scores: number;
  readonly scoreProducts: number;
  readonly batches: number;
}

/** Slots of windows as long as the longest of their batch. */
export const slotsOf = (batches: readonly WindowBatch[]): number =>
  batches.reduce((slots, { windows }) => slots + windows.length * widest(windows), 0);

const widest = (windows: WindowBatch["windows"]): number =>
  windows.reduce((most, { ids }) => Math.max(most, ids.length), 0);

/** @param longest tokens of the longest window that the graph is made for */
export function countPass(spec: DecoderSpec, batches: readonly WindowBatch[], longest: number): PassCounts {
  const known = new Map<number, ReturnType<typeof scoresOf>>();
  let [rows, scores, scoreProducts] = [0, 0, 0];
  for (const { windows } of batches) {
    const width = widest(windows);
    const one = known.get(width) ?? scoresOf(spec, width, longest);
    known.set(width, one);
    scores += windows.length * one.scores;
    scoreProducts += windows.length * one.products;
    rows += windows.reduce((fresh, window) => fresh + window.ids.length - window.fresh, 0);
  }
  return { slots: slotsOf(batches), rows, scores, scoreProducts, batches: batches.length };
}

/** A pass in a runtime of its own. */
export function passSeconds(
  costed: Costed,
  { slots, rows, scores, scoreProducts, batches }: PassCounts,
  { losses, shares, moments }: PassOutputs,
): number {
  if (batches === 0) return 0;
  const { spec, rates } = costed;
  const { token, logits } = operationsOf(spec);
  const d = spec.width;
  const layers = spec.blocks.length + 1;
  const products =
    slots * token +
    scoreProducts +
    (losses ? rows * logits : 0) +
    rows * layers * shares * d +
    (moments ? rows * layers * d ** 2 : 0);
  const inRuntime =
    NANOSECONDS.score * scores +
    NANOSECONDS.stateNumber * slots * spec.blocks.length * d +
    (losses ? NANOSECONDS.logit * rows * spec.vocabulary : 0);
  const ours =
    NANOSECONDS.share * rows * layers * shares +
    (moments ? (NANOSECONDS.gram * batches * layers * d * (d + 1)) / 2 : 0);
  const again = weightReads(costed, { slots, rows, batches }, { losses, shares, moments }) - 1;
  const reading = again * own(costed, NANOSECONDS.weightByte * costed.weightBytes);
  return ready(costed) + reading + products / rates.products + spread(costed, inRuntime) + own(costed, ours);
}

/** How often a pass reads all weights. */
export function weightReads(
  { spec, streams }: Pick<Costed, "spec" | "streams">,
  { slots, rows, batches }: Pick<PassCounts, "slots" | "rows" | "batches">,
  outputs: PassOutputs,
): number {
  if (!streams || batches === 0) return 1;
  const waiting = (4 * spec.width * slots) / batches;
  return Math.ceil(batches / togetherOf(waiting, observedInPass(spec, rows / batches, outputs)));
}

/** Bytes of the observations of a batch. */
export const observedInPass = (spec: DecoderSpec, rows: number, { shares, moments }: PassOutputs): number =>
  observedBytes(spec, { rows, shares, moments, states: 0, pools: 0, units: 0, likeliest: 0 });

/** Of what two models have in common, where both run side by side. @param vocabulary tokens that both have */
export const togetherSeconds = (costed: Pick<Costed, "rates" | "threads">, rows: number, vocabulary: number): number =>
  own(costed, NANOSECONDS.together * rows * vocabulary) / costed.threads;

/**
 * Rows that are decoded together, step by step, in a runtime of their own.
 * @param read tokens of the prompts, all rows together
 * @param steps of all batches of rows
 * @param rows in all steps together
 */
export function stepsSeconds(
  costed: Costed,
  { read, steps, rows }: { readonly read: number; readonly steps: number; readonly rows: number },
): number {
  const { spec, rates, weightBytes } = costed;
  const { token, logits } = operationsOf(spec);
  const blocks = spec.blocks.length;
  const products = (read + rows) * token + rows * logits;
  return (
    ready(costed) +
    products / rates.products +
    spread(costed, NANOSECONDS.stateNumber * read * blocks * spec.width) +
    own(
      costed,
      NANOSECONDS.stepRow * rows * blocks +
        NANOSECONDS.stepByte * weightBytes * steps +
        NANOSECONDS.logit * rows * spec.vocabulary,
    )
  );
}

/** @param bytes given to each compressor, all streams together */
export const compressorSeconds = (costed: Pick<Costed, "rates">, compressors: number, bytes: number): number =>
  compressors * Math.max(costed.rates.start / 2, own(costed, NANOSECONDS.compressor)) +
  own(costed, NANOSECONDS.compressed * bytes);

export const entropySeconds = (costed: Costed): number => own(costed, NANOSECONDS.counted * costed.weightBytes);

/** @param budget multiply-adds that the pairs of rows may take */
export function embeddingSeconds(costed: Costed, budget: number): number {
  const { vocabulary, width } = costed.spec;
  return own(
    costed,
    NANOSECONDS.packed * Math.min((vocabulary ** 2 * width) / 2, budget) +
      NANOSECONDS.weightByte * 4 * vocabulary * width,
  );
}

/** @param columns that are resampled together */
export const bootstrapSeconds = (
  costed: Pick<Costed, "rates">,
  resamples: number,
  units: number,
  columns: number,
): number => own(costed, NANOSECONDS.draw * resamples * units + 2 * resamples * units * columns);

export interface PlaneCounts {
  readonly positions: number;
  readonly evaluatedUnits: number;
  /** m */
  readonly points: number;
  readonly draws: number;
  /** sets of positions: one, or one an order */
  readonly populations: number;
  /** label sets beside the n-grams */
  readonly labels: number;
  readonly resamples: number;
}

/** Work of all layers together, on one thread. */
export function planeThreadSeconds(costed: Costed, counts: PlaneCounts): number {
  const { positions, evaluatedUnits, points, draws, populations, labels, resamples } = counts;
  const layers = costed.spec.blocks.length + 1;
  const shares = layers * points * positions;
  return own(
    costed,
    NANOSECONDS.planeShare * shares * populations * (1 + labels / 8) +
      NANOSECONDS.drawnShare * shares * (draws - 1) +
      NANOSECONDS.chance * layers * points * populations * Math.min(1, positions / 1024) +
      layers * resamples * evaluatedUnits * 10,
  );
}

/** Steps of the frontier's search, at its widest, that cost as much as all of it. */
const FRONTIER_STEPS = 1300;

/**
 * @param pairs different pairs of consecutive tokens
 * @param classes of tokens
 * @param clusters of an encoder at most
 */
export const frontierSeconds = (costed: Costed, pairs: number, classes: number, clusters: number): number =>
  own(
    costed,
    FRONTIER_STEPS *
      Math.min(clusters, classes) *
      (NANOSECONDS.frontierProduct * 2 * pairs + NANOSECONDS.frontierLogarithm * classes),
  );

/** @param points a layer whose neighbours are looked for */
export function geometrySeconds(costed: Costed, points: number): number {
  const d = costed.spec.width;
  const layers = costed.spec.blocks.length + 1;
  const thread = own(costed, layers * (NANOSECONDS.eigen * d ** 3 + (NANOSECONDS.neighbour * points ** 2 * d) / 2));
  return thread / Math.min(costed.threads, layers);
}

export const learningSeconds = (costed: Costed, bytes: number): number => own(costed, NANOSECONDS.learnt * bytes);
