/**
 * Causal attention in plain ops, block by block: the queries of a block meet only keys that one of them may see, so that
 * nearly half of a full mask's work is never done. Key-value heads are shared by reshaping, never copied. Windows,
 * softcaps and ALiBi fit the same form. Position s sees keys j ≤ s alone, so padding on the right changes nothing.
 *
 * Rows are (position, query head of the group): row s·G + g of key-value head k is query head k·G + g, G = H/K.
 * Constants, for each kind of layer: masks of 4·T·G·(P + T) bytes, T positions in a block, P the furthest it looks back.
 */
import { type Dimension, product } from "../graph/dimensions.ts";
import type { Value } from "../graph/graph.ts";
import * as ops from "../graph/ops.ts";
import { unreachable } from "../numeric/errors.ts";
import { type Building, linear, norm, scaled, softcapped } from "./layers.ts";
import { rotaryTables } from "./rotary.ts";
import type { AlibiSpec, AttentionSpec, QueryKeyNormSpec, RotarySpec } from "./spec.ts";

/** Positions in a block of queries. */
const QUERY_BLOCK = 64;
/** Added to a score that must not count: far below any score, far above what overflows. */
const MASKED = -1e30;

/** What one kind of layer adds to the scores, by its own measures; layers of a kind share masks. */
interface Block {
  /** positions [start, end) of the queries */
  readonly start: number;
  readonly end: number;
  /** first key that any of them sees */
  readonly first: number;
}

export class Attention {
  readonly #building: Building;
  readonly #queryBlock: number;
  /** rotary tables cut to S, and biases cut to their block, by what they depend on */
  readonly #shared = new Map<string, Value>();

  constructor(building: Building, queryBlock = QUERY_BLOCK) {
    this.#building = building;
    this.#queryBlock = Math.min(queryBlock, building.longest);
  }

  /** [B, S, d] → [B, S, d] */
  apply(x: Value, spec: AttentionSpec): Value {
    const { heads, kvHeads, headWidth } = spec;
    const group = heads / kvHeads;
    const [batch, positions] = x.shape;
    const projected = this.#project(x, spec);
    const query = this.#turned(
      ops.reshape(projected.query, [batch, positions, kvHeads, group, headWidth]),
      spec.rotary,
    );
    const key = this.#turned(ops.reshape(projected.key, [batch, positions, kvHeads, headWidth]), spec.rotary);
    const value = ops.reshape(projected.value, [batch, positions, kvHeads, headWidth]);

    const rows = product([positions, group]);
    const queries = ops.reshape(ops.transpose(query, [0, 2, 1, 3, 4]), [batch, kvHeads, rows, headWidth]);
    const keys = ops.transpose(key, [0, 2, 1, 3]); // [B,S,K,h] → [B,K,S,h]
    const values = ops.transpose(value, [0, 2, 1, 3]);
    const mixed = this.#blocks(spec.window).map((block) => {
      const { start, end, first } = block;
      const seen = ops.transpose(this.#cut(keys, first, end), [0, 1, 3, 2]);
      const scores = scaled(ops.matMul(this.#cut(queries, start * group, end * group), seen), spec.scale);
      const biased = ops.add(softcapped(scores, spec.softcap), this.#bias(scores, spec, block));
      return ops.matMul(ops.softmax(biased), this.#cut(values, first, end));
    });
    const whole = ops.concat(mixed, 2, rows); // [B,K,S·G,h]
    const byPosition = ops.transpose(
      ops.reshape(whole, [batch, kvHeads, positions, group, headWidth]),
      [0, 2, 1, 3, 4],
    );
    return linear(this.#building, ops.reshape(byPosition, [batch, positions, heads * headWidth]), spec.output);
  }

  /** Queries [B, S, H·h], keys and values [B, S, K·h], clamped and normed, not yet turned. */
  #project(x: Value, spec: AttentionSpec): { query: Value; key: Value; value: Value } {
    const { heads, kvHeads, headWidth, projections } = spec;
    const flat = (part: Value, count: number): Value => ops.reshape(part, [...x.shape.slice(0, 2), count * headWidth]);
    const parts = (): readonly Value[] => {
      switch (projections.kind) {
        case "separate":
          return [projections.query, projections.key, projections.value].map((map) => linear(this.#building, x, map));
        case "fused": {
          const fused = linear(this.#building, x, projections.linear);
          if (projections.layout === "concatenated")
            return ops.split(fused, 2, [heads * headWidth, kvHeads * headWidth, kvHeads * headWidth]);
          const group = heads / kvHeads;
          const grouped = ops.reshape(fused, [...x.shape.slice(0, 2), kvHeads, group + 2, headWidth]);
          return ops.split(grouped, 3, [group, 1, 1]);
        }
        default:
          return unreachable(projections);
      }
    };
    const { graph } = this.#building;
    const clipped = (part: Value): Value =>
      spec.clip === undefined ? part : ops.clip(part, graph.scalar(-spec.clip), graph.scalar(spec.clip));
    const [query, key, value] = parts().map(clipped);
    return {
      query: this.#headNorm(flat(query, heads), spec.queryNorm, heads, headWidth),
      key: this.#headNorm(flat(key, kvHeads), spec.keyNorm, kvHeads, headWidth),
      value: flat(value, kvHeads),
    };
  }

  /** Norm on queries or keys [B, S, heads·h]. */
  #headNorm(x: Value, spec: QueryKeyNormSpec | undefined, heads: number, headWidth: number): Value {
    if (!spec) return x;
    if (spec.over === "width") return norm(this.#building, x, spec.norm);
    const perHead = norm(this.#building, ops.reshape(x, [...x.shape.slice(0, 2), heads, headWidth]), spec.norm);
    const flat = ops.reshape(perHead, x.shape);
    if (spec.over === "head") return flat;
    return ops.multiply(
      flat,
      ops.concat(
        spec.scales.map((scale) => this.#building.weights.value(scale)),
        0,
      ),
    );
  }

  /** Turns the first `width` dimensions of every head, pairs (i, i + width/2), by their position's angles. */
  #turned(x: Value, rotary: RotarySpec | undefined): Value {
    if (!rotary) return x;
    const half = rotary.width / 2;
    const kept = (x.shape.at(-1) as number) - rotary.width;
    const { cos, sin } = this.#angles(rotary, x.shape.length);
    const [low, high, rest] = ops.split(x, -1, kept > 0 ? [half, half, kept] : [half, half]);
    const turnedLow = ops.subtract(ops.multiply(low, cos), ops.multiply(high, sin));
    const turnedHigh = ops.add(ops.multiply(high, cos), ops.multiply(low, sin));
    return ops.concat(rest ? [turnedLow, turnedHigh, rest] : [turnedLow, turnedHigh], -1);
  }

  /** cos and sin as [S, 1…, width/2], to broadcast over heads of a value of that rank. */
  #angles(rotary: RotarySpec, rank: number): { cos: Value; sin: Value } {
    const { graph, ids, longest } = this.#building;
    const half = rotary.width / 2;
    const positions = ids.shape[1];
    const tables = rotaryTables(rotary, longest);
    const cut = (name: "cos" | "sin"): Value =>
      this.#once(`${name} ${JSON.stringify(rotary)} ${rank}`, () => {
        const table = this.#once(`${name} ${JSON.stringify(rotary)}`, () =>
          ops.sliceTo(graph.constant(tables[name], [longest, half]), [0], graph.integers([0]), ops.sizes(ids, 1, 2), [
            positions,
          ]),
        );
        return ops.reshape(table, [positions, ...Array<Dimension>(rank - 3).fill(1), half]);
      });
    return { cos: cut("cos"), sin: cut("sin") };
  }

  /** The blocks that cover positions up to the longest. */
  #blocks(window: number | undefined): readonly Block[] {
    const { longest } = this.#building;
    return Array.from({ length: Math.ceil(longest / this.#queryBlock) }, (_, index) => {
      const start = index * this.#queryBlock;
      const first = window === undefined ? 0 : Math.max(start - window + 1, 0);
      return { start, end: Math.min(start + this.#queryBlock, longest), first };
    });
  }

  /** Part of the rows of [B, K, rows, h]; where one block is all there is, all of them. */
  #cut(x: Value, start: number, end: number): Value {
    return this.#queryBlock === this.#building.longest ? x : ops.slice(x, 2, start, end);
  }

  /** What is added to the scores [B, K, rows, keys] of a block: its mask, and ALiBi where there is some. */
  #bias(scores: Value, { window, alibi, heads, kvHeads }: AttentionSpec, block: Block): Value {
    const { graph } = this.#building;
    const group = heads / kvHeads;
    const kind = `${window} ${group} ${block.start}`;
    const extent = (axes: number): { sizes: Value; shape: readonly Dimension[] } => ({
      sizes: ops.sizes(scores, 4 - axes, 4),
      shape: scores.shape.slice(-axes),
    });
    const mask = this.#once(`mask ${kind}`, () => {
      const past = Math.max(...this.#blocks(window).map(({ start, first }) => start - first));
      const table = this.#once(`masks ${window} ${group}`, () =>
        graph.constant(maskTable(this.#queryBlock, group, past, window), [
          this.#queryBlock * group,
          past + this.#queryBlock,
        ]),
      );
      const { sizes, shape } = extent(2);
      const starts = graph.integers([0, past - (block.start - block.first)]);
      return ops.sliceTo(table, [0, 1], starts, ops.add(starts, sizes), shape);
    });
    if (!alibi) return mask;
    return this.#once(`alibi ${JSON.stringify(alibi)} ${kind}`, () => {
      const { longest } = this.#building;
      const rows = group === 1 ? 1 : this.#queryBlock * group;
      const table = this.#once(`slopes ${JSON.stringify(alibi)} ${group}`, () =>
        graph.constant(alibiTable(alibi, kvHeads, rows, group, longest), [kvHeads, rows, longest]),
      );
      const axes = group === 1 ? 1 : 2;
      const { sizes, shape } = extent(axes);
      const starts = graph.integers(axes === 1 ? [block.first] : [0, block.first]);
      const slopes = ops.sliceTo(table, axes === 1 ? [2] : [1, 2], starts, ops.add(starts, sizes), shape);
      return ops.add(slopes, mask);
    });
  }

  #once(key: string, make: () => Value): Value {
    const value = this.#shared.get(key) ?? make();
    this.#shared.set(key, value);
    return value;
  }
}

/**
 * 0 where row r (position ⌊r/G⌋ of the block) sees the key c − past positions from the block's start, else −1e30:
 * [block·G, past + block].
 */
function maskTable(block: number, group: number, past: number, window = Number.POSITIVE_INFINITY): Float32Array {
  const columns = past + block;
  return Float32Array.from({ length: block * group * columns }, (_, at) => {
    const distance = Math.floor(Math.floor(at / columns) / group) - ((at % columns) - past);
    return distance >= 0 && distance < window ? 0 : MASKED;
  });
}

/** factor · slope · j for the query head of every row: [K, rows, longest], rows (position, head of the group) or 1. */
function alibiTable(alibi: AlibiSpec, kvHeads: number, rows: number, group: number, longest: number): Float32Array {
  const round = alibi.rounding === "bfloat16" ? toBfloat16 : (number: number): number => number;
  return Float32Array.from({ length: kvHeads * rows * longest }, (_, at) => {
    const row = Math.floor(at / longest);
    const head = Math.floor(row / rows) * group + (row % group);
    return alibi.factor * round(round(alibi.slopes[head]) * round(at % longest));
  });
}

/** The nearest bfloat16, ties to even. */
function toBfloat16(number: number): number {
  const float = Float32Array.of(number);
  const bits = new Uint32Array(float.buffer);
  bits[0] = (bits[0] + 0x7fff + ((bits[0] >>> 16) & 1)) & 0xffff0000;
  return float[0];
}
