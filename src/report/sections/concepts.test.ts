/** The section on concepts: what it says and draws, what it says where there is nothing, hostile names as text. */
import { describe, expect, it } from "vitest";
import type { Concepts } from "../../profile/concepts.ts";
import { conceptFindings, conceptLines, conceptsClaim } from "../concepts.ts";
import { columns, visible } from "../format.ts";
import { renderReport } from "../html.ts";
import { HOSTILE, sampleProfile } from "../sample.testing.ts";
import { conceptsSection } from "./concepts.ts";

const against = (value: number, p = 0.005) => ({ value, chance: 0.1, low: 0, high: 0.2, p });
const exactly = (value: number) => ({ value, low: value - 0.1, high: value + 0.1 });

const layer = (at: number, silhouette: number, p = 0.005): Concepts["layers"][number] => ({
  layer: at,
  silhouette: against(silhouette, p),
  silhouetteInterval: exactly(silhouette),
  purity: against(0.8),
  purityInterval: exactly(0.8),
  separability: exactly(0.9),
  alignment: against(0.3, 0.9),
  hierarchy: against(1, 0.2),
  analogies: [against(0.5)],
  parallel: [against(0.6)],
  configuration: [0.5, -0.5, 0.5],
});

const SAMPLE: Concepts = {
  source: { name: "all", digest: "0", sets: ["months: the calendar"] },
  texts: 20,
  words: 20,
  documents: 20,
  concepts: [
    { name: HOSTILE, parent: "p", texts: 10, digest: "0" },
    { name: "capitals", parent: "p", texts: 10 },
  ],
  layers: [layer(0, 0.2), layer(1, 0.4), layer(2, 0.3)],
  relations: [{ from: HOSTILE, to: "capitals", pairs: 8 }],
  cka: { byChance: 0.07, layers: [0.9, 0.8, null] },
  majority: 0.5,
  best: { layer: 1, low: 0, high: 2 },
  map: {
    layer: 1,
    places: [
      { name: HOSTILE, x: 1, y: 0 },
      { name: "capitals", x: -1, y: 0 },
    ],
    shares: [1, 0],
  },
  sharing: {
    units: 1000,
    top: 10,
    spread: [
      { name: HOSTILE, participation: 100, half: 0.1 },
      { name: "capitals", participation: 200, half: 0.2 },
    ],
    pairs: [{ a: HOSTILE, b: "capitals", cosine: against(0.7), overlap: against(20) }],
  },
  interval: { level: 0.95, resamples: 2000, absent: null },
  notes: ["words stand at the end of 4 sentences"],
};

const withConcepts = (concepts: Concepts | null | undefined) => ({ ...sampleProfile(), concepts });

describe("what is said of concepts", () => {
  it("names the best layer with its interval, and every figure beside chance", () => {
    expect(conceptsClaim(SAMPLE)).toBe(
      "2 concepts lie furthest apart at layer 1 (0–2): silhouette 0.400, by chance 0.100 (p\u00a0=\u00a00.0050).",
    );
    const said = conceptFindings(SAMPLE).join(" ");
    expect(said).toContain("leads to the right one in 50.0\u00a0% of analogies at layer 0");
    expect(said).toMatch(/cannot be told from chance/);
    expect(said).toMatch(/1 of 1 pair of the 2 concepts share fewer/);
    expect(said).toContain("as their counterparts in capitals do, most at layer 0: linear CKA 0.600");
    for (const line of conceptLines(SAMPLE, 80)) {
      expect(columns(line)).toBeLessThanOrEqual(80);
      expect(line).toBe(visible(line));
    }
  });

  it("is that there is nothing, where all layers are within chance", () => {
    const none = {
      ...SAMPLE,
      best: null,
      layers: SAMPLE.layers.map((one, at) => ({ ...one, ...layer(at, 0.1, 0.6) })),
    };
    expect(conceptsClaim(none)).toMatch(/no further apart than shuffled labels do, at any layer/);
  });
});

describe("the section", () => {
  it("is not there where concepts were not asked for, and says why where they are missing", () => {
    expect(conceptsSection(withConcepts(undefined))).toBeNull();
    const refusals = [{ figure: "concepts", reason: "the concept rare has 1 text", remedy: "6 texts" }];
    expect(conceptsSection({ ...withConcepts(null), refusals })!.body).toContain("the concept rare has 1 text");
  });

  it("draws layers with their nulls, the map, and what is shared, names as text", () => {
    const { body } = conceptsSection(withConcepts(SAMPLE))!;
    expect(body.match(/class="by-chance"/g)!.length).toBe(6);
    expect(body).toContain("with texts shuffled 0 ± 0.07");
    expect(body).toContain('title="concepts.layers.1.parallel.0.value"');
    expect(body).toContain("first direction: 100");
    expect(body).toContain('title="concepts.layers.1.silhouette.value"');
    const page = renderReport(withConcepts(SAMPLE));
    expect(page.includes('id="concepts"')).toBe(true);
    expect(page.includes(HOSTILE)).toBe(false);
    expect(/NaN|undefined/.test(body)).toBe(false);
  });
});
