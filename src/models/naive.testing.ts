/**
 * The naive twin of the decoder: any `DecoderSpec` over plain arrays in float64, position by position, head by head, as the
 * comments of `spec.ts` define it. It shares the spec and the rotary frequencies with the graph and nothing else, so what
 * both and the golden values agree on is not one mistake made twice. For tests on tiny models only.
 */
import { openSafetensors } from "../files/safetensors.ts";
import { toFloat32 } from "../formats/tensor-types.ts";
import { unreachable } from "../numeric/errors.ts";
import { openCheckpoint } from "./checkpoint.ts";
import { specOf } from "./config.ts";
import { attentionFactor, frequencies } from "./rotary.ts";
import type {
  Activation,
  AlibiSpec,
  AttentionSpec,
  BlockSpec,
  DecoderSpec,
  LinearSpec,
  MlpSpec,
  NormSpec,
  QueryKeyNormSpec,
  RotarySpec,
  TensorSlot,
} from "./spec.ts";
import { bindWeights } from "./weights.ts";

/** One position's state. */
type Vector = readonly number[];

/** What a window goes through; shapes [L+1][S][d], [S][d], [S][V], [S−1]. */
export interface NaiveRun {
  readonly hiddenStates: readonly (readonly Vector[])[];
  readonly lastBlockOutput: readonly Vector[];
  readonly logits: readonly Vector[];
  readonly nll: Vector;
}

/** What `Taps` are to a graph, position by position. */
export interface NaiveTaps {
  units?(units: Vector, block: number): Vector;
  heads?(mixed: Vector, block: number): Vector;
  stream?(after: Vector, before: Vector, block: number): Vector;
  reads?(x: Vector, linear: LinearSpec): void;
}

/** Reads a model's folder and gives what turns the ids of one window into its states, logits and losses. */
export async function naiveDecoder(folder: string): Promise<(ids: readonly number[], taps?: NaiveTaps) => NaiveRun> {
  const { spec, values } = await naiveWeights(folder);
  return (ids, taps) => naiveRun(spec, (slot) => values.get(slot)!, ids, taps);
}

/** A model's spec, and its tensors in float32. */
export async function naiveWeights(
  folder: string,
): Promise<{ readonly spec: DecoderSpec; readonly values: ReadonlyMap<TensorSlot, Float32Array> }> {
  const checkpoint = await openCheckpoint(folder);
  const spec = specOf(checkpoint.config);
  const values = new Map<TensorSlot, Float32Array>();
  for (const [slot, { file, offset, bytes, dtype }] of bindWeights(spec, checkpoint.weights)) {
    const opened = await openSafetensors(file);
    values.set(slot, toFloat32(dtype, await opened.readRange(offset, offset + bytes)));
    await opened.close();
  }
  return { spec, values };
}

type Weights = ((slot: TensorSlot) => Float32Array | Float64Array) & Pick<NaiveTaps, "reads">;

/** The same with weights from anywhere. */
export function naiveRun(
  spec: DecoderSpec,
  given: Weights,
  ids: readonly number[],
  { units = same, heads = same, stream = same, reads }: NaiveTaps = {},
): NaiveRun {
  const weights: Weights = Object.assign((slot: TensorSlot) => given(slot), { reads });
  const { embedding, head } = spec;
  const optionally = (map: LinearSpec | undefined, x: Vector): Vector => (map ? linear(map, weights, x) : x);
  const layers: (readonly Vector[])[] = [
    ids.map((id, s) => {
      const token = row(weights(embedding.tokens), id, embedding.tokens.shape[1]).map((x) => x * embedding.scale);
      const projected = optionally(embedding.projection, token);
      const { positions } = embedding;
      const placed = positions
        ? sum(projected, row(weights(positions.table), s + positions.offset, spec.width))
        : projected;
      return norm(embedding.norm, weights, placed);
    }),
  ];
  for (const [index, block] of spec.blocks.entries()) {
    const before = layers.at(-1)!;
    const tapped = { units: (x: Vector) => units(x, index), heads: (x: Vector) => heads(x, index) };
    layers.push(blockOutput(block, weights, before, tapped).map((after, s) => stream(after, before[s], index)));
  }
  const lastBlockOutput = layers.pop()!;
  const final = lastBlockOutput.map((x) => norm(spec.finalNorm, weights, x));
  const logits = final.map((x) =>
    linear(head.linear, weights, optionally(head.projection, x)).map((logit) =>
      softcap(logit * head.scale, head.softcap),
    ),
  );
  const nll = logits.slice(0, -1).map((scores, s) => logSumExp(scores) - scores[ids[s + 1]]);
  return { hiddenStates: [...layers, final], lastBlockOutput, logits, nll };
}

const same = (x: Vector): Vector => x;

/** The taps of one block. */
interface Tapped {
  units(units: Vector): Vector;
  heads(mixed: Vector): Vector;
}

function blockOutput(block: BlockSpec, weights: Weights, stream: readonly Vector[], tapped: Tapped): readonly Vector[] {
  const { norms, residualScale } = block;
  const scaled = (x: Vector): Vector => x.map((value) => value * residualScale);
  const attended = attention(
    block.attention,
    weights,
    stream.map((x) => norm(norms.beforeAttention, weights, x)),
    tapped,
  );
  const mlpOf = (x: Vector): Vector => mlp(block.mlp, weights, x, tapped.units);
  switch (block.residual) {
    case "parallel":
      return stream.map((x, s) => sum(x, scaled(sum(attended[s], mlpOf(norm(norms.beforeMlp, weights, x))))));
    case "parallel-one-norm":
      return stream.map((x, s) => sum(x, scaled(sum(attended[s], mlpOf(norm(norms.beforeAttention, weights, x))))));
    case "sequential":
      return stream.map((x, s) => {
        const between = norm(
          norms.afterAttentionSum,
          weights,
          sum(x, scaled(norm(norms.afterAttention, weights, attended[s]))),
        );
        const added = norm(norms.afterMlp, weights, mlpOf(norm(norms.beforeMlp, weights, between)));
        return norm(norms.afterMlpSum, weights, sum(between, scaled(added)));
      });
    default:
      return unreachable(block.residual);
  }
}

function attention(
  spec: AttentionSpec,
  weights: Weights,
  inputs: readonly Vector[],
  tapped: Tapped,
): readonly Vector[] {
  const { heads, kvHeads, headWidth, window = Number.POSITIVE_INFINITY } = spec;
  const projected = inputs.map((x, position) => {
    const { queries, keys, values } = project(spec, weights, x);
    const prepared = (vectors: readonly Vector[], normed: QueryKeyNormSpec | undefined): readonly Vector[] => {
      const turn = (vector: Vector): Vector => rotate(spec.rotary, vector, position, inputs.length);
      if (normed?.over === "turned-head") return vectors.map((vector) => norm(normed.norm, weights, turn(vector)));
      return queryKeyNorm(normed, weights, vectors).map(turn);
    };
    const { beta, positions } = spec.growth ?? { beta: 0, positions: 1 };
    const growth = 1 + beta * Math.log(1 + Math.floor(position / positions));
    const grown = (vector: Vector): Vector => vector.map((value) => value * growth);
    return { queries: prepared(queries, spec.queryNorm).map(grown), keys: prepared(keys, spec.keyNorm), values };
  });
  return projected.map(({ queries }, i) => {
    const outputs = queries.map((query, head) => {
      const shared = Math.floor((head * kvHeads) / heads);
      const first = Math.max(0, i - window + 1);
      const visible = projected.slice(first, i + 1);
      const scores = visible.map(
        ({ keys }, index) =>
          softcap(dot(query, keys[shared]) * spec.scale, spec.softcap) + alibi(spec.alibi, head, first + index),
      );
      const normaliser = logSumExp(scores);
      return Array.from({ length: headWidth }, (_, c) =>
        visible.reduce((total, { values }, j) => total + Math.exp(scores[j] - normaliser) * values[shared][c], 0),
      );
    });
    return linear(spec.output, weights, tapped.heads(outputs.flat()));
  });
}

/** Queries, keys and values of one position, a vector a head. */
function project(spec: AttentionSpec, weights: Weights, x: Vector) {
  const { heads, kvHeads, headWidth, projections } = spec;
  const apply = (map: LinearSpec): Vector[] => {
    const { clip = Number.POSITIVE_INFINITY } = spec;
    const y = linear(map, weights, x).map((value) => Math.min(Math.max(value, -clip), clip));
    return Array.from({ length: y.length / headWidth }, (_, n) => y.slice(n * headWidth, (n + 1) * headWidth));
  };
  if (projections.kind === "separate")
    return { queries: apply(projections.query), keys: apply(projections.key), values: apply(projections.value) };
  const all = apply(projections.linear);
  if (projections.layout === "concatenated")
    return {
      queries: all.slice(0, heads),
      keys: all.slice(heads, heads + kvHeads),
      values: all.slice(heads + kvHeads),
    };
  const size = heads / kvHeads + 2;
  const place = (n: number): number => n % size;
  return {
    queries: all.filter((_, n) => place(n) < size - 2),
    keys: all.filter((_, n) => place(n) === size - 2),
    values: all.filter((_, n) => place(n) === size - 1),
  };
}

type NormBeforeTurning = Exclude<QueryKeyNormSpec, { over: "turned-head" }>;

function queryKeyNorm(spec: NormBeforeTurning | undefined, weights: Weights, vectors: readonly Vector[]) {
  switch (spec?.over) {
    case undefined:
      return vectors;
    case "head":
      return vectors.map((vector) => norm(spec.norm, weights, vector));
    case "width": {
      const all = norm(spec.norm, weights, vectors.flat());
      return vectors.map((vector, n) => all.slice(n * vector.length, (n + 1) * vector.length));
    }
    case "each-head":
      return vectors.map((vector, n) => {
        const scale = spec.scales.flatMap((slot) => [...weights(slot)]);
        return norm(spec.norm, weights, vector).map((value, c) => value * scale[n * vector.length + c]);
      });
    default:
      return unreachable(spec);
  }
}

function rotate(spec: RotarySpec | undefined, vector: Vector, position: number, window: number): Vector {
  if (!spec) return vector;
  const factor = attentionFactor(spec);
  const half = spec.width / 2;
  const turned = [...vector];
  frequencies(spec, window).forEach((frequency, pair) => {
    const [cos, sin] = [factor * Math.cos(position * frequency), factor * Math.sin(position * frequency)];
    const [low, high] = spec.pairs === "halves" ? [pair, pair + half] : [2 * pair, 2 * pair + 1];
    turned[low] = vector[low] * cos - vector[high] * sin;
    turned[high] = vector[high] * cos + vector[low] * sin;
  });
  return turned;
}

function alibi(spec: AlibiSpec | undefined, head: number, key: number): number {
  if (!spec) return 0;
  const rounded = spec.rounding === "bfloat16" ? bfloat16 : (value: number) => value;
  return spec.factor * rounded(rounded(spec.slopes[head]) * rounded(key));
}

/** The nearest number of eight significant bits, ties to even; nothing here is subnormal or overflows. */
function bfloat16(value: number): number {
  if (value === 0) return 0;
  const unit = 2 ** (Math.floor(Math.log2(Math.abs(value))) - 7);
  const steps = value / unit;
  const down = Math.floor(steps);
  const up = steps - down > 0.5 || (steps - down === 0.5 && down % 2 !== 0);
  return (up ? down + 1 : down) * unit;
}

function mlp(spec: MlpSpec, weights: Weights, x: Vector, tapped: Tapped["units"] = same): Vector {
  switch (spec.kind) {
    case "plain":
      return linear(spec.down, weights, tapped(activate(spec.activation, linear(spec.up, weights, x))));
    case "gated": {
      const up = linear(spec.up, weights, x);
      const gate = activate(spec.activation, linear(spec.gate, weights, x));
      return linear(spec.down, weights, tapped(gate.map((value, c) => value * up[c])));
    }
    case "gated-fused": {
      const both = linear(spec.gateAndUp, weights, x);
      const width = both.length / 2;
      const gate = activate(spec.activation, both.slice(0, width));
      return linear(spec.down, weights, tapped(gate.map((value, c) => value * both[width + c])));
    }
    case "experts": {
      const scores = linear(spec.router, weights, x);
      const chosen = scores
        .map((score, expert) => ({ score, expert }))
        .sort((a, b) => b.score - a.score)
        .slice(0, spec.perToken);
      const normaliser = logSumExp(spec.weights === "of-all" ? scores : chosen.map(({ score }) => score));
      const given = chosen.map(({ score, expert }) =>
        mlp(spec.experts[expert], weights, x).map((value) => value * Math.exp(score - normaliser)),
      );
      const { shared } = spec;
      if (!shared) return given.reduce(sum);
      const open = shared.gate ? 1 / (1 + Math.exp(-linear(shared.gate, weights, x)[0])) : 1;
      return given.reduce(
        sum,
        mlp(shared.mlp, weights, x).map((value) => value * open),
      );
    }
    default:
      return unreachable(spec);
  }
}

function activate(kind: Activation, x: Vector): Vector {
  switch (kind) {
    case "relu":
      return x.map((value) => Math.max(value, 0));
    case "relu-squared":
      return x.map((value) => Math.max(value, 0) ** 2);
    case "silu":
      return x.map((value) => value / (1 + Math.exp(-value)));
    case "gelu":
      return x.map((value) => 0.5 * value * (1 + erf(value / Math.SQRT2)));
    case "gelu-tanh":
      return x.map((value) => 0.5 * value * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (value + 0.044715 * value ** 3))));
    default:
      return unreachable(kind);
  }
}

/** erf x = 2/√π · e^(−x²) · Σ 2ⁿ x^(2n+1) / (2n+1)!!, all terms of one sign. */
function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let [total, term] = [0, x];
  for (let n = 1; total + term !== total; n++) {
    total += term;
    term *= (2 * x * x) / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * total;
}

function norm(spec: NormSpec | undefined, weights: Weights, x: Vector): Vector {
  if (!spec) return x;
  const mean = spec.kind === "layer" ? x.reduce((total, value) => total + value, 0) / x.length : 0;
  const centred = x.map((value) => value - mean);
  const deviation = Math.sqrt(dot(centred, centred) / x.length + spec.epsilon);
  const scale = spec.scale && weights(spec.scale);
  const bias = spec.bias && weights(spec.bias);
  return centred.map((value, c) => {
    const factor = scale ? scale[c] + (spec.scalePlusOne ? 1 : 0) : 1;
    return (value / deviation) * factor + (bias?.[c] ?? 0);
  });
}

function linear(spec: LinearSpec, weights: Weights, x: Vector): Vector {
  weights.reads?.(x, spec);
  const weight = weights(spec.weight);
  const bias = spec.bias && weights(spec.bias);
  const first = (spec.entry ?? 0) * spec.inputs * spec.outputs;
  // A loop, as gradients are found by running this thousands of times.
  const [across, along] = spec.layout === "out-in" ? [spec.inputs, 1] : [1, spec.outputs];
  const y = new Array<number>(spec.outputs);
  for (let o = 0; o < spec.outputs; o++) {
    let total = bias?.[o] ?? 0;
    for (let i = 0; i < spec.inputs; i++) total += x[i] * weight[first + o * across + i * along];
    y[o] = total;
  }
  return y;
}

const row = (table: Float32Array | Float64Array, index: number, width: number): Vector => [
  ...table.subarray(index * width, (index + 1) * width),
];
const sum = (a: Vector, b: Vector): number[] => a.map((value, c) => value + b[c]);
const dot = (a: Vector, b: Vector): number => a.reduce((total, value, c) => total + value * b[c], 0);
const softcap = (score: number, cap: number | undefined): number =>
  cap === undefined ? score : cap * Math.tanh(score / cap);

function logSumExp(scores: Vector): number {
  const most = Math.max(...scores);
  return most + Math.log(scores.reduce((total, score) => total + Math.exp(score - most), 0));
}
