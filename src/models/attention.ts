/**
 * Causal attention in plain ops, block by block: the queries of a block meet only keys that one of them may see, so that
 * nearly half of a full mask's work is never done. Key-value heads are shared by broadcasting, never copied: query head
 * k·G + g reads key-value head k, G = H/K. Windows, softcaps and ALiBi fit the same form. Position s sees keys j ≤ s alone,
 * so padding on the right changes nothing. With a past the queries meet cached keys and new ones in one softmax, and
 * who sees whom follows from the positions that are fed; in a tree it follows from where branches end.
 *
 * Rotations that depend on a window's length (LongRoPE) take it to be S where windows stand by themselves, and `longest`
 * where positions are fed: keys that are kept have turned once and for all (METHODS §0).
 *
 * Memory beyond the weights: scores 8·B·H·T·S bytes, T positions in a block; masks 2·S² bytes for each kind of layer.
 * With a past: scores 8·B·H·S·(P + S), masks 4·B·S·(P + S) for each kind of layer; in a tree the same with P = 0.
 */
import { product } from "../graph/dimensions.ts";
import type { Value } from "../graph/graph.ts";
import * as ops from "../graph/ops.ts";
import { unreachable } from "../numeric/errors.ts";
import { type Building, givenPositions, linear, norm, type Past, scaled, softcapped, type Tree } from "./layers.ts";
import { rotaryTables } from "./rotary.ts";
import type { AlibiSpec, AttentionSpec, QueryKeyNormSpec, RotarySpec } from "./spec.ts";

/**
 * Positions in a block of queries, and how many blocks a window has at most. More blocks waste fewer scores, but take the
 * runtime longer to load and to step through. SmolLM2-135M's shape without a head, tokens a second of one core: at 1,024
 * positions 532 with one block, 602 with 4, 599 with 8, 603 with 16; at 512 positions 641, 692 and 696 with 1, 4 and 8.
 */
const SHORTEST_BLOCK = 64;
const MOST_BLOCKS = 8;
/** Positions in a block of queries where windows have at most so many. */
export const queryBlockOf = (longest: number): number =>
  Math.min(Math.max(SHORTEST_BLOCK, Math.ceil(longest / MOST_BLOCKS)), longest);
/** Added to a score that must not count: far below any score, far above what overflows. */
const MASKED = -1e30;

/** A block of queries and what they see. */
interface Block {
  /** positions [start, end) of the queries */
  readonly start: number;
  readonly end: number;
  /** first key that any of them sees */
  readonly first: number;
}

/** Queries [B, K, G, S, h], keys and values [B, K, 1, S, h]. */
interface Heads {
  readonly queries: Value;
  readonly keys: Value;
  readonly values: Value;
}

export class Attention {
  readonly #building: Building;
  /** positions in a block of queries */
  readonly #queryBlock: number;
  /** rotary tables cut to S, and biases cut to their block, by what they depend on */
  readonly #shared = new Map<string, Value>();

  constructor(building: Building) {
    this.#building = building;
    this.#queryBlock = Math.min(building.queryBlock ?? queryBlockOf(building.longest), building.longest);
  }

  /** [B, S, d] → [B, S, d]; `block` tells the blocks' pasts apart */
  apply(x: Value, spec: AttentionSpec, block: number): Value {
    const { heads, kvHeads, headWidth } = spec;
    const group = heads / kvHeads;
    const [batch, positions] = x.shape;
    const projected = this.#project(x, spec);
    const split = (flat: Value, perGroup: number): Value =>
      ops.reshape(flat, [batch, positions, kvHeads, perGroup, headWidth]);
    const turned = (flat: Value, perGroup: number, normed: QueryKeyNormSpec | undefined): Value => {
      const whole = this.#turned(split(flat, perGroup), spec.rotary);
      return normed?.over === "turned-head" ? norm(this.#building, whole, normed.norm) : whole;
    };
    const flatQuery = this.#scalesQueries(spec) ? scaled(projected.query, spec.scale) : projected.query;
    const query = this.#grown(turned(flatQuery, group, spec.queryNorm), spec.growth);
    const key = turned(projected.key, 1, spec.keyNorm);
    const value = split(projected.value, 1);
    const queries = ops.transpose(query, [0, 2, 3, 1, 4]); // [B,S,K,G,h] → [B,K,G,S,h]
    const keys = ops.transpose(key, [0, 2, 3, 1, 4]); // [B,S,K,1,h] → [B,K,1,S,h]
    const values = ops.transpose(value, [0, 2, 3, 1, 4]);
    const mixed = this.#mixed({ queries, keys, values }, spec, block);
    const whole = ops.transpose(mixed, [0, 3, 1, 2, 4]); // [B,K,G,S,h] → [B,S,K,G,h]
    const flat = ops.reshape(whole, [batch, positions, heads * headWidth]);
    return linear(this.#building, this.#building.taps?.heads?.(flat, block) ?? flat, spec.output);
  }

  /**
   * Whether queries are scaled before they turn, and scores not: the runtime has a quicker product for a row where what comes
   * out is not scaled. A norm after the turn would undo it.
   */
  #scalesQueries({ queryNorm }: AttentionSpec): boolean {
    return this.#building.past?.scaled === "queries" && queryNorm?.over !== "turned-head";
  }

  /** What every query takes from the keys it sees: [B, K, G, S, h]. */
  #mixed(parts: Heads, spec: AttentionSpec, block: number): Value {
    const { past, tree } = this.#building;
    if (past) return this.#afterPast(past, parts, spec, block);
    if (tree) {
      const scores = ops.add(scored(parts.queries, parts.keys, spec), this.#biasInTree(tree, spec));
      return ops.matMul(ops.softmax(scores), parts.values);
    }
    const blocks = this.#blocks(spec.window).map((part) => this.#within(part, parts, spec));
    return ops.concat(blocks, 3, parts.queries.shape[3]);
  }

  /** What a block of queries takes from the keys of its own window: [B, K, G, t, h]. */
  #within(block: Block, { queries, keys, values }: Heads, spec: AttentionSpec): Value {
    const { start, end, first } = block;
    const scores = scored(this.#cut(queries, start, end), this.#cut(keys, first, end), spec);
    const shares = ops.softmax(ops.add(scores, this.#bias(scores, spec, block)));
    return ops.matMul(shares, this.#cut(values, first, end));
  }

  /**
   * What the queries take from cached keys and new ones: [B, K, G, S, h]. Neither keys nor values are joined, which would
   * copy the cache: scores are, and their shares are parted again.
   */
  #afterPast(past: Past, { queries, keys, values }: Heads, spec: AttentionSpec, block: number): Value {
    const { graph } = this.#building;
    const cached = past.cached(block, spec);
    past.keep(block, keys, values);
    const all = past.keyPositions.shape[1];
    const own = this.#scalesQueries(spec) ? { ...spec, scale: 1 } : spec;
    const scores = ops.concat([scored(queries, cached.keys, own), scored(queries, keys, own)], -1, all);
    const shares = ops.softmax(ops.add(scores, this.#biasAfterPast(past, spec)));
    const [start, seam, end] = [graph.integers([0]), ops.sizes(cached.keys, 3, 4), ops.sizes(shares, 4, 5)];
    const earlier = ops.sliceTo(shares, [4], start, seam, [cached.keys.shape[3]]);
    const now = ops.sliceTo(shares, [4], seam, end, [keys.shape[3]]);
    return ops.add(ops.matMul(earlier, cached.values), ops.matMul(now, values));
  }

  /** What is added to scores [B, K, G, S, P + S]: the mask [B, 1, 1, S, P + S], and ALiBi [B, K, G, 1, P + S]. */
  #biasAfterPast({ positions, keyPositions }: Past, spec: AttentionSpec): Value {
    const { graph } = this.#building;
    const { window } = spec;
    const mask = this.#once(`mask ${window}`, () => {
      const at = acrossKeys(keyPositions);
      const distance = ops.subtract(acrossQueries(positions), at);
      const before = this.#only(ops.greater(distance, graph.integers(-1)), this.#near(distance, window));
      return this.#only(ops.greater(at, graph.integers(-1)), before);
    });
    return this.#withAlibi(mask, keyPositions, spec);
  }

  /** What is added to scores [B, K, G, S, S]: a slot sees those before it whose branch has not ended. */
  #biasInTree({ positions, slots, ends }: Tree, spec: AttentionSpec): Value {
    const { graph } = this.#building;
    const { window } = spec;
    const mask = this.#once(`mask ${window}`, () => {
      const own = ops.reshape(slots, [1, 1, 1, slots.shape[0], 1]);
      const others = ops.reshape(slots, [1, 1, 1, 1, slots.shape[0]]);
      const distance = ops.subtract(acrossQueries(positions), acrossKeys(positions));
      const open = this.#only(ops.greater(acrossKeys(ends), own), this.#near(distance, window));
      return this.#only(ops.greater(ops.add(own, graph.integers(1)), others), open);
    });
    return this.#withAlibi(mask, positions, spec);
  }

  /** 0 where a key is so near that the window holds it, else −1e30. */
  #near(distance: Value, window: number | undefined): Value {
    const { graph } = this.#building;
    const seen = graph.scalar(0);
    return window === undefined ? seen : this.#only(ops.greater(graph.integers(window), distance), seen);
  }

  /** The mask where the condition holds, else −1e30. */
  #only(condition: Value, mask: Value): Value {
    return ops.where(condition, mask, this.#building.graph.scalar(MASKED));
  }

  /** Mask [B, 1, 1, S, n] and, where there is some, ALiBi [B, K, G, 1, n] of keys at positions [B, n]. */
  #withAlibi(mask: Value, keyPositions: Value, { window, alibi, heads, kvHeads }: AttentionSpec): Value {
    if (!alibi) return mask;
    const { graph, longest } = this.#building;
    const [batch, keys] = keyPositions.shape;
    return this.#once(`alibi ${JSON.stringify(alibi)} ${window}`, () => {
      const table = ops.transpose(graph.constant(alibiTable(alibi, longest), [heads, longest]), [1, 0]);
      const slopes = ops.transpose(ops.gather(table, keyPositions), [0, 2, 1]); // [B,n,H] → [B,H,n]
      return ops.add(ops.reshape(slopes, [batch, kvHeads, heads / kvHeads, 1, keys]), mask);
    });
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
    if (!spec || spec.over === "turned-head") return x;
    if (spec.over === "width") return norm(this.#building, x, spec.norm);
    const perHead = norm(this.#building, ops.reshape(x, [...x.shape.slice(0, 2), heads, headWidth]), spec.norm);
    const flat = ops.reshape(perHead, x.shape);
    if (spec.over === "head") return flat;
    const scales = spec.scales.map((scale) => {
      const stored = this.#building.weights.value(scale);
      return ops.reshape(stored, [product(stored.shape)]);
    });
    return ops.multiply(flat, ops.concat(scales, 0));
  }

  /**
   * Turns the first `width` dimensions of every head by their position's angles. Pairs of neighbours come out as pairs
   * of halves: queries and keys alike, so that their products are the same.
   */
  #turned(x: Value, rotary: RotarySpec | undefined): Value {
    if (!rotary) return x;
    const half = rotary.width / 2;
    const kept = (x.shape.at(-1) as number) - rotary.width;
    const { cos, sin } = this.#angles(rotary);
    const [turning, rest] = kept > 0 ? ops.split(x, -1, [rotary.width, kept]) : [x];
    const [low, high] = ops.split(rotary.pairs === "neighbours" ? halved(turning) : turning, -1, [half, half]);
    const turnedLow = ops.subtract(ops.multiply(low, cos), ops.multiply(high, sin));
    const turnedHigh = ops.add(ops.multiply(high, cos), ops.multiply(low, sin));
    return ops.concat(rest ? [turnedLow, turnedHigh, rest] : [turnedLow, turnedHigh], -1);
  }

  /** cos and sin as [S, 1, 1, width/2] or, each row at positions of its own, [B, S, 1, 1, width/2]: to broadcast over heads. */
  #angles(rotary: RotarySpec): { cos: Value; sin: Value } {
    const { graph, longest } = this.#building;
    const half = rotary.width / 2;
    const table = (name: "cos" | "sin", positions: number, window: number): Value =>
      graph.constant(rotaryTables(rotary, positions, window)[name], [positions, 1, 1, half]);
    const cut = (name: "cos" | "sin"): Value =>
      this.#once(`${name} ${JSON.stringify(rotary)}`, () => {
        const all = table(name, longest, longest);
        const { scaling } = rotary;
        const onlyLong = givenPositions(this.#building) !== undefined;
        if (onlyLong || scaling?.kind !== "longrope" || longest <= scaling.originalPositions) return this.#places(all);
        const isLong = ops.greater(ops.sizes(this.#building.ids, 1, 2), graph.integers(scaling.originalPositions));
        return this.#places(ops.where(isLong, all, table(name, longest, scaling.originalPositions)));
      });
    return { cos: cut("cos"), sin: cut("sin") };
  }

  /** Rows of a table [longest, …] at the positions that run: [S, …] or, each row at positions of its own, [B, S, …]. */
  #places(table: Value): Value {
    const { graph, ids } = this.#building;
    const given = givenPositions(this.#building);
    if (given) return ops.gather(table, given);
    return ops.sliceTo(table, [0], graph.integers([0]), ops.sizes(ids, 1, 2), [ids.shape[1]]);
  }

  /** Queries [B, S, K, G, h] times what grows with their position. */
  #grown(x: Value, growth: AttentionSpec["growth"]): Value {
    const { graph, longest } = this.#building;
    if (!growth || longest <= growth.positions) return x;
    const factors = this.#once(`growth ${JSON.stringify(growth)}`, () => {
      const table = Float32Array.from({ length: longest }, (_, position) => growthAt(growth, position));
      return this.#places(graph.constant(table, [longest, 1, 1, 1]));
    });
    return ops.multiply(x, factors);
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

  /** Positions [start, end) of [B, K, G, S, h]; where one block is all there is, all of them. */
  #cut(x: Value, start: number, end: number): Value {
    return this.#queryBlock === this.#building.longest ? x : ops.slice(x, 3, start, end);
  }

  /** What is added to the scores [B, K, G, t, n] of a block: its mask [t, n], and ALiBi [K, G, 1, n] where there is some. */
  #bias(scores: Value, { window, alibi, heads, kvHeads }: AttentionSpec, { start, first }: Block): Value {
    const { graph, longest } = this.#building;
    const [queries, keys] = scores.shape.slice(-2);
    const mask = this.#once(`mask ${window} ${start}`, () => {
      const past = Math.max(...this.#blocks(window).map((block) => block.start - block.first));
      const table = this.#once(`masks ${window}`, () =>
        graph.constant(maskTable(this.#queryBlock, past, window), [this.#queryBlock, past + this.#queryBlock]),
      );
      const from = graph.integers([0, past - (start - first)]);
      return ops.sliceTo(table, [0, 1], from, ops.add(from, ops.sizes(scores, 3, 5)), [queries, keys]);
    });
    if (!alibi) return mask;
    return this.#once(`alibi ${JSON.stringify(alibi)} ${window} ${start}`, () => {
      const table = this.#once(`slopes ${JSON.stringify(alibi)}`, () =>
        graph.constant(alibiTable(alibi, longest), [kvHeads, heads / kvHeads, 1, longest]),
      );
      const from = graph.integers([first]);
      return ops.add(ops.sliceTo(table, [3], from, ops.add(from, ops.sizes(scores, 4, 5)), [keys]), mask);
    });
  }

  #once(key: string, make: () => Value): Value {
    const value = this.#shared.get(key) ?? make();
    this.#shared.set(key, value);
    return value;
  }
}

/** What a query at a position is multiplied by, as `AttentionSpec` writes it. */
const growthAt = ({ beta, positions }: NonNullable<AttentionSpec["growth"]>, position: number): number =>
  1 + beta * Math.log(1 + Math.floor(position / positions));

/** Pairs (2i, 2i + 1) of the last axis to pairs (i, i + width/2). */
function halved(x: Value): Value {
  const lead = x.shape.slice(0, -1);
  const pairs = ops.reshape(x, [...lead, (x.shape.at(-1) as number) / 2, 2]);
  const order = pairs.shape.map((_, axis) => axis);
  return ops.reshape(ops.transpose(pairs, [...order.slice(0, -2), order.length - 1, order.length - 2]), x.shape);
}

/** [B, n] → [B, 1, 1, n, 1] */
const acrossQueries = (x: Value): Value => ops.reshape(x, [x.shape[0], 1, 1, x.shape[1], 1]);

/** [B, n] → [B, 1, 1, 1, n] */
const acrossKeys = (x: Value): Value => ops.reshape(x, [x.shape[0], 1, 1, 1, x.shape[1]]);

/** Scores before any bias, capped: [B, K, G, t, h] and [B, K, 1, n, h] → [B, K, G, t, n]. */
function scored(queries: Value, keys: Value, { scale, softcap }: AttentionSpec): Value {
  return softcapped(scaled(ops.matMul(queries, ops.transpose(keys, [0, 1, 2, 4, 3])), scale), softcap);
}

/**
 * 0 where the query at position t of a block sees the key c − past positions from the block's start, else −1e30:
 * [block, past + block].
 */
function maskTable(block: number, past: number, window = Number.POSITIVE_INFINITY): Float32Array {
  const columns = past + block;
  return Float32Array.from({ length: block * columns }, (_, at) => {
    const distance = Math.floor(at / columns) - ((at % columns) - past);
    return distance >= 0 && distance < window ? 0 : MASKED;
  });
}

/** factor · slope · j for every query head and position: [H, longest]. */
function alibiTable({ slopes, factor, rounding }: AlibiSpec, longest: number): Float32Array {
  const round = rounding === "bfloat16" ? toBfloat16 : (number: number): number => number;
  return Float32Array.from({ length: slopes.length * longest }, (_, at) => {
    const slope = slopes[Math.floor(at / longest)];
    return factor * round(round(slope) * round(at % longest));
  });
}

/** The nearest bfloat16, ties to even. */
function toBfloat16(number: number): number {
  const float = Float32Array.of(number);
  const bits = new Uint32Array(float.buffer);
  bits[0] = (bits[0] + 0x7fff + ((bits[0] >>> 16) & 1)) & 0xffff0000;
  return float[0];
}
