import { describe, expect, it } from "vitest";
import { FORESIGHT_SCHEMA, type ForeseenRun, type Foresight } from "../profile/foresight.ts";
import { foresightLines, foresightSentences } from "./foresight.ts";
import { columns } from "./format.ts";

const need = (figure: string, reason = "too little") =>
  ({ figure, reason, remedy: "about 60 kB more text", have: 1, needs: 10, bound: "least", unit: "block" }) as const;

const run = (more: Partial<ForeseenRun> = {}): ForeseenRun => ({
  part: null,
  model: {
    name: "m",
    revision: null,
    architecture: "llama",
    layers: 5,
    width: 64,
    vocabulary: 512,
    parameters: 260_032,
  },
  text: { name: "t.txt", documents: 1, bytes: 5000, tokens: 3212, unit: "block", units: 2, unseen: null },
  facts: null,
  training: null,
  pass: { context: 512, windows: 12, batches: 1, slots: 6144 },
  stages: [
    { label: "model pass", seconds: 10 },
    { label: "code lengths", seconds: 0.1 },
  ],
  seconds: 10.1,
  memoryBytes: 1.2e8,
  diskBytes: 0,
  missing: [],
  ...more,
});

const foresight = (...runs: ForeseenRun[]): Foresight => ({
  schema: FORESIGHT_SCHEMA,
  runs,
  missing: [],
  writes: [],
  seconds: runs.reduce((sum, { seconds }) => sum + (seconds ?? 0), 0),
  memoryBytes: 1.2e8,
  diskBytes: 0,
  rates: { start: 0.2, products: 1e10, loop: 1e9 },
});
const plain = (sentences: readonly string[]): string[] => sentences.map((one) => one.replaceAll("\u00a0", " "));

describe("what a run says before it begins", () => {
  it("is what, how long, where to, and what will be missing for one reason together", () => {
    const missing = [need("coding.interval"), need("plane"), need("recall", "too short")];
    expect(plain(foresightSentences(foresight(run({ missing }))))).toEqual([
      "m (llama, 5 blocks of 64 dimensions, 260k parameters) on t.txt: 1 document, 5.00 kB, 3,212 tokens; 12 windows of at most 512 tokens, 1 batch.",
      "About 10 s (model pass 10 s); up to 120 MB of memory for the model.",
      "Writes no file; the result goes to standard output.",
      "Will be missing: coding.interval, plane: too little; it would take about 60 kB more text.",
      "Will be missing: recall: too short; it would take about 60 kB more text.",
    ]);
  });

  it("names the runs whose figures are missing where it is not all of them, and the ends of many", () => {
    const part = (i: number): string => `model ${i} of 4`;
    const runs = [1, 2, 3, 4].map((i) =>
      run({
        part: part(i),
        missing: i < 3 ? [need("plane"), need("coding.interval", "few")] : [need("coding.interval", "few")],
      }),
    );
    const said = plain(foresightSentences(foresight(...runs)));
    expect(said.filter((one) => /^model \d of 4: m/.test(one))).toHaveLength(2);
    expect(said).toContain(
      "Will be missing of model 1 of 4 and model 2 of 4: plane: too little; it would take about 60 kB more text.",
    );
    expect(said.filter((one) => one.startsWith("Will be missing: coding.interval: few"))).toHaveLength(1);
    expect(said.find((one) => one.startsWith("About 40 s"))).toContain("the first of 4");
  });

  it("is shown as text, whatever a file is called, in as many columns as there are", () => {
    const hostile = run({
      text: { ...run().text!, name: `\u001b[31m${"long ".repeat(60)}` },
      missing: [need("plane")],
    });
    for (const width of [40, 80, 120]) {
      const lines = foresightLines(foresight(hostile), width);
      expect(Math.max(...lines.map(columns))).toBeLessThanOrEqual(width);
      expect(lines.join("")).not.toContain("\u001b");
    }
  });
});
