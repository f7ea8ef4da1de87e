/** What a reference is taken for, and what is told while it becomes a model. */
import { copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { fakeHub } from "../hub/hub.testing.ts";
import { writeGgufModel } from "../measure/gguf.testing.ts";
import { editJson, writeModel } from "../measure/model.testing.ts";
import { modelCalled } from "./called.ts";
import { type OpenEvent, openModel, referenceTo } from "./open.ts";

const at = temporaryFolder();

describe("a reference", () => {
  it("is a folder where there is one, whatever else its name could be", async () => {
    const folder = await writeModel(at("org/model"));
    expect(await referenceTo(folder)).toEqual({ kind: "folder", folder });
    expect(await openModel(folder)).toMatchObject({ name: "model", revision: null });
  });

  it.each(["org/name", "org/name@main", "https://huggingface.co/org/name", "hf://org/name"])(
    "%s is the Hub's",
    async (name) => {
      expect(await referenceTo(name)).toEqual({ kind: "hub", name });
    },
  );

  it("is the one model in GGUF of a folder, and a file that begins as one", async () => {
    mkdirSync(at("lm"));
    const path = await writeGgufModel(at("lm", "tiny.gguf"), await writeModel(at("model")));
    writeFileSync(at("lm", "mmproj-tiny.gguf"), "");
    expect(await referenceTo(at("lm"))).toEqual({ kind: "gguf", path });
    expect(await openModel(at("lm"))).toMatchObject({ name: "tiny", revision: null });
    copyFileSync(path, at("lm", "sha256-0123"));
    expect(await referenceTo(at("lm", "sha256-0123"))).toEqual({ kind: "gguf", path: at("lm", "sha256-0123") });
    copyFileSync(path, at("lm", "other.gguf"));
    await expect(openModel(at("lm"))).rejects.toThrow(
      /lm has 2 models in GGUF: other\.gguf, tiny\.gguf: pass the file/,
    );
  });

  it("is the one model in GGUF below a folder that is no other model, as programs keep them", async () => {
    const file = await writeGgufModel(at("m.gguf"), await writeModel(at("model")));
    // LM Studio's, and what is below the cache of the Hub, which llama.cpp has too.
    const studio = at("studio", "models", "org", "name-GGUF", "tiny-Q8_0.gguf");
    const snapshot = at("hub", "models--org--name", "snapshots", "a".repeat(40), "tiny-Q4_0.gguf");
    for (const path of [studio, snapshot]) {
      mkdirSync(dirname(path), { recursive: true });
      copyFileSync(file, path);
    }
    writeFileSync(at("studio", "models", "org", "name-GGUF", "mmproj-tiny.gguf"), "");
    for (const folder of [at("studio"), at("studio", "models"), dirname(studio)])
      expect(await referenceTo(folder)).toEqual({ kind: "gguf", path: studio });
    expect([at("studio"), at("hub")].map(modelCalled)).toEqual(["tiny-Q8_0", "tiny-Q4_0"]);
    expect(await openModel(at("hub", "models--org--name"))).toMatchObject({ architecture: "llama" });
    mkdirSync(at("studio", "models", "org", "other"));
    copyFileSync(file, at("studio", "models", "org", "other", "small.gguf"));
    await expect(openModel(at("studio"))).rejects.toThrow(
      /studio has 2 models in GGUF: models\/org\/name-GGUF\/tiny-Q8_0\.gguf, models\/org\/other\/small\.gguf: pass the file/,
    );
    // A folder of a model is that model, whatever lies below it.
    mkdirSync(at("model", "gguf"));
    copyFileSync(file, at("model", "gguf", "tiny.gguf"));
    expect(await referenceTo(at("model"))).toMatchObject({ kind: "folder" });
    await expect(openModel(at("hub", "models--org--name", "snapshots", "none"))).rejects.toThrow(/there is no folder/);
  });

  it("is Ollama's where it says so", async () => {
    expect(await referenceTo("ollama:tiny")).toEqual({ kind: "ollama", name: "ollama:tiny" });
    const file = await writeGgufModel(at("m.gguf"), await writeModel(at("model")));
    const [digest, size] = ["a".repeat(64), statSync(file).size];
    for (const folder of ["blobs", "manifests/registry.ollama.ai/library/tiny"])
      mkdirSync(at("ollama", folder), { recursive: true });
    copyFileSync(file, at("ollama", "blobs", `sha256-${digest}`));
    const layer = { mediaType: "application/vnd.ollama.image.model", digest: `sha256:${digest}`, size };
    const manifest = at("ollama", "manifests/registry.ollama.ai/library/tiny/latest");
    writeFileSync(manifest, JSON.stringify({ layers: [layer] }));
    vi.stubEnv("OLLAMA_MODELS", at("ollama"));
    expect(await openModel("ollama:tiny")).toMatchObject({
      name: "tiny:latest",
      revision: null,
      architecture: "llama",
    });
    vi.unstubAllEnvs();
  });

  it("is a GGUF file of the Hub's by its name, or by how its weights are stored", async () => {
    const named = { id: "org/name", revision: null };
    for (const which of ["Q4_K_M", "m-Q4_K_M.gguf"]) {
      const reference = { kind: "gguf on the hub", name: { ...named, which } };
      expect(await referenceTo(`org/name:${which}`)).toEqual(reference);
    }
    const content = readFileSync(await writeGgufModel(at("m.gguf"), await writeModel(at("model"))));
    const hub = await fakeHub();
    const commit = "a".repeat(40);
    const files = { "m-F32.gguf": { content, lfs: true }, "m-F16.gguf": { content: Buffer.from("other"), lfs: true } };
    hub.models["org/name"] = { revisions: { main: commit }, commits: { [commit]: files } };
    vi.stubEnv("HF_ENDPOINT", hub.url);
    vi.stubEnv("HF_HUB_CACHE", at("cache"));
    try {
      const told: OpenEvent[] = [];
      const model = await openModel("org/name:F32", { onDownload: (event) => told.push(event) });
      expect(model).toMatchObject({ name: "org/name:F32", revision: commit, architecture: "llama" });
      expect(told[0]).toMatchObject({ kind: "download", total: content.length, files: 1 });
      await expect(openModel("org/name")).rejects.toThrow(
        /only in GGUF.*name the file that is meant: org\/name@main:m-F32/,
      );
    } finally {
      vi.unstubAllEnvs();
      await hub.close();
    }
  });

  it("that is a file, or nothing, is refused with what to pass", async () => {
    writeFileSync(join(await writeModel(at("model")), "notes.txt"), "");
    await expect(openModel(at("model", "notes.txt"))).rejects.toThrow(/notes\.txt is a file: pass the folder/);
    await expect(openModel("nowhere", { offline: true })).rejects.toThrow(/there is no folder nowhere/);
  });

  it("tells what of the model was read otherwise than its config says", async () => {
    const folder = await writeModel(at("model"));
    editJson(folder, "config.json", (config) => {
      config.tie_word_embeddings = true;
    });
    const told: OpenEvent[] = [];
    const { notes } = await openModel(folder, { onDownload: (event) => told.push(event) });
    expect(notes).toHaveLength(1);
    expect(told).toEqual(notes.map((note) => ({ kind: "note", note })));
  });
});
