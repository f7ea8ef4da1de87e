/** The page and the words of a squeezed model, from points made up: what they claim, and that every mark is there. */
import { describe, expect, it } from "vitest";
import { type Point, SQUEEZE_SCHEMA, type Squeezing, squeezeSchema } from "../../profile/squeeze.ts";
import { forgetting, squeezePage } from "./page.ts";
import { squeezeBlocks, squeezeClaim } from "./text.ts";

const interval = (value: number, spread = 0.0001) => ({ value, low: value - spread, high: value + spread });
const rate = (bits: number) => ({
  ...{ bytes: bits * 1000, codedBytes: bits * 900 },
  ...{ bitsPerParameter: bits, codedBitsPerParameter: bits * 0.9 },
});

function point(name: string, kind: Point["kind"], bits: number, lost: number): Point {
  const figures = {
    ...{ tokens: 100, bytes: 400, kl: interval(2 * lost), klQuantiles: null, bitsPerByte: interval(lost) },
    ...{ agreement: interval(0.9), probability: interval(0.01) },
  };
  return {
    ...{ name, kind, command: `lossyscope squeeze m --try ${name}`, rate: rate(bits), weightError: lost },
    ...{ overall: figures, domains: { all: figures }, recall: null, seconds: { making: 1, reading: 2 } },
    facts: {
      ...{ exact: interval(-lost), codeBits: interval(lost) },
      exposures: [{ exposures: 32, facts: 50, original: 0.8, exact: interval(-lost), codeBits: interval(lost) }],
    },
  };
}

const found: Squeezing = squeezeSchema.parse({
  schema: SQUEEZE_SCHEMA,
  model: { name: "m <x>", revision: null, parameters: 8000, rate: rate(16) },
  text: { name: "t", digest: "d", documents: 20, bytes: 400, tokens: 100, bitsPerByte: 1.2, domains: { all: 1.2 } },
  ...{ facts: null, context: 64, overlap: 32 },
  points: [
    point("q8g32", "round", 8.5, 0.0001),
    point("prune50", "prune", 9, 0.2),
    point("rank0.9", "rank", 7, 0.3),
    point("q4g32", "round", 4.5, 0.011),
    point("theirs.gguf", "file", 4.4, 0.02),
    point("drop1", "drop", 3.6, 0.5),
    point("q2g32", "round", 2.5, 1.7),
  ],
  frontier: ["q8g32", "q4g32", "theirs.gguf", "drop1", "q2g32"],
  enough: { point: "q4g32", share: 0.01 },
  losses: [
    {
      ...{ figure: "facts told 32 times", group: "facts" },
      from: { point: "theirs.gguf", bitsPerParameter: 4.4, change: interval(-0.02) },
      kept: { point: "q4g32", bitsPerParameter: 4.5 },
    },
    { figure: "bits per byte", group: "text", from: null, kept: { point: "q2g32", bitsPerParameter: 2.5 } },
  ],
  sensitivity: {
    transform: "q2g32",
    blocks: [0, 1].map((block) => ({ name: `block ${block}`, parameters: 10, kl: interval(0.3 + block) })),
    kinds: [{ name: "down", parameters: 20, kl: interval(0.4) }],
    ...{ sum: 0.4, joint: 0.5 },
  },
  budget: {
    ...{ bitsPerParameter: 4.5, point: "mixed4.5", uniform: "q4g32", documents: 12 },
    ...{ kl: 0.018, uniformKl: 0.022, difference: { value: -0.004, low: -0.005, high: -0.003 } },
  },
  bound: [0, 2, 4, 8].map((bits) => ({ bitsPerParameter: bits, error: 2 ** (-2 * bits) })),
  interval: { level: 0.95, resamples: 2000, unit: "document", units: 20, absent: null },
  ...{ refusals: [], notes: ["a note"] },
  provenance: { engine: "onnxruntime", threads: 1, seed: 0, seconds: 9 },
});

describe("what is forgotten", () => {
  const told = found.points.map((one): Point => {
    const level = one.facts!.exposures[0];
    return { ...one, facts: { ...one.facts!, exposures: [0, 1, 32].map((exposures) => ({ ...level, exposures })) } };
  });

  it("is drawn from the last point on at which nothing is, beside the original", () => {
    const kept = told.map((one) =>
      one.name === "q8g32" ? { ...one, facts: { ...one.facts!, exposures: spared(one) } } : one,
    );
    const { at, lines } = forgetting({ ...found, points: kept })!;
    expect(at).toEqual([1, 32]);
    expect(lines.map(({ name }) => name.replace(/,.*/, ""))).toEqual(["the original", "q8g32", "q4g32", "theirs.gguf"]);
    expect(lines[0].values[1]).toEqual({ value: 0.8, low: null, high: null });
    expect(lines[2].values[1].value).toBeCloseTo(0.8 - 0.011, 12);
    expect(squeezePage({ ...found, points: kept })).toContain("by how often training told the fact");
    // One level is no curve.
    expect(forgetting(found)).toBeNull();
  });

  const spared = ({ facts }: Point) => facts!.exposures.map((one) => ({ ...one, exact: interval(0, 0.01) }));
});

describe("a squeezed model", () => {
  it("is told in one sentence: what is enough, and what goes first", () => {
    expect(squeezeClaim(found)).toBe(
      "4.50 bits a parameter (q4g32) cost 0.0110 (0.0109–0.0111) bits per byte here, within 1 % of 1.20; below 4.50 bits a parameter facts told 32 times go first",
    );
    expect(squeezeClaim({ ...found, enough: null, losses: [] })).toMatch(/^No point stays within 1 % .*q8g32/);
    expect(squeezeClaim({ ...found, points: [], frontier: [], enough: null, losses: [] })).toMatch(/^Nothing of m/);
  });

  it("says of a plan whether it beats one type", () => {
    const told = (difference: { value: number | null; low: number | null; high: number | null }) =>
      squeezeBlocks({ ...found, budget: { ...found.budget!, difference } })
        .flatMap((block) => (block.kind === "text" ? [block.text] : []))
        .find((one) => one.startsWith("Within"))!;
    expect(told(found.budget!.difference)).toMatch(/costs 0.0220, a difference of −0.0040 \(−0.0050 to −0.0030\)\.$/);
    expect(told({ value: -0.001, low: -0.003, high: 0.001 })).toMatch(/the plan does not beat it\.$/);
    expect(told({ value: -0.001, low: null, high: null })).toMatch(/too few to tell/);
  });

  it("has every point in its table, those of the frontier marked", () => {
    const blocks = squeezeBlocks(found);
    const [points] = blocks.filter((block) => block.kind === "table");
    expect(points.rows.map(([name]) => name)).toEqual([
      ...["* q8g32", "prune50", "rank0.9", "* q4g32", "* theirs.gguf", "* drop1", "* q2g32"],
    ]);
    expect(blocks.at(-1)).toMatchObject({ text: "A note." });
  });

  it("is a page with every point twice in both drawings, nothing of it as markup", () => {
    const page = squeezePage(found);
    expect(page).toContain("m &lt;x&gt;");
    expect(page).not.toContain("m <x>");
    for (const { name, command } of found.points) {
      expect(page.split(`<title>${name}: `).length - 1, name).toBe(2 * 3);
      expect(page).toContain(command);
    }
    expect(page).not.toContain("NaN");
    for (const id of ["rate", "first", "facts", "sensitivity", "bound"]) expect(page).toContain(`<section id="${id}"`);
  });

  it("draws what costs nothing, and one point alone", () => {
    const one = point("q8g32", "round", 8, 0);
    const page = squeezePage({
      ...found,
      points: [one],
      frontier: ["q8g32"],
      sensitivity: null,
      bound: null,
      enough: null,
      losses: [],
    });
    expect(page).not.toContain("NaN");
    expect(page).not.toContain("Infinity");
  });
});
