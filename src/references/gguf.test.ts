/** A GGUF file as a model: the suite for models, and figures equal to those of the folder it is made of. */
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { text } from "../formats/gguf/gguf.testing.ts";
import { dryRun } from "../measure/foresight/foresee.ts";
import { writeGgufModel } from "../measure/gguf.testing.ts";
import { listener, measureFiles, sampleText, writeModel, writeText } from "../measure/model.testing.ts";
import { validatePlan } from "../measure/plan.ts";
import { describeModel } from "../ports/model.testing.ts";
import { decoderOf } from "../ports/model.ts";
import { nameOfGguf, openGgufModel } from "./gguf.ts";
import { openModel, referenceTo } from "./open.ts";

const at = temporaryFolder();
beforeEach(() => {
  vi.stubEnv("XDG_CACHE_HOME", at("cache"));
  return () => vi.unstubAllEnvs();
});

describeModel("a GGUF file", {
  make: async () => openGgufModel(await writeGgufModel(at("m.gguf"), await writeModel(at("model")))),
  change: () => appendFileSync(at("m.gguf"), " "),
});

/** Wide enough for blocks of 32. */
const WIDE = { hidden_size: 32, intermediate_size: 64 };

describe("a GGUF file", () => {
  it.each([
    ["a/SmolLM2.Q4_1.gguf", "SmolLM2.Q4_1"],
    ["big-00002-of-00003.gguf", "big"],
    ["UPPER.GGUF", "UPPER"],
  ])("%s is called %s", (path, name) => expect(nameOfGguf(path)).toBe(name));

  it.each(["model.gguf", "a/b.gguf", "../m-00001-of-00002.gguf", "C:\\models\\m.GGUF"])(
    "is what the reference %s names, there or not",
    async (path) => expect(await referenceTo(path)).toEqual({ kind: "gguf", path }),
  );

  it("that is not there is refused by its name", async () => {
    await expect(openModel(at("none.gguf"))).rejects.toThrow(/cannot read .*none\.gguf \(no such file/);
  });

  it("that is none is refused", async () => {
    writeFileSync(at("page.gguf"), "<!doctype html>".padEnd(400));
    await expect(openModel(at("page.gguf"))).rejects.toThrow(
      /page\.gguf: not a sound GGUF file: it begins with "<!do"/,
    );
  });

  it("gives a text the bits of the folder it is made of", async () => {
    const folder = await writeModel(at("model"));
    const file = await writeGgufModel(at("m.gguf"), folder);
    const words = writeText(at("text.txt"), sampleText(4, 300));
    const measured = async (model: string) => {
      const { profile } = await measureFiles({ model, text: words, work: at("work", model === file ? "b" : "a") });
      return profile;
    };
    const [one, other] = [await measured(folder), await measured(file)];
    const bits = (profile: typeof one): number => profile.coding?.overall.bitsPerByte.value ?? Number.NaN;
    expect(bits(other)).toBeCloseTo(bits(one), 6);
    expect(other.coding?.overall.tokens).toBe(one.coding?.overall.tokens);
    expect(other.model).toMatchObject({ architecture: "llama", name: "m" });
    expect(other.ledger?.parameters).toEqual(one.ledger?.parameters);
    const { config, weights, tokenizer } = other.provenance.digests;
    for (const digest of [config, weights, tokenizer]) expect(digest).toMatch(/^[0-9a-f]{64}$/);
  });

  it("in blocks is measured, and says what it is stored as", async () => {
    const folder = await writeModel(at("model"), { config: WIDE });
    const file = await writeGgufModel(at("q.gguf"), folder, { as: "Q8_0" });
    const words = writeText(at("text.txt"), sampleText(2, 300));
    const { profile } = await measureFiles({ model: file, text: words, work: at("work"), plan: { geometry: true } });
    expect(profile.coding?.overall.bitsPerByte.value).toBeGreaterThan(0);
    expect(Object.keys(profile.ledger?.byDtype ?? {})).toContain("Q8_0");
    expect(profile.ledger?.notes?.join()).toMatch(/stored as Q8_0, and run as the float32 values these stand for/);
    expect(profile.geometry?.embedding).not.toBeNull();
  });

  it("in blocks takes disk for a while, which is foretold", async () => {
    const folder = await writeModel(at("model"), { config: WIDE });
    const words = writeText(at("text.txt"), sampleText(2, 300));
    const foretold = async (path: string): Promise<number> => {
      const model = await openModel(path);
      const plan = validatePlan({ text: [{ path: words }], plane: null, geometry: false, baselines: false });
      const { run } = await dryRun({
        ...{ model, plan, points: null, threads: 1 },
        ...{ root: at(), option: "--work", progress: listener() },
      });
      return run.diskBytes;
    };
    const blocks = await writeGgufModel(at("q.gguf"), folder, { as: "Q8_0" });
    const { weights } = decoderOf(await openModel(blocks))!;
    let values = 0;
    for (const name of weights.names()) {
      const { dtype, shape } = weights.locate(name)!;
      if (dtype === "Q8_0") values += shape.reduce((product, size) => product * size, 1);
    }
    // A byte each, and a float32 for every 32.
    expect(values).toBeGreaterThan(0);
    expect(await foretold(blocks)).toBe((values * 36) / 32);
    expect(await foretold(await writeGgufModel(at("f.gguf"), folder, { as: "F16" }))).toBe(0);
  });

  it("brings its template of conversations, or says that it has none", async () => {
    const folder = await writeModel(at("model"));
    const plain = await openGgufModel(await writeGgufModel(at("plain.gguf"), folder));
    await expect(plain.conversing()).rejects.toThrow(/plain has no template of conversations/);
    const template = "{% for message in messages %}{{ message.content }}{% endfor %}";
    const further = [["tokenizer.chat_template", text(template)]] as const;
    const chatty = await openGgufModel(await writeGgufModel(at("chatty.gguf"), folder, {}, further));
    const { chat } = await chatty.conversing();
    const record = { messages: [{ role: "user", content: "hello" }], tools: null };
    expect(await chat.render(record, "one")).toBe("hello");
  });

  it("is another model once a byte of it is another", async () => {
    const path = await writeGgufModel(at("m.gguf"), await writeModel(at("model")));
    const before = await (await openGgufModel(path)).digests();
    const bytes = readFileSync(path);
    bytes[bytes.length - 100] ^= 1;
    writeFileSync(path, bytes);
    const after = await (await openGgufModel(path)).digests();
    expect(after.weights).not.toBe(before.weights);
    expect([after.config, after.tokenizer]).toEqual([before.config, before.tokenizer]);
  });
});
