import { describe, expect, it } from "vitest";
import type { Profile } from "../profile/profile.ts";
import { profileSchema } from "../profile/profile.ts";
import { renderReport } from "./html.ts";
import * as samples from "./sample.testing.ts";

const {
  HOSTILE,
  almanac,
  bare,
  halfAlmanac,
  hostile,
  lossesOnly,
  manyDomains,
  sampleProfile,
  untrained,
  withoutIntervals,
} = samples;
const variants: [string, Profile][] = [
  ["six layers", sampleProfile()],
  ["31 layers", sampleProfile(30)],
  ["untrained", untrained()],
  ["losses only", lossesOnly()],
  ["no intervals", withoutIntervals()],
  ["nothing held out", bare()],
  ["many domains", manyDomains()],
  ["an almanac", almanac()],
  ["half an almanac", halfAlmanac()],
  ["training pages alone", { ...sampleProfile(), almanac: null, refusals: [{ figure: "almanac", reason: "none" }] }],
  ["hostile", hostile()],
];

const unmarked = (text: string): string =>
  text
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&amp;", "&");

/** The figure that a path names, an interval by its value; undefined where there is none. */
function figureAt(profile: Profile, path: string): unknown {
  const found = path
    .split(".")
    .reduce<unknown>((inner, key) => (inner as Record<string, unknown> | null | undefined)?.[key], profile);
  return found !== null && typeof found === "object" && "value" in found ? found.value : found;
}

/** Every figure of the page: path, exact value, as written. */
const figures = (page: string): { path: string; value: string; written: string }[] =>
  [...page.matchAll(/<data value="([^"]*)" title="([^"]*)">([^<]*)<\/data>/g)].map(([, value, path, written]) => ({
    path: unmarked(path),
    value,
    written: unmarked(written),
  }));

const sectionsOf = (page: string): string[] => [...page.matchAll(/<section id="([^"]+)"/g)].map((found) => found[1]);

describe("samples", () => {
  it.each(variants)("%s is a profile", (_, profile) => expect(() => profileSchema.parse(profile)).not.toThrow());
});

describe.each(variants)("report of %s", (_, profile) => {
  const page = renderReport(profile);

  it("has all its sections, each linked from the contents and with its METHODS section", () => {
    const almanac = profile.almanac === undefined ? [] : ["almanac"];
    const expected = ["coding", ...almanac, "text", "own-size", "plane", "geometry", "ledger", "account"];
    expect(sectionsOf(page)).toEqual(profile.refusals.length > 0 ? [...expected, "refusals"] : expected);
    for (const id of sectionsOf(page)) expect(page).toContain(`<a href="#${id}">`);
    expect(page.match(/<p class="methods">METHODS <a href="#methods-[\d.]+">§/g)).toHaveLength(sectionsOf(page).length);
  });

  it("carries every section of METHODS that it cites", () => {
    for (const [, target] of page.matchAll(/href="#(methods[^"]*)"/g)) expect(page).toContain(`id="${target}"`);
    expect(page).toContain("<summary>§1 Coding: how small the text gets</summary>");
    expect(page).not.toContain("<summary>§12 ");
  });

  it("asks nothing of any network and runs no script but its own", () => {
    expect(page).toMatch(/<meta http-equiv="Content-Security-Policy" content="default-src (?:'|&#39;)none/);
    expect(page.match(/<script/g)).toHaveLength(1);
    const tags = page.match(/<[a-z][^>]*>/gi) ?? [];
    expect(
      tags.filter((tag) => /\s(?:src|srcset|data|action|poster|on\w+)=/i.test(tag.replace(/"[^"]*"/g, '""'))),
    ).toEqual([]);
    expect(tags.filter((tag) => /\shref="(?!#)/i.test(tag))).toEqual([]);
    expect(page).not.toMatch(/@import|url\(/);
  });

  it("carries no control characters", () => {
    expect(page.replace(/[\n\t]/g, "")).not.toMatch(/[\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069]/u);
  });

  it("never writes what is no number", () =>
    expect(page.replace(/<div id="methods".*/s, "")).not.toMatch(/\bNaN\b|Infinity|undefined|\[object|>null</));
});

describe("figures", () => {
  it.each(variants.filter(([name]) => name !== "hostile"))(
    "of %s are those of the profile, to the last digit",
    (_, profile) => {
      const found = figures(renderReport(profile));
      expect(found.length).toBeGreaterThan(20);
      for (const { path, value } of found) {
        const figure = figureAt(profile, path);
        expect(`${path} ${value}`).toBe(`${path} ${figure === null || figure === undefined ? "" : String(figure)}`);
      }
    },
  );

  it("show every layer of every order, informations and spectra", () => {
    const paths = new Set(figures(renderReport(sampleProfile())).map((found) => found.path));
    for (let layer = 0; layer <= 5; layer++) {
      for (const order of ["1", "2", "3", "4"]) {
        for (const name of ["complexity", "expressivity"]) {
          for (const figure of ["heldOut", "plugin", "excess", "adjusted"]) {
            expect(paths).toContain(`plane.layers.${layer}.orders.${order}.${name}.${figure}`);
          }
        }
        expect(paths).toContain(`plane.layers.${layer}.orders.${order}.optimality.heldOut`);
      }
      expect(paths).toContain(`plane.layers.${layer}.entropy`);
      expect(paths).toContain(`geometry.layers.${layer}.centred.participationRatio`);
      expect(paths).toContain(`geometry.layers.${layer}.twoNN.dimension`);
    }
    for (const path of ["coding.overall.bitsPerByte", "coding.overall.adjustedRate", "ledger.storageRatio"])
      expect(paths).toContain(path);
  });

  it("are drawn in bits beside the share of ln m", () => {
    const profile = sampleProfile();
    const share = profile.plane!.layers[0].orders["1"].complexity.heldOut.value!;
    expect(renderReport(profile)).toContain(`layer 0: complexity ${((share * Math.log(100)) / Math.LN2).toFixed(2)} (`);
  });
});

describe("report", () => {
  it("says first that a model is untrained", () => {
    const page = renderReport(untrained());
    expect(page.indexOf("This model is untrained")).toBeLessThan(page.indexOf("<h1"));
    expect(page.indexOf("This model is untrained")).toBeGreaterThan(0);
  });

  it("tells why figures are missing", () => {
    const page = renderReport(lossesOnly());
    expect(page).toContain("plane: the endpoint gives losses only");
    expect(page).toContain("coding.overall.baselines: bzip2 could not be loaded");
    expect(renderReport(withoutIntervals())).toContain("No interval: 6 documents to resample, an interval needs 10.");
    expect(renderReport(bare())).toContain("No held-out figure: 3 documents to divide, holding out needs 5.");
  });

  it("draws the reference lines for order 1 only, and hollow where the profile says so", () => {
    const page = renderReport(sampleProfile());
    const view = (order: number): string =>
      page.slice(page.indexOf(`class="order order-${order}"`), page.indexOf(`class="order order-${order + 1}"`));
    for (const line of ["diagonal", "frontier", "limit"]) {
      expect(view(1)).toContain(`class="reference ${line}"`);
      expect(view(2)).not.toContain(`class="reference ${line}"`);
    }
    const hollow = sampleProfile().plane!.layers.filter((layer) => layer.orders["4"].optimality.hollow).length;
    expect(hollow).toBeGreaterThan(0);
    expect(view(4).match(/class="dot depth hollow"/g)).toHaveLength(2 * hollow);
  });

  it("names other labels, domains and what another harness would report", () => {
    const page = renderReport(manyDomains());
    for (const text of [
      "“language”",
      "children&#39;s stories",
      "lm-evaluation-harness 0.4.13 would report 3.71",
      "with add_bos_token=False 3.70",
      "llama-perplexity of llama.cpp 0.5.0 would report PPL = 11.5000 +/- 0.61000",
    ])
      expect(page).toContain(text);
  });

  it("draws the share of knowledge by exposure, and tells it by relation, with its control", () => {
    const page = renderReport(almanac());
    expect(page.match(/exposure 4, share of knowledge: 20\.0 \(18\.0–22\.0\) %/g)).toHaveLength(2);
    expect(page).toContain("Knowledge by relation");
    expect(page).toContain("river.fish");
    expect(page).toContain("the control: 0 % (0–0)".replace(" %", "\u00a0%"));
    expect(page).toContain("too few pages: exposure 1024 (8)");
    expect(page).not.toContain("The compressors read the whole text");
    const half = renderReport(halfAlmanac());
    expect(half).toContain("The compressors read the whole text");
    expect(half).toContain("almanac.knowledge.control: no page of the text is about an entity never seen");
    expect(half).not.toContain("the control: ");
    const { knowledge: _, ...older } = almanac().almanac!;
    const before = renderReport({ ...almanac(), almanac: older });
    expect(before).toContain("this profile is older than the figure");
    expect(before).not.toContain("Share of knowledge by how often");
  });

  it("keeps hostile text as text", () => {
    const page = renderReport(hostile());
    expect(page).not.toContain("<script>alert");
    expect(page).not.toContain("<img");
    expect(page).toContain("&lt;/script&gt;&lt;script&gt;alert(1)");
    expect(HOSTILE).toContain("<script>alert");
  });

  it("names no folder of the machine that measured", () => {
    const page = renderReport(sampleProfile());
    expect(page).not.toContain("/home/someone");
    expect(page).toContain("…/tinyshakespeare.txt");
  });

  it("draws the same file from the same profile", () =>
    expect(renderReport(sampleProfile())).toBe(renderReport(sampleProfile())));
});
