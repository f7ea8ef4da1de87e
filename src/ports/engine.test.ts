/** The suite for engines, over the engine that knows nothing: every token costs ln V, and there are no states. */
import { LossyscopeError } from "../numeric/errors.ts";
import { describeEngine } from "./engine.testing.ts";
import { type Engine, refuseUngiven } from "./engine.ts";
import type { Need } from "./observation.ts";

const VOCABULARY = 11;

const indifferent = (): Engine => ({
  name: "indifferent",
  runtime: "none",
  gives: new Set<Need>(["losses"]),
  width: 1,
  layerCount: 1,
  report: { version: "0", loadSeconds: 0, runSeconds: 0, cpuSeconds: 0, peakBytes: 0 },
  async *run(batches, request, signal) {
    refuseUngiven(this, request);
    for (const batch of batches) {
      if (signal?.aborted) throw new LossyscopeError("interrupted", "stopped");
      const losses = batch.windows.flatMap(({ ids, fresh }) =>
        Array.from({ length: ids.length - fresh }, (_, row) => (fresh + row === 0 ? Number.NaN : Math.log(VOCABULARY))),
      );
      yield { batch, rows: losses.length, losses: Float32Array.from(losses) };
    }
  },
  async close() {},
});

describeEngine("the engine that knows nothing", { make: async () => indifferent(), vocabulary: VOCABULARY });
