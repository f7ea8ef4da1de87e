/**
 * What every source of tensors owes those who look at weights (`tensor-source.ts`): names once each and in order, a place in a
 * file for every one, the bytes that lie at that place whole or in any stretch, in buffers of their own; nothing where there
 * is nothing; an error that names the file where that is gone or cut. A source's test calls this once.
 */
import { rmSync, truncateSync } from "node:fs";
import { isAbsolute } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readRange } from "../../files/ranges.ts";
import type { Dtype } from "../../formats/tensor-types.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import { piecesOf, type TensorSource } from "./tensor-source.ts";

export interface ExpectedTensor {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** as stored */
  readonly data: Uint8Array;
}

export interface Subject {
  /** a new source, over files of its own that may be cut and removed */
  readonly make: () => Promise<TensorSource>;
  /** what it holds, in its order; one tensor at least has more than a byte */
  readonly expected: readonly ExpectedTensor[];
}

/** @param name of the source, as its tests call it */
export function describeTensorSource(name: string, { make, expected }: Subject): void {
  const largest = expected.reduce((most, tensor) => (tensor.data.length > most.data.length ? tensor : most));

  describe(`${name}, as a source of tensors`, () => {
    it("names every tensor once, in order, and says what it is", async () => {
      const source = await make();
      expect([...source.names()]).toEqual(expected.map((tensor) => tensor.name));
      for (const { name, dtype, shape, data } of expected) {
        expect(source.locate(name)).toMatchObject({ dtype, shape, bytes: data.length });
      }
    });

    it("places every tensor where its bytes lie, no two in one place", async () => {
      const source = await make();
      const ends = new Map<string, [number, number][]>();
      for (const { name, data } of expected) {
        const { file, offset, bytes } = source.locate(name)!;
        expect(isAbsolute(file)).toBe(true);
        expect(await readRange(file, offset, bytes)).toEqual(Uint8Array.from(data));
        ends.set(file, [...(ends.get(file) ?? []), [offset, offset + bytes]]);
      }
      for (const places of ends.values()) {
        places.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
        for (const [i, [begin]] of places.entries()) expect(begin).toBeGreaterThanOrEqual(places[i - 1]?.[1] ?? 0);
      }
    });

    it("gives a tensor's bytes whole, in pieces, and all at once", async () => {
      const source = await make();
      const whole = await Promise.all(expected.map(({ name, data }) => source.read(name, 0, data.length)));
      expect(whole).toEqual(expected.map(({ data }) => Uint8Array.from(data)));
      for (const { name, data } of expected) {
        const pieces: Uint8Array[] = [];
        for await (const piece of piecesOf(source, name)) pieces.push(piece);
        expect(Buffer.concat(pieces)).toEqual(Buffer.from(data));
      }
    });

    it("gives any stretch of a tensor, in a buffer of its own", async () => {
      const source = await make();
      const place = fc.nat({ max: largest.data.length });
      await fc.assert(
        fc.asyncProperty(fc.constantFrom(...expected), place, place, async ({ name, data }, a, b) => {
          const [from, to] = [Math.min(a, b, data.length), Math.min(Math.max(a, b), data.length)];
          const bytes = await source.read(name, from, to);
          expect(bytes).toEqual(Uint8Array.from(data.subarray(from, to)));
          expect([bytes.byteOffset, bytes.buffer.byteLength]).toEqual([0, to - from]);
          bytes.fill(0xa5);
          expect(await source.read(name, from, to)).toEqual(Uint8Array.from(data.subarray(from, to)));
        }),
      );
    });

    it("has nothing of what is not there", async () => {
      const source = await make();
      for (const absent of ["", "toString", "__proto__", `${largest.name} `]) {
        expect(source.locate(absent)).toBeUndefined();
        await expect(source.read(absent, 0, 0)).rejects.toThrow(RangeError);
      }
      const { name, data } = largest;
      for (const [from, to] of [
        [-1, 1],
        [2, 1],
        [0, data.length + 1],
        [Number.NaN, 1],
      ]) {
        await expect(source.read(name, from, to)).rejects.toThrow(RangeError);
      }
    });

    it.each<[string, (file: string, end: number) => void, RegExp]>([
      ["cut", (file, end) => truncateSync(file, end - 1), /ends at byte [\d,]+, [\d,]+ are wanted/],
      ["gone", (file) => rmSync(file), /cannot read .*no such file/],
    ])("names a file that is %s when it comes to it", async (_, spoil, message) => {
      const source = await make();
      const { file, offset, bytes } = source.locate(largest.name)!;
      spoil(file, offset + bytes);
      const error = await source.read(largest.name, 0, bytes).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(LossyscopeError);
      expect((error as LossyscopeError).fault).toBe("io");
      expect((error as LossyscopeError).message).toMatch(message);
      expect((error as LossyscopeError).message).toContain(file);
    });
  });
}
