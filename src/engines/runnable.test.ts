import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, it, vi } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { tellOfTemporaries } from "../files/temporary.ts";
import { type WrittenTensor, writeGguf } from "../formats/gguf/gguf.testing.ts";
import { openGguf } from "../models/sources/gguf.ts";
import type { TensorSource } from "../models/sources/tensor-source.ts";
import { runnable } from "./runnable.ts";

const at = temporaryFolder();
const told: string[] = [];
beforeEach(() => {
  vi.stubEnv("XDG_CACHE_HOME", at("cache"));
  told.length = 0;
  tellOfTemporaries((path, temporary) => told.push(`${temporary ? "+" : "-"}${path}`));
  return () => {
    vi.unstubAllEnvs();
    tellOfTemporaries(() => {});
  };
});

async function source(tensors: readonly WrittenTensor[]): Promise<TensorSource> {
  writeFileSync(at("m.gguf"), writeGguf({ tensors }));
  return (await openGguf(at("m.gguf"))).source;
}

const plain: WrittenTensor = { name: "a", dtype: "F16", shape: [2], data: new Uint8Array(4) };
const blocks: WrittenTensor = { name: "b", dtype: "Q8_0", shape: [3, 32], data: new Uint8Array(3 * 34).fill(1) };

it("weights that can be read in place are themselves", async () => {
  const weights = await source([plain]);
  expect(await runnable(weights, "windows")).toBe(weights);
  expect(existsSync(at("cache"))).toBe(false);
});

it("others are written once, into a file that goes with the process", async () => {
  const weights = await source([plain, blocks]);
  const [one, other] = await Promise.all([runnable(weights, "windows"), runnable(weights, "windows")]);
  expect(one).toBe(other);
  const { file, codes, bytes } = one.locate("b")!;
  expect([codes, bytes]).toEqual([{ bits: 8, group: 32, isHalved: false, scales: 96, minima: null }, 96]);
  expect(one.locate("a")).toEqual(weights.locate("a"));
  expect(readdirSync(at("cache/lossyscope/weights"))).toHaveLength(1);
  expect(told).toEqual([`+${file}`]);
});

it("what a process left that is no more is removed, and nothing else", async () => {
  const folder = at("cache/lossyscope/weights");
  mkdirSync(folder, { recursive: true });
  const [left, own, other] = ["999999999-0.weights", `${process.pid}-99.weights`, "notes.txt"];
  for (const name of [left, own, other]) writeFileSync(join(folder, name), "");
  await runnable(await source([plain, blocks]), "windows");
  expect(readdirSync(folder)).toEqual(expect.arrayContaining([own, other]));
  expect(readdirSync(folder)).not.toContain(left);
});

it("what was stopped leaves nothing, and is begun anew by who asks again", async () => {
  const weights = await source([plain, blocks]);
  await expect(runnable(weights, "windows", AbortSignal.abort())).rejects.toMatchObject({ fault: "interrupted" });
  expect(readdirSync(at("cache/lossyscope/weights"))).toEqual([]);
  expect(told.map(([sign]) => sign)).toEqual(["+", "-"]);
  expect((await runnable(weights, "windows")).locate("b")?.codes).toBeDefined();
});
