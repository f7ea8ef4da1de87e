/**
 * The ONNX engine for weights that do not fit into memory: the model piece by piece (`models/streamed.ts`), one of them loaded at
 * a time. A group of batches goes through a piece before the next one takes its place; their states wait in the runtime, what
 * is observed of them in a file, so that weights are read once a group. The figures are those of the engine that holds the
 * whole model; the time is that of reading all weights again for every group besides.
 *
 * Memory: in the runtime `streamedBytes`; here one batch of observations and (L+1) · d² · 4 bytes for moments, as the file is
 * read back. Disk: the observations of a group (`streamed-groups.ts`).
 */
import { randomUUID } from "node:crypto";
import { cacheFolder } from "../files/cache.ts";
import { createSpill, type Spill } from "../files/spill.ts";
import { unitsOf } from "../models/heads.ts";
import { type Piece, type PieceGraph, piecesOf, STATES } from "../models/streamed.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { type EngineRequest, refuseUngiven } from "../ports/engine.ts";
import type { Observation } from "../ports/observation.ts";
import type { WindowBatch } from "../text/corpus.ts";
import { type Asked, asking, headsOf, observationOf } from "./asking.ts";
import { DecoderEngine } from "./decoder-engine.ts";
import { runnable } from "./runnable.ts";
import type { Runtime, RuntimeResult } from "./runtime.ts";
import type { Feed, Fetched } from "./runtime-messages.ts";
import { groupsOf, observedBytes } from "./streamed-groups.ts";

/** A batch on its way through the pieces. */
interface OnItsWay {
  readonly asked: Asked;
  /** what pieces have passed on to later ones */
  readonly passed: Map<string, Feed>;
  /** where outputs lie in the file */
  readonly written: Map<string, { readonly offset: number; readonly dims: readonly number[] }>;
}

export class StreamedEngine extends DecoderEngine {
  async *run(batches: Iterable<WindowBatch>, request: EngineRequest, signal?: AbortSignal): AsyncIterable<Observation> {
    refuseUngiven(this, request);
    const { spec, longest, precision } = this.options;
    const { heads } = request;
    const weights = await runnable(this.options.weights, "windows", signal);
    if (signal?.aborted) throw new LossyscopeError("interrupted", "stopped");
    const pieces = piecesOf(spec, weights, headsOf(request, precision === "fast"), longest);
    const ask = asking(this.options, request);
    const runtime = this.start();
    const stop = (): void => void this.close();
    signal?.addEventListener("abort", stop, { once: true });
    const spill = createSpill(cacheFolder("observations"), `${process.pid}-${randomUUID()}`);
    try {
      const units = unitsOf(spec)?.reduce((sum, one) => sum + one, 0) ?? 0;
      const sizeOf = ({ feeds, at }: Asked) => {
        const [windows, width] = feeds.input_ids.dims;
        return {
          waiting: 4 * windows * width * spec.width,
          observed: observedBytes(spec, {
            rows: at.slots.length,
            shares: heads.assignments ? heads.assignments.m * heads.assignments.draws : 0,
            moments: heads.moments ?? false,
            states: (feeds.state_rows?.dims[0] ?? 0) + (feeds["pool.states"]?.dims[0] ?? 0),
            pools: feeds["pool.units"]?.dims[0] ?? 0,
            units,
            likeliest: (feeds.likeliest_rows?.dims[0] ?? 0) * (heads.likeliest ?? 0),
          }),
        };
      };
      for (const group of groupsOf(askedOf(batches, ask), sizeOf)) {
        const under = group.map((asked): OnItsWay => ({ asked, passed: new Map(), written: new Map() }));
        for (const piece of pieces) await this.#through(runtime, piece, under, spill);
        for (const { asked, written } of under) {
          yield observationOf(asked, readBack(spill, written), request, this.layerCount);
        }
        spill.truncate(0);
      }
    } catch (error) {
      if (signal?.aborted) throw new LossyscopeError("interrupted", "stopped");
      throw error;
    } finally {
      signal?.removeEventListener("abort", stop);
      spill.dispose();
      await this.close();
    }
  }

  /** Loads a piece and lets all batches of a group through it, one ahead of the one that is read. */
  async #through(runtime: Runtime, piece: Piece, group: readonly OnItsWay[], spill: Spill): Promise<void> {
    const graph = piece.build();
    const loaded = await runtime.load(graph.bytes, graph.externalFolder);
    this.report.version = loaded.version;
    this.report.loadSeconds += loaded.seconds;
    let ahead: Promise<RuntimeResult> | undefined = this.#begin(runtime, graph, group, 0);
    for (const [place, { passed, written }] of group.entries()) {
      const now: Promise<RuntimeResult> = ahead!;
      ahead = place + 1 < group.length ? this.#begin(runtime, graph, group, place + 1) : undefined;
      const result = await now;
      this.took(result);
      for (const [name, { data, dims }] of Object.entries(result.outputs)) {
        if (graph.passed.includes(name)) passed.set(name, { type: "float32", data, dims });
        else written.set(name, { offset: spill.append(data), dims });
      }
    }
  }

  #begin(
    runtime: Runtime,
    { inputs, outputs, passed: passing, leaves }: PieceGraph,
    group: readonly OnItsWay[],
    place: number,
  ): Promise<RuntimeResult> {
    const { asked, passed } = group[place];
    const known = (name: string): Feed | undefined => asked.feeds[name] ?? passed.get(name);
    const feeds = Object.fromEntries(
      inputs.flatMap((name) => {
        const feed = known(name);
        return feed ? [[name, feed]] : [];
      }),
    );
    const dims = [...asked.feeds.input_ids.dims, this.width];
    const states = { [STATES]: { name: `batch ${place}`, dims } };
    const { describe } = this.options;
    const result = runtime.run(feeds, [...outputs, ...passing], describe(asked.batch), {
      where: asked.where,
      passed: passing,
      vectors: leaves || inputs.includes(STATES) ? states : {},
    });
    // What comes before may fail first; its failure then has nobody to hear it.
    result.catch(() => {});
    return result;
  }
}

function* askedOf(batches: Iterable<WindowBatch>, ask: (batch: WindowBatch) => Asked): Generator<Asked> {
  for (const batch of batches) yield ask(batch);
}

function readBack(spill: Spill, written: OnItsWay["written"]): Record<string, Fetched> {
  const outputs: Record<string, Fetched> = {};
  for (const [name, { offset, dims }] of written) {
    const size = dims.reduce((product, dim) => product * dim, 1);
    outputs[name] = { data: new Float32Array(spill.read(offset, 4 * size).buffer), dims };
  }
  return outputs;
}
