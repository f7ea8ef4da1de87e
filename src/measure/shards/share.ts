/** Which of a plan's batches are a shard's. */
import { count } from "../../numeric/amounts.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import type { WindowBatch } from "../../text/corpus.ts";

/** One of n, from 1. Batches are dealt in turn: they come by length, so that every share is like the others. */
export class Shard {
  readonly index: number;
  readonly count: number;

  /** @throws LossyscopeError `usage` where there is no such shard */
  constructor(index: number, count: number) {
    if (!(Number.isSafeInteger(index) && Number.isSafeInteger(count) && index >= 1 && index <= count)) {
      throw new LossyscopeError("usage", `there is no shard ${index} of ${count}`, "count them from 1/n to n/n");
    }
    this.index = index;
    this.count = count;
  }

  /** The batches of its share; none where there are more shards than batches. */
  share(batches: readonly WindowBatch[]): WindowBatch[] {
    return batches.filter((_, place) => place % this.count === this.index - 1);
  }

  /** The same. @throws LossyscopeError `usage` where there are more shards than batches */
  claim(batches: readonly WindowBatch[]): WindowBatch[] {
    if (this.count <= batches.length) return this.share(batches);
    throw new LossyscopeError(
      "usage",
      `the plan has ${count(batches.length)} ${batches.length === 1 ? "batch" : "batches"} for ${count(this.count)} shards`,
      `cut it into ${batches.length} at most, or pass a smaller --batch-tokens`,
    );
  }
}
