import { describe, expect, it } from "vitest";
import { modelOfPath, parseRepositoryName } from "./name.ts";

const HUB = "https://huggingface.co";
const parse = (name: string, endpoint = HUB) => parseRepositoryName(name, endpoint);
const COMMIT = "0123456789".repeat(4);

describe("names of repositories", () => {
  it.each<[string, string | null]>([
    ["org/model", null],
    ["org/model@v1.0", "v1.0"],
    ["org/model@refs/pr/1", "refs/pr/1"],
    ["https://huggingface.co/org/model", null],
    ["https://huggingface.co/org/model/", null],
    ["http://www.huggingface.co/org/model?library=transformers#usage", null],
    ["HTTPS://HuggingFace.co/org/model", null],
    ["huggingface.co/org/model", null],
    ["hf.co/org/model", null],
    ["https://hf.co/org/model@v1.0", "v1.0"],
    ["hf://org/model@v1.0", "v1.0"],
    ["hf://models/org/model", null],
    ["https://huggingface.co/org/model/tree/main", "main"],
    ["https://huggingface.co/org/model/tree/refs%2Fpr%2F1", "refs/pr/1"],
    ["https://huggingface.co/org/model/tree/refs/pr/1", "refs/pr/1"],
    [`https://huggingface.co/org/model/commit/${COMMIT}`, COMMIT],
    ["https://huggingface.co/org/model/blob/main/config.json", "main"],
    ["https://huggingface.co/org/model/resolve/main/model.safetensors?download=true", "main"],
  ])("understands %j", (name, revision) => {
    expect(parse(name)).toEqual({ id: "org/model", revision });
  });

  it("understands the address of a mirror", () => {
    expect(parse("https://mirror.example/hf/org/model/tree/v2", "https://mirror.example/hf")).toEqual({
      id: "org/model",
      revision: "v2",
    });
  });

  it.each<[string, RegExp]>([
    ["https://example.com/org/model", /is no address of the Hub: pass a folder, org\/name/],
    ["ftp://huggingface.co/org/model", /is no address of the Hub/],
    ["https://huggingface.co.evil.example/org/model", /is no address of the Hub/],
    ["https://huggingface.co@evil.example/org/model", /is no address of the Hub/],
    ["https://huggingface.co/datasets/org/data", /is a dataset, no model/],
    ["hf.co/spaces/org/app", /is a space, no model/],
    ["https://huggingface.co/org", /names no model/],
    ["https://huggingface.co/../etc/passwd", /names no model/],
    ["https://huggingface.co/org/%2e%2e", /names no model/],
    ["https://huggingface.co/org/mo%2fdel", /names no model/],
    ["https://huggingface.co/org/%zz", /is no address of the Hub/],
    ["https://huggingface.co/org/model/tree/main/sub/folder", /is a folder inside a repository: download it/],
    [
      "https://huggingface.co/org/model/blob/main/model.Q4_K_M.gguf",
      /is a GGUF file.*: measure it as org\/model:model\.Q4_K_M\.gguf/,
    ],
    ["https://huggingface.co/org/model/discussions/3", /is no page of a model's files/],
    ["https://huggingface.co/org/model/tree", /is no page of a model's files/],
    ["https://huggingface.co/org/model/tree/..%2f..", /is no revision/],
    ["hf.co/org/model@", /is no revision/],
    ["gpt2", /there is no folder gpt2: models of the Hub are named/],
    ["C:\\models\\mine", /there is no folder/],
  ])("refuses %j", (name, message) => {
    expect(() => parse(name)).toThrow(message);
  });
});

describe("names of folders", () => {
  it.each([
    ["org/model", "org/model"],
    ["model", "model"],
    ["/data/models/model", "model"],
    ["/data/models/model/", "model"],
    ["./models/model", "model"],
    ["models/model/", "model"],
    ["C:\\models\\model", "model"],
    ["/runs/main/step-1000", "main/step-1000"],
    ["runs/main/checkpoint_500", "main/checkpoint_500"],
    [`/home/me/.cache/huggingface/hub/models--org--model/snapshots/${COMMIT}`, "org/model"],
    ["/", "/"],
  ])("%j is of %j", (path, name) => expect(modelOfPath(path)).toBe(name));
});
