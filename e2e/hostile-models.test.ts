/** A model's folder, its files mutated by the thousand (`src/mutations.testing.ts`): config, index, headers of the weights. */
import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { runtimeBytes } from "../src/engines/memory.ts";
import { temporaryFolder } from "../src/files/folder.testing.ts";
import { openSafetensors } from "../src/files/safetensors.ts";
import { fixture } from "../src/fixtures.testing.ts";
import { encodeHeader, headerEnd, parseHeader } from "../src/formats/safetensors.ts";
import { hold } from "../src/hold.testing.ts";
import { INDEX } from "../src/hub/layout.ts";
import { type Checkpoint, openCheckpoint } from "../src/models/checkpoint.ts";
import { specOf } from "../src/models/config.ts";
import { buildMeasuringGraph } from "../src/models/heads.ts";
import { storageLedger } from "../src/models/ledger.ts";
import { bindWeights } from "../src/models/weights.ts";
import { mutatedBytes, mutatedJson, mutatedJsonText, mutatedSafetensors } from "../src/mutations.testing.ts";

const at = temporaryFolder();
const models = readdirSync(fixture("models"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => fixture(`models/${name}`));

/** Readers take parsed objects; what is none is refused where files are opened. */
const mutatedObject = (sample: unknown) =>
  mutatedJson([sample]).filter(
    ({ content }) => typeof content === "object" && content !== null && !Array.isArray(content),
  );

/** All that is done with a model before it runs. */
function understand({ config, weights, aside, notes }: Pick<Checkpoint, "config" | "weights" | "aside" | "notes">) {
  storageLedger(config, weights, { name: "m", aside, notes });
  const spec = specOf(config);
  bindWeights(spec, weights);
  runtimeBytes(spec, weights, { longest: 64, batchTokens: 64 });
  buildMeasuringGraph(spec, weights, { losses: true }, 64);
}

describe("a model", () => {
  it("by its config, up to the graph", async () => {
    const opened = await Promise.all(models.map(openCheckpoint));
    const mutants = fc
      .constantFrom(...opened)
      .chain((model) =>
        mutatedObject(model.config).map(({ content, how }) => ({ content: { ...model, config: content }, how })),
      );
    const { sound, runs } = await hold(mutants, (model) => understand(model as Checkpoint), 1000);
    expect(sound).toBeGreaterThan(runs / 10);
  });

  /** A copy of a model, one file of which is written again and again. */
  const changing = (model: string, name: string) => {
    const folder = at(basename(model));
    cpSync(model, folder, { recursive: true });
    return {
      content: readFileSync(join(folder, name)),
      left: () => readdirSync(folder),
      open: async (bytes: Buffer) => {
        writeFileSync(join(folder, name), bytes);
        understand(await openCheckpoint(folder));
      },
    };
  };

  it("by the bytes of config.json", async () => {
    const { content, open, left } = changing(fixture("models/llama"), "config.json");
    const { sound } = await hold(mutatedJsonText([JSON.parse(content.toString())]), open, 400, { left });
    expect(sound).toBeGreaterThan(0);
  });

  it("by the index of its shards", async () => {
    const { content, open, left } = changing(fixture("models/mistral-sharded"), INDEX);
    const index = JSON.parse(content.toString());
    const { sound } = await hold(mutatedJsonText([index]), open, 400, { left });
    expect(sound).toBeGreaterThan(0);
  });

  it("by a shard", async () => {
    const model = fixture("models/mistral-sharded");
    const [name, other] = readdirSync(model).filter((file) => file.endsWith(".safetensors"));
    const { content, open, left } = changing(model, name);
    const mutants = mutatedBytes([content, readFileSync(join(model, other))]);
    const { sound } = await hold(mutants, open, 150, { left });
    expect(sound).toBeGreaterThan(0);
  });
});

describe("safetensors", () => {
  it("by the bytes of their headers", async () => {
    const files = models.slice(0, 6).map((folder) => readFileSync(`${folder}/model.safetensors`));
    const heads = files.map((bytes) => bytes.subarray(0, headerEnd(bytes, bytes.length)));
    const sizes = new Map(heads.map((head, index) => [head.length, files[index].length]));
    await hold(
      mutatedBytes(heads),
      (head) => {
        const size = sizes.get(head.length) ?? head.length + 1000;
        const end = headerEnd(head, size);
        return parseHeader(head.subarray(0, end), size);
      },
      2000,
    );
  });

  it("by what their headers say", async () => {
    const tensors = [
      { name: "a", dtype: "F32", shape: [2, 3] },
      { name: "b", dtype: "I64", shape: [2] },
    ] as const;
    const head = Buffer.from(encodeHeader(tensors, { format: "pt" }));
    const path = at("w.safetensors");
    const mutants = mutatedSafetensors(Buffer.concat([head, Buffer.alloc(40)]));
    const { sound } = await hold(
      mutants,
      async (bytes) => {
        writeFileSync(path, bytes);
        const file = await openSafetensors(path);
        try {
          for (const name of file.header.tensors.keys()) await file.read(name);
        } finally {
          await file.close();
        }
      },
      1000,
      { left: () => readdirSync(at()).filter((name) => name !== "w.safetensors") },
    );
    expect(sound).toBeGreaterThan(0);
  });
});
