/**
 * Tensors that stay with the runtime from run to run, so that a cache need not cross to the parent and back: fed with
 * room to spare, continued by what the run gives. What is new is copied, and all of it once every so many slots.
 *
 * Memory: 4 · rows · heads · capacity · width bytes each, twice while one grows.
 */
import { type Fetched, type Kept, type KeptTensor, keptCapacity } from "./runtime-messages.ts";

interface Buffer extends KeptTensor {
  /** [rows, heads, capacity, width]; zeros past what is filled */
  data: Float32Array;
}

export class KeptTensors {
  readonly #buffers: Buffer[];
  #capacity = 0;

  constructor(tensors: readonly KeptTensor[]) {
    this.#buffers = tensors.map((tensor) => ({ ...tensor, data: new Float32Array() }));
  }

  get outputs(): readonly string[] {
    return this.#buffers.map(({ output }) => output);
  }

  /** What to feed to a run. */
  before({ rows, filled, from }: Kept): { name: string; data: Float32Array; dims: number[] }[] {
    if (filled === 0) this.#resize(rows, 0, keptCapacity(0));
    else if (from) this.#spread(from);
    return this.#buffers.map(({ input, data, heads, width }) => ({
      name: input,
      data,
      dims: [rows, heads, 1, this.#capacity, width],
    }));
  }

  /** Takes what the run gave. @param output [rows, heads, 1, T, width] by name */
  after({ rows, filled }: Kept, output: (name: string) => Fetched): void {
    const given = this.#buffers.map((buffer) => output(buffer.output));
    const slots = given[0].dims[3];
    const capacity = keptCapacity(filled + slots);
    if (capacity > this.#capacity) this.#resize(rows, filled, capacity);
    this.#buffers.forEach((buffer, index) => {
      const size = slots * buffer.width;
      for (let head = 0; head < rows * buffer.heads; head++) {
        const part = given[index].data.subarray(head * size, (head + 1) * size);
        buffer.data.set(part, (head * capacity + filled) * buffer.width);
      }
    });
  }

  /** Rows that go on from those there are, several from one or none. */
  #spread(from: readonly number[]): void {
    for (const buffer of this.#buffers) {
      const size = buffer.heads * this.#capacity * buffer.width;
      const data = new Float32Array(from.length * size);
      for (const [b, row] of from.entries()) data.set(buffer.data.subarray(row * size, (row + 1) * size), b * size);
      buffer.data = data;
    }
  }

  /** New room for every tensor, with its first `kept` slots in place. */
  #resize(rows: number, kept: number, capacity: number): void {
    for (const buffer of this.#buffers) {
      const { heads, width, data } = buffer;
      buffer.data = new Float32Array(rows * heads * capacity * width);
      for (let head = 0; head < rows * heads; head++) {
        const start = head * this.#capacity * width;
        buffer.data.set(data.subarray(start, start + kept * width), head * capacity * width);
      }
    }
    this.#capacity = capacity;
  }
}
