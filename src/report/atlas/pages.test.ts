import { describe, expect, it } from "vitest";
import { compare } from "../../atlas/compare.ts";
import { given, pages } from "./pages.testing.ts";
import { comparisonPage } from "./pages.ts";

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
    const all = [...pages.comparison.matchAll(/<div class="shaded"[^>]*data-bits="([^"]*)"[^>]*>(.*?)<\/div>/g)];
    const boxes = all.filter(([box]) => box.includes("text as "));
    expect(boxes.length).toBeGreaterThan(4);
    for (let i = 0; i < boxes.length; i += 2) {
      const [mine, theirs] = [boxes[i], boxes[i + 1]].map(([, bits, shown]) => ({
        bits,
        text: shown.replace(/<[^>]*>/g, ""),
      }));
      expect(mine.text).toBe(theirs.text);
      expect(mine.bits).not.toBe(theirs.bits);
    }
    // what each model held for likeliest is there too, for as many cells as there are costs
    const expected = [...pages.comparison.matchAll(/data-bits="([^"]*)"[^>]*data-expected="([^"]*)"/g)];
    expect(expected).toHaveLength(boxes.length);
    for (const [, bits, digits] of expected) expect(digits.length / 15).toBe(bits.length / 2);
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
