/**
 * `lossyscope estimate`: the informations of METHODS §2 from hidden states that somebody else dumped, layer by layer, for
 * whatever labels come with them. Sets named `x1..x4` and `y1..y4` back off along their order, any other backs off to the
 * global mean; vLLM's `token_ids` give the n-grams themselves.
 *
 * Memory: the assignments where they are few, else one layer (`probes/layers.ts`); a chunk of states; the labels.
 */
import { basename } from "node:path";
import { setImmediate } from "node:timers/promises";
import { type ActivationDump, openDump } from "../../engines/dump.ts";
import { sha256File } from "../../files/digest.ts";
import { Unchanged } from "../../files/unchanged.ts";
import { assign, pointOffSphere, referencePoints } from "../../info/assignment.ts";
import { chanceDraws } from "../../info/chance.ts";
import type { Information } from "../../info/informations.ts";
import { denseKeys, type LabelTree, labelTree } from "../../info/labels.ts";
import type { Population } from "../../info/layer.ts";
import { type TemperatureRule, temperature } from "../../info/temperature.ts";
import { count } from "../../numeric/amounts.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import { AssignmentStore, spillBytes } from "../../probes/plane/assignment-store.ts";
import { laneOf, measureLayer, takeSums } from "../../probes/plane/layers.ts";
import { divideUnits, type LabelSet } from "../../probes/plane/populations.ts";
import { ORDERS, Positions } from "../../probes/plane/positions.ts";
import { type Units, unitsOf } from "../../text/units.ts";
import { readPoints } from "../preparing/points.ts";

export interface EstimateOptions {
  /** reference points drawn from the seed; with `points` the file says how many */
  readonly m: number;
  /** safetensors file with `W [m,d]` */
  readonly points: string | null;
  readonly temperature: TemperatureRule | number;
  readonly seed: number;
  /** where temporary files go */
  readonly folder: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number, what: "positions" | "layers") => void;
}

export interface EstimatedLayer {
  readonly layer: number;
  /** H(Z) and mean H(p), shares of ln m */
  readonly entropy: number;
  readonly tokenEntropy: number;
  readonly temperature: number;
  readonly labels: Readonly<Record<string, Information>>;
}

export interface Estimation {
  readonly file: string;
  readonly positions: number;
  readonly width: number;
  readonly referencePoints: number;
  /** seed, or digest of the file that the points came from */
  readonly source: string;
  readonly seed: number;
  readonly unit: "document" | "block";
  readonly units: { readonly fitted: number; readonly evaluated: number };
  /** why held-out figures or intervals are missing, or null */
  readonly absent: string | null;
  /** tokens of the longest n-grams read off `token_ids`: 1 where no document holds two of 4; null without them */
  readonly orders: number | null;
  /** integer tensors that are no label sets, and so were left alone */
  readonly ignored: readonly string[];
  readonly spillBytes: number;
  readonly layers: readonly EstimatedLayer[];
}

/**
 * Estimates what hidden states in a file know of the labels beside them.
 * @throws LossyscopeError `input` where the file does not hold what it should, `usage` where an option does not fit it,
 *   `interrupted` on abort
 */
export async function estimate(path: string, options: EstimateOptions): Promise<Estimation> {
  const file = new Unchanged("input", "the file", "was read");
  await file.watch(path);
  const dump = await openDump(path);
  try {
    const estimation = await estimateDump(path, dump, options);
    await file.check();
    return estimation;
  } finally {
    await dump.close();
  }
}

async function estimateDump(path: string, dump: ActivationDump, options: EstimateOptions): Promise<Estimation> {
  const { width: d, layers } = dump;
  const { points, m, source } = await pointsFor(d, options);
  const epsilon =
    typeof options.temperature === "number" ? options.temperature : temperature(m, d, options.temperature);
  const { population, names, divided, units, orders } = prepare(path, dump, options.seed);

  const shape = { layers: layers.length, columns: m, positions: dump.positions };
  const store = new AssignmentStore(shape, { folder: options.folder, resumable: false });
  try {
    const stop = (): void => {
      if (options.signal?.aborted) throw new LossyscopeError("interrupted", "stopped before the figures were complete");
    };
    for await (const { from, rows, layers: states } of dump.states()) {
      stop();
      for (const [layer, own] of states.entries()) store.append(layer, assign(own, { points, m, d, epsilon }));
      options.onProgress?.(from + rows, dump.positions, "positions");
      await setImmediate();
    }
    const stored = { store, order: Uint32Array.from({ length: dump.positions }, (_, row) => row), m };
    const lane = laneOf(takeSums);
    const found: EstimatedLayer[] = [];
    for (const [index, layer] of layers.entries()) {
      stop();
      const resampling = { seed: options.seed, intervals: divided.intervals };
      const [{ entropy, tokenEntropy, trees }] = await measureLayer(stored, index, 0, [population], resampling, lane);
      const labels = names.map(({ name, tree, level }) => [name, trees[tree][level].information]);
      found.push({ layer, entropy, tokenEntropy, temperature: epsilon, labels: Object.fromEntries(labels) });
      options.onProgress?.(index + 1, layers.length, "layers");
      await setImmediate();
    }
    return {
      file: basename(path),
      positions: population.rows.length,
      width: d,
      referencePoints: m,
      source,
      seed: options.seed,
      unit: units.kind,
      units: { fitted: divided.split.fitted, evaluated: divided.split.evaluated },
      absent: divided.absent,
      orders,
      ignored: dump.ignored,
      spillBytes: spillBytes(shape),
      layers: found,
    };
  } finally {
    store.dispose();
  }
}

/** Drawn, or as the file has them: unit rows (METHODS §2.1), which float32 leaves a little off the sphere. */
async function pointsFor(d: number, { points: path, m, seed }: EstimateOptions) {
  if (path === null) return { points: referencePoints(seed, m, d), m, source: `seed ${seed}` };
  const given = await readPoints(path, sha256File);
  if (given.d !== d) {
    throw new LossyscopeError(
      "input",
      `${path}: the reference points have width ${count(given.d)}, the states ${count(d)}`,
    );
  }
  const off = pointOffSphere(given.points, d);
  if (off >= 0) {
    throw new LossyscopeError(
      "input",
      `${path}: row ${off} of W is not of length 1`,
      "scale the rows of W to length 1",
    );
  }
  return { points: given.points, m: given.m, source: `file ${given.digest}` };
}

/** Where a label set's figures are found: which tree of the population, which level of it. */
interface NamedLevel {
  readonly name: string;
  readonly tree: number;
  readonly level: number;
}

/** Everything about the positions that all layers share. */
function prepare(path: string, dump: ActivationDump, seed: number) {
  const rowsOf = documentsOf(path, dump);
  const { origin } = dump;
  const prefixRows = origin?.prefixRows ?? 0;
  const units = unitsOf(rowsOf.counts.map((count) => count - prefixRows));
  const ngrams = dump.tokens ? ngramsOf(path, dump.tokens, rowsOf) : null;
  const rows = ngrams
    ? ngrams.positions.places(ngrams.positions.rowsOfOrder(ngrams.orders))
    : Uint32Array.from({ length: dump.positions }, (_, row) => row);
  const unitOfRowIn = (row: number): number =>
    units.unitOf(rowsOf.document[row], Math.max(0, rowsOf.index[row] - prefixRows));
  const unitOfRow = Int32Array.from(rows, (row) => unitOfRowIn(row));
  const divided = divideUnits(units, unitOfRow, domainsOf(dump, rowsOf, units), seed);
  const place = new Int32Array(dump.positions).fill(-1);
  for (const [i, row] of rows.entries()) place[row] = divided.place[i];

  const trees: LabelTree[] = [];
  const names: NamedLevel[] = [];
  const add = (levels: readonly string[], keys: readonly Int32Array[]): LabelTree => {
    names.push(...levels.map((name, level) => ({ name, tree: trees.length, level })));
    const tree = labelTree(keys, rows, place);
    trees.push(tree);
    return tree;
  };
  if (ngrams) {
    const { positions, orders } = ngrams;
    const all = positions.rowsOfOrder(orders);
    const named = (letter: string) => Array.from({ length: orders }, (_, n) => `${letter}${n + 1}`);
    add(named("x"), positions.inputKeys(all, orders));
    add(named("y"), positions.outputKeys(all, orders));
  }
  for (const chain of chainsOf([...dump.labels.keys()])) {
    const taken = ngrams && chain.find((name) => NGRAM.test(name));
    if (taken) {
      throw new LossyscopeError(
        "input",
        `${path}: n-grams come both from token_ids and as ${taken}`,
        "keep one of them",
      );
    }
    const dense = chain.map((name) => denseOnRows(dump.labels.get(name)! as LabelSet, rows));
    const keys = dense.map((set) => set.keys);
    const tree = add(chain, keys);
    for (const [level, { distinct }] of tree.counts.entries()) {
      if (distinct !== dense[level].distinct) {
        throw new LossyscopeError(
          "input",
          `${path}: ${chain[level]} has ${count(dense[level].distinct)} values, and ${count(distinct)} together with ${chain[level - 1]}: a longer n-gram contains its shorter ones`,
          "give the sets other names, and each backs off to the global mean",
        );
      }
    }
  }
  const population: Population = {
    rows,
    place,
    evaluatedUnits: divided.split.evaluated,
    trees,
    chance: chanceDraws(rows, seed),
  };
  return { population, names, divided, units, orders: ngrams?.orders ?? null };
}

const NGRAM = /^[xy][1-4]$/;

/** Label sets that back off along one another, the shortest first; any set that is no n-gram by itself. */
function chainsOf(names: readonly string[]): string[][] {
  const family = (letter: string): string[] => names.filter((name) => NGRAM.test(name) && name[0] === letter).sort();
  const others = names.filter((name) => !NGRAM.test(name)).map((name) => [name]);
  return [family("x"), family("y"), ...others].filter((chain) => chain.length > 0);
}

function denseOnRows(values: LabelSet, rows: Uint32Array) {
  return denseKeys(Array.from(rows, (row) => values[row]));
}

/** By row its document and its place in it, documents numbered as they appear; by document its rows. */
interface DocumentRows {
  readonly document: Int32Array;
  readonly index: Int32Array;
  readonly counts: readonly number[];
}

/** As `doc` names them; without it every row is a document of its own, but a sequence of tokens is one. */
function documentsOf(path: string, { documents, tokens, positions }: ActivationDump): DocumentRows {
  const document = documents
    ? denseKeys(documents as LabelSet).keys
    : Int32Array.from({ length: positions }, (_, row) => (tokens ? 0 : row));
  const index = new Int32Array(positions);
  const counts: number[] = [];
  for (let row = 0; row < positions; row++) {
    const own = document[row];
    if (tokens && row > 0 && own < document[row - 1]) {
      throw new LossyscopeError(
        "input",
        `${path}: document ${documents![row]} goes on at row ${count(row)}, after another one`,
        "write the tokens of a document one after the other, so that n-grams can be read off",
      );
    }
    counts[own] = (counts[own] ?? 0) + 1;
    index[row] = counts[own] - 1;
  }
  return { document, index, counts };
}

/** By unit the domain of its document, where the file names domains: units are divided evenly over them (METHODS §2.4). */
function domainsOf(
  { origin, labels }: ActivationDump,
  { document }: DocumentRows,
  { documentOf }: Units,
): (unit: number) => string {
  if (origin === null) return () => "";
  const numbers = labels.get("domain");
  const names: string[] = [];
  document.forEach((own, row) => {
    names[own] ??= origin.domains[numbers && origin.domains.length > 1 ? Number(numbers[row]) : 0];
  });
  return (unit) => names[documentOf[unit]];
}

/** Where there are n-grams to label positions with, and how long: up to 4 tokens, or 1 where no document is long enough. */
interface Ngrams {
  readonly positions: Positions;
  readonly orders: number;
}

function ngramsOf(path: string, tokens: Int32Array, { counts }: DocumentRows): Ngrams {
  const starts = new Uint32Array(counts.length + 1);
  for (const [document, count] of counts.entries()) starts[document + 1] = starts[document] + count;
  const positions = new Positions({ tokens, starts }, false);
  if (positions.count > 0) return { positions, orders: ORDERS };
  const single = new Positions({ tokens, starts }, true);
  if (single.count > 0) return { positions: single, orders: 1 };
  throw new LossyscopeError(
    "input",
    `${path}: no token has another one after it in its document: the longest has ${Math.max(...counts)} token`,
    "give documents of 2 tokens or more, or the tokens as a label set under another name than token_ids",
  );
}
