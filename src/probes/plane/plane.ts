/**
 * The information plane (METHODS §2): takes the soft assignments of every layer as they come, and once all positions are
 * there gives what each layer keeps of its input and knows of what comes next. The assignments themselves are computed by
 * an engine; the estimators live in `info/`.
 *
 * Memory while it observes: 4 bytes a token and 4 a position, and the assignments where they are held
 * (`assignment-store.ts`). Memory while it finishes: the labels (`populations.ts`), and one layer a thread
 * (`layer-workers.ts`). Disk: `spillBytes`.
 */

import { setImmediate } from "node:timers/promises";
import { mapAtMost } from "../../files/concurrent.ts";
import type { SpillPlace } from "../../files/spill.ts";
import { toFixed } from "../../info/assignment.ts";
import { frontierAt, frontierSteps, type LabelPairs } from "../../info/frontier.ts";
import {
  evaluatedPositions,
  intervalOf,
  type LayerInformations,
  type MeasuredInformation,
  meanOverLayers,
  optimality,
  type Resampling,
  sumsOverLayers,
} from "../../info/informations.ts";
import { type Population, rowsTaken } from "../../info/layer.ts";
import type { Estimate } from "../../numeric/bootstrap.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import { mean, sum } from "../../numeric/sums.ts";
import type { Observation } from "../../ports/observation.ts";
import { placesBelow } from "../../ports/restored.ts";
import type { Frontier, Plane, PlaneLayer, PlaneOrder } from "../../profile/plane.ts";
import type { Prefix, TokenizedDocument, WindowBatch } from "../../text/corpus.ts";
import type { Units } from "../../text/units.ts";
import { AssignmentStore, type StoreShape, spillBytes } from "./assignment-store.ts";
import { layerWorkers } from "./layer-workers.ts";
import { measureLayer } from "./layers.ts";
import { positionNeed } from "./plane-needs.ts";
import { type DividedUnits, divideUnits, type Populations, populationsOf } from "./populations.ts";
import { concatenate, ORDERS, Positions } from "./positions.ts";

/** What the plane is measured on and how; all of it is part of the plan. */
export interface PlaneRequest {
  readonly documents: readonly TokenizedDocument[];
  readonly prefix: Prefix | null;
  readonly units: Units;
  /** L + 1 */
  readonly layers: number;
  readonly width: number;
  /** reference points of one draw */
  readonly m: number;
  /** draws of the reference points, the first of which is the headline */
  readonly draws: number;
  /** seed, or digest of the file that the points came from */
  readonly source: string;
  readonly temperature: { readonly rule: Plane["temperature"]["rule"]; readonly epsilon: number };
  readonly allPositions: boolean;
  readonly preNorm: boolean;
  readonly seed: number;
  readonly frontier: { readonly vocabulary: number; readonly clusters: number; readonly kappa: number } | null;
}

/** How far an interrupted run had come. */
export interface PlaneSnapshot {
  /** positions of the rows that had arrived, in their order */
  readonly order: Uint32Array;
}

export interface FinishOptions {
  /** threads that layers are measured in; 1 where not given */
  readonly threads?: number;
  readonly signal?: AbortSignal;
  /** told how many layers are done, those under way by their share */
  readonly onLayers?: (done: number) => void;
  /** told of the frontier's steps once the layers are done, and at least once where there is a frontier */
  readonly onFrontier?: (steps: number) => void;
}

export class PlaneProbe {
  /** temporary bytes the run needs, on the disk or in memory */
  readonly spillBytes: number;
  readonly layers: number;
  readonly #request: PlaneRequest;
  readonly #positions: Positions;
  readonly #store: AssignmentStore;
  /** by arrival, the position of every row */
  readonly #order: Uint32Array;
  #arrived = 0;
  /** what follows from the text alone, once it is begun */
  #beside: BesideModel | undefined;
  #closed = false;

  /** @throws LossyscopeError `text` where no document is long enough to have a position */
  constructor(request: PlaneRequest, place: SpillPlace) {
    const { documents, prefix, allPositions, layers, m, draws } = request;
    const counted = prefix?.addedByTokenizer ? prefix.id : null;
    this.#request = request;
    this.layers = layers;
    this.#positions = new Positions(concatenate(documents, counted), allPositions);
    if (this.#positions.count === 0)
      throw new LossyscopeError("text", positionNeed(request).reason, "give longer documents, or pass --no-plane");
    const shape: StoreShape = { layers, columns: m * draws, positions: this.#positions.count };
    this.spillBytes = spillBytes(shape);
    this.#order = new Uint32Array(this.#positions.count);
    this.#store = new AssignmentStore(shape, place);
  }

  /** @throws LossyscopeError `engine` where an assignment is no probability, or more arrive than were planned */
  observe({ batch, assignments }: Observation): void {
    if (!assignments) throw new LossyscopeError("engine", "the engine gave no soft assignments");
    const columns = this.#request.m * this.#request.draws;
    // Rows that count lie together but for the ends of documents: they are converted by the run, not one by one.
    const runs: { from: number; count: number }[] = [];
    let counted = 0;
    this.#eachPosition(batch, (row, position) => {
      this.#order[this.#arrived + counted++] = position;
      const last = runs.at(-1);
      if (last && last.from + last.count === row) last.count++;
      else runs.push({ from: row, count: 1 });
    });
    const fixed = new Uint32Array(counted * columns);
    for (const [layer, values] of assignments.entries()) {
      let to = 0;
      for (const { from, count } of runs) {
        const size = count * columns;
        toFixed(values.subarray(from * columns, from * columns + size), fixed.subarray(to, to + size));
        to += size;
      }
      this.#store.append(layer, fixed);
    }
    this.#arrived += counted;
  }

  /** Visits the rows of a batch that are positions. */
  #eachPosition({ windows }: WindowBatch, visit: (row: number, position: number) => void): void {
    const { prefix } = this.#request;
    let row = 0;
    for (const { document, ids, prefixSlots, start, fresh } of windows) {
      for (let slot = fresh; slot < ids.length; slot++, row++) {
        const index = start + slot - (prefix?.addedByTokenizer ? 0 : prefixSlots);
        const position = index < 0 ? -1 : this.#positions.row(document, index);
        if (position >= 0) visit(row, position);
      }
    }
  }

  /** Temporary bytes that some of the batches come to; all of them to `spillBytes`. */
  bytesOf(batches: readonly WindowBatch[]): number {
    let positions = 0;
    for (const batch of batches) this.#eachPosition(batch, () => positions++);
    return positions * (this.spillBytes / this.#positions.count);
  }

  /** What `restore` needs to go on from here; the rows themselves are written out where they are. */
  snapshot(): PlaneSnapshot {
    this.#store.flush();
    return { order: this.#order.slice(0, this.#arrived) };
  }

  /** The files beside a snapshot, with the bytes of each. */
  filesOf({ order }: PlaneSnapshot): ReadonlyMap<string, number> {
    const bytes = order.length * (this.spillBytes / this.layers / this.#positions.count);
    return new Map(Array.from({ length: this.layers }, (_, layer) => [`assignments.${layer}`, bytes]));
  }

  /**
   * Takes up rows that lie where this probe's place is, in the order in which they were written.
   * @throws LossyscopeError `io` where they are not among the positions of this one, each once
   */
  restore({ order }: PlaneSnapshot): void {
    placesBelow(this.#positions.count, order, "rows of the plane");
    this.#store.truncate(order.length);
    this.#order.set(order);
    this.#arrived = order.length;
  }

  /** Begins labels and frontier, which need nothing of the model. */
  beginBeside(signal?: AbortSignal): void {
    this.#beside ??= this.#besideModel(async () => {
      await setImmediate();
      if (signal?.aborted || this.#closed) throw new LossyscopeError("interrupted", "stopped at the plane");
    });
  }

  /** Stops for now: what was spilled to be resumed stays on the disk. */
  close(): void {
    this.#closed = true;
    this.#store.close();
  }

  /** Removes what was spilled. */
  dispose(): void {
    this.#store.dispose();
  }

  /** @throws LossyscopeError `engine` where positions are missing; `interrupted` on abort */
  async finish({ threads = 1, signal, onLayers, onFrontier }: FinishOptions = {}): Promise<Plane> {
    const { m, temperature, width, source, preNorm, units, seed } = this.#request;
    const breathe = async (): Promise<void> => {
      await setImmediate();
      if (signal?.aborted) throw new LossyscopeError("interrupted", "stopped at the plane");
    };
    this.#beside ??= this.#besideModel(breathe);
    const beside = this.#beside;
    const { divided } = beside;
    const populations = await beside.populations;
    const options: Resampling = { seed, intervals: divided.intervals };
    let alone = false;
    beside.onStep = () => {
      if (alone) onFrontier?.(beside.steps);
    };
    const layersDone = (): void => {
      alone = true;
      if (beside.hasFrontier) onFrontier?.(beside.steps);
    };
    const work = [
      this.#measureLayers(populations, options, { threads, signal, onLayers, layersDone }),
      beside.frontier,
    ] as const;
    // Where one of them fails, the other has ended before anybody hears of it.
    await Promise.allSettled(work);
    const [measured, frontier] = await Promise.all(work);
    const found = measured.map(
      ({ figures, first }, layer): PlaneLayer => ({
        layer,
        ...figures,
        ...(frontier && { overFrontier: overFrontier(frontier, first, m) }),
      }),
    );
    const blocks = measured.slice(1).map(({ pairs }) => pairs);
    return {
      referencePoints: m,
      source,
      lnM: Math.log(m),
      temperature: { ...temperature, width },
      positions: this.#positions.count,
      unit: units.kind,
      units: { fitted: divided.split.fitted, evaluated: divided.split.evaluated },
      absent: divided.absent,
      preNorm,
      spillBytes: this.spillBytes,
      layers: found,
      summary: summaryOf(blocks, populations, m, options),
      ...(divided.split.evaluated > 0 && blocks.length > 0 && { evaluated: evaluatedSums(blocks, populations, m) }),
      ...(frontier && { frontier }),
    };
  }

  /** @param breathe awaited between two turns; where it throws, all of it ends */
  #besideModel(breathe: () => Promise<void>): BesideModel {
    const { allPositions, seed } = this.#request;
    const divided = this.#divide();
    const asked = divided.split.evaluated > 0 ? this.#request.frontier : null;
    const populations = populationsOf(this.#positions, divided, this.#labels(), allPositions, seed, breathe);
    const beside: BesideModel = {
      divided,
      populations,
      hasFrontier: asked !== null,
      frontier: populations
        // After the threads of a finish have their first layers.
        .then(async (found) => {
          await breathe();
          return (
            asked &&
            this.#frontier(asked, found.first, async () => {
              beside.steps++;
              beside.onStep();
              await breathe();
            })
          );
        }),
      steps: 0,
      onStep() {},
    };
    // What fails before anybody asks is heard when somebody does.
    for (const promise of [beside.populations, beside.frontier]) promise.catch(() => {});
    return beside;
  }

  /** Layers 0..L, as many at a time as there are threads for. */
  async #measureLayers(
    populations: Populations,
    options: Resampling,
    {
      threads,
      signal,
      onLayers,
      layersDone,
    }: FinishOptions & { readonly threads: number; readonly layersDone: () => void },
  ): Promise<MeasuredLayer[]> {
    const { m, draws, layers, seed } = this.#request;
    const source = { store: this.#store, order: this.#order, m };
    const { byOrder } = populations;
    const first = [populations.first];
    const workers = layerWorkers(threads, { source, layers, populations: [byOrder, first] });
    const rows = [byOrder, ...Array<typeof first>(draws - 1).fill(first)].map(rowsTaken);
    const rowsOfLayer = sum(rows);
    const shares = new Float64Array(layers);
    let done = 0;
    const interrupted = (): LossyscopeError =>
      new LossyscopeError("interrupted", `stopped after ${done} of ${layers} layers of the plane`);
    const stop = (): void => void workers.close(interrupted());
    signal?.addEventListener("abort", stop, { once: true });
    try {
      const idle = [...workers.lanes];
      const measured = await mapAtMost(idle.length, [...Array(layers).keys()], async (layer) => {
        await setImmediate();
        if (signal?.aborted) throw interrupted();
        const lane = idle.pop()!;
        const share = (draw: number) => (own: number) => {
          shares[layer] = (sum(rows.slice(0, draw)) + own * rows[draw]) / rowsOfLayer;
          onLayers?.(sum(shares));
        };
        const informations = await measureLayer(source, layer, 0, byOrder, options, lane, share(0));
        const pairs = orderPairs(informations);
        const further: LayerInformations[] = [];
        for (let draw = 1; draw < draws; draw++) {
          const given = { seed, intervals: false };
          further.push(...(await measureLayer(source, layer, draw, first, given, lane, share(draw))));
        }
        idle.push(lane);
        done++;
        return {
          figures: {
            ...layerFigures(informations, pairs, populations),
            ...(further.length > 0 && { draws: drawFigures(further) }),
          },
          first: pairs[0],
          pairs: pairs.map(withoutSamples),
        };
      });
      layersDone();
      return measured;
    } finally {
      signal?.removeEventListener("abort", stop);
      await workers.close(interrupted());
    }
  }

  #divide() {
    const { documents, units, prefix, seed } = this.#request;
    const shift = prefix?.addedByTokenizer ? 1 : 0;
    const unitOfRow = new Int32Array(this.#positions.count);
    this.#positions.forEach((row, document, index) => {
      unitOfRow[row] = units.unitOf(document, Math.max(0, index - shift));
    });
    return divideUnits(units, unitOfRow, (unit) => documents[units.documentOf[unit]].domain, seed);
  }

  /** Label sets of the documents, by name: what the input carries, and the domains where there are several. */
  #labels(): Map<string, string[]> {
    const { documents } = this.#request;
    const names = new Set(documents.flatMap(({ metadata }) => Object.keys(metadata?.labels ?? {})));
    if (new Set(documents.map(({ domain }) => domain)).size > 1) names.add("domain");
    const sets = new Map<string, string[]>();
    for (const name of names) {
      const values = new Array<string>(this.#positions.count);
      this.#positions.forEach((row, d) => {
        const { metadata, domain } = documents[d];
        values[row] = metadata?.labels[name] ?? (name === "domain" ? domain : "");
      });
      sets.set(name, values);
    }
    return sets;
  }

  async #frontier(
    options: NonNullable<PlaneRequest["frontier"]>,
    { rows, place }: Population,
    onStep: () => Promise<void>,
  ): Promise<Frontier> {
    const pairs = (chosen: Uint32Array): LabelPairs => ({
      x: this.#positions.tokens(chosen, 0),
      y: this.#positions.tokens(chosen, 1),
    });
    const started = performance.now();
    const steps = frontierSteps(
      pairs(rows.filter((row) => place[row] < 0)),
      pairs(rows.filter((row) => place[row] >= 0)),
      options,
    );
    for (;;) {
      const step = steps.next();
      if (step.done) return { ...step.value, seconds: (performance.now() - started) / 1000 };
      await onStep();
    }
  }
}

/** What of a plane follows from the text alone. */
interface BesideModel {
  readonly divided: DividedUnits;
  readonly populations: Promise<Populations>;
  readonly hasFrontier: boolean;
  /** null where there is none */
  readonly frontier: Promise<Frontier | null>;
  /** of the frontier's search so far */
  steps: number;
  /** told of each */
  onStep: () => void;
}

/** A layer without its place under the frontier: the frontier is found while the layers are measured. */
interface MeasuredLayer {
  readonly figures: Omit<PlaneLayer, "layer" | "overFrontier">;
  /** order 1, with its samples */
  readonly first: OrderPair;
  /** every order, without samples */
  readonly pairs: readonly OrderPair[];
}

/** The informations of one order at one layer. */
interface OrderPair {
  readonly complexity: MeasuredInformation;
  readonly expressivity: MeasuredInformation;
}

function orderPairs(informations: readonly LayerInformations[]): OrderPair[] {
  const orders = informations.length > 1 ? informations.length : informations[0].trees[0].length;
  return Array.from({ length: orders }, (_, n) => {
    const { trees } = informations[Math.min(n, informations.length - 1)];
    return { complexity: trees[0][n], expressivity: trees[1][n] };
  });
}

/** What a summary over layers needs: samples are let go of, they are resampled there. */
function withoutSamples({ complexity, expressivity }: OrderPair): OrderPair {
  return { complexity: { ...complexity, samples: null }, expressivity: { ...expressivity, samples: null } };
}

function layerFigures(
  informations: readonly LayerInformations[],
  pairs: readonly OrderPair[],
  { byOrder, labels }: Populations,
): MeasuredLayer["figures"] {
  const [{ entropy, tokenEntropy, ceiling, trees }] = informations;
  const longest = informations.at(-1)!;
  const reached = pairs.length === ORDERS ? pairs[ORDERS - 1].complexity.information.plugin : null;
  const orders = pairs.map((pair, n): [string, PlaneOrder] => {
    const of = Math.min(n, informations.length - 1);
    const { rows, trees: labelTrees } = byOrder[of];
    const [input, output] = labelTrees.map(({ counts }) => counts[n]);
    const { entropy: own } = informations[of];
    return [
      String(n + 1),
      {
        complexity: pair.complexity.information,
        expressivity: pair.expressivity.information,
        optimality: optimality(pair.complexity, pair.expressivity),
        regularity: own > 0 ? pair.complexity.information.plugin / own : null,
        positions: rows.length,
        labels: { input: input.distinct, output: output.distinct, inputOnce: input.once, outputOnce: output.once },
      },
    ];
  });
  return {
    entropy,
    tokenEntropy,
    ceiling,
    residual: reached === null ? null : longest.ceiling - reached,
    unexplained: reached === null ? null : longest.entropy - reached,
    orders: Object.fromEntries(orders),
    labels: Object.fromEntries(labels.map((name, i) => [name, trees[2 + i][0].information])),
  };
}

/** H(Z) and held-out order-1 informations of the further draws; no informations where nothing is held out. */
function drawFigures(draws: readonly LayerInformations[]): NonNullable<PlaneLayer["draws"]> {
  const heldOut = (tree: number): number[] =>
    draws.flatMap(({ trees }) => trees[tree][0].information.heldOut.value ?? []);
  return { entropy: draws.map(({ entropy }) => entropy), complexity: heldOut(0), expressivity: heldOut(1) };
}

/** Bits by which the layer's order-1 expressivity exceeds the frontier's at its complexity (METHODS §2.7). */
function overFrontier({ points }: Frontier, { complexity, expressivity }: OrderPair, m: number): Estimate {
  const bits = Math.log2(m);
  const gap = (x: number, y: number): number => y * bits - frontierAt(points, x * bits);
  const [x, y] = [complexity.information.heldOut.value, expressivity.information.heldOut.value];
  const samples = complexity.samples && expressivity.samples;
  return intervalOf(
    x === null || y === null ? Number.NaN : gap(x, y),
    samples && complexity.samples!.map((value, r) => gap(value, expressivity.samples![r])),
  );
}

/** Means over the blocks, by order. */
function summaryOf(
  blocks: readonly (readonly OrderPair[])[],
  { byOrder }: Populations,
  m: number,
  options: Resampling,
): Plane["summary"] {
  if (blocks.length === 0) return {};
  const orders = blocks[0].map((_, n): [string, Plane["summary"][string]] => {
    const complexity = blocks.map((pairs) => pairs[n].complexity);
    const expressivity = blocks.map((pairs) => pairs[n].expressivity);
    const plugin = (of: readonly MeasuredInformation[]): number =>
      mean(of.map(({ information }) => information.plugin));
    const [below, above] = [plugin(complexity), plugin(expressivity)];
    return [
      String(n + 1),
      {
        ...meanOverLayers(
          evaluatedPositions(byOrder[Math.min(n, byOrder.length - 1)]),
          complexity.map(({ gains }) => gains),
          expressivity.map(({ gains }) => gains),
          m,
          options,
        ),
        complexityPlugin: below,
        expressivityPlugin: above,
        optimalityPlugin: below > 0 ? above / below : null,
      },
    ];
  });
  return Object.fromEntries(orders);
}

/** What another measurement on the same text is compared with in pairs: order 1, per evaluated unit. */
function evaluatedSums(
  blocks: readonly (readonly OrderPair[])[],
  { byOrder }: Populations,
  m: number,
): NonNullable<Plane["evaluated"]> {
  const positions = evaluatedPositions(byOrder[0]);
  const gains = blocks.map(([{ complexity }]) => complexity.gains);
  return { positions: [...positions], complexity: [...sumsOverLayers(positions.length, gains, m)] };
}
