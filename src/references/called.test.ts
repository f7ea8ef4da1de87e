import { mkdirSync, writeFileSync } from "node:fs";
import { expect, it } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { modelCalled, namesGguf } from "./called.ts";

const at = temporaryFolder();

it.each([
  ["org/name@main", "org/name"],
  ["https://huggingface.co/org/name/tree/v2", "org/name"],
  ["org/name@v2:Q4_K_M", "org/name:Q4_K_M"],
  ["org/name:BF16/m-00001-of-00002.gguf", "org/name:m-00001-of-00002"],
  ["ollama:llama3.2", "llama3.2:latest"],
])("%s is called %s", (reference, name) => expect(modelCalled(reference)).toBe(name));

it("folders and files are called by their own names", () => {
  mkdirSync(at("model"));
  mkdirSync(at("lm"));
  writeFileSync(at("lm", "tiny-Q8_0.gguf"), "");
  expect([at("model"), at("lm"), at("lm", "tiny-Q8_0.gguf")].map(modelCalled)).toEqual([
    "model",
    "tiny-Q8_0",
    "tiny-Q8_0",
  ]);
  expect(() => modelCalled("nowhere")).toThrow(/there is no folder nowhere/);
});

it("some references can only be GGUF files", () => {
  expect(["m.gguf", "ollama:x", "org/name", "m.json"].map(namesGguf)).toEqual([true, true, false, false]);
});
