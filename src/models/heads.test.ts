/**
 * The heads against their naive twins, computed in float64 from the states and logits that the same model exports. The
 * model is made here: a vocabulary of three chunks, windows of several blocks, logits into the thousands, and a token whose
 * state is zero at every layer as long as it stands first.
 */
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { writeSafetensors } from "../files/safetensors.ts";
import { fixture } from "../fixtures.testing.ts";
import { Graph } from "../graph/graph.ts";
import * as ops from "../graph/ops.ts";
import { random } from "../numeric/random.ts";
import { openCheckpoint } from "./checkpoint.ts";
import { specOf } from "./config.ts";
import { buildMeasuringGraph, gram, type Heads } from "./heads.ts";
import { naiveDecoder, naiveWeights } from "./naive.testing.ts";
import { type Fetched, openGraph, openModel } from "./session.testing.ts";
import { slotsOf } from "./weights.ts";

const VOCABULARY = 40_003;
const WIDTH = 16;
const BLOCKS = 2;
const B = 2;
const S = 100;
const ZERO = 7;

const CONFIG = {
  model_type: "llama",
  vocab_size: VOCABULARY,
  hidden_size: WIDTH,
  intermediate_size: 24,
  num_hidden_layers: BLOCKS,
  num_attention_heads: 4,
  num_key_value_heads: 2,
};

/** Rows of [n, width]. */
const rowsOf = ({ data, dims }: Fetched): Float32Array[] => {
  const width = dims.at(-1)!;
  return Array.from({ length: data.length / width }, (_, row) => data.subarray(row * width, (row + 1) * width));
};
const norm = (vector: Iterable<number>): number => Math.hypot(...vector);
const total = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0);
const dot = (a: readonly number[], b: ArrayLike<number>): number => a.reduce((sum, x, i) => sum + x * b[i], 0);
const largest = (row: Float32Array): number => row.reduce((most, x) => Math.max(most, x), -Infinity);
const logSumExp = (row: Float32Array): number => {
  const top = largest(row);
  return top + Math.log(row.reduce((sum, x) => sum + Math.exp(x - top), 0));
};
/** The same as sixteen lanes of float32 have it, each adding every sixteenth term. */
const logSumExpInLanes = (row: Float32Array): number => {
  const top = largest(row);
  const lanes = new Float32Array(16);
  row.forEach((x, i) => {
    lanes[i % 16] += Math.fround(Math.exp(Math.fround(x - top)));
  });
  return top + Math.log(lanes.reduce((sum, lane) => sum + lane, 0));
};
const softmax = (row: readonly number[]): number[] => {
  const mass = row.reduce((sum, x) => sum + Math.exp(x), 0);
  return row.map((x) => Math.exp(x) / mass);
};

function expectClose(found: ArrayLike<number>, expected: ArrayLike<number>, absolute: number, relative: number): void {
  expect(found.length).toBe(expected.length);
  const off = Array.from(expected, (x, i) => Math.abs(found[i] - x) / (absolute + relative * Math.abs(x)));
  expect(
    off.every((error) => error <= 1),
    `worst at ${off.reduce((most, error) => Math.max(most, error), 0)}`,
  ).toBe(true);
}

const pick = random(1, "heads test");
const ids = Array.from({ length: B * S }, () => pick.below(VOCABULARY));
ids[0] = ZERO; // first in its window, so that it attends to itself alone
ids[3] = VOCABULARY - 1;
ids[5] = 16_384; // where the second chunk of the vocabulary begins
ids[6] = 16_383;

/** Writes a model whose output weights have the given deviation. */
async function writeModel(at: (name: string) => string, headDeviation: number): Promise<void> {
  const generator = random(2, "heads test weights");
  const tensors = [...slotsOf(specOf(CONFIG))].map(({ names: [name], shape }) => {
    const deviation = name === "lm_head.weight" ? headDeviation : 0.5;
    const count = shape.reduce((product, size) => product * size, 1);
    const data = Float32Array.from({ length: count }, () => deviation * generator.normal());
    if (name.includes("norm")) data.fill(1);
    if (name.includes("embed_tokens")) data.fill(0, ZERO * WIDTH, (ZERO + 1) * WIDTH);
    return { name, dtype: "F32" as const, shape: [...shape], data };
  });
  await writeSafetensors(at("model.safetensors"), tensors);
  await writeFile(at("config.json"), JSON.stringify(CONFIG));
}

describe.each([
  [1, 0.5],
  [1000, 300],
])("with logits beyond %i", (beyond, headScale) => {
  const temporary = temporaryFolder();

  async function open(): Promise<Awaited<ReturnType<typeof openModel>>> {
    await writeModel(temporary, headScale);
    return openModel(temporary(), () => ({ losses: true, everything: true }), S);
  }

  it("losses are those of a plain softmax", async () => {
    const { run } = await open();
    const slots = [...ids.keys()].filter((slot) => slot % S < S - 1);
    const outputs = await run({
      input_ids: { data: ids, dims: [B, S] },
      loss_rows: { data: slots, dims: [slots.length] },
      loss_targets: { data: slots.map((slot) => ids[slot + 1]), dims: [slots.length] },
    });
    const logits = rowsOf(outputs.logits);
    expect(Math.max(...logits.map(largest))).toBeGreaterThan(beyond);
    const expected = slots.map((slot) => logSumExp(logits[slot]) - logits[slot][ids[slot + 1]]);
    expectClose(outputs.losses.data, expected, 1e-5, 1e-6);
  });

  it("a token that is certain costs nothing, not less", async () => {
    const { run } = await open();
    const feeds = { input_ids: { data: ids, dims: [B, S] } };
    const some = { loss_rows: { data: [0], dims: [1] }, loss_targets: { data: [0], dims: [1] } };
    const logits = rowsOf((await run({ ...feeds, ...some })).logits);
    const best = logits.map((row) => row.indexOf(largest(row)));
    const every = { data: [...ids.keys()], dims: [ids.length] };
    const { losses } = await run({ ...feeds, loss_rows: every, loss_targets: { data: best, dims: [ids.length] } });
    expect(Math.min(...losses.data)).toBeGreaterThanOrEqual(0);
  });
});

describe("the likeliest tokens", () => {
  const temporary = temporaryFolder();

  it("are those that sorting all logits gives, at the rows that are asked for, and leave the losses as they are", async () => {
    await writeModel(temporary, 1);
    const { run } = await openModel(temporary(), () => ({ losses: true, likeliest: 3, everything: true }), S);
    const plain = await openModel(temporary(), () => ({ losses: true }), S);
    const slots = Array.from({ length: 40 }, (_, i) => 3 * i);
    const chosen = [0, 7, 8, 39];
    const feeds = {
      input_ids: { data: ids, dims: [B, S] },
      loss_rows: { data: slots, dims: [slots.length] },
      loss_targets: { data: slots.map((slot) => ids[slot + 1]), dims: [slots.length] },
    };
    const outputs = await run({ ...feeds, likeliest_rows: { data: chosen, dims: [chosen.length] } });
    const logits = rowsOf(outputs.logits);
    const expected = chosen.map((row) => {
      const own = logits[slots[row]];
      const best = [...own.keys()].sort((a, b) => own[b] - own[a]).slice(0, 3);
      return { best, nats: best.map((token) => logSumExp(own) - own[token]) };
    });
    expect(outputs["likeliest.tokens"].dims).toEqual([chosen.length, 3]);
    expect([...outputs["likeliest.tokens"].data]).toEqual(expected.flatMap(({ best }) => best));
    expectClose(
      outputs["likeliest.nats"].data,
      expected.flatMap(({ nats }) => nats),
      1e-5,
      1e-6,
    );
    expect((await plain.run(feeds)).losses.data).toEqual(outputs.losses.data);
  });
});

describe("losses in sixteen lanes", () => {
  const temporary = temporaryFolder();

  it("lose what such lanes of float32 lose", async () => {
    await writeModel(temporary, 1);
    const { run } = await openModel(temporary(), () => ({ losses: true, inLanes: true, everything: true }), S);
    const slots = Array.from({ length: 40 }, (_, i) => 3 * i);
    const targets = slots.map((slot) => ids[slot + 1]);
    const outputs = await run({
      input_ids: { data: ids, dims: [B, S] },
      loss_rows: { data: slots, dims: [slots.length] },
      loss_targets: { data: targets, dims: [slots.length] },
    });
    const logits = rowsOf(outputs.logits);
    const cost = (mass: (row: Float32Array) => number) =>
      slots.map((slot, i) => mass(logits[slot]) - logits[slot][targets[i]]);
    const [exact, inLanes] = [cost(logSumExp), cost(logSumExpInLanes)];
    expectClose(outputs.losses.data, inLanes, 1e-5, 1e-6);
    // All rows lose in one direction: the mean shows it under the rows' own rounding.
    const lost = (costs: ArrayLike<number>) => total(exact.map((x, i) => x - costs[i])) / slots.length;
    expect(lost(inLanes)).toBeGreaterThan(1e-6);
    expect(Math.abs(lost(outputs.losses.data) - lost(inLanes))).toBeLessThan(5e-7);
  });
});

describe("heads on the states", () => {
  const M = 5;
  const DRAWS = 3;
  const EPSILON = 0.05;
  const generator = random(3, "heads test points");
  const points = Float32Array.from({ length: DRAWS * M * WIDTH }, () => generator.normal() / 4);
  const temporary = temporaryFolder();
  const rows = [0, 2, 63, 64, 65, 99, 100, 164, 199];
  const indices = { data: rows, dims: [rows.length] };
  const everyHead: Heads = {
    assignments: { points, m: M, draws: DRAWS, epsilon: EPSILON },
    moments: true,
    states: true,
    everything: true,
  };
  const feeds = {
    input_ids: { data: ids, dims: [B, S] },
    rows: indices,
    moment_rows: indices,
    state_rows: { data: [199, 0], dims: [2] },
  };

  async function measured(heads: Heads): Promise<Record<string, Fetched>> {
    await writeModel(temporary, 0.5);
    const { run } = await openModel(temporary(), () => heads, S);
    return run(feeds);
  }

  it.each([false, true])("agree with their naive twins (before the final norm: %s)", async (preNorm) => {
    const outputs = await measured({ ...everyHead, preNorm });
    for (let layer = 0; layer <= BLOCKS; layer++) {
      const last = preNorm && layer === BLOCKS;
      const states = rowsOf(outputs[last ? "last_block_output" : `hidden_states.${layer}`]);
      const chosen = rows.map((row) => states[row]);
      expect(norm(states[0])).toBe(0);
      const directions = chosen.map((state) => Array.from(state, (x) => (norm(state) === 0 ? 0 : x / norm(state))));

      const shares = directions.flatMap((direction) =>
        Array.from({ length: DRAWS }, (_, draw) =>
          softmax(
            Array.from({ length: M }, (_, point) => {
              const at = (draw * M + point) * WIDTH;
              return dot(direction, points.subarray(at, at + WIDTH)) / EPSILON;
            }),
          ),
        ).flat(),
      );
      const assignment = outputs[`assignment.${layer}`];
      expect(assignment.dims).toEqual([rows.length, DRAWS * M]);
      expectClose(assignment.data, shares, 1e-6, 1e-5);
      expectClose(assignment.data.subarray(0, DRAWS * M), new Float32Array(DRAWS * M).fill(1 / M), 1e-7, 0);

      const columns = Array.from({ length: WIDTH }, (_, i) => chosen.map((state) => state[i]));
      expectClose(outputs[`moments.${layer}.sum`].data, columns.map(total), 1e-5, 1e-5);
      const gram = columns.flatMap((a) => columns.map((b) => dot(a, b)));
      expect(outputs[`moments.${layer}.gram`].dims).toEqual([WIDTH, WIDTH]);
      expectClose(outputs[`moments.${layer}.gram`].data, gram, 1e-4, 1e-5);
      const unit = Array.from({ length: WIDTH }, (_, i) => total(directions.map((direction) => direction[i])));
      expectClose(outputs[`moments.${layer}.unit`].data, unit, 1e-5, 1e-5);

      expect(rowsOf(outputs[`states.${layer}`])).toEqual([states[199], states[0]]);
    }
  });
});

describe("sums over slots", () => {
  // Gated, gated in one matrix with a norm behind, plain with weights the other way round, parallel.
  it.each(["llama", "glm4", "gpt2", "gpt_neox", "falcon-40b"])("%s: are those of the naive decoder", async (name) => {
    const folder = fixture(`models/${name}`);
    const generator = random(5, "sums", name);
    const windows = Array.from({ length: 2 }, () => Array.from({ length: 12 }, () => generator.below(97)));
    const weights = Array.from({ length: 3 }, () => Array.from({ length: 24 }, () => Math.fround(generator.normal())));
    const { spec, graph } = await (async () => {
      const { config, weights: source } = await openCheckpoint(folder);
      const own = specOf(config);
      return { spec: own, graph: buildMeasuringGraph(own, source, { pooledStates: true, pooledUnits: true }, 12) };
    })();
    const pool = { type: "float32", data: weights.flat(), dims: [3, 24] } as const;
    const run = await openGraph(graph);
    const ids = { data: windows.flat(), dims: [2, 12] };
    const outputs = await run({ input_ids: ids, "pool.states": pool, "pool.units": pool });

    const decode = await naiveDecoder(folder);
    const units: number[][][] = spec.blocks.map(() => []);
    const runs = windows.map((window) =>
      decode(window, {
        units: (x, block) => {
          units[block].push([...x]);
          return x;
        },
      }),
    );
    const summed = (rows: readonly (readonly number[])[]): number[] =>
      weights.flatMap((own) => rows[0].map((_, i) => rows.reduce((sum, row, s) => sum + own[s] * row[i], 0)));
    for (let layer = 0; layer <= spec.blocks.length; layer++) {
      const expected = summed(runs.flatMap(({ hiddenStates }) => hiddenStates[layer]));
      expectClose(outputs[`pooled.states.${layer}`].data, expected, 2e-5, 1e-4);
    }
    // Slots are told apart by identity, so the spec is the one that the values go with.
    const { spec: own, values } = await naiveWeights(folder);
    for (const [block, { mlp }] of own.blocks.entries()) {
      if (mlp.kind === "experts") throw new Error("no experts among these");
      const { weight, layout, inputs } = mlp.down;
      const matrix = values.get(weight)!;
      const columns = weight.shape[1];
      const reach = Array.from({ length: inputs }, (_, j) => {
        const [from, step] = layout === "in-out" ? [j * columns, 1] : [j, columns];
        const entries = Array.from({ length: spec.width }, (_, i) => matrix[from + i * step]);
        return Math.hypot(...entries);
      });
      const expected = summed(units[block].map((row) => row.map((a, j) => Math.abs(a) * reach[j])));
      expectClose(outputs[`pooled.units.${block}`].data, expected, 2e-5, 1e-4);
    }
  });
});

describe("gram", () => {
  it.each([256, 257, 600])("of width %d is Σ z zᵀ", async (width) => {
    const count = 50;
    const graph = new Graph();
    graph.output("gram", gram(ops.cast(graph.input("rows", "int64", [count, width]), "float32")));
    const run = await openGraph({ bytes: graph.encode(), externalFolder: tmpdir() });
    const stream = random(width, "gram");
    const data = Array.from({ length: count * width }, () => stream.below(9) - 4);
    const { gram: found } = await run({ rows: { data, dims: [count, width] } });
    expect(found.dims).toEqual([width, width]);
    // Whole numbers as small as these float32 adds exactly.
    const expected = new Float32Array(width ** 2);
    for (let row = 0; row < data.length; row += width)
      for (let i = 0; i < width; i++)
        for (let j = 0; j < width; j++) expected[i * width + j] += data[row + i] * data[row + j];
    expect(Buffer.compare(Buffer.from(found.data.slice().buffer), Buffer.from(expected.buffer))).toBe(0);
  });
});

describe("a graph", () => {
  const build = async (heads: Heads) => {
    const { config, weights } = await openCheckpoint(fixture("models/llama"));
    return buildMeasuringGraph(specOf(config), weights, heads, 17);
  };

  it("has no input or output of a head that was not asked for", async () => {
    expect((await build({ losses: true })).inputs).toEqual(["input_ids", "loss_rows", "loss_targets"]);
    expect((await build({ losses: true })).outputs).toEqual(["losses"]);
    expect((await build({ states: true })).inputs).toEqual(["input_ids", "state_rows"]);
    const layers = [0, 1, 2, 3];
    expect((await build({ states: true })).outputs).toEqual(layers.map((layer) => `states.${layer}`));
    const without = (await build({ states: true })).bytes;
    const mentions = (bytes: Uint8Array, text: string): boolean => Buffer.from(bytes).includes(text);
    expect(mentions(without, "lm_head.weight")).toBe(false);
    expect(mentions((await build({ losses: true })).bytes, "lm_head.weight")).toBe(true);
  });

  it("is refused beyond the model's positions", async () => {
    const { config, weights } = await openCheckpoint(fixture("models/gpt2"));
    expect(() => buildMeasuringGraph(specOf(config), weights, { losses: true }, 65)).toThrow(
      /has 64 positions, windows of 65 were asked for: pass --context 64/,
    );
  });
});

describe("windows", () => {
  const hidden = (outputs: Record<string, Fetched>): Float32Array[] => rowsOf(outputs["hidden_states.3"]);
  const text = (length: number): number[] => {
    const generator = random(4, "windows test");
    return Array.from({ length }, () => generator.below(97));
  };

  it.each(["llama", "gemma2", "falcon-rw", "mistral-sharded"])(
    "%s: padding, neighbours and the longest window change nothing",
    async (name) => {
      const folder = fixture(`models/${name}`);
      const short = text(90);
      const alone = await openModel(folder, () => ({ everything: true }), 90);
      const roomy = await openModel(folder, () => ({ everything: true }), 300);
      const expected = hidden(await alone.run({ input_ids: { data: short, dims: [1, 90] } }));
      const padded = [...short, ...Array<number>(60).fill(0), ...text(150)];
      const found = hidden(await roomy.run({ input_ids: { data: padded, dims: [2, 150] } })).slice(0, 90);
      expectClose(
        found.flatMap((row) => [...row]),
        expected.flatMap((row) => [...row]),
        5e-5,
        1e-5,
      );
    },
  );

  it("llama: a window may be a single position", async () => {
    const { run } = await openModel(fixture("models/llama"), () => ({ everything: true }), 300);
    const one = hidden(await run({ input_ids: { data: [5], dims: [1, 1] } }));
    const two = hidden(await run({ input_ids: { data: [5, 6], dims: [1, 2] } }));
    expectClose(one[0], two[0], 1e-5, 1e-5);
  });
});
