import { describe, expect, it } from "vitest";
import { choose } from "../../atlas/choose.ts";
import { compare, withSimilarities } from "../../atlas/compare.ts";
import { fitArea } from "../../atlas/fit.ts";
import { rivalry } from "../../atlas/rivals.ts";
import { modelProfile } from "../../atlas/sample.testing.ts";
import { loadSet } from "../../atlas/sets.ts";
import type { Profile } from "../../profile/profile.ts";
import { passage } from "../sample.testing.ts";
import { choicePage, comparisonPage, fitPage } from "./pages.ts";

const HOSTILE = "<img src=x onerror=alert(1)>\u202e";
const text = "O, she doth teach the torches to burn bright! It seems she hangs upon the cheek of night. ".repeat(20);

/** With text, cut in the same places for every model but at costs of its own. */
function named(name: string, bitsPerByte: number, dearer: number): { file: string; profile: Profile } {
  const profile = modelProfile({ name, bitsPerByte });
  const { nats, ...rest } = passage(text, 0);
  return {
    file: "p.json",
    profile: { ...profile, passages: [{ ...rest, nats: nats.map((value, i) => value * (i % 97 < 48 ? dearer : 1)) }] },
  };
}

const given = [named("plain", 1, 1), named(HOSTILE, 1.2, 1.3), named("third", 1.1, 0.8)];
const profiles = given.map(({ profile }) => profile);
const published = await loadSet("llm-compression", "");
const set = { ...published, rows: published.rows.map((row) => ({ ...row, model: `${row.model} ${HOSTILE}` })) };
const cka = [
  [0.98, 0.5, null],
  [0.4, 0.91, null],
];
const compared = withSimilarities(compare(given, { seed: 0, common: false }), [
  { cka, nearest: [0, 1, null], places: 900, kept: 1200, note: null },
  { absent: "no states were kept" },
]);
const pages = {
  comparison: comparisonPage(compared, profiles),
  choice: choicePage(choose(given, [], {}, 0), null),
  fit: fitPage(set, [fitArea(set, "overall", { seed: 0 })], [rivalry(set, "overall", 0)]),
};

describe.each(Object.entries(pages))("page of a %s", (_, html) => {
  it("opens offline: every address is inside the page", () => {
    expect(html).toMatch(/default-src 'none'/);
    for (const [, address] of html.matchAll(/(?:href|src)="([^"]*)"/g)) expect(address).toMatch(/^#/);
  });

  it("shows foreign names as text", () => {
    expect(html).not.toContain("<img");
    expect(html).toContain("&lt;img");
    expect(html).not.toContain("\u202e");
  });

  it("has balanced markup and no figure that is not a number", () => {
    for (const tag of ["svg", "g", "section", "table", "div", "article", "details"]) {
      const opened = html.match(new RegExp(`<${tag}[ >]`, "g"))?.length ?? 0;
      expect(html.match(new RegExp(`</${tag}>`, "g"))?.length ?? 0, tag).toBe(opened);
    }
    expect(html.replace(/<div id="methods".*/s, "")).not.toMatch(/NaN|undefined|Infinity/);
  });
});

describe("page of a comparison", () => {
  it("shows the same bytes on both sides, shaded by each model's own costs", () => {
    const boxes = [...pages.comparison.matchAll(/<div class="shaded"[^>]*data-bits="([^"]*)"[^>]*>(.*?)<\/div>/g)];
    expect(boxes.length).toBeGreaterThan(4);
    for (let i = 0; i < boxes.length; i += 2) {
      const [mine, theirs] = [boxes[i], boxes[i + 1]].map(([, bits, shown]) => ({
        bits,
        text: shown.replace(/<[^>]*>/g, ""),
      }));
      expect(mine.text).toBe(theirs.text);
      expect(mine.bits).not.toBe(theirs.bits);
    }
  });

  it("lays the planes of all models over each other", () => {
    expect(pages.comparison).toMatch(/What their layers keep and know/);
    const bare = given.map(({ file, profile }) => ({ file, profile: { ...profile, plane: null } }));
    const without = comparisonPage(
      compare(bare, { seed: 0, common: false }),
      bare.map(({ profile }) => profile),
    );
    expect(without).not.toMatch(/What their layers keep/);
    expect(without).toMatch(/Not compared: planes/);
  });

  it("draws how alike layers are where states were kept, and says why not where they were not", () => {
    expect(pages.comparison).toMatch(/Whether their layers see alike/);
    expect(pages.comparison.match(/class="cell/g)).toHaveLength(6);
    expect(pages.comparison).toMatch(/: 0 1 – \(linear CKA, 0.910 to 0.980; 900 of 1,200 places/);
    expect(pages.comparison).toMatch(/Not compared: similarity: no states were kept/);
  });
});
