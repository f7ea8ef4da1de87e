/**
 * A batch that is decoded while it is written: what the writer has of the codes, step by step, and what the reader waits for.
 * Symbols of a step can be read once as many bytes are there as had left the coder's state after it, and those that a
 * decoder reads ahead.
 *
 * Memory: 8 bytes a step and block.
 */
import { READ_AHEAD } from "../coding/range-coder.ts";

/** What a batch is written with, block by block. */
interface Writing {
  readonly written: Uint8Array;
  readonly shifted: number;
}

export class Beside {
  /** [step][block] */
  readonly #shifted: number[][] = [];
  #writing: readonly Writing[] = [];
  #codes: readonly Uint8Array[] | undefined;
  #failed: { readonly error: unknown } | undefined;
  #wake = (): void => {};

  /** The writer has done a step. */
  stepped(writing: readonly Writing[]): void {
    this.#writing = writing;
    this.#shifted.push(writing.map(({ shifted }) => shifted));
    this.#wake();
  }

  /** The codes are whole. */
  ended(codes: readonly Uint8Array[]): void {
    this.#codes = codes;
    this.#wake();
  }

  /** There will be no more: whoever waits fails as the writer did. */
  failed(error: unknown): void {
    this.#failed = { error };
    this.#wake();
  }

  /** What there is of a block's code. */
  code(block: number): Uint8Array {
    return this.#codes?.[block] ?? this.#writing[block].written;
  }

  /** Waits until the symbols of a step can be read; of what comes behind the last step as well where none is given. */
  async ready(step = Number.POSITIVE_INFINITY): Promise<void> {
    for (;;) {
      if (this.#failed) throw this.#failed.error;
      const shifted = this.#shifted[step];
      const there = shifted?.every((bytes, block) => this.#writing[block].written.length >= bytes + READ_AHEAD);
      if (this.#codes || there) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
