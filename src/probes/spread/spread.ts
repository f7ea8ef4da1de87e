/**
 * What MLP units contribute to the domains of a text (METHODS §4): adds over batches what the graph has summed per pool. The sums of a batch
 * are float32, added exactly (`WideSums`): what was seen in parts, and in any order, comes to the same to the last digit.
 *
 * Memory: 16 bytes a pool and unit of all blocks, at most ten pools a domain; at the end half as much again.
 */
import { count } from "../../numeric/amounts.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import { addAllWide, addWide, sum, type WideSums, wideSums } from "../../numeric/sums.ts";
import type { Observation } from "../../ports/observation.ts";
import { numbersOf, strange } from "../../ports/restored.ts";
import type { Dealt } from "./pools.ts";

export interface SpreadSnapshot {
  /** units of each block; none where nothing was seen */
  readonly blocks: readonly number[];
  /** tokens that came, by pool */
  readonly seen: Float64Array;
  /** by pool; none where nothing was seen */
  readonly sums: readonly WideSums[];
}

export class SpreadProbe {
  readonly #dealt: Dealt;
  readonly #sizes: readonly number[];
  readonly #seen: Float64Array;
  #blocks: readonly number[] = [];
  #sums: readonly WideSums[] = [];

  constructor(dealt: Dealt) {
    this.#dealt = dealt;
    this.#sizes = dealt.domains.flatMap(({ pools }) => pools);
    this.#seen = new Float64Array(dealt.count);
  }

  #makeRoom(blocks: readonly number[]): void {
    if (this.#sums.length > 0) return;
    this.#blocks = blocks;
    this.#sums = Array.from({ length: this.#dealt.count }, () => wideSums(sum(blocks)));
  }

  /** @throws LossyscopeError `model` where a contribution is no finite number */
  observe({ batch, pooledUnits }: Observation): void {
    if (!pooledUnits) throw new Error("the engine gave no sums of units");
    const { of, count: pools, weights } = this.#dealt.poolsOf(batch);
    const counts = pooledUnits.map((sums) => sums.length / Math.max(1, pools));
    this.#makeRoom(counts);
    const rows = weights.length / Math.max(1, pools);
    for (const [place, pool] of of.entries()) {
      this.#seen[pool] += sum(weights.subarray(place * rows, (place + 1) * rows));
      let before = 0;
      for (const [block, sums] of pooledUnits.entries()) {
        for (let j = 0; j < counts[block]; j++) {
          const value = sums[place * counts[block] + j];
          if (!Number.isFinite(value))
            throw new LossyscopeError(
              "model",
              `what unit ${j} of block ${block} contributes is ${value} (batch ${batch.index})`,
              "look for NaN or infinity among the weights; in float16 files a value may have overflowed",
            );
          addWide(this.#sums[pool], before + j, value);
        }
        before += counts[block];
      }
    }
  }

  snapshot(): SpreadSnapshot {
    return {
      blocks: this.#blocks,
      seen: this.#seen.slice(),
      sums: this.#sums.map(({ high, low }) => ({ high: high.slice(), low: low.slice() })),
    };
  }

  /** @throws LossyscopeError `io` where it is of other pools or another model, or saw what was seen already */
  restore({ blocks, seen, sums }: SpreadSnapshot): void {
    numbersOf(this.#seen.length, seen, "pools", (tokens) => Number.isSafeInteger(tokens) && tokens >= 0);
    const over = seen.findIndex((tokens, pool) => this.#seen[pool] + tokens > this.#sizes[pool]);
    if (over >= 0) throw strange(`more tokens of pool ${over} were kept than it has`);
    if (sums.length === 0) {
      if (blocks.length > 0 || seen.some((tokens) => tokens > 0)) throw strange("tokens were kept without their sums");
      return;
    }
    if (sums.length !== this.#dealt.count)
      throw strange(`${count(sums.length)} pools were kept, not ${count(this.#dealt.count)}`);
    const expected = this.#blocks.length > 0 ? this.#blocks : blocks;
    if (blocks.length !== expected.length || blocks.some((units, block) => units !== expected[block]))
      throw strange("units of other blocks were kept");
    for (const { high, low } of sums) for (const part of [high, low]) numbersOf(sum(blocks), part, "contributions");
    this.#makeRoom(blocks);
    for (const [pool, own] of sums.entries()) {
      this.#seen[pool] += seen[pool];
      addAllWide(this.#sums[pool], own);
    }
  }

  /**
   * Of each domain its pools, contributions a token, [units of all blocks].
   * @throws LossyscopeError `engine` where a part of the text was not seen
   */
  gathered(): { readonly blocks: readonly number[]; readonly domains: readonly (readonly Float64Array[])[] } {
    const missing = this.#sizes.findIndex((tokens, pool) => this.#seen[pool] !== tokens);
    if (missing >= 0)
      throw new LossyscopeError(
        "engine",
        `${count(this.#seen[missing])} of the ${count(this.#sizes[missing])} tokens of a pool of units came`,
        "run the measurement to its end",
      );
    let before = 0;
    return {
      blocks: this.#blocks,
      domains: this.#dealt.domains.map(({ pools }) =>
        pools.map((tokens) => {
          const { high, low } = this.#sums[before++];
          return high.map((value, unit) => (value + low[unit]) / tokens);
        }),
      ),
    };
  }
}
