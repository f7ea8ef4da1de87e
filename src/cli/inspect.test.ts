import { existsSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { fixture } from "../fixtures.testing.ts";
import { text, texts, writeGguf } from "../formats/gguf/gguf.testing.ts";
import { encodeHeader, type TensorShape } from "../formats/safetensors.ts";
import { type FakeHub, fakeHub } from "../hub/hub.testing.ts";
import { CONFIG, editJson } from "../measure/model.testing.ts";
import { writeQuantised } from "../measure/quantised.testing.ts";
import { ledgerSchema } from "../profile/ledger.ts";
import { createProgress } from "../report/progress.ts";
import { type InspectOptions, inspect, inspectCommand, inspectionText } from "./inspect.ts";

const at = temporaryFolder();
const WIDE = { width: 200, colour: false, unicode: true };
let said = "";
const options = (more: Partial<InspectOptions> = {}): InspectOptions => {
  said = "";
  const progress = createProgress({ write: (text: string) => (said += text) });
  return { entropy: false, training: {}, offline: false, progress, ...more };
};

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

describe("inspect", () => {
  it("reads a model of an architecture nobody knows, of any size, within a second", async () => {
    mkdirSync(at("giant"));
    const tensors: TensorShape[] = Array.from({ length: 2000 }, (_, i) => ({
      name: `trunk.${i}.mix.weight`,
      dtype: "BF16",
      shape: [4096, 4096],
    }));
    const header = encodeHeader(tensors);
    writeFileSync(at("giant", "config.json"), '{"model_type":"nobody_knows"}');
    writeFileSync(at("giant", "model.safetensors"), header);
    truncateSync(at("giant", "model.safetensors"), header.length + 2000 * 2 * 4096 ** 2);
    const started = performance.now();
    const { model, ledger } = await inspect(at("giant"), options());
    expect(performance.now() - started).toBeLessThan(1000);
    expect(model).toEqual({ name: "giant", revision: null, architecture: "nobody_knows" });
    expect(ledger.parameters.total).toBe(2000 * 4096 ** 2);
    expect(ledger.weightBytes).toBe(67_108_864_000);
    expect(ledgerSchema.parse(ledger)).toEqual(ledger);
  });

  it("prints what a person wants to know", async () => {
    const training = { tokens: 1e9, bytes: 4e9 };
    const inspection = await inspect(fixture("models/gpt_neox-bf16"), options({ entropy: true, training }));
    const { total, embedding } = inspection.ledger.parameters;
    expect(inspection.ledger.entropyCodedBytes).toBeLessThan(inspection.ledger.weightBytes);
    const table = inspectionText(inspection, WIDE);
    expect(table).toMatch(/^gpt_neox-bf16 \(gpt_neox\)\n/);
    expect(table).toMatch(new RegExp(`Parameters +${total.toLocaleString("en-US")}\n`));
    expect(table).toMatch(new RegExp(`embedding +${embedding.toLocaleString("en-US")} `));
    expect(table).toMatch(/BF16 +[\d.]+ kB {2}\d+ tensors\n/);
    expect(table).toMatch(/entropy-coded +[\d.]+ kB {2}[\d.]+ % of the stored bytes\n/);
    const withBuffers = inspectionText(await inspect(fixture("models/gpt_neox"), options()), WIDE);
    expect(withBuffers).toMatch(/Buffers .* stored tensors that are no weights\n/);
    expect(withBuffers).toMatch(/Training text +– {2}not known: pass --training-tokens or --training-bytes\n/);
    expect(table).toMatch(/Training tokens +1.00G {2}given\n/);
    expect(table).toMatch(/Storage ratio +[\d,]+ {2}bytes of training text for each byte of weights\n/);
  });

  it("writes the same as JSON, to standard output or a file", async () => {
    let printed = "";
    vi.spyOn(process.stdout, "write").mockImplementation((text) => Boolean((printed += text)));
    const run = (...args: string[]) => inspectCommand().parseAsync([fixture("models/gpt2"), ...args], { from: "user" });
    await run("--json");
    const { ledger } = JSON.parse(printed);
    expect(ledgerSchema.parse(ledger)).toEqual(ledger);
    await run("--json", at("ledger.json"), "--training-bytes", "2GB");
    expect(JSON.parse(readFileSync(at("ledger.json"), "utf8")).ledger.training.bytes).toBe(2e9);
    expect(printed).toContain("Parameters");
  });
});

describe("inspect of a GGUF file", () => {
  it("says what its matrices are stored as, and how its texts are cut, whatever the architecture", async () => {
    const matrix = (name: string, dtype: "Q8_0" | "F16", bytes: number) => ({
      name,
      dtype,
      shape: [4, 32],
      data: new Uint8Array(bytes),
    });
    const metadata = [
      ["general.architecture", text("nobody_knows")],
      ["tokenizer.ggml.model", text("gpt2")],
      ["tokenizer.ggml.pre", text("olmo")],
      ["tokenizer.ggml.tokens", texts(["a", "b"])],
    ] as const;
    const tensors = [
      matrix("token_embd.weight", "F16", 256),
      matrix("blk.0.attn_q.weight", "Q8_0", 136),
      matrix("blk.1.attn_q.weight", "F16", 256),
      { name: "rope_freqs.weight", dtype: "F32" as const, shape: [4], data: new Uint8Array(16) },
    ];
    writeFileSync(at("odd.gguf"), writeGguf({ metadata, tensors }));
    const inspection = await inspect(at("odd.gguf"), options());
    expect(inspection.model).toEqual({ name: "odd", revision: null, architecture: "nobody_knows" });
    expect(ledgerSchema.parse(inspection.ledger)).toEqual(inspection.ledger);
    expect(inspection.ledger.parameters).toMatchObject({ total: 384, embedding: 128 });
    expect(inspection.ledger.buffers).toEqual({ tensors: 1, bytes: 16 });
    const table = inspectionText(inspection, WIDE);
    expect(table).toMatch(/Tokenizer: gpt2, cut as olmo, 2 tokens; without a template of conversations\./);
    expect(table).toMatch(/attn_q +2 +256 +392 B +12\.3 +F16, Q8_0\n/);
    expect(table).toMatch(/token_embd +1 +128 +256 B +16\.0 +F16/);
  });
});

describe("inspect of a folder of quantised weights", () => {
  it("says what its matrices are stored as, scales and all", async () => {
    const settings = {
      quant_method: "compressed-tensors",
      format: "int-quantized",
      config_groups: { group_0: { weights: { num_bits: 8, type: "int", strategy: "channel" } } },
    };
    const [folder] = await writeQuantised(at("m"), settings, (name, shape, values) => ({
      parts: [
        { name, dtype: "I8", shape, data: new Int8Array(values.length) },
        { name: `${name}_scale`, dtype: "F32", shape: [shape[0], 1], data: new Float32Array(shape[0]) },
      ],
      values,
    }));
    const inspection = await inspect(folder, options());
    const kind = inspection.matrices?.find((one) => one.kind === "mlp.down_proj");
    const { hidden_size: width, intermediate_size: inner, num_hidden_layers: layers } = CONFIG;
    expect(kind).toMatchObject({
      tensors: layers,
      parameters: layers * width * inner,
      bytes: layers * (width * inner + 4 * width),
      types: ["I8"],
    });
    expect(inspectionText(inspection, WIDE)).toMatch(/mlp\.down_proj +2 +768 +896 B +9\.33 +I8\n/);
    expect(inspection.ledger.notes?.join()).toMatch(/stored as I8 with scales \(compressed-tensors\)/);
    editJson(folder, "config.json", (json) =>
      Object.assign(json, { quantization_config: { quant_method: "hqq", bits: 8 } }),
    );
    expect(await inspect(folder, options())).not.toHaveProperty("matrices");
  });
});

describe("inspect on the Hub", () => {
  const commit = "c".repeat(40);
  let hub: FakeHub;
  beforeAll(async () => {
    hub = await fakeHub();
    const published = (folder: string) => {
      const file = (name: string, lfs: boolean) => ({ content: readFileSync(fixture(`${folder}/${name}`)), lfs });
      const files = { "config.json": file("config.json", false), "model.safetensors": file("model.safetensors", true) };
      return { revisions: { main: commit }, commits: { [commit]: files } };
    };
    hub.models["org/tiny"] = published("models/gpt2");
    hub.models["org/sees"] = published("cases/tower-video_llava");
  });
  afterAll(() => hub.close());
  const connect = () => {
    vi.stubEnv("HF_ENDPOINT", hub.url);
    vi.stubEnv("HF_HUB_CACHE", at("cache"));
    vi.stubEnv("HF_HUB_OFFLINE", "");
  };

  it("reads headers from afar, and says so", async () => {
    connect();
    const { model, ledger } = await inspect("org/tiny", options());
    expect(model).toEqual({ name: "org/tiny", revision: commit, architecture: "gpt2" });
    const { ledger: local } = await inspect(fixture("models/gpt2"), options());
    expect({ ...ledger, notes: [] }).toEqual({ ...local, notes: [] });
    expect(existsSync(at("cache"))).toBe(false);
    await inspect("org/tiny", options());
    expect(said).toContain("without downloading the weights");
  });

  it("reads the header of a GGUF file from afar, and the whole of it only where its weights are to be read", async () => {
    connect();
    const metadata = [
      ["general.architecture", text("nobody_knows")],
      ["tokenizer.ggml.model", text("gpt2")],
      ["tokenizer.ggml.tokens", texts(["a", "b"])],
    ] as const;
    const tensors = ["token_embd.weight", "output.weight"].map((name) => ({
      name,
      dtype: "F16" as const,
      shape: [4, 32],
      data: new Uint8Array(256),
    }));
    const content = Buffer.from(writeGguf({ metadata, tensors }));
    hub.models["org/gguf"] = {
      revisions: { main: commit },
      commits: { [commit]: { "files/m-F16.gguf": { content, lfs: true }, "m-Q8_0.gguf": { content, lfs: true } } },
    };
    writeFileSync(at("m-F16.gguf"), content);
    const remote = await inspect("org/gguf:F16", options());
    expect(said).toContain("org/gguf:F16: reading the header from the Hub, without downloading the weights");
    const local = await inspect(at("m-F16.gguf"), options());
    expect(remote.model).toEqual({ name: "org/gguf:F16", revision: commit, architecture: "nobody_knows" });
    expect({ ...remote, model: null }).toEqual({ ...local, model: null });
    expect(existsSync(at("cache"))).toBe(false);
    const coded = await inspect("org/gguf:F16", options({ entropy: true }));
    expect(coded.ledger.entropyCodedBytes).not.toBeNull();
    expect((await inspect("org/gguf:F16", options({ offline: true }))).model.revision).toBe(commit);
  });

  it("asks for little of a model in parts, however large, and of a head that may be the table a few stretches", async () => {
    connect();
    const name = (part: number): string => `m-Q8_0-0000${part}-of-00002.gguf`;
    const split = (part: number) =>
      [
        ["split.no", { type: "u16", value: part }],
        ["split.count", { type: "u16", value: 2 }],
        ["split.tensors.count", { type: "i32", value: 3 }],
      ] as const;
    const large = Uint8Array.from({ length: 3 << 20 }, (_, i) => (i * i) >> 7);
    const matrix = (called: string) => ({ name: called, dtype: "F16" as const, shape: [3 << 10, 512], data: large });
    const parts = [
      {
        metadata: [["general.architecture", text("llama")], ...split(0)] as const,
        tensors: [matrix("token_embd.weight")],
      },
      { metadata: split(1), tensors: [matrix("output.weight"), matrix("blk.0.ffn_up.weight")] },
    ].map((part) => Buffer.from(writeGguf(part)));
    const files = parts.map((content, part) => [name(part + 1), { content, lfs: true }]);
    hub.models["org/large"] = { revisions: { main: commit }, commits: { [commit]: Object.fromEntries(files) } };
    for (const [part, content] of parts.entries()) writeFileSync(at(name(part + 1)), content);
    hub.asked.length = 0;
    const { ledger } = await inspect("org/large:Q8_0", options());
    expect(ledger).toEqual((await inspect(at(name(2)), options())).ledger);
    const sizes = hub.asked
      .filter(({ server, method }) => server === "cdn" && method === "GET")
      .map(({ range }) => {
        const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(range ?? "")!;
        return Number(to) + 1 - Number(from);
      });
    // A first megabyte of each part, and sixteen stretches of head and table, which are alike.
    expect(sizes).toHaveLength(2 + 32);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(2 * (1 << 20) + 32 * (1 << 12));
  });

  it("tells towers from the text model from afar as it does here", async () => {
    connect();
    const { model, ledger } = await inspect("org/sees", options());
    const { ledger: local } = await inspect(fixture("cases/tower-video_llava"), options());
    expect(ledger).toEqual(local);
    expect(ledger.aside!.map(({ name }) => name)).toEqual(["image_tower", "multi_modal_projector", "video_tower"]);
    expect(model.architecture).toBe("llama");
    const table = inspectionText({ model, ledger }, WIDE);
    expect(table).toMatch(/\nAside: video_tower +3\.71 kB {2}928 parameters that no text goes through\n/);
    expect(table).toContain("\nNote: the text model of video_llava\n");
  });

  it("downloads only where the weights are to be read, its size said first", async () => {
    connect();
    const { ledger } = await inspect("org/tiny", options({ entropy: true }));
    expect(ledger.entropyCodedBytes).toBeGreaterThan(0);
    expect(said).toMatch(/^downloading org\/tiny@main: [\d.]+.kB in 2 files to /);
    expect((await inspect("org/tiny", options({ offline: true }))).model.revision).toBe(commit);
  });
});
