import { describe, expect, it } from "vitest";
import { columns, figure } from "./format.ts";
import {
  almanac,
  bare,
  halfAlmanac,
  hostile,
  lossesOnly,
  manyDomains,
  sampleProfile,
  untrained,
  withoutIntervals,
} from "./sample.testing.ts";
import { renderTerminal } from "./terminal.ts";
import { terminalOptions } from "./terminal-options.ts";

const options = { width: 80, colour: false, unicode: true };
const linesOf = (text: string): string[] => text.trimEnd().split("\n");

describe("terminal summary", () => {
  it.each([40, 60, 72, 80, 100, 120, 200, 20])("fits %i columns", (width) => {
    for (const profile of [
      sampleProfile(),
      sampleProfile(30),
      untrained(),
      lossesOnly(),
      bare(),
      manyDomains(),
      almanac(),
      halfAlmanac(),
      hostile(),
    ]) {
      for (const unicode of [true, false]) {
        for (const line of linesOf(renderTerminal(profile, { ...options, unicode, width }))) {
          expect(columns(line), line).toBeLessThanOrEqual(Math.max(40, width));
        }
      }
    }
  });

  it("sets the compressors, the model and both floors on one scale, and says the share of knowledge", () => {
    const text = renderTerminal(almanac(), options);
    const rows = linesOf(text.slice(text.indexOf("Bits a byte on 400 held-out pages"))).slice(1, 10);
    expect(rows.map((row) => row.split("  ")[0])).toEqual([
      ...almanac()
        .coding!.domains.known.baselines.toSorted((a, b) => b.bitsPerByte - a.bitsPerByte)
        .map(({ name }) => name),
      almanac().model.name,
      "unknown floor",
      "known floor",
    ]);
    expect(text).not.toContain("Size of the text");
    expect(text.replaceAll("\n", " ")).toContain("Share of knowledge: 53.4 % (51.4–55.4) of the bits of the facts");
    expect(text.replaceAll("\n", " ")).toContain("the control: 0 % (0–0); at its word −16.0 % (−18.0 to −14.0)");
    expect(text).toMatch(/By exposure: ▁\S+█ {2}0 % at exposure 1, 100 % at 1,024\./);

    const half = renderTerminal(halfAlmanac(), options);
    expect(half).toContain("Size of the text");
    expect(half).toContain("Share of knowledge: 53.4 %");
    expect(half).not.toContain("the control");
    const { knowledge: _, ...older } = almanac().almanac!;
    const before = renderTerminal({ ...almanac(), almanac: older }, options);
    expect(before).toContain("Share of knowledge: this profile is older than the figure; measure again for it.");
    expect(before).not.toContain("By exposure");
  });

  it("says the sizes, the interval, the storage ratio and every layer's held-out figures", () => {
    const text = renderTerminal(sampleProfile(), options);
    expect(text).toContain("3.606 (3.585–3.627) bits for each byte");
    expect(text).toContain("Every byte of weights stands for 1,828 bytes");
    const bits = (share: number): string => ((share * Math.log(100)) / Math.LN2).toFixed(2);
    for (const { layer, orders } of sampleProfile().plane!.layers) {
      const row = linesOf(text).find((line) => line.startsWith(`    ${layer}  `))!;
      expect(row).toContain(bits(orders["1"].complexity.heldOut.value!));
      expect(row).toContain(orders["1"].optimality.heldOut.value!.toFixed(3));
    }
    expect(text).toContain("participation ratio");
  });

  it("goes on with the layers' columns in a further block where one is too wide, after a blank line", () => {
    const lines = linesOf(renderTerminal(sampleProfile(), { ...options, width: 40 }));
    const [first, second] = lines.flatMap((line, at) => (line.startsWith("layer  ") ? [at] : []));
    expect(lines[second - 1]).toBe("");
    const heads = [lines[first], lines[second]].flatMap((line) => line.split(/ {2,}/).slice(1));
    expect(heads).toEqual(["complexity", "expressivity", "optimality"]);
    const { layers } = sampleProfile().plane!;
    const below = lines.slice(second + 1, second + 1 + layers.length).map((line) => line.trim().split(/ {2,}/));
    expect(below).toEqual(
      layers.map(({ layer, orders }) => [String(layer), figure(orders["1"].optimality.heldOut.value)]),
    );
  });

  it("says what llama-perplexity would report where that was asked for", () => {
    const text = renderTerminal(manyDomains(), options).replace(/\s+/g, " ");
    expect(text).toContain("PPL = 11.5000 +/- 0.61000 (4 chunks of 512 tokens, 1,020 of them scored)");
    expect(renderTerminal(lossesOnly(), options)).not.toContain("llama-perplexity");
  });

  it("says what lm-evaluation-harness would report where that was asked for", () => {
    const text = renderTerminal(manyDomains(), options).replace(/\s+/g, " ");
    expect(text).toContain("lm-evaluation-harness 0.4.13 would report 3.7100 bits per byte, byte perplexity 13.090");
    expect(text).toContain("; with add_bos_token=False 3.7000 bits per byte");
    expect(renderTerminal(lossesOnly(), options)).not.toContain("lm-evaluation-harness");
  });

  it("draws bars in proportion to the size", () => {
    const lengths = new Map(
      linesOf(renderTerminal(sampleProfile(), { ...options, unicode: false }))
        .filter((line) => line.includes("##"))
        .map((line) => [line.split(/ {2}/)[0].trim(), line.replace(/[^#]/g, "").length]),
    );
    const full = lengths.get("as it is")!;
    expect(Math.abs(lengths.get("gzip -9")! / full - 3.2005 / 8)).toBeLessThan(1 / full + 1e-9);
    expect(Math.abs(lengths.get("stories260k")! / full - 3.6056 / 8)).toBeLessThan(1 / full + 1e-9);
  });

  it("says first that a model is untrained, last what is missing", () => {
    expect(linesOf(renderTerminal(untrained(), options))[0]).toMatch(/^This model is untrained/);
    expect(linesOf(renderTerminal(lossesOnly(), options)).at(-1)).toBe(
      "Missing: coding.overall.baselines: bzip2 could not be loaded",
    );
    const withReason = renderTerminal(withoutIntervals(), { ...options, width: 120 });
    expect(withReason.split("no interval: 6 documents to resample, an interval needs 10.")).toHaveLength(2);
  });

  it("names figures that are missing for one reason together, once, and with what it would take", () => {
    const profile = withoutIntervals();
    const reason = profile.coding!.interval.absent!;
    const remedy = "about 60 kB more text, or --split-on '\\n\\n' (gives 46 documents)";
    profile.refusals = ["coding.interval", "plane"].map((figure) => ({ figure, reason, remedy }));
    const text = renderTerminal(profile, { ...options, width: 120 }).replace(/\s+/g, " ");
    expect(text).toContain(`Missing: coding.interval, plane: ${reason}; it would take ${remedy}`);
    expect(text.split(reason)).toHaveLength(2);
    expect(text).toContain("; no intervals.");
  });

  it("says a reason once, and draws no table of nothing", () => {
    const profile = bare();
    profile.refusals.push({ figure: "plane", reason: profile.plane!.absent! });
    const text = renderTerminal(profile, { ...options, width: 120 });
    expect(text.split("holding out needs 5")).toHaveLength(2);
    expect(text).not.toContain("complexity");
  });

  it("counts one thing as one", () => {
    const profile = sampleProfile();
    profile.corpus = { ...profile.corpus, documents: 1, unit: "block", units: 21 };
    expect(renderTerminal(profile, options)).toMatch(/^1 document, .*; intervals over 21 blocks\.$/m);
  });

  it("thins many layers out and keeps the last", () => {
    const rows = linesOf(renderTerminal(sampleProfile(30), options)).filter((line) => /^ {3,4}\d+ {2}/.test(line));
    expect(rows.length).toBeLessThanOrEqual(13);
    expect(rows.at(-1)).toMatch(/^ {3}30 /);
  });

  it("marks layers whose estimates are far apart", () => {
    const profile = sampleProfile();
    profile.plane!.layers[2].orders["1"].optimality.hollow = true;
    const text = renderTerminal(profile, options);
    expect(linesOf(text).filter((line) => line.endsWith(" ?"))).toHaveLength(1);
    expect(text).toContain("? held out and plug-in are far apart");
  });

  it("colours only when asked, and lets foreign text do nothing", () => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the controls that must not be there
    const controls = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/;
    expect(renderTerminal(hostile(), options)).not.toMatch(controls);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: sequences of our own
    const ours = /\u001b\[[\d;]+m/g;
    const coloured = renderTerminal(hostile(), { ...options, colour: true });
    expect(coloured).toContain("\u001b[1;36m");
    expect(coloured.replace(ours, "")).toBe(renderTerminal(hostile(), options));
  });

  it("is ASCII where nothing else can be shown", () => {
    for (const profile of [sampleProfile(), hostile(), bare()]) {
      expect(renderTerminal(profile, { ...options, unicode: false })).toMatch(/^[\n -~]*$/);
    }
  });
});

describe("what a terminal can show", () => {
  const tty = { isTTY: true, columns: 100 };
  it.each([
    [tty, { LANG: "en_GB.UTF-8" }, { width: 100, colour: true, unicode: true }],
    [tty, { LANG: "C" }, { width: 100, colour: true, unicode: false }],
    [tty, { LC_ALL: "C", LANG: "en_GB.UTF-8" }, { width: 100, colour: true, unicode: false }],
    [tty, { NO_COLOR: "1" }, { width: 100, colour: false, unicode: true }],
    [tty, { NO_COLOR: "" }, { width: 100, colour: true, unicode: true }],
    [tty, { TERM: "dumb" }, { width: 100, colour: false, unicode: false }],
    [{ isTTY: true, columns: 0 }, { COLUMNS: "132" }, { width: 132, colour: true, unicode: true }],
    [{ isTTY: true, columns: 12 }, {}, { width: 40, colour: true, unicode: true }],
    [tty, { COLUMNS: "132" }, { width: 100, colour: true, unicode: true }],
    [{}, {}, { width: 80, colour: false, unicode: true }],
    [{}, { COLUMNS: "110" }, { width: 110, colour: false, unicode: true }],
    [{}, { COLUMNS: "wide" }, { width: 80, colour: false, unicode: true }],
    [{}, { FORCE_COLOR: "1" }, { width: 80, colour: true, unicode: true }],
    [{}, { FORCE_COLOR: "1", NO_COLOR: "1" }, { width: 80, colour: false, unicode: true }],
  ])("%j %j", (stream, environment, expected) => expect(terminalOptions(stream, environment)).toEqual(expected));
});
