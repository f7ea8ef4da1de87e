/** What is said and drawn of facts: the picture's shares, missing figures, text that would be markup. */
import { describe, expect, it } from "vitest";
import type { Facts } from "../profile/facts.ts";
import { FACTS, HOSTILE, rates } from "./facts.testing.ts";
import { factLines, knownClaim } from "./facts.ts";
import { columns } from "./format.ts";
import { knowing } from "./marks/knowing.ts";
import { factsBeside, factsSection } from "./sections/facts.ts";

/** Ordinates of a band's outline at the middle of its steps, by tooltip. */
const outline = (svg: string, className: string): string[] =>
  [...svg.matchAll(/<path d="([^"]+)" class="band ([^"]+)"/g)]
    .filter(([, , name]) => name === className)
    .map(([, d]) => d);

describe("the picture", () => {
  it("stacks the shares to one at every level, what was never seen apart", () => {
    const svg = knowing("picture", FACTS.exposures, "wide");
    for (const band of ["known", "made-up", "beside-point"]) expect(outline(svg, band)).toHaveLength(2);
    const numbersOf = (d: string): number[] => [...d.matchAll(/[ML]([\d.]+) ([\d.]+)/g)].map(([, , y]) => Number(y));
    const [known, madeUp, beside] = ["known", "made-up", "beside-point"].map((band) =>
      outline(svg, band).map(numbersOf),
    );
    known.forEach((points, group) => {
      const half = points.length / 2;
      // the upper side of a band is the lower side of the next one, read backwards
      expect(madeUp[group].slice(half)).toEqual(points.slice(0, half).reverse());
      expect(beside[group].slice(half)).toEqual(madeUp[group].slice(0, half).reverse());
      expect(new Set(beside[group].slice(0, half)).size).toBe(1);
      expect(new Set(points.slice(half)).size).toBe(1);
    });
    expect(svg).toContain("exposures 1,024: 90.0\u00a0% known, 0\u00a0% made up");
    expect(svg).toContain("never");
  });

  it("takes a single level of unknown exposures", () => {
    const svg = knowing("picture", [{ exposures: null, ...rates(0.2, 0.8) }], "panel");
    expect(svg).toContain(">all<");
    expect(svg).not.toContain("NaN");
  });
});

describe("the words", () => {
  it("claim what the rarest and the commonest facts show", () => {
    expect(knownClaim(FACTS)).toBe("Of facts told once it knows 30.0\u00a0%, of those told 1,024 times 90.0\u00a0%.");
    const unknown = { ...FACTS, exposures: [{ exposures: null, ...rates(0.5, 0.4) }] };
    expect(knownClaim(unknown)).toBe("Of what it is asked it knows 50.0\u00a0%, and makes up 40.0\u00a0%.");
  });

  it("fit the terminal, with intervals where there is room", () => {
    for (const width of [80, 120]) {
      const lines = factLines(FACTS, width);
      expect(Math.max(...lines.map(columns))).toBeLessThanOrEqual(width);
      expect(lines.some((line) => line.includes("1,024") && line.includes("(88.0–92.0)"))).toBe(width === 120);
    }
  });
});

describe("sections", () => {
  it("show foreign text as text", () => {
    for (const { body } of [factsSection(FACTS)!, factsBeside([{ name: HOSTILE, facts: FACTS }])]) {
      expect(body).not.toContain("<img");
      expect(body).not.toContain("\u202e");
      expect(body).not.toContain("NaN");
    }
  });

  it("show what was made up first, the surest first, and fold what is known", () => {
    const one = (answer: string, verdict: Facts["examples"][number]["verdict"], confidence: number) => ({
      ...FACTS.examples[0],
      answer,
      verdict,
      confidence,
    });
    const drawn = [
      one("known one", "exact", 0.9),
      one("made up low", "confusion", 0.2),
      one("beside it", "offType", 0.99),
      one("made up high", "confusion", 0.8),
    ];
    const older = factsSection({ ...FACTS, examples: drawn })!.body;
    const places = ["made up high", "made up low", "beside it", "<details", "known one"].map((text) =>
      older.indexOf(text),
    );
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(places[0]).toBeGreaterThan(0);
    // kept by the measurement from everything that was asked
    const mistakes = [one("worst of all", "confusion", 0.95)];
    const newer = factsSection({ ...FACTS, examples: drawn, mistakes })!.body;
    expect(newer.indexOf("worst of all")).toBeLessThan(newer.indexOf("beside it"));
    expect(newer.indexOf("made up high")).toBeGreaterThan(newer.indexOf("<details"));
    expect(newer).toContain("3 questions drawn by chance: 1 right");
  });

  it("leave out what is missing", () => {
    const bare = {
      ...FACTS,
      knowledge: null,
      errorByBits: [],
      examples: [],
      calibration: { ...FACTS.calibration, bins: [] },
    };
    const { body, means } = factsSection(bare)!;
    expect(body).not.toContain("drawn by chance");
    expect(body).not.toContain("bits spent");
    expect(means).toHaveLength(2);
    expect(factsSection(undefined)).toBeNull();
  });

  it("lay models beside each other, each with its picture", () => {
    const { body } = factsBeside([
      { name: "main", facts: FACTS },
      { name: "small", facts: { ...FACTS, exposures: FACTS.exposures.slice(1) } },
    ]);
    expect(body.match(/class="knowing panel"/g)).toHaveLength(2);
    expect(body.match(/<tr>/g)!.length).toBe(1 + 4 + 1 + 4);
  });
});
