/** The section on units: what it says and draws, what it says where there is nothing, hostile names as text. */
import { describe, expect, it } from "vitest";
import type { DomainSharing, Spread } from "../../profile/spread.ts";
import { renderReport } from "../html.ts";
import { HOSTILE, sampleProfile } from "../sample.testing.ts";
import { spreadFindings, spreadLines } from "../spread.ts";
import { spreadSection } from "./spread.ts";

const against = (value: number, p = 0.005) => ({ value, chance: 0.4, low: 0.3, high: 0.5, p });
const exactly = (value: number) => ({ value, low: 0.9 * value, high: 1.1 * value });
const interval = { level: 0.95 as const, pools: 10, absent: null };

const domain = (name: string, half: number, p: number): Spread["domains"][number] => ({
  name,
  tokens: 4000,
  pools: 10,
  participation: exactly(300),
  participationChance: against(300, p),
  half: exactly(half),
  halfChance: against(half, p),
  blocks: [
    { share: 0.25, participation: 0.2 },
    { share: 0.75, participation: 0.4 },
  ],
});
const SPREAD: Spread = { units: 1000, domains: [domain(HOSTILE, 0.1, 0.005), domain("prose", 0.3, 0.8)], interval };
const SHARING: DomainSharing = {
  units: 1000,
  top: 10,
  domains: [HOSTILE, "prose"],
  pairs: [
    {
      a: HOSTILE,
      b: "prose",
      cosine: against(0.7),
      cosineInterval: exactly(0.7),
      overlap: against(20),
      overlapInterval: exactly(20),
    },
  ],
  interval,
};
const withUnits = (spread?: Spread | null, sharing?: DomainSharing | null) => ({ ...sampleProfile(), spread, sharing });

describe("what is said of units", () => {
  it("is the range of the halves, who is narrower than mixed text, and who share least", () => {
    const [range, narrow, apart] = spreadFindings(withUnits(SPREAD, SHARING));
    expect(range).toMatch(
      /^Half of what 1,000 MLP units contribute to a domain comes from 10\.0.% to 30\.0.% of them\.$/,
    );
    expect(narrow).toMatch(/is carried by fewer units than as much text of all domains together/);
    expect(apart).toMatch(/^1 of 1 pair of domains share fewer of their 10 top units/);
    expect(spreadLines(withUnits(SPREAD, SHARING), 80).every((line) => line.length <= 80)).toBe(true);
  });

  it("is of one domain by its name, without a comparison", () => {
    const alone = { ...domain("prose", 0.3, 0.8), halfChance: null, participationChance: null };
    const said = spreadFindings(withUnits({ ...SPREAD, domains: [alone] }));
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(/contribute to prose comes from 30\.0.% of them/);
  });
});

describe("the section", () => {
  it("is not there where it was not asked for, and says why where it is missing", () => {
    expect(spreadSection(withUnits())).toBeNull();
    const refusals = [
      { figure: "spread", reason: "the domain a has 2 documents, each takes 4", remedy: "more text of it" },
    ];
    expect(spreadSection({ ...withUnits(null), refusals })!.body).toContain("the domain a has 2 documents");
  });

  it("draws every domain block by block and what two share, names as text", () => {
    const { body } = spreadSection(withUnits(SPREAD, SHARING))!;
    expect(body.match(/class="panel"/g)).toHaveLength(2);
    expect(body).toContain('title="spread.domains.0.half.value"');
    expect(body).toContain('title="sharing.pairs.0.overlap.chance"');
    expect(/NaN|undefined/.test(body)).toBe(false);
    expect(renderReport(withUnits(SPREAD, SHARING)).includes(HOSTILE)).toBe(false);
  });
});
