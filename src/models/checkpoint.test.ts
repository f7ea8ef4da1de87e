import { copyFileSync, mkdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { sha256 } from "../files/digest.ts";
import { temporaryFolder } from "../files/folder.testing.ts";
import { openSafetensors, writeSafetensors } from "../files/safetensors.ts";
import { fixture } from "../fixtures.testing.ts";
import { encodeHeader } from "../formats/safetensors.ts";
import { openCheckpoint } from "./checkpoint.ts";

const at = temporaryFolder();
const memory = () => at("memory");

function folder(files: Record<string, string | object>): string {
  mkdirSync(at("model"), { recursive: true });
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(at("model", name), typeof content === "string" ? content : JSON.stringify(content));
  }
  return at("model");
}
const shard = (name: string, tensors: string[]) =>
  writeSafetensors(
    at("model", name),
    tensors.map((tensor) => ({ name: tensor, dtype: "F32", shape: [2], data: Float32Array.of(1, 2) })),
  );

describe("openCheckpoint", () => {
  it("places every tensor of a single file", async () => {
    const path = fixture("models/gpt2");
    const checkpoint = await openCheckpoint(path);
    expect(checkpoint.config.model_type).toBe("gpt2");
    const file = await openSafetensors(join(path, "model.safetensors"));
    expect([...checkpoint.weights.names()]).toEqual([...file.header.tensors.keys()]);
    const { dtype, shape, begin, end } = file.entry("transformer.wte.weight");
    await file.close();
    expect(checkpoint.weights.locate("transformer.wte.weight")).toEqual({
      dtype,
      shape,
      file: join(path, "model.safetensors"),
      offset: begin,
      bytes: end - begin,
    });
    expect(checkpoint.weights.locate("nothing")).toBeUndefined();
    const digests = await checkpoint.digests({ memory: memory() });
    expect(digests).toEqual({
      config: sha256(readFileSync(join(path, "config.json"))),
      weights: sha256(readFileSync(join(path, "model.safetensors"))),
      tokenizer: null,
    });
  });

  it("places every tensor of shards, and digests them in order of name", async () => {
    const path = fixture("models/mistral-sharded");
    const checkpoint = await openCheckpoint(path);
    const index = JSON.parse(readFileSync(join(path, "model.safetensors.index.json"), "utf8"));
    for (const [tensor, file] of Object.entries<string>(index.weight_map)) {
      expect(checkpoint.weights.locate(tensor)?.file).toBe(join(path, file));
    }
    const list = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"].map(
      (name) => `${sha256(readFileSync(join(path, name)))}  ${name}\n`,
    );
    let bytes = 0;
    const digests = await checkpoint.digests({ memory: memory(), onBytes: (count) => (bytes += count) });
    expect(digests.weights).toBe(sha256(list.join("")));
    expect(bytes).toBe(checkpoint.weightFiles.reduce((sum, file) => sum + file.bytes, 0));
  });

  it("follows links to where the bytes are", async () => {
    mkdirSync(at("blobs"));
    copyFileSync(fixture("models/gpt2/model.safetensors"), at("blobs", "b10b"));
    const model = folder({ "config.json": {}, "tokenizer.json": "{}", "merges.txt": "" });
    symlinkSync("../blobs/b10b", at("model", "model.safetensors"));
    const checkpoint = await openCheckpoint(model);
    expect(checkpoint.weights.locate("transformer.wte.weight")?.file).toMatch(/blobs.b10b$/);
    expect(checkpoint.tokenizerFiles).toEqual(["tokenizer.json", "merges.txt"]);
    const list = [`${sha256("")}  merges.txt\n`, `${sha256("{}")}  tokenizer.json\n`];
    expect((await checkpoint.digests({ memory: memory() })).tokenizer).toBe(sha256(list.join("")));
  });

  it("opens a model far larger than memory at once", async () => {
    const model = folder({ "config.json": {} });
    const header = encodeHeader([{ name: "w", dtype: "BF16", shape: [2 ** 20, 2 ** 15] }]);
    writeFileSync(join(model, "model.safetensors"), header);
    truncateSync(join(model, "model.safetensors"), header.length + 2 ** 36);
    const { weights } = await openCheckpoint(model);
    expect(weights.locate("w")).toMatchObject({ offset: header.length, bytes: 2 ** 36 });
  }, 1000);

  it.each<[string, Record<string, string | object>, string]>([
    ["no config", {}, "has no config.json: pass a folder in the Hugging Face layout"],
    ["a config that is no JSON", { "config.json": "{" }, "config.json is not JSON"],
    ["a config that is a list", { "config.json": "[]" }, "not an object"],
    ["no weights", { "config.json": {} }, "has neither model.safetensors nor model.safetensors.index.json"],
    [
      "pickles",
      { "config.json": {}, "pytorch_model.bin": "" },
      "only as pytorch_model.bin: Python pickles, which run code",
    ],
    [
      "GGUF",
      { "config.json": {}, "m-Q4_K_M.gguf": "" },
      "has its weights only in GGUF, as m-Q4_K_M.gguf: name the file that is meant",
    ],
    ["an adapter", { "config.json": {}, "adapter_model.safetensors": "" }, "merge the adapter"],
    ["an index without a map", { "config.json": {}, "model.safetensors.index.json": {} }, "has no weight_map"],
    [
      "an index that leaves the folder",
      { "config.json": {}, "model.safetensors.index.json": { weight_map: { w: "../../secret.safetensors" } } },
      "no safetensors file beside it",
    ],
    [
      "an index to a pickle",
      { "config.json": {}, "model.safetensors.index.json": { weight_map: { w: "pytorch_model.bin" } } },
      "no safetensors file beside it",
    ],
    [
      "a missing shard",
      { "config.json": {}, "model.safetensors.index.json": { weight_map: { w: "a.safetensors", v: "a.safetensors" } } },
      "lacks a.safetensors, which holds 2 tensors: fetch the model again",
    ],
  ])("refuses %s", async (_, files, message) => {
    await expect(openCheckpoint(folder(files))).rejects.toThrow(message);
  });

  it("reads the single file where an index stands beside it, and names what it leaves", async () => {
    const map = { a: "model.safetensors", b: "2.safetensors", c: "3.safetensors" };
    const model = folder({ "config.json": {}, "model.safetensors.index.json": { weight_map: map } });
    await shard("model.safetensors", ["a", "b"]);
    const { weights, notes } = await openCheckpoint(model);
    expect([...weights.names()]).toEqual(["a", "b"]);
    expect(notes).toEqual([
      "model.safetensors is read, not 2.safetensors and 1 more, which model.safetensors.index.json names",
    ]);
    folder({ "model.safetensors.index.json": { weight_map: { a: "model.safetensors" } } });
    expect((await openCheckpoint(model)).notes).toEqual([]);
  });

  it("refuses shards that contradict their index or each other", async () => {
    const map = { a: "1.safetensors", b: "2.safetensors" };
    const model = folder({ "config.json": {}, "model.safetensors.index.json": { weight_map: map } });
    await shard("1.safetensors", ["a", "b"]);
    await shard("2.safetensors", ["b"]);
    await expect(openCheckpoint(model)).rejects.toThrow("tensor b is in 1.safetensors and in 2.safetensors");
    await shard("2.safetensors", ["c"]);
    await expect(openCheckpoint(model)).rejects.toThrow("places tensor b in 2.safetensors, which does not have it");
    await shard("1.safetensors", ["a"]);
    await shard("2.safetensors", ["b", "unlisted"]);
    expect([...(await openCheckpoint(model)).weights.names()]).toEqual(["a", "b", "unlisted"]);
    truncateSync(join(model, "2.safetensors"), 60);
    await expect(openCheckpoint(model)).rejects.toThrow("2.safetensors: not a sound safetensors file");
    rmSync(model, { recursive: true });
    await expect(openCheckpoint(model)).rejects.toThrow("cannot read the model folder");
  });
});
