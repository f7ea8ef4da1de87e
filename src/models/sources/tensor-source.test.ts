import { mkdirSync } from "node:fs";
import { realpath } from "node:fs/promises";
import { expect, it } from "vitest";
import { temporaryFolder } from "../../files/folder.testing.ts";
import { type TensorContent, writeSafetensors } from "../../files/safetensors.ts";
import { openShards } from "./safetensors.ts";
import { describeTensorSource, type ExpectedTensor } from "./tensor-source.testing.ts";
import { equalTensors, piecesOf, renamed, type TensorSource } from "./tensor-source.ts";

const at = temporaryFolder();

/** Bytes that differ from place to place. */
const bytes = (length: number, seed = 1): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (seed + i * 7 + (i >> 8)) % 251);

type Content = ExpectedTensor & TensorContent;

const TENSORS: readonly Content[] = [
  { name: "model.embed.weight", dtype: "BF16", shape: [5, 3], data: bytes(30) },
  { name: "odd", dtype: "U8", shape: [3], data: bytes(3, 2) },
  { name: "scalar", dtype: "F64", shape: [], data: bytes(8, 3) },
  { name: "nothing", dtype: "F32", shape: [0, 4], data: new Uint8Array(0) },
  { name: "norm/größe", dtype: "F32", shape: [7], data: bytes(28, 4) },
];

/** The tensors, dealt out over so many files. */
async function shards(tensors: readonly Content[], files: number): Promise<TensorSource> {
  mkdirSync(at("model"), { recursive: true });
  const folder = await realpath(at("model"));
  const names = new Map<string, string[]>();
  for (let file = 0; file < files; file++) {
    const own = tensors.filter((_, index) => Math.floor((index * files) / tensors.length) === file);
    await writeSafetensors(at("model", `${file}.safetensors`), own);
    names.set(
      `${file}.safetensors`,
      own.map(({ name }) => name),
    );
  }
  return (await openShards(folder, names)).source;
}

describeTensorSource("a safetensors file", { make: () => shards(TENSORS, 1), expected: TENSORS });
describeTensorSource("safetensors in shards", { make: () => shards(TENSORS, 3), expected: TENSORS });

const CALLED = new Map([
  ["a", "norm/größe"],
  ["odd", "model.embed.weight"],
]);
describeTensorSource("some tensors under other names", {
  make: async () => renamed(await shards(TENSORS, 2), CALLED),
  expected: [...CALLED].map(([name, there]) => ({ ...TENSORS.find((tensor) => tensor.name === there)!, name })),
});

/** More than a piece. */
const LONG = (1 << 22) + 8;

it("pieces stop when asked to", async () => {
  const source = await shards([{ name: "long", dtype: "U8", shape: [LONG], data: bytes(LONG) }], 1);
  const controller = new AbortController();
  const lengths: number[] = [];
  const reading = (async () => {
    for await (const piece of piecesOf(source, "long", controller.signal)) {
      lengths.push(piece.length);
      controller.abort();
    }
  })();
  await expect(reading).rejects.toMatchObject({ fault: "interrupted" });
  expect(lengths).toEqual([1 << 22]);
});

it("tensors are equal that have the same bytes, type and shape", async () => {
  const data = bytes(LONG);
  const other = data.with(LONG - 1, data[LONG - 1] ^ 1);
  const tensor = (name: string, more: Partial<Content> = {}) =>
    ({ name, dtype: "U8", shape: [LONG], data, ...more }) as const;
  const alike = [tensor("one"), tensor("two"), tensor("changed", { data: other })];
  const unlike = [tensor("shape", { shape: [2, LONG / 2] }), tensor("type", { dtype: "I8" })];
  const source = await shards([...alike, ...unlike], 2);
  const equal = await Promise.all(["two", "changed", "shape", "type"].map((name) => equalTensors(source, "one", name)));
  expect(equal).toEqual([true, false, false, false]);
  // What lies between the stretches that are looked at is not seen.
  expect(await equalTensors(source, "one", "two", true)).toBe(true);
  expect(await equalTensors(source, "one", "shape", true)).toBe(false);
});
