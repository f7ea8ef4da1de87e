/**
 * Documents and tables, mutated by the thousand (`src/mutations.testing.ts`): profiles with all that is made of them, .lsz
 * headers, scores, results of others, calibration sets with their fits, what is known of candidates, recipes of the ladder,
 * Ollama's manifests.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseRecipes } from "../scripts/ladder.ts";
import { choose, parseFacts } from "../src/atlas/choose.ts";
import { compare } from "../src/atlas/compare.ts";
import { fitArea } from "../src/atlas/fit.ts";
import { gate, parseThreshold } from "../src/atlas/gate.ts";
import { predict } from "../src/atlas/predict.ts";
import { rivalry } from "../src/atlas/rivals.ts";
import { modelProfile } from "../src/atlas/sample.testing.ts";
import { parseScores } from "../src/atlas/scores.ts";
import { parseSet } from "../src/atlas/sets.ts";
import { FIRST } from "../src/coding/arithmetic.ts";
import { batches, crc32, headerBytes, OPENING_BYTES, readHeader, writeHeader } from "../src/coding/container.ts";
import { temporaryFolder } from "../src/files/folder.testing.ts";
import { hold } from "../src/hold.testing.ts";
import { findOllamaModel } from "../src/hub/ollama.ts";
import { mutatedBytes, mutatedJson, mutatedJsonText } from "../src/mutations.testing.ts";
import { LossyscopeError } from "../src/numeric/errors.ts";
import type { Profile } from "../src/profile/profile.ts";
import { parseProfile } from "../src/profile/read.ts";
import { comparisonPage, fitPage } from "../src/report/atlas/pages.ts";
import { renderReport } from "../src/report/html.ts";
import { renderTerminal } from "../src/report/terminal.ts";

const at = temporaryFolder();

describe("manifests of Ollama's", () => {
  it("by their bytes", async () => {
    const digest = "a".repeat(64);
    const folder = at("models");
    const manifest = join(folder, "manifests", "registry.ollama.ai", "library", "tiny", "latest");
    mkdirSync(dirname(manifest), { recursive: true });
    mkdirSync(join(folder, "blobs"));
    writeFileSync(join(folder, "blobs", `sha256-${digest}`), "GGUF");
    const layers = [
      { mediaType: "application/vnd.ollama.image.model", digest: `sha256:${digest}`, size: 4 },
      { mediaType: "application/vnd.ollama.image.template", digest: `sha256:${"b".repeat(64)}`, size: 3 },
    ];
    const { sound } = await hold(
      mutatedJsonText([{ schemaVersion: 2, config: layers[1], layers }]),
      async (bytes) => {
        writeFileSync(manifest, bytes);
        const { path } = await findOllamaModel("ollama:tiny", [folder]);
        expect(path).toBe(join(folder, "blobs", `sha256-${digest}`));
      },
      300,
    );
    expect(sound).toBeGreaterThan(0);
  });
});

describe("profiles", () => {
  it("and the pages drawn from them", async () => {
    const profiles = [modelProfile({ name: "m", bitsPerByte: 2 })];
    const { sound, runs } = await hold(
      mutatedJson(profiles, 8),
      async (hostile) => {
        const profile = parseProfile(JSON.stringify(hostile), "p.json");
        renderTerminal(profile, { width: 80, colour: false, unicode: true });
        renderReport(profile);
      },
      300,
    );
    expect(sound).toBeGreaterThan(runs / 20);
  });

  it("by their bytes", async () => {
    const profile = modelProfile({ name: "m", bitsPerByte: 2, documents: 3 });
    const { sound } = await hold(
      mutatedJsonText([profile], 8),
      (bytes) => parseProfile(bytes.toString(), "p.json"),
      300,
    );
    expect(sound).toBeGreaterThan(0);
  });

  it("compared, held against thresholds, chosen among, and predicted from", async () => {
    const [one, other] = ["one", "other"].map((name, index) =>
      modelProfile({ name, bitsPerByte: 1 + index, documents: 12 }),
    );
    const set = setOf("llm-compression");
    const thresholds = [
      parseThreshold("coding.overall.bitsPerByte=+1%", "max"),
      parseThreshold("ledger.weightBytes=0.5", "min"),
    ];
    const works: Record<string, (given: { file: string; profile: Profile }[]) => unknown> = {
      compare: (given) => comparisonPage(compare(given, { seed: 0, common: false }), given.map(({ profile }) => profile)), // biome-ignore format: short
      "compare in common": (given) => compare(given, { seed: 0, common: true }),
      gate: ([baseline, given]) => gate(given, baseline, thresholds, 0),
      choose: (given) => choose(given, [], {}, 0),
      predict: ([, { profile }]) => predict(set, [profile], { seed: 0, extrapolate: true }),
    };
    const answered = new Set<string>();
    await hold(
      mutatedJson([other], 12),
      (hostile) => {
        const profile = parseProfile(JSON.stringify(hostile), "p.json");
        const refusals: unknown[] = [];
        for (const [name, work] of Object.entries(works)) {
          try {
            work([{ file: "a.json", profile: one }, { file: "p.json", profile }]); // biome-ignore format: short
            answered.add(name);
          } catch (error) {
            if (!(error instanceof LossyscopeError)) throw error;
            refusals.push(error);
          }
        }
        if (refusals.length > 0) throw refusals[0];
      },
      50,
    );
    expect([...answered].sort()).toEqual(Object.keys(works).sort());
  });
});

/** A published set, its rows cut. */
function setOf(name: string, rows = 40) {
  const { description, table } = filesOf(name, rows);
  return { ...parseSet(JSON.stringify(description), table.toString(), name), origin: "published" as const };
}
function filesOf(name: string, rows: number) {
  const folder = new URL(`../data/atlas/${name}/`, import.meta.url);
  const [set, table] = ["set.json", "rows.csv"].map((file) => readFileSync(new URL(file, folder), "utf8"));
  return { description: JSON.parse(set), table: Buffer.from(table.split("\n").slice(0, rows + 1).join("\n")) }; // biome-ignore format: short
}

describe(".lsz", () => {
  it("headers, sealed again", async () => {
    const digest = "ab".repeat(32);
    const header = { weights: digest, config: digest, tokenizer: digest, distributions: digest, plain: digest };
    const sizes = { plainBytes: 100_000, context: 512, overlap: 256, blockBytes: 32_768, rows: 4, lanes: 1, primer: 0 };
    const runtime = "onnxruntime 1.30.0";
    const samples = [
      { ...FIRST, lanes: 1 },
      { ...FIRST, lanes: 7 },
      { products: "fast", scaled: "queries", lanes: 7 } as const,
    ].map((computed) => writeHeader({ ...header, runtime, ...sizes, ...computed }));
    await hold(
      mutatedBytes(samples),
      (bytes) => {
        const rest = headerBytes(bytes.subarray(0, OPENING_BYTES));
        const body = bytes.subarray(OPENING_BYTES, OPENING_BYTES + rest);
        if (body.length >= 4)
          body.writeUInt32LE(crc32(bytes.subarray(0, OPENING_BYTES), body.subarray(0, -4)), body.length - 4);
        const found = readHeader(bytes.subarray(0, OPENING_BYTES), body);
        batches(found);
      },
      3000,
    );
  });
});

describe("tables", () => {
  it("scores", async () => {
    const table = Buffer.from('model,benchmark,score,stderr,family\na,"qu,iz",0.5,0.01,f\n"b ""c""",quiz,0.25,,\n');
    await hold(mutatedBytes([table]), (bytes) => parseScores(bytes.toString("utf8"), "s.csv"), 1500);
  });

  it("results of lm-evaluation-harness", async () => {
    const results = {
      results: {
        arc: { alias: "arc", "acc,none": 0.4, "acc_stderr,none": 0.01 },
        wikitext: { "bits_per_byte,none": 1 },
      },
      config: { model: "hf", model_args: "pretrained=org/name,dtype=float32" },
      model_name: "org/name",
    };
    await hold(mutatedJson([results]), (hostile) => parseScores(JSON.stringify(hostile), "r.json"), 1000);
  });

  it.each(["open-llm", "ladder"])("calibration sets, up to their fits: %s", async (name) => {
    const { description, table } = filesOf(name, 40);
    const fit = (set: string, rows: string): void => {
      const found = { ...parseSet(set, rows, "s"), origin: "own" as const };
      const [area] = Object.keys(found.areas);
      if (area !== undefined) fitPage(found, [fitArea(found, area, { seed: 0 })], [rivalry(found, area, 0)]);
    };
    const byJson = await hold(mutatedJsonText([description]), (bytes) => fit(bytes.toString(), table.toString()), 50);
    const byTable = await hold(
      mutatedBytes([table]),
      (bytes) => fit(JSON.stringify(description), bytes.toString()),
      50,
    );
    expect(byJson.sound + byTable.sound).toBeGreaterThan(0);
  });

  it("what is known of candidates", async () => {
    const table = Buffer.from('model,price,licence,tokens_per_second\na,0.5,"MIT, or so",120\nb,,apache-2.0,\n');
    const { sound } = await hold(mutatedBytes([table]), (bytes) => parseFacts(bytes.toString(), "f.csv"), 1000);
    expect(sound).toBeGreaterThan(0);
  });

  it("recipes of the ladder", async () => {
    const table = readFileSync(new URL("../data/ladder/recipes.csv", import.meta.url));
    const { sound } = await hold(mutatedBytes([table]), (bytes) => parseRecipes(bytes.toString(), "recipes.csv"), 500);
    expect(sound).toBeGreaterThan(0);
  });
});
