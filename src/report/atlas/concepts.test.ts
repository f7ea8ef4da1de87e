/** Concepts of two models on the page of a comparison and in the terminal: what is said, drawn, and that names stay text. */
import { describe, expect, it } from "vitest";
import { compare } from "../../atlas/compare.ts";
import { modelProfile } from "../../atlas/sample.testing.ts";
import { random } from "../../numeric/random.ts";
import type { Concepts } from "../../profile/concepts.ts";
import { plainText } from "../findings.ts";
import { comparisonBlocks } from "./comparison.ts";
import { comparisonPage } from "./pages.ts";

const HOSTILE = "<img src=x onerror=alert(1)>\u202e\u001b[31m";
const NAMES = ["__proto__", "constructor", HOSTILE, "months", "capitals"];
const against = { value: 0.3, chance: 0, low: -0.1, high: 0.1, p: 0.005 };
const exactly = { value: 0.3, low: 0.2, high: 0.4 };

function conceptsOf(layers: number, noise: number): Concepts {
  const [stream, own] = [random("shape"), random("own", layers)];
  const rows = NAMES.map(() => Array.from({ length: 4 }, () => stream.normal() + noise * own.normal()));
  const configuration = NAMES.flatMap((_, i) =>
    NAMES.slice(0, i + 1).map((__, j) => rows[i].reduce((sum, one, k) => sum + one * rows[j][k], 0)),
  );
  return {
    source: { name: "all", digest: "0", sets: [] },
    texts: 30,
    words: 30,
    documents: 30,
    concepts: NAMES.map((name) => ({ name, parent: null, texts: 6, digest: name })),
    layers: Array.from({ length: layers }, (_, layer) => ({
      layer,
      silhouette: against,
      silhouetteInterval: exactly,
      purity: against,
      purityInterval: exactly,
      separability: exactly,
      alignment: against,
      hierarchy: null,
      analogies: [],
      configuration,
    })),
    relations: [],
    majority: 0.2,
    best: null,
    map: { layer: 1, places: NAMES.map((name, i) => ({ name, x: i, y: -i })), shares: [0.7, 0.2] },
    sharing: null,
    interval: { level: 0.95, resamples: 2000, absent: null },
    notes: [],
  };
}

const given = [
  { name: "one", concepts: conceptsOf(3, 0) },
  { name: HOSTILE, concepts: conceptsOf(7, 0.2) },
].map(({ name, concepts }) => ({
  file: "p.json",
  profile: { ...modelProfile({ name, bitsPerByte: 1 }), concepts },
}));
const compared = compare(given, { seed: 0, common: false });

describe("concepts beside each other", () => {
  it("have a section of the page, drawn at equal depth", () => {
    const page = comparisonPage(
      compared,
      given.map(({ profile }) => profile),
    );
    const section = page.slice(page.indexOf('<section id="concepts"'));
    expect(section).toContain("Whether they lay out concepts alike");
    expect(section).toMatch(/5 concepts that both have, at layer 1 of one and layer 1 of .*: Procrustes disparity/);
    expect(section).toContain("Concepts of one at layer 1");
    expect(page.includes("<img")).toBe(false);
    expect(/NaN|undefined/.test(section.slice(0, section.indexOf("</section>")))).toBe(false);
  });

  it("are said in the terminal with what moved, names without what could move the cursor", () => {
    const printed = plainText(comparisonBlocks(compared), { width: 80, unicode: true });
    expect(printed).toMatch(/have a shape in common|no more of a shape in common/);
    expect(printed).toMatch(/moved most: [\d.]+.% of all that is left/);
    expect(printed).toMatch(/\n *2 +6 +/);
    expect(printed).not.toContain("\u001b");
    expect(printed).not.toContain("\u202e");
  });
});
