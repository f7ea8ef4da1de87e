/**
 * The shape of the space, layer by layer (METHODS §3, first part): adds an engine's moments over batches, keeps the
 * states of a few chosen tokens for TwoNN, and turns both into figures at the end. Which tokens those are is drawn
 * before the run, from the lengths of the documents and the seed alone. Prefixes are left out everywhere: theirs is one
 * and the same state in every document, and often of a hundred times the norm of any other.
 *
 * The moments of a batch are float32, added exactly (`WideSums`), and chosen states have places of their own: what was seen
 * in parts, and in any order, comes to the same to the last digit.
 *
 * Memory: layers·(8·d·(d + 5) + 4·p·d) bytes, p the number of chosen tokens, at most 2048, and as much again while another
 * part is taken over; at the end what `layer-shapes.ts` says.
 */
import { cloudShape, type MomentSums } from "../../info/spectrum.ts";
import { twoNN } from "../../info/twonn.ts";
import { count } from "../../numeric/amounts.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import { type Random, random } from "../../numeric/random.ts";
import { addAllWide, addWide, type WideSums, wideSums } from "../../numeric/sums.ts";
import { type LayerMoments, type Observation, statesOf } from "../../ports/observation.ts";
import { numbersOf, seenTwice, strange } from "../../ports/restored.ts";
import type { GeometryLayer } from "../../profile/geometry.ts";
import type { WindowBatch } from "../../text/corpus.ts";

/** Widest states whose moments are taken over every token; beyond, a reservoir of RESERVOIR·d tokens. */
const WIDEST_WHOLE = 1024;
const RESERVOIR = 4;
/** Points for TwoNN: one a document up to MOST_POINTS; several, evenly, only where there are fewer than LEAST_POINTS documents. */
const MOST_POINTS = 2048;
const LEAST_POINTS = 512;

/** Tokens chosen from the documents, with a place for each: documents in order, tokens in order. */
class ChosenTokens {
  readonly count: number;
  readonly tokens: ReadonlyMap<number, Int32Array>;
  readonly #firstPlace = new Map<number, number>();

  /** @param tokens by document, ascending, none twice */
  constructor(tokens: ReadonlyMap<number, Int32Array>) {
    this.tokens = tokens;
    let places = 0;
    for (const document of [...tokens.keys()].sort((a, b) => a - b)) {
      this.#firstPlace.set(document, places);
      places += tokens.get(document)!.length;
    }
    this.count = places;
  }

  /** The rows of a batch that hold chosen tokens, with the place of each. */
  in(batch: WindowBatch): { rows: Int32Array; places: Int32Array } {
    const rows: number[] = [];
    const places: number[] = [];
    let firstRow = 0;
    for (const { document, ids, start, fresh, prefixSlots } of batch.windows) {
      const shift = prefixSlots - start; // slot less token
      const firstPlace = this.#firstPlace.get(document) ?? 0;
      this.tokens.get(document)?.forEach((token, i) => {
        const slot = token + shift;
        if (slot < Math.max(fresh, prefixSlots) || slot >= ids.length) return;
        rows.push(firstRow + slot - fresh);
        places.push(firstPlace + i);
      });
      firstRow += ids.length - fresh;
    }
    return { rows: Int32Array.from(rows), places: Int32Array.from(places) };
  }
}

/** Which tokens the geometry is taken over: for `EngineRequest`, and for the probe. */
export interface GeometryRows {
  /** whether the moments are over all tokens or over a reservoir */
  readonly states: "all" | "reservoir";
  /** rows of a batch that count for the moments */
  readonly momentRows: (batch: WindowBatch) => Int32Array;
  /** rows of a batch whose states are kept for TwoNN */
  readonly stateRows: (batch: WindowBatch) => Int32Array;
  /** where the states of `stateRows` are kept */
  readonly statePlaces: (batch: WindowBatch) => Int32Array;
  /** number of states kept a layer, and which tokens of which document theirs are */
  readonly points: number;
  readonly chosen: ReadonlyMap<number, Int32Array>;
}

/**
 * Draws the tokens of the geometry.
 * @param tokens [documents] tokens of each, the prefix not counted
 * @param width d
 */
export function geometryRows(tokens: readonly number[], width: number, seed: number): GeometryRows {
  const points = tokensForTwoNN(tokens, random(seed, "geometry points"));
  const shared = {
    stateRows: (batch: WindowBatch) => points.in(batch).rows,
    statePlaces: (batch: WindowBatch) => points.in(batch).places,
    points: points.count,
    chosen: points.tokens,
  };
  const total = tokens.reduce((sum, count) => sum + count, 0);
  if (width <= WIDEST_WHOLE || total <= RESERVOIR * width)
    return { ...shared, states: "all", momentRows: documentRows };
  const reservoir = tokensEvenly(tokens, RESERVOIR * width, random(seed, "geometry moments"));
  return { ...shared, states: "reservoir", momentRows: (batch) => reservoir.in(batch).rows };
}

/** All rows but those of prefixes. */
function documentRows(batch: WindowBatch): Int32Array {
  const rows: number[] = [];
  let firstRow = 0;
  for (const { ids, fresh, prefixSlots } of batch.windows) {
    for (let slot = Math.max(fresh, prefixSlots); slot < ids.length; slot++) rows.push(firstRow + slot - fresh);
    firstRow += ids.length - fresh;
  }
  return Int32Array.from(rows);
}

/** One token a document where there are documents enough: neighbours in one text are no independent points. */
function tokensForTwoNN(tokens: readonly number[], stream: Random): ChosenTokens {
  const documents = stream.shuffle([...tokens.keys()].filter((document) => tokens[document] > 0));
  const quota = new Map<number, number>();
  let chosen = 0;
  for (let round = 0, before = -1; before < chosen; round++) {
    before = chosen;
    for (const document of documents) {
      if (chosen >= (round === 0 ? MOST_POINTS : LEAST_POINTS)) break;
      if (tokens[document] <= round) continue;
      quota.set(document, round + 1);
      chosen++;
    }
  }
  return new ChosenTokens(
    new Map([...quota].map(([document, count]) => [document, distinct(tokens[document], count, stream)])),
  );
}

/** `count` tokens of the whole text, every set of them alike. */
function tokensEvenly(tokens: readonly number[], count: number, stream: Random): ChosenTokens {
  const total = tokens.reduce((sum, length) => sum + length, 0);
  const chosen = distinct(total, count, stream);
  const byDocument = new Map<number, Int32Array>();
  let first = 0;
  let at = 0;
  tokens.forEach((length, document) => {
    const from = at;
    while (at < chosen.length && chosen[at] < first + length) at++;
    if (at > from)
      byDocument.set(
        document,
        chosen.slice(from, at).map((token) => token - first),
      );
    first += length;
  });
  return new ChosenTokens(byDocument);
}

/** `count` of the integers below n, ascending, every set alike (Floyd's algorithm). */
function distinct(n: number, count: number, stream: Random): Int32Array {
  const chosen = new Set<number>();
  for (let top = n - count; top < n; top++) {
    const drawn = stream.below(top + 1);
    chosen.add(chosen.has(drawn) ? top : drawn);
  }
  return Int32Array.from(chosen).sort();
}

/** Moments over many batches; the Gram's lower triangle row by row, as `MomentSums` has it. */
interface LayerSums {
  count: number;
  readonly sum: WideSums;
  readonly gram: WideSums;
  readonly unitSum: WideSums;
}

/** What a probe has seen: its own arrays, not copies. */
export interface GeometrySnapshot {
  readonly sums: readonly LayerSums[];
  readonly states: readonly Float32Array[];
  readonly seen: Uint8Array;
}

export class GeometryProbe {
  readonly #layers: number;
  readonly #width: number;
  readonly #rows: GeometryRows;
  /** one a layer; made when something comes, so that nothing is set aside for a width that a file only claims */
  #sums: readonly LayerSums[] = [];
  /** one [points, d] array a layer, made with them */
  #states: readonly Float32Array[] = [];
  /** [points] whether the state at a place has come */
  readonly #seen: Uint8Array;

  /** @param shape `layers`: 0..L, so L + 1 */
  constructor(rows: GeometryRows, shape: { readonly layers: number; readonly width: number }) {
    this.#layers = shape.layers;
    this.#width = shape.width;
    this.#rows = rows;
    this.#seen = new Uint8Array(rows.points);
  }

  #makeRoom(): void {
    if (this.#sums.length > 0) return;
    const [layers, width] = [this.#layers, this.#width];
    this.#sums = Array.from({ length: layers }, () => ({
      count: 0,
      sum: wideSums(width),
      gram: wideSums((width * (width + 1)) / 2),
      unitSum: wideSums(width),
    }));
    this.#states = Array.from({ length: layers }, () => new Float32Array(this.#rows.points * width));
  }

  /** @throws LossyscopeError `model` where a layer's states are not finite */
  observe(observation: Observation): void {
    const { batch, moments } = observation;
    const layers = this.#layers;
    const states = statesOf(observation, this.#rows.stateRows(batch), this.#width);
    if (moments?.length !== layers || states.length !== layers) {
      throw new Error(`${moments?.length ?? 0} moments and ${states.length} states for ${layers} layers`);
    }
    this.#makeRoom();
    this.#sums.forEach((sums, layer) => {
      if (!moments[layer].sum.every(Number.isFinite)) {
        throw new LossyscopeError(
          "model",
          `the states of layer ${layer} are not finite numbers (batch ${batch.index})`,
          "look for NaN or infinity among the weights; in float16 files a value may have overflowed",
        );
      }
      addMoments(sums, moments[layer]);
    });
    this.#rows.statePlaces(batch).forEach((place, picked) => {
      this.#mark(place);
      const [from, to] = [picked * this.#width, (picked + 1) * this.#width];
      states.forEach((rows, layer) => {
        this.#states[layer].set(rows.subarray(from, to), place * this.#width);
      });
    });
  }

  #mark(place: number): void {
    if (this.#seen[place]) throw seenTwice(`the state at place ${place}`);
    this.#seen[place] = 1;
  }

  /** What `restore` needs. */
  snapshot(): GeometrySnapshot {
    this.#makeRoom();
    return { sums: this.#sums, states: this.#states, seen: this.#seen };
  }

  /**
   * Adds what another probe with the same rows has seen: an earlier process, or one that saw another part of the text.
   * @throws LossyscopeError `io` where it is of other rows, or saw what was seen already
   */
  restore({ sums, states, seen }: GeometrySnapshot): void {
    this.#refuseStrange({ sums, states, seen });
    this.#makeRoom();
    const twice = seen.findIndex((came, place) => came === 1 && this.#seen[place] === 1);
    if (twice >= 0) throw strange(`the state at place ${twice} came twice`);
    this.#sums.forEach((own, layer) => {
      own.count += sums[layer].count;
      for (const key of ["sum", "gram", "unitSum"] as const) addAllWide(own[key], sums[layer][key]);
    });
    seen.forEach((came, place) => {
      if (!came) return;
      this.#mark(place);
      const [from, to] = [place * this.#width, (place + 1) * this.#width];
      this.#states.forEach((rows, layer) => {
        rows.set(states[layer].subarray(from, to), from);
      });
    });
  }

  /** Before anything of its size is made. */
  #refuseStrange({ sums, states, seen }: GeometrySnapshot): void {
    const [d, points, layers] = [this.#width, this.#seen.length, this.#layers];
    numbersOf(points, seen, "places", (came) => came === 0 || came === 1);
    if (sums.length !== layers || states.length !== layers)
      throw strange(`the geometry of ${sums.length} layers was kept, not of ${layers}`);
    const sizes = { sum: d, gram: (d * (d + 1)) / 2, unitSum: d };
    for (const [name, size] of Object.entries(sizes) as [keyof typeof sizes, number][]) {
      for (const { [name]: wide } of sums)
        for (const part of [wide.high, wide.low]) numbersOf(size, part, `sums (${name})`);
    }
    for (const own of states) numbersOf(points * d, own, "states");
  }

  /**
   * What came together of layers 0..L: its own arrays, not copies.
   * @throws LossyscopeError `engine` where a chosen token never came
   */
  gathered(): GatheredLayer[] {
    const came = this.#seen.reduce((total, seen) => total + seen, 0);
    if (came < this.#seen.length) {
      throw new LossyscopeError(
        "engine",
        `${count(came)} of the ${count(this.#seen.length)} tokens chosen for the geometry came`,
        "run the measurement to its end",
      );
    }
    return this.#sums.map(({ count, sum, gram, unitSum }, layer) => ({
      layer,
      moments: { count, sum: sum.high, gram: gram.high, unitSum: unitSum.high },
      states: this.#states[layer],
    }));
  }
}

/** A layer's share of what was seen. Plain data. */
export interface GatheredLayer {
  readonly layer: number;
  readonly moments: MomentSums;
  /** [points, d] */
  readonly states: Float32Array;
}

/** The figures of one layer: up to seconds of work. */
export const layerShape = ({ layer, moments, states }: GatheredLayer): GeometryLayer => ({
  layer,
  positions: moments.count,
  ...cloudShape(moments),
  twoNN: twoNN(states, moments.sum.length),
});

/** Adds a batch's moments, of the Gram [d,d] its lower triangle. */
function addMoments(sums: LayerSums, { count, sum, gram, unitSum }: LayerMoments): void {
  const d = sum.length;
  let entry = 0;
  for (let i = 0; i < d; i++) {
    addWide(sums.sum, i, sum[i]);
    addWide(sums.unitSum, i, unitSum[i]);
    for (let j = 0; j <= i; j++) addWide(sums.gram, entry++, gram[i * d + j]);
  }
  sums.count += count;
}
