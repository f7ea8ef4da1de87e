/** What is said and drawn of pairs of completions, what where there is nothing, hostile names as text. */
import { describe, expect, it } from "vitest";
import { type Preference, preferenceSchema } from "../../profile/preference.ts";
import { renderReport } from "../html.ts";
import { preferenceClaim, preferenceFindings, preferenceLines } from "../preference.ts";
import { HOSTILE, sampleProfile } from "../sample.testing.ts";
import { renderTerminal } from "../terminal.ts";
import { preferencePart } from "./preference.ts";

const against = (value: number, p = 0.005) => ({ value, chance: 0.0, low: -0.01, high: 0.01, p });
const exactly = (value: number) => ({ value, low: value - 0.005, high: value + 0.005 });
const told = (value: number, p = 0.005) => ({
  heldOut: exactly(value),
  heldOutChance: against(value, p),
  plugin: against(value + 0.01, p),
});
const share = (value: number) => ({
  share: { value, low: value - 0.05, high: value + 0.05 },
  chance: { value, chance: 0.5, low: 0.4, high: 0.6, p: value > 0.6 ? 0.005 : 0.4 },
});

const SAMPLE: Preference = {
  source: { name: HOSTILE, digest: "0" },
  pairs: 200,
  total: 240,
  chosen: { tokens: 900, bytes: 2000, bitsPerByte: exactly(1.1) },
  rejected: { tokens: 1000, bytes: 2100, bitsPerByte: exactly(1.4) },
  difference: exactly(-0.3),
  differenceChance: against(-0.3),
  cheaper: share(0.8),
  cheaperInTotal: share(0.75),
  information: {
    referencePoints: 4,
    lnM: Math.log(4),
    epsilon: 0.1,
    fitted: 160,
    evaluated: 40,
    layers: [0.01, 0.2, 0.1].map((value, layer) => ({
      layer,
      entropy: 0.9,
      ...told(value, layer === 0 ? 0.3 : 0.005),
      kappa: [4, null],
      shift: 0.01,
    })),
    summary: told(0.15),
  },
  notes: ["2 pairs came twice and count once"],
};

const withPairs = (preference: Preference | null | undefined) => ({ ...sampleProfile(), preference });

describe("what is said of pairs", () => {
  it("names the share of chosen ones that cost less, and what layers tell in bits", () => {
    expect(preferenceSchema.parse(SAMPLE)).toEqual(SAMPLE);
    expect(preferenceClaim(SAMPLE)).toBe(
      "Of 200 pairs of completions the chosen one costs less for 80\u00a0% (75–85) (1.10 bits a byte to 1.40).",
    );
    const said = preferenceFindings(SAMPLE).join(" ");
    expect(said).toContain("tells 0.300 (0.290–0.310) bits of which was chosen");
    expect(said).toContain("Most at layer 1: 0.400 (0.390–0.410).");
    expect(preferenceLines(SAMPLE, 80).every((line) => line.length <= 80)).toBe(true);
  });

  it("says so where nothing is told, and where the information is missing", () => {
    const none = { ...SAMPLE, cheaper: share(0.5), information: { ...SAMPLE.information!, summary: told(0.001, 0.4) } };
    expect(preferenceClaim(none)).toMatch(/is not told by what they cost/);
    expect(preferenceFindings(none).join(" ")).toMatch(/cannot be told from nothing/);
    expect(preferenceFindings({ ...SAMPLE, information: null })).toHaveLength(1);
  });
});

describe("the part on pairs", () => {
  it("is not there where none were given, and says why where it is missing", () => {
    expect(preferencePart(withPairs(undefined))).toBe("");
    const refusals = [{ figure: "preference", reason: "9 pairs, it takes 10", remedy: "10 pairs or more" }];
    expect(preferencePart({ ...withPairs(null), refusals })).toContain("9 pairs, it takes 10");
  });

  it("stands in the section on the plane, also without one, and foreign names stay text", () => {
    const part = preferencePart(withPairs(SAMPLE));
    expect(part).toContain('title="preference.information.layers.1.heldOut"');
    expect(part).toContain('title="preference.information.summary.plugin.p"');
    for (const profile of [withPairs(SAMPLE), { ...withPairs(SAMPLE), plane: null }]) {
      const page = renderReport(profile);
      expect(page.includes('id="preference"')).toBe(true);
      expect(page.includes("<img")).toBe(false);
      const printed = renderTerminal(profile, { width: 80, colour: false, unicode: true });
      expect(printed).toContain("Preference: Of 200 pairs");
    }
  });
});
