import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { findOllamaModel, ollamaFolders, parseOllamaName } from "./ollama.ts";

const at = temporaryFolder();
const CONTENT = "GGUF of a model";
const DIGEST = createHash("sha256").update(CONTENT).digest("hex");
const WEIGHTS = { mediaType: "application/vnd.ollama.image.model", digest: `sha256:${DIGEST}`, size: CONTENT.length };
const TEMPLATE = { mediaType: "application/vnd.ollama.image.template", digest: `sha256:${"a".repeat(64)}`, size: 3 };

function keep(
  manifest: unknown,
  path = "registry.ollama.ai/library/llama3.2/latest",
  blob = `sha256-${DIGEST}`,
): string {
  const folder = at("models");
  const file = join(folder, "manifests", path);
  mkdirSync(dirname(file), { recursive: true });
  mkdirSync(join(folder, "blobs"), { recursive: true });
  writeFileSync(file, typeof manifest === "string" ? manifest : JSON.stringify(manifest));
  if (blob) writeFileSync(join(folder, "blobs", blob), CONTENT);
  return folder;
}

describe("names of Ollama's models", () => {
  it.each([
    ["ollama:llama3.2", "registry.ollama.ai/library/llama3.2/latest", "llama3.2:latest"],
    ["ollama:llama3.2:1b-q4_0", "registry.ollama.ai/library/llama3.2/1b-q4_0", "llama3.2:1b-q4_0"],
    ["ollama:user/model", "registry.ollama.ai/user/model/latest", "user/model:latest"],
    ["ollama:hf.co/org/name:Q4_K_M", "hf.co/org/name/Q4_K_M", "hf.co/org/name:Q4_K_M"],
  ])("%s", (name, path, called) => {
    expect(parseOllamaName(name)).toEqual({ path: path.split("/"), called });
  });

  it.each([
    "ollama:",
    "ollama:a:b:c",
    "ollama:a/b/c/d",
    "ollama:../x",
    "ollama:x:..",
    "ollama:a/../b",
    "ollama:x:a\\b",
    "ollama:x\0",
  ])("%j is none", (name) => {
    expect(() => parseOllamaName(name)).toThrow(/is no name of a model of Ollama's: name it as ollama list does/);
  });

  it("are looked up where OLLAMA_MODELS says, else below the home", () => {
    expect(ollamaFolders({ OLLAMA_MODELS: "elsewhere" })).toEqual(["elsewhere"]);
    expect(ollamaFolders({})[0]).toMatch(/[\\/]\.ollama[\\/]models$/);
  });
});

describe("a model of Ollama's", () => {
  it("is the layer with the weights", async () => {
    const folder = keep({ schemaVersion: 2, layers: [TEMPLATE, WEIGHTS] });
    expect(await findOllamaModel("ollama:llama3.2", ["nowhere", folder])).toEqual({
      path: join(folder, "blobs", `sha256-${DIGEST}`),
      called: "llama3.2:latest",
    });
  });

  it("that is not there is refused with those that are", async () => {
    const folder = keep({ layers: [WEIGHTS] }, "hf.co/org/name/Q4_0");
    keep({ layers: [WEIGHTS] });
    await expect(findOllamaModel("ollama:llama3.2:1b", [folder])).rejects.toThrow(
      /Ollama has no model llama3\.2:1b in .*models; it has hf\.co\/org\/name:Q4_0, llama3\.2:latest: name one of them/,
    );
    await expect(findOllamaModel("ollama:x", [at("none")])).rejects.toThrow(/fetch it with ollama pull x:latest/);
  });

  it.each<[string, unknown, RegExp]>([
    ["no JSON", "{", /is no manifest of Ollama's/],
    ["no layers", {}, /is no manifest of Ollama's: layers/],
    ["no weights", { layers: [TEMPLATE] }, /it has 0 layers of application\/vnd\.ollama\.image\.model, not one/],
    ["weights twice", { layers: [WEIGHTS, WEIGHTS] }, /it has 2 layers/],
    [
      "a digest that leads elsewhere",
      { layers: [{ ...WEIGHTS, digest: "sha256:../x" }] },
      /is no manifest of Ollama's/,
    ],
    ["a file of another size", { layers: [{ ...WEIGHTS, size: 20 }] }, /has 15 of 20 bytes/],
    ["a file that is not there", { layers: [{ ...WEIGHTS, digest: TEMPLATE.digest }] }, /lacks sha256-aaa/],
    [
      "an adapter",
      { layers: [WEIGHTS, { ...TEMPLATE, mediaType: "application/vnd.ollama.image.adapter" }] },
      /an adapter/,
    ],
  ])("with %s is refused", async (_, manifest, message) => {
    await expect(findOllamaModel("ollama:llama3.2", [keep(manifest)])).rejects.toThrow(message);
  });
});
