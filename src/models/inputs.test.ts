/** What linear maps read, summed in the graph, against the naive decoder's own sums in float64. */
import { describe, expect, it } from "vitest";
import { fixture } from "../fixtures.testing.ts";
import { random } from "../numeric/random.ts";
import { openCheckpoint } from "./checkpoint.ts";
import { buildInputsGraph } from "./inputs.ts";
import { matricesOf } from "./matrices.ts";
import { naiveRun, naiveWeights } from "./naive.testing.ts";
import { openGraph } from "./session.testing.ts";
import type { LinearSpec } from "./spec.ts";

/** Slots of each window; the rest of the longest is padding. */
const LENGTHS = [9, 6];
const S = 9;

describe.each(["llama", "gpt2", "falcon-40b", "mixtral", "granitemoe"])("%s", (name) => {
  it.each([false, true])(
    "reads what the naive decoder reads, padding and its first token left out (moments: %s)",
    async (moments) => {
      const folder = fixture(`models/${name}`);
      const { weights } = await openCheckpoint(folder);
      const { spec, values } = await naiveWeights(folder);
      const lastBlock = spec.blocks.length - 2;
      const linears = matricesOf(spec).flatMap(({ block, linears: own }) =>
        block !== null && block <= lastBlock ? own : [],
      );
      const stream = random(3, "inputs", name);
      const windows = LENGTHS.map((length) => Array.from({ length }, () => stream.below(97)));
      const graph = buildInputsGraph(spec, weights, { linears: new Set(linears), lastBlock, moments, longest: S });
      const padded = windows.map((ids) => [...ids, ...Array.from({ length: S - ids.length }, () => 5)]);
      const kept = windows.map((ids) => Array.from({ length: S }, (_, s) => Number(s > 0 && s < ids.length)));
      const run = await openGraph(graph);
      const found = await run({
        input_ids: { data: padded.flat(), dims: [windows.length, S] },
        kept: { type: "float32", data: kept.flat(), dims: [1, windows.length * S] },
      });

      const expected = new Map<LinearSpec, number[]>();
      const addFrom = (ids: readonly number[], sign: number): void => {
        naiveRun(spec, (slot) => values.get(slot)!, ids, {
          reads(x, linear) {
            const sums = expected.get(linear) ?? new Array<number>(moments ? x.length ** 2 : x.length).fill(0);
            expected.set(linear, sums);
            for (const [i, a] of x.entries())
              if (moments) for (const [j, b] of x.entries()) sums[i * x.length + j] += sign * a * b;
              else sums[i] += sign * a * a;
          },
        });
      };
      for (const ids of windows) {
        addFrom(ids, 1);
        // What a first token makes is what it makes alone: nothing comes before it.
        addFrom(ids.slice(0, 1), -1);
      }
      for (const linear of linears) {
        const sums = expected.get(linear);
        const own = found[graph.outputOf.get(linear)!].data;
        const most = Math.max(...own, 1e-9);
        expect(own).toHaveLength(moments ? linear.inputs ** 2 : linear.inputs);
        const furthest = own.reduce((far, sum, i) => Math.max(far, Math.abs(sum - (sums?.[i] ?? 0))), 0);
        expect(furthest / most).toBeLessThan(2e-5);
      }
      // Nothing is said of blocks that were not asked for.
      expect(graph.outputOf.size).toBe(linears.length);
    },
  );
});
