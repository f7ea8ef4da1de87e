import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { random } from "../../numeric/random.ts";
import { visible } from "../format.ts";
import { HOSTILE, sampleProfile } from "../sample.testing.ts";
import { extent, linear, logarithmic, niceTicks, withinError } from "./axis.ts";
import { bars } from "./bars.ts";
import { differences } from "./differences.ts";
import { foreseen } from "./foreseen.ts";
import { type Cell, cells, encodeCells, encodeExpected, heat, scaleOf, shade } from "./heat.ts";
import { lines } from "./lines.ts";
import { matrix } from "./matrix.ts";
import { multiples } from "./multiples.ts";
import { plane, someLayers, turningPoints } from "./plane.ts";
import { planes } from "./planes.ts";
import { sparkline } from "./sparkline.ts";
import { stepLines } from "./steps.ts";
import { element, markup, pathData } from "./svg.ts";
import { trade } from "./trade.ts";

const finite = fc.double({ min: -1e6, max: 1e6, noNaN: true });

/** Every number in every coordinate attribute. */
const coordinates = (svg: string): number[] =>
  [...svg.matchAll(/\b(?:x|y|x1|x2|y1|y2|cx|cy|r|width|height|d)="([^"]*)"/g)].flatMap(([, value]) =>
    value
      .split(/[MLHVhvlz\s,]+/)
      .filter((piece) => piece !== "")
      .map(Number),
  );

describe("markup", () => {
  it("leaves nothing that could be a tag, an attribute or a control", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(markup(text)).not.toMatch(/[<>"'\p{Cc}]/u);
        expect(element("a", { title: text })).toMatch(/^<a title="[^"<>]*"\/>$/);
      }),
    );
  });

  it("breaks a path where a point is missing", () =>
    expect(pathData([[0, 1], null, [2, 3.456], [4, 5]])).toBe("M0 1M2 3.46L4 5"));
});

describe("axes", () => {
  it("tick at round numbers inside the range", () => {
    expect(niceTicks(0, 1, 5)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(niceTicks(-0.88, -0.1, 3)).toEqual([-0.8, -0.6, -0.4, -0.2]);
    // where a step is less than what parts two numbers
    expect(niceTicks(1e17, 1e17 + 16, 5).length).toBeLessThanOrEqual(12);
    fc.assert(
      fc.property(
        finite,
        fc.double({ min: 1e-6, max: 1e6, noNaN: true }),
        fc.integer({ min: 2, max: 9 }),
        (low, span, target) => {
          const ticks = niceTicks(low, low + span, target);
          expect(ticks.length).toBeLessThanOrEqual(2 * target + 1);
          const slack = span * 1e-6 + Math.abs(low) * 1e-14;
          for (const tick of ticks) {
            expect(tick).toBeGreaterThanOrEqual(low - slack);
            expect(tick).toBeLessThanOrEqual(low + span + slack);
          }
        },
      ),
    );
  });

  it("map their ends onto the range, and give a flat domain room", () => {
    const scale = linear([2, 4], [10, 110]);
    expect([scale(2), scale(3), scale(4)]).toEqual([10, 60, 110]);
    expect(linear([3, 3], [0, 100])(3)).toBe(50);
    const decades = logarithmic([10, 1000], [0, 100]);
    expect(decades(100)).toBeCloseTo(50, 12);
    expect(decades.ticks).toEqual([10, 100, 1000]);
  });

  it("take in every finite value", () => {
    expect(extent([null, 2, Number.NaN, 4], { margin: 0 })).toEqual([2, 4]);
    expect(extent([2, 4], { zero: true, margin: 0.5 })).toEqual([0, 6]);
    expect(extent([])).toEqual([0, 1]);
  });
});

describe("many layers", () => {
  const deep = sampleProfile(30).plane!;
  const markOf = (index: number, complexity: number, expressivity: number) => ({
    layer: index,
    complexity: { value: complexity, low: complexity - 0.1, high: complexity + 0.1 },
    expressivity: { value: expressivity, low: expressivity - 0.1, high: expressivity + 0.1 },
    plugin: [complexity + 0.2, expressivity + 0.2] as const,
    hollow: false,
    detail: `layer ${index}`,
  });
  /** there and back: layers 0 to 15 to the right, 16 to 30 up and to the left */
  const bent = Array.from({ length: 31 }, (_, at) =>
    markOf(at, 3 - Math.abs(at - 15) / 6, at <= 15 ? 0.5 : 0.5 + (at - 15) / 20),
  );

  it("turn where a path turns, and nowhere else", () => {
    const corner = [...Array(20).keys()].map((at) => ({ x: 10 * Math.min(at, 10), y: 10 * Math.max(0, at - 10) }));
    expect([...turningPoints(corner)].sort((a, b) => a - b)).toEqual([0, 10, 19]);
    expect([...turningPoints([...Array(81).keys()].map((x) => ({ x, y: 3 })))]).toEqual([0, 80]);
    expect(turningPoints([]).size).toBe(0);
    const dice = random(5, "hairball");
    expect(
      turningPoints([...Array(81).keys()].map(() => ({ x: dice.uniform() * 600, y: dice.uniform() * 400 }))).size,
    ).toBeLessThanOrEqual(12);
  });

  it("are numbered where the path turns; the others tell when they are asked", () => {
    const svg = plane("x", bent, 4, null, true, "wide");
    const numbered = [...svg.matchAll(/class="layer" text-anchor="middle">(\d+)</g)].map(([, layer]) => Number(layer));
    expect(numbered).toEqual(expect.arrayContaining([0, 15, 30]));
    expect(numbered.length).toBeLessThanOrEqual(12);
    expect(svg.match(/class="layer pointed"/g)).toHaveLength(31 - numbered.length);
    for (let layer = 0; layer <= 30; layer++) expect(svg).toContain(`data-layer="${layer}"`);
    expect(svg.match(/class="quiet"/g)).toHaveLength(31 - numbered.length);
    expect(plane("x", bent.slice(0, 12), 4, null, true, "wide")).not.toContain("quiet");
  });

  it("without anything held out are the plug-in's, numbered too", () => {
    const none = { value: null, low: null, high: null };
    const svg = plane(
      "x",
      bent.map((one) => ({ ...one, complexity: none, expressivity: none })),
      4,
      null,
      true,
      "wide",
    );
    expect(svg.match(/class="ghost"/g)).toHaveLength(31);
    expect(svg).toMatch(/class="layer" text-anchor="middle">30</);
    expect(svg).toMatch(/class="trail"/);
  });

  it("have the first, the last and three between as lines over the steps of a run", () => {
    expect(someLayers(deep.layers.length)).toEqual([0, 8, 15, 23, 30]);
    expect(someLayers(81)).toEqual([0, 20, 40, 60, 80]);
    expect(someLayers(5)).toEqual([0, 1, 2, 3, 4]);
  });
});

describe("what may be chance", () => {
  const of = (value: number, half: number | null) => ({
    value,
    low: half === null ? null : value - half,
    high: half === null ? null : value + half,
  });

  it("is said, and never magnified: an axis is as long as what means something", () => {
    expect(extent([1e-7, 3e-7], { zero: true, least: 0.1, margin: 0 })).toEqual([0, 0.1]);
    expect(extent([-1e-7, -3e-7], { zero: true, least: 0.1, margin: 0 })).toEqual([-0.1, 0]);
    const [low, high] = extent([-1e-7, 1e-7], { zero: true, least: 0.1, margin: 0 });
    expect([low, high]).toEqual([expect.closeTo(-0.05, 6), expect.closeTo(0.05, 6)]);
    // rounding of a figure far from zero
    const [from, to] = extent([1, 1 + 2e-7], { margin: 0 });
    expect(to - from).toBeCloseTo(0.02, 6);
    expect(extent([2, 4], { margin: 0, least: 0.1 })).toEqual([2, 4]);
  });

  it("is what no interval tells from zero, or from the others", () => {
    const nothing = [of(0.001, 0.01), of(-0.002, 0.01)];
    expect(withinError(nothing, { zero: true, least: 0.1 })).toBe("nothing here is told apart from zero");
    expect(withinError([...nothing, of(0.5, 0.01)], { zero: true, least: 0.1 })).toBeNull();
    expect(withinError([of(1, 0.2), of(1.1, 0.2), of(0.9, 0.2)])).toBe("differences here are within the error");
    expect(withinError([of(1, 0.2), of(1.1, 0.2), of(3, 0.2)])).toBeNull();
    expect(withinError([of(1, null), of(1 + 1e-7, null)])).toBe("differences here are under 0.010");
    expect(withinError([of(0.001, null), of(0.002, null)], { zero: true, least: 0.1 })).toBe(
      "differences here are under 0.050",
    );
    expect(withinError([of(1, null), of(2, null)])).toBeNull();
    expect(withinError([null, of(1, 0.1)])).toBeNull();
    expect(withinError([])).toBeNull();
  });

  it("is written into every mark that chooses its own scale", () => {
    const noise = [of(1e-5, 1e-4), of(-1e-5, 1e-4), of(2e-5, 1e-4)];
    const alike = [of(1, 0.3), of(1.01, 0.3), of(0.99, 0.3)];
    const place = (one: (typeof noise)[number], layer: number) => ({ layer, complexity: one, expressivity: one });
    const from = "nothing here is told apart from zero";
    const within = "differences here are within the error";
    const said: Record<string, [string, string]> = {
      lines: [
        lines("x", [0, 1, 2], [{ name: "a", tone: "model", style: "solid", values: noise }], { least: 0.1 }),
        from,
      ],
      steps: [
        stepLines("x", ["1", "2", "3"], "n", [{ name: "a", tone: "model", style: "solid", values: noise }]),
        from,
      ],
      differences: [
        differences(
          "x",
          noise.map((one) => ({ ...one, name: "a", tone: "model" as const, told: false })),
          "wide",
        ),
        from,
      ],
      plane: [
        plane(
          "x",
          noise.map((one, layer) => ({ ...place(one, layer), plugin: [0, 0] as const, hollow: false, detail: "" })),
          4,
          null,
          true,
          "wide",
        ),
        from,
      ],
      planes: [planes("x", [{ name: "m", tone: "model", layers: noise.map(place) }], "narrow"), from],
      trade: [
        trade(
          "x",
          alike.map((bitsPerByte, at) => ({
            name: `m${at}`,
            weightBytes: 10 ** (6 + at),
            bitsPerByte,
            standing: "other" as const,
          })),
          "wide",
        ),
        within,
      ],
      sparkline: [sparkline("x", alike), within],
      foreseen: [
        foreseen(
          "x",
          alike.map((_, at) => ({ model: `m${at}`, family: "f", score: 0.5 + at * 1e-6, foreseen: 0.5 })),
          "wide",
        ),
        "differences here are under",
      ],
    };
    for (const [mark, [svg, words]] of Object.entries(said)) expect(svg, mark).toContain(words);
    const flat = [...said.sparkline[0].matchAll(/[ML][\d.]+ ([\d.]+)/g)].map(([, y]) => Number(y));
    expect(Math.max(...flat) - Math.min(...flat)).toBeLessThan(1);
  });
});

describe("marks", () => {
  const hostileRow = {
    name: HOSTILE,
    value: 0.3,
    low: 0.2,
    high: 0.4,
    written: HOSTILE,
    detail: HOSTILE,
    tone: "model",
  } as const;

  it.each(["wide", "narrow"] as const)("escape what they are given (%s)", (form) => {
    const svg = bars(HOSTILE, [hostileRow], form);
    expect(svg).not.toContain("<script");
    expect(svg).toMatch(/^<svg [^>]*role="img" aria-label="[^"]+"/);
  });

  it("draw bars in proportion", () => {
    const row = (value: number) => ({ ...hostileRow, name: "a", written: "b", value, low: null, high: null });
    const widths = [...bars("x", [row(1), row(0.5), row(0.25)], "narrow").matchAll(/<rect [^>]*width="([\d.]+)"/g)].map(
      (found) => Number(found[1]),
    );
    expect(widths).toEqual([344, 172, 86]);
  });

  it("are finite whatever is missing", () => {
    const none = { value: null, low: null, high: null };
    const flat = { value: 0, low: 0, high: 0 };
    const mark = (one: typeof none | typeof flat, layer: number) => ({
      layer,
      complexity: one,
      expressivity: one,
      plugin: [0, 0] as const,
      hollow: true,
      detail: "",
    });
    const all = [
      bars("x", [{ ...hostileRow, ...none }], "wide"),
      lines("x", [0], [{ name: "a", tone: "model", style: "solid", values: [flat] }], { least: 0.1 }),
      lines("x", [0, 1], [{ name: "a", tone: "model", style: "solid", values: [none, null] }], { least: 0.1 }),
      plane("x", [mark(flat, 0), mark(none, 1)], Math.log(2), null, true, "wide"),
      plane("x", [], Math.log(2), { frontier: [], limit: 0 }, true, "narrow"),
      sparkline("x", []),
      sparkline("x", [null, ...[1, 1].map((value) => ({ value, low: null, high: null }))]),
    ];
    for (const svg of all) expect(coordinates(svg).filter((value) => !Number.isFinite(value))).toEqual([]);
  });

  it("draw uncertain layers hollow, and every layer of the plane once", () => {
    const { layers, lnM } = sampleProfile().plane!;
    const marks = layers.map(({ layer, orders }) => ({
      layer,
      complexity: orders["4"].complexity.heldOut,
      expressivity: orders["4"].expressivity.heldOut,
      plugin: [orders["4"].complexity.plugin, orders["4"].expressivity.plugin] as const,
      hollow: layer > 3,
      detail: "",
    }));
    const svg = plane("x", marks, lnM, null, false, "wide");
    expect(svg.match(/class="dot depth"/g)).toHaveLength(4);
    expect(svg.match(/class="dot depth hollow"/g)).toHaveLength(2);
    expect(svg.match(/class="ghost"/g)).toHaveLength(6);
  });
});

/** What the page's script does, written plainly. */
function decode({ bits, lengths }: { bits: string; lengths: string }): { length: number; hundredths: number }[] {
  const values = [...lengths].map((digit) => digit.charCodeAt(0) - 63);
  const found: { length: number; hundredths: number }[] = [];
  for (let at = 0; at < bits.length; at += 2) {
    let length = lengths === "" ? 1 : 0;
    while (values.length > 0) {
      const digit = values.shift()!;
      length += digit;
      if (digit < 63) break;
    }
    found.push({ length, hundredths: (bits.charCodeAt(at) - 63) * 64 + bits.charCodeAt(at + 1) - 63 });
  }
  return found;
}

const unmarked = (text: string): string =>
  text
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&amp;", "&");

describe("shaded text", () => {
  /** Any text, cut anywhere between bytes, with empty tokens among the others. */
  const anyPassage = fc
    .tuple(
      fc.string({ unit: "binary", maxLength: 60 }),
      fc.array(fc.nat(200), { maxLength: 40 }),
      fc.infiniteStream(fc.double({ min: 0, max: 40, noNaN: true })),
    )
    .map(([text, cuts, costs]) => {
      const bytes = new TextEncoder().encode(text).length;
      const ends = [...cuts.map((cut) => cut % (bytes + 1)), bytes].sort((a, b) => a - b);
      return { text, ends, nats: ends.map(() => costs.next().value as number) };
    });

  it("keeps all of the text and all of its cost, however tokens cut characters", () => {
    fc.assert(
      fc.property(anyPassage, (given) => {
        const found = cells(given);
        expect(found.map((cell) => cell.text).join("")).toBe(visible(given.text, "\n\t"));
        const nats = given.nats.reduce((sum, value) => sum + value, 0);
        expect(found.reduce((sum, cell) => sum + cell.bits, 0)).toBeCloseTo(nats / Math.LN2, 6);
        expect(found.reduce((sum, cell) => sum + cell.bytes, 0)).toBe(given.ends.at(-1));
        expect(unmarked(shade(found).replace(/<\/?[b-h]->/g, ""))).toBe(visible(given.text, "\n\t"));
      }),
    );
  });

  it("gives the page every cell's length and bits", () => {
    fc.assert(
      fc.property(anyPassage, (given) => {
        const found = cells(given);
        const encoded = encodeCells(found);
        expect(encoded.bits + encoded.lengths).toMatch(/^[?-~]*$/);
        expect(decode(encoded)).toEqual(
          found.map((cell) => ({ length: cell.text.length, hundredths: Math.min(4095, Math.round(cell.bits * 100)) })),
        );
      }),
    );
    const long: Cell = { text: "x".repeat(126), bytes: 126, bits: 99, token: 0 };
    expect(decode(encodeCells([long]))).toEqual([{ length: 126, hundredths: 4095 }]);
  });

  it("joins tokens that share a character", () => {
    const found = cells({ text: "a🙂b", ends: [1, 3, 5, 6], nats: [1, 2, 3, 4] });
    expect(found.map((cell) => [cell.text, cell.bytes, cell.token])).toEqual([
      ["a", 1, 0],
      ["🙂", 4, 1],
      ["b", 1, 3],
    ]);
    expect(found[1].bits).toBeCloseTo(5 / Math.LN2, 12);
  });

  it("tells what was expected in place of each cell's first token, as far as it is known", () => {
    const passage = { text: "a🙂b", ends: [1, 3, 5, 6], nats: [1, 2, 3, 4] };
    const tokens = ["x", "\u202e<b>", "y".repeat(90)];
    const best = [0, 1, 2, 2, -1, 7];
    const { names, digits } = encodeExpected(cells(passage), { tokens, each: 2, best, shares: [1, 0.5, 2, -1, 0, 0] });
    expect(names[1]).toBe("⟨U+202E⟩<b>");
    expect(names[2].length).toBeLessThan(40);
    const read = (at: number, count: number): number =>
      [...digits.slice(at, at + count)].reduce((sum, one) => 64 * sum + one.charCodeAt(0) - 63, 0);
    const decoded = Array.from({ length: digits.length / 5 }, (_, at) => [read(5 * at, 3), read(5 * at + 3, 2)]);
    // three tokens are known: the second cell is of two of them, and shows what was expected of the first
    expect(decoded).toEqual([
      [0, 4095],
      [1, 2048],
      [2, 4095],
      [2, 0],
    ]);
    const none = encodeExpected(cells(passage), { tokens: [], each: 1, best: [-1, 9], shares: [] });
    expect(none.digits).toBe("~~~??~~~??");
  });

  it("is shaded on a ramp that ends at the dearest where all of it is cheap", () => {
    const of = (...bits: number[]) => ({
      text: "ab".repeat(bits.length),
      ends: bits.map((_, i) => 2 * i + 2),
      nats: bits.map((one) => one * Math.LN2),
    });
    const scales = [[3, 16], [3, 15.9], [0.02], [0.0167, 0.001], [0], []].map((bits) =>
      scaleOf([of(1e-9), of(...bits)]),
    );
    expect(scales).toEqual([1, 0.5, 0.001, 0.001, 5e-11, 5e-11]);
    expect(scaleOf([of(0)])).toBe(1);
    const small = of(0.0167, 0.001);
    expect(shade(cells(small))).toBe("abab");
    expect(shade(cells(small), scaleOf([small]))).toBe("<h->ab</h-><b->ab</b->");
  });

  it("shades by bits per byte, eight and more as the darkest", () => {
    expect([0, 0.49, 0.5, 1, 7.99, 8, 60, -1].map(heat)).toEqual([0, 0, 1, 2, 6, 7, 7, 0]);
    expect(
      shade([
        { text: "<a", bytes: 2, bits: 0, token: 0 },
        { text: "b", bytes: 1, bits: 9, token: 1 },
        { text: "c", bytes: 2, bits: 20, token: 2 },
      ]),
    ).toBe("&lt;a<h->bc</h->");
  });

  it.each([1, 2])("200 kB at %i bytes a token stay under 1.5 MB", (length) => {
    const dice = random(3, "size", length);
    const text = "some words of a text that goes on and on\n".repeat(5000).slice(0, 200_000);
    const ends = Array.from({ length: text.length / length }, (_, token) => (token + 1) * length);
    // dear where a word begins, cheap inside it, as in any trained model
    const nats = ends.map((end) => (/\s/.test(text[end - 1]) ? 2.5 : 0.3) * length * -Math.log(1 - dice.uniform()));
    const found = cells({ text, ends, nats });
    const { bits, lengths } = encodeCells(found);
    expect(shade(found).length + bits.length + lengths.length).toBeLessThan(1.5e6);
  });
});

describe("matrix", () => {
  const values = [
    [1, -0.02, null],
    [0.25, 0.5, null],
  ];
  const svg = matrix("alike", { rows: HOSTILE, columns: "b" }, values, [0, 1, null]);

  it("has a cell for every pair, in tone as its figure, and none where there is no figure", () => {
    const tones = [...svg.matchAll(/<rect[^>]*class="cell( none)?"(?: fill-opacity="([^"]*)")?/g)].map(
      ([, none, tone]) => (none ? null : Number(tone)),
    );
    expect(tones).toEqual([1, 0, null, 0.25, 0.5, null]);
    expect(svg).toContain("<title>0, 1: −0.0200</title>");
    expect(svg).toContain("<title>1, 2: –</title>");
  });

  it("puts the dots on the cells that are most alike, first layers at the bottom left", () => {
    const cells = [...svg.matchAll(/<rect x="([^"]*)" y="([^"]*)" width="([^"]*)" height="([^"]*)"/g)].map((found) =>
      found.slice(1).map(Number),
    );
    const dots = [...svg.matchAll(/<circle cx="([^"]*)" cy="([^"]*)"/g)].map((found) => found.slice(1).map(Number));
    const centre = ([x, y, width, height]: number[]) => [x + width / 2, y + height / 2];
    expect(dots).toEqual([cells[0], cells[4]].map((cell) => centre(cell).map((at) => expect.closeTo(at, 1))));
    expect(cells[0][1]).toBeGreaterThan(cells[3][1]);
    expect(coordinates(svg).every(Number.isFinite)).toBe(true);
    expect(svg).not.toContain(HOSTILE);
  });
});

describe("multiples", () => {
  const families = ["a", "b", "c", "d", HOSTILE];
  const models = Array.from({ length: 25 }, (_, i) => ({
    model: `m${i}`,
    family: families[Math.min(4, Math.floor(i / 6))],
    score: i / 25,
    values: [i * i, 10 ** (4 + i / 20), 1],
  }));
  const panels = [
    { title: "bits", note: "", scale: "linear" as const },
    { title: "parameters", note: "", scale: "ln" as const },
    { title: "the same for all", note: "", scale: "linear" as const },
  ];

  it.each(["wide", "narrow"] as const)("marks every model in every panel, inside the %s drawing", (form) => {
    const svg = multiples("n", "score", panels, models, form);
    const [, width, height] = /viewBox="0 0 (\d+) (\d+)"/.exec(svg)!.map(Number);
    const places = [...svg.matchAll(/<g><title>[^<]*<\/title><path d="M([-\d.]+) ([-\d.]+)/g)];
    expect(places).toHaveLength(3 * 25);
    for (const [, x, y] of places) {
      expect(Number(x)).toBeGreaterThan(0);
      expect(Number(x)).toBeLessThan(width);
      expect(Number(y)).toBeGreaterThan(0);
      expect(Number(y)).toBeLessThan(height);
    }
    // a tone and a shape for each of the four largest families, in the key as well
    const looks = [...svg.matchAll(/d="M[-\d.]+ [-\d.]+([^"]*)" class="dot (\w+)"/g)].map(([, d, tone]) => d + tone);
    expect(new Set(looks).size).toBe(5);
    expect(looks).toHaveLength(3 * 25 + 4);
    expect([svg.includes(HOSTILE), svg.includes(">20k<")]).toEqual([false, true]);
  });
});
