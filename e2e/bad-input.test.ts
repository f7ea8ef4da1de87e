/**
 * Models and texts that are damaged, hostile or strange, through the whole command line: every one ends in a message with
 * its numbers and the exit code for its kind, with nothing left under the names that were asked for nor in the work
 * folder; what can be measured is, every byte of it once.
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { type Execution, run } from "../src/cli/run.testing.ts";
import { temporaryFolder } from "../src/files/folder.testing.ts";
import { encodeHeader, headerEnd, type TensorShape } from "../src/formats/safetensors.ts";
import { CONFIG, editJson, type ModelChoice, sampleText, writeModel, writeText } from "../src/measure/model.testing.ts";
import { profileSchema } from "../src/profile/profile.ts";

const at = temporaryFolder();
beforeEach(() => {
  vi.stubEnv("XDG_CACHE_HOME", at("cache"));
  return () => vi.unstubAllEnvs();
});

const CODING_ALONE = ["--no-plane", "--no-geometry", "--no-baselines"];

function measureCommand(model: string, text: string, ...more: readonly string[]): Promise<Execution> {
  const places = ["--work", at("work"), "--out", at("out")];
  return run("measure", model, "--text", text, "--threads", "1", "--quiet", ...places, ...more);
}

/** What a run that failed may leave: nothing. */
function expectNothingLeft(): void {
  expect(existsSync(at("out")) ? readdirSync(at("out")) : []).toEqual([]);
  expect(existsSync(at("work")) ? readdirSync(at("work")) : []).toEqual([]);
}

async function profileOf(model: string, text: string, ...more: readonly string[]) {
  const { code, err } = await measureCommand(model, text, ...more);
  expect(err.replace(/^wrote .*\n/gm, "")).toBe("");
  expect(code).toBe(0);
  expect(readdirSync(at("work"))).toEqual([]);
  return profileSchema.parse(JSON.parse(readFileSync(at("out", "profile.json"), "utf8")));
}

const WEIGHTS = "model.safetensors";

/** Writes the weight file anew with a header of one's own over the tensors' bytes. */
function withHeader(
  folder: string,
  edit: (header: Record<string, { shape: number[]; data_offsets: number[] }>) => void,
) {
  const bytes = readFileSync(join(folder, WEIGHTS));
  const end = headerEnd(bytes, bytes.length);
  const header = JSON.parse(bytes.toString("utf8", 8, end));
  edit(header);
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  writeFileSync(join(folder, WEIGHTS), Buffer.concat([length, json, bytes.subarray(end)]));
}

describe("a model that is refused", () => {
  const inJson =
    (name: string, edit: (json: Record<string, unknown>) => void) =>
    (folder: string): void =>
      editJson(folder, name, edit);

  it.each<[string, (folder: string) => void, RegExp]>([
    [
      "weights that were cut short",
      (folder) => truncateSync(join(folder, WEIGHTS), 20_000),
      /model\.safetensors: not a sound safetensors file: tensor ".*" ends at byte [\d,]+ of a file of 20,000: it is cut short: fetch/,
    ],
    [
      "a header longer than the file",
      (folder) => writeFileSync(join(folder, WEIGHTS), Buffer.from([255, 255, 255, 255, 255, 255, 255, 127])),
      /its header claims 9,223,372,036,854,775,807 bytes, the file has 8/,
    ],
    [
      "tensors that overlap",
      (folder) =>
        withHeader(folder, (header) => {
          const [first, second] = Object.values(header).filter(({ shape }) => shape.length === 2);
          second.shape = first.shape;
          second.data_offsets = first.data_offsets;
        }),
      /begins at byte [\d,]+, .* ends at [\d,]+: they overlap/,
    ],
    [
      "offsets beyond the file",
      (folder) =>
        withHeader(folder, (header) => {
          const last = Object.values(header)
            .sort((a, b) => a.data_offsets[1] - b.data_offsets[1])
            .at(-1)!;
          last.data_offsets[1] += 4096;
        }),
      /ends at byte [\d,]+ of a file of [\d,]+: it is cut short/,
    ],
    [
      "an absurd shape",
      (folder) =>
        withHeader(folder, (header) => {
          header["model.norm.weight"].shape = [2 ** 50, 2 ** 50];
        }),
      /tensor "model\.norm\.weight" of shape \[1125899906842624,1125899906842624\] has over 2\^53 elements/,
    ],
    [
      "weights as a pickle",
      (folder) => renameSync(join(folder, WEIGHTS), join(folder, "pytorch_model.bin")),
      /only as pytorch_model\.bin: Python pickles, which run code when they are read: use a revision with model\.safetensors/,
    ],
    [
      "no weights",
      (folder) => unlinkSync(join(folder, WEIGHTS)),
      /has neither model\.safetensors nor model\.safetensors\.index\.json/,
    ],
    [
      "no tokenizer",
      (folder) => unlinkSync(join(folder, "tokenizer.json")),
      /model has no tokenizer\.json: save the model's fast tokenizer/,
    ],
    [
      "a tokenizer that is no JSON",
      (folder) => truncateSync(join(folder, "tokenizer.json"), 100),
      /tokenizer\.json is not JSON/,
    ],
    [
      "another model's tokenizer",
      inJson("tokenizer.json", ({ model }) => {
        Object.assign((model as { vocab: object }).vocab, { a: 300 });
      }),
      /text reaches the token "a" \(id 300\), which is past the model's 257 embeddings: leave that token out/,
    ],
    ["no config", (folder) => unlinkSync(join(folder, "config.json")), /has no config\.json: pass a folder/],
    [
      "a config that is no JSON",
      (folder) => writeFileSync(join(folder, "config.json"), "{model_type: llama}"),
      /config\.json is not JSON/,
    ],
    [
      "a missing tensor",
      inJson("config.json", (config) => {
        config.num_hidden_layers = 3;
      }),
      /the checkpoint has no tensor model\.layers\.2\.\S+ or \S+ of shape \[.*\]: check that config\.json belongs to these weights/,
    ],
    [
      "a tensor of another shape",
      inJson("config.json", (config) => {
        config.intermediate_size = 32;
      }),
      /the tensor model\.layers\.0\.mlp\.\S+ has shape \[24, 16\], config\.json makes it \[32, 16\]/,
    ],
    [
      "a tensor that has no place",
      inJson("config.json", (config) => {
        config.num_hidden_layers = 1;
      }),
      /tensors that the architecture llama has no place for: model\.layers\.1\.\S+, \S+, \S+ and \d+ more/,
    ],
    [
      "an architecture nobody knows",
      inJson("config.json", (config) => {
        config.model_type = "nobody_knows";
      }),
      /the architecture "nobody_knows" is not known: supported: .*falcon, /,
    ],
    [
      "an option that the decoder does not do",
      inJson("config.json", (config) => {
        config.hidden_act = "snake";
      }),
      /hidden_act.*"snake"/,
    ],
    [
      "quantised weights",
      inJson("config.json", (config) => {
        config.quantization_config = { quant_method: "hqq" };
      }),
      /the weights are quantised \(quantization_config: hqq\): use the checkpoint in F32/,
    ],
    [
      "absurd sizes in the config",
      inJson("config.json", (config) => {
        config.hidden_size = 2 ** 30;
        config.head_dim = 8;
      }),
      /has shape \[257, 16\], config\.json makes it \[257, 1073741824\]/,
    ],
    [
      "more blocks in the config than any model",
      inJson("config.json", (config) => {
        config.num_hidden_layers = 123_456_789_012;
      }),
      /sets num_hidden_layers to 123456789012; expected at most 1,024/,
    ],
  ])("has %s", async (_, damage, message) => {
    damage(await writeModel(at("model")));
    const { code, out, err } = await measureCommand(at("model"), writeText(at("text"), "abc"), ...CODING_ALONE);
    expect(err).toMatch(message);
    expect(err).toMatch(/^lossyscope: .*\n$/);
    expect([code, out]).toEqual([1, ""]);
    expectNothingLeft();
  });

  it("needs more memory than there is, known before a byte of it is read", async () => {
    const [width, blocks] = [2 ** 16, 64];
    const folder = await writeModel(at("model"));
    const config = { ...CONFIG, hidden_size: width, intermediate_size: width, num_hidden_layers: blocks };
    writeFileSync(join(folder, "config.json"), JSON.stringify({ ...config, num_key_value_heads: 2 }));
    const matrix = (name: string, rows: number): TensorShape => ({ name, dtype: "BF16", shape: [rows, width] });
    const scale = (name: string): TensorShape => ({ name, dtype: "BF16", shape: [width] });
    const header = encodeHeader([
      matrix("model.embed_tokens.weight", CONFIG.vocab_size),
      matrix("lm_head.weight", CONFIG.vocab_size),
      scale("model.norm.weight"),
      ...Array.from({ length: blocks }, (_, i) => [
        ...["q", "k", "v", "o"].map((name) => matrix(`model.layers.${i}.self_attn.${name}_proj.weight`, width)),
        ...["gate", "up", "down"].map((name) => matrix(`model.layers.${i}.mlp.${name}_proj.weight`, width)),
        ...["input", "post_attention"].map((name) => scale(`model.layers.${i}.${name}_layernorm.weight`)),
      ]).flat(),
    ]);
    const parameters = 2 * CONFIG.vocab_size * width + width + blocks * (7 * width ** 2 + 2 * width);
    writeFileSync(join(folder, WEIGHTS), header);
    truncateSync(join(folder, WEIGHTS), header.length + 2 * parameters);
    const started = performance.now();
    const { code, err } = await measureCommand(folder, writeText(at("text"), "abc"));
    expect(performance.now() - started).toBeLessThan(5000);
    const said =
      /the model needs about ([\d.]+) GB of memory even one block at a time, this machine has [\d.]+ [GT]B/.exec(err);
    // A block in float32, and room for the next one beside it.
    const needed = Number(said?.[1]) * 1e9;
    expect(needed).toBeGreaterThan((4 * parameters) / blocks);
    expect(needed).toBeLessThan((16 * parameters) / blocks);
    expect(code).toBe(1);
    expectNothingLeft();
  });

  it.each<[string, ModelChoice["change"], RegExp]>([
    [
      "NaN",
      (name, values) => name.includes("layers.1.mlp.down") && values.fill(Number.NaN, 3, 4),
      /a soft assignment of layer 2 is NaN at the prefix \(tokens 0 to \d+ of "a\.txt"\): look for NaN, infinity/,
    ],
    [
      "infinite",
      (name, values) => name === "lm_head.weight" && values.fill(Number.POSITIVE_INFINITY, 40, 41),
      /a loss is \S+ at token \d+ \(tokens 0 to \d+ of "a\.txt"\): look for NaN, infinity and very large values/,
    ],
    [
      "such large",
      (name, values) => name === "model.embed_tokens.weight" && values.set(values.map((value) => value * 1e22)),
      /a soft assignment of layer 0 is NaN at the prefix/,
    ],
  ])("has %s weights", async (_, change, message) => {
    const model = await writeModel(at("model"), { change });
    const text = writeText(at("a.txt"), sampleText(1, 100));
    const { code, err } = await measureCommand(model, text, "--no-baselines", "--no-geometry");
    expect(err).toMatch(message);
    expect(code).toBe(1);
    expectNothingLeft();
  });

  it("has a weight that is no number, whatever the model is to do", async () => {
    const change: ModelChoice["change"] = (name, values) => name === "model.norm.weight" && values.fill(Number.NaN);
    const model = await writeModel(at("model"), { change });
    const text = writeText(at("a.txt"), sampleText(2, 400));
    const prompts = [{ text: "a is", joint: " ", terminator: "." }];
    const fact = { subject: "a", relation: "is", value: "x", candidates: ["x", "y"], prompts, exposures: 1 };
    const facts = writeText(
      at("facts.jsonl"),
      [fact, { ...fact, subject: "b" }].map((one) => JSON.stringify(one)).join("\n"),
    );
    const commands: readonly (readonly [string, ...string[]])[] = [
      ["a logit", "generate", model, "--prompt", "a"],
      [
        "a state of layer 2",
        "states",
        model,
        "--text",
        text,
        "--context",
        "32",
        "--out",
        at("out", "states.safetensors"),
      ],
      ["a probability", "compress", text, "--model", model, "--out", at("out", "text.lsz")],
      ["a loss", "facts", model, "--facts", facts, "--out", at("out", "facts")],
      ["a loss", "recall", model, "--text", text, "--unseen", text, "--out", at("out", "recall")],
    ];
    mkdirSync(at("out"));
    for (const [what, ...command] of commands) {
      const { code, err } = await run(...command, "--threads", "1", "--quiet");
      expect(`${command[0]}: ${err}`).toMatch(`${command[0]}: lossyscope: ${what} is NaN at `);
      expect(code).toBe(1);
    }
    expect(readdirSync(at("out"), { recursive: true }).filter((name) => /\./.test(`${name}`))).toEqual([]);
    const { out } = await run("inspect", model, "--entropy");
    expect(out).toContain("Note: values that are NaN or infinite: 16 in model.norm.weight");
  });

  it("has NaN only where the text does not look, and is measured", async () => {
    const model = await writeModel(at("model"), {
      change: (name, values) => name === "model.embed_tokens.weight" && values.fill(Number.NaN, 16, 32),
    });
    const { coding, geometry } = await profileOf(
      model,
      writeText(at("a.txt"), sampleText(1, 300)),
      "--no-plane",
      "--no-baselines",
    );
    expect(coding!.overall.bitsPerByte.value).toBeGreaterThan(0);
    expect(geometry!.embedding!.packing.largest).toBeLessThanOrEqual(1);
  });

  it("has fewer positions than were asked for", async () => {
    const model = await writeModel(at("model"));
    const text = writeText(at("text"), "abc");
    const { code, err } = await measureCommand(model, text, "--context", "65", ...CODING_ALONE);
    expect(err).toBe("lossyscope: the model has 64 positions, --context asks 65: pass --context 64\n");
    expect(code).toBe(2);
    expectNothingLeft();
    const { plan } = await profileOf(model, text, ...CODING_ALONE);
    expect(plan).toMatchObject({ context: 64 });
  });
});

describe("a text that is refused", () => {
  it.each<[string, string | Uint8Array, readonly string[], RegExp]>([
    ["holds nothing", "", [], /text\.txt has no text to measure: give text that is not empty/],
    [
      "is not UTF-8",
      Uint8Array.of(0x61, 0x62, 0xff, 0x63),
      [],
      /text\.txt is not UTF-8 at byte 2 \(0xff\): convert it, or pass --invalid-utf8 replace/,
    ],
  ])("%s", async (_, content, more, message) => {
    const text = writeText(at("text.txt"), content);
    const { code, err } = await measureCommand(await writeModel(at("model")), text, ...CODING_ALONE, ...more);
    expect(err).toMatch(message);
    expect(code).toBe(1);
    expectNothingLeft();
  });

  it("has half a surrogate pair in its JSON", async () => {
    const records = [{ text: "sound" }, { text: "half \ud83d of a pair" }];
    const text = writeText(at("text.jsonl"), records.map((record) => JSON.stringify(record)).join("\n"));
    const { code, err } = await measureCommand(await writeModel(at("model")), text, ...CODING_ALONE);
    expect(err).toMatch(/text\.jsonl, line 2 holds half a surrogate pair, which UTF-8 cannot write: repair the record/);
    expect(code).toBe(1);
    expectNothingLeft();
  });

  it("is not there, or is a folder without text", async () => {
    const model = await writeModel(at("model"));
    const absent = await measureCommand(model, at("absent.txt"), ...CODING_ALONE);
    expect(absent.err).toMatch(/cannot read .*absent\.txt \(no such file or directory\): check the path/);
    mkdirSync(at("empty"));
    const empty = await measureCommand(model, at("empty"), ...CODING_ALONE);
    expect(empty.err).toMatch(/empty has no text in it/);
    expect([absent.code, empty.code]).toEqual([1, 1]);
    expectNothingLeft();
  });
});

describe("a text that is strange", () => {
  /** Every token of the corpus belongs to it, every byte to a token: a byte is a token here. */
  const measured = async (content: string | Uint8Array, ...more: readonly string[]) => {
    const text = writeText(at("text.txt"), content);
    const { corpus, coding, documents, plane, refusals } = await profileOf(
      await writeModel(at("model")),
      text,
      ...CODING_ALONE,
      ...more,
    );
    const bytes = documents.reduce((total, document) => total + document.bytes, 0);
    const tokens = documents.reduce((total, document) => total + document.tokens, 0);
    expect([corpus.bytes, corpus.tokens, coding!.overall.bytes, coding!.overall.tokens]).toEqual([
      bytes,
      tokens,
      bytes,
      tokens,
    ]);
    expect(tokens).toBe(bytes);
    expect(coding!.overall.nats).toBeCloseTo(
      documents.reduce((total, document) => total + document.nats!, 0),
      6,
    );
    return { corpus, coding: coding!.overall, documents, plane, refusals };
  };

  it("of NUL bytes, byte order marks and line ends as they are", async () => {
    const { corpus, coding } = await measured("\ufeffa\0b\0\0c\r\n\u2028");
    expect([corpus.bytes, corpus.characters]).toEqual([14, 10]);
    expect(coding.bitsPerByte.value).toBeGreaterThan(0);
  });

  it("of bytes that are no UTF-8, replaced and counted", async () => {
    const { corpus } = await measured(Uint8Array.of(0x61, 0xff, 0x62, 0xf0, 0x9f, 0x63), "--invalid-utf8", "replace");
    expect(corpus).toMatchObject({ invalidUtf8: 2, bytes: 9, characters: 5 });
  });

  it("of emoji, each cut into several tokens", async () => {
    const family = "\u{1f469}\u200d\u{1f469}\u200d\u{1f467}";
    const { corpus, coding } = await measured(family.repeat(40));
    expect([corpus.bytes, corpus.characters]).toEqual([40 * 18, 40 * 5]);
    const [perByte, perCharacter] = [coding.bitsPerByte.value!, coding.bitsPerCharacter.value!];
    expect(perCharacter).toBeCloseTo((perByte * 18) / 5, 9);
  });

  it("of one character, a hundred thousand times", async () => {
    const { corpus, documents } = await measured("a".repeat(100_000), "--overlap", "0");
    expect(corpus).toMatchObject({ bytes: 100_000, tokens: 100_000, documents: 1, unit: "block", units: 49 });
    expect(documents[0].tokens).toBe(100_000);
  });

  it("of documents shorter than two tokens, and empty ones among them", async () => {
    writeText(at("text", "1.txt"), "");
    writeText(at("text", "2.txt"), "x");
    writeText(at("text", "3.txt"), "yz");
    const { documents, coding, corpus } = await profileOf(
      await writeModel(at("model")),
      at("text"),
      "--no-geometry",
      "--no-baselines",
    );
    expect(documents.map(({ tokens }) => tokens)).toEqual([0, 1, 2]);
    expect(documents[0].nats).toBe(0);
    expect(coding!.overall.bitsPerByte).toMatchObject({ low: null, high: null });
    expect(corpus.units).toBe(2);
  });

  it("without anything before its first token, which costs log2 V bits", async () => {
    const model = await writeModel(at("model"), { prefix: false });
    const { documents, corpus } = await profileOf(model, writeText(at("text.txt"), "a"), ...CODING_ALONE);
    expect(corpus.tokens).toBe(1);
    expect(documents[0].nats).toBeCloseTo(Math.log(CONFIG.vocab_size), 6);
  });
});
