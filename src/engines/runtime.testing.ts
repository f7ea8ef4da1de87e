/**
 * A runtime in this process, for tests of what graphs give: what the child does, without starting one for each of a hundred
 * models. What crosses between processes is held by `runtime-process.test.ts` and by whole runs.
 */
import { LossyscopeError } from "../numeric/errors.ts";
import { Graphs } from "./graphs.ts";
import type { Runtime, RuntimeContext } from "./runtime.ts";

export function runtimeHere({ threads }: RuntimeContext): Runtime {
  const graphs = new Graphs();
  let closed = false;
  const live = (): Graphs => {
    if (closed) throw new LossyscopeError("interrupted", "the runtime was stopped");
    return graphs;
  };
  const whole = { seconds: 0, cpuSeconds: 0, peakBytes: 0 };
  return {
    id: undefined,
    async load(model, folder, kept = [], graph = "model") {
      return { seconds: 0, version: await live().load({ graph, model, folder, threads, kept }) };
    },
    async run(feeds, fetches, _, { kept, graph = "model", vectors } = {}) {
      const output = await live().run({ graph, feeds, fetches, kept: kept ?? null, vectors });
      return { ...whole, outputs: Object.fromEntries(fetches.map((name) => [name, output(name)])) };
    },
    async hold(vectors) {
      live().hold(vectors);
    },
    async read(names) {
      return Object.fromEntries(names.map((name) => [name, live().read(name)]));
    },
    async close() {
      closed = true;
    },
  };
}
