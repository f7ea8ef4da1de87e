/**
 * Graphs in ONNX Runtime, one or several that share vectors, in whatever process holds them: what the runtime's child does
 * with its parent's messages (`runtime-child.ts`).
 */
import { KeptTensors } from "./kept-tensors.ts";
import { env, InferenceSession, Tensor } from "./onnxruntime.ts";
import type { Feed, Fetched, GraphRun, GraphToLoad, Vector } from "./runtime-messages.ts";

const tensor = (feed: Feed): Tensor =>
  feed.type === "int64" ? new Tensor("int64", feed.data, feed.dims) : new Tensor("float32", feed.data, feed.dims);

export class Graphs {
  readonly #graphs = new Map<string, { readonly session: InferenceSession; readonly kept: KeptTensors }>();
  readonly #held = new Map<string, Tensor>();

  /** One that is there under its name goes first. @returns the runtime's version */
  async load({ graph, model, folder, threads, kept }: GraphToLoad): Promise<string> {
    const before = this.#graphs.get(graph);
    this.#graphs.delete(graph);
    await before?.session.release();
    const session = await InferenceSession.create(model, {
      executionProviders: ["cpu"],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      logSeverityLevel: 3,
      extra: { session: { model_external_initializers_file_folder_path: folder } },
    });
    this.#graphs.set(graph, { session, kept: new KeptTensors(kept) });
    return env.versions.node ?? env.versions.common;
  }

  /** @returns what was asked for, by name */
  async run(asked: GraphRun): Promise<(name: string) => Fetched> {
    const { graph: name, feeds: fed, fetches: wanted, kept: state, vectors = {} } = asked;
    const graph = this.#graphs.get(name);
    if (!graph) throw new Error("run before load");
    const { session, kept } = graph;
    const feeds = Object.fromEntries(Object.entries(fed).map(([input, feed]) => [input, tensor(feed)]));
    const outputs = [...wanted, ...(state ? kept.outputs : [])];
    const fetches: Record<string, Tensor | null> = Object.fromEntries(outputs.map((output) => [output, null]));
    if (state) {
      for (const { name: input, data, dims } of kept.before(state)) feeds[input] = new Tensor("float32", data, dims);
    }
    for (const [vector, value] of [...this.#held, ...this.#vectors(vectors)]) {
      if (session.inputNames.includes(vector)) feeds[vector] = value;
      // In place: what a run writes into a vector depends on all that it reads of it.
      if (session.outputNames.includes(`next.${vector}`)) fetches[`next.${vector}`] = value;
    }
    const results = await session.run(feeds, fetches);
    if (state) kept.after(state, (output) => results[output] as Fetched);
    return (output) => results[output] as Fetched;
  }

  /** Held vectors of these names and shapes, by what the graph calls them. */
  #vectors(vectors: Readonly<Record<string, Vector>>): readonly (readonly [name: string, vector: Tensor])[] {
    return Object.entries(vectors).map(([name, { name: own, dims }]) => {
      const before = this.#held.get(own);
      if (before?.dims.join() === dims.join()) return [name, before];
      const size = dims.reduce((product, dim) => product * dim, 1);
      const data = before?.size === size ? (before.data as Float32Array) : new Float32Array(size);
      const vector = new Tensor("float32", data, dims);
      this.#held.set(own, vector);
      return [name, vector];
    });
  }

  /** Vectors that all graphs share, as `ToRuntime` has them. */
  hold(vectors: Readonly<Record<string, Feed>>): void {
    for (const [name, feed] of Object.entries(vectors)) this.#held.set(name, tensor(feed));
  }

  /** One of them, as it is now. */
  read(name: string): Fetched {
    const vector = this.#held.get(name);
    if (!vector) throw new Error(`no vector ${name} is held`);
    return vector as Fetched;
  }
}
