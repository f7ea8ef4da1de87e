import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { columns } from "./format.ts";
import { fitsWhole, type TextTable, tableBlocks, tableLines } from "./text-table.ts";

const NAMES = ["HuggingFaceTB/SmolLM2-135M-Instruct", "東京大学/日本語の言語モデル-13b-instruct", "tiny"];
const TABLE: TextTable = {
  head: ["model", "bits per byte", "difference, bits per byte", "weights", "licence", "over"],
  rows: NAMES.map((name, index) => [
    name,
    `${index}.183 (${index}.151–${index}.214)`,
    `−0.0${index}12 (−0.0${index}40 to 0.0${index}16)`,
    "1,234.5 MB",
    "apache-2.0 with conditions",
    "1,428 documents",
  ]),
};
const widest = (lines: readonly string[]): number => Math.max(...lines.map(columns));

/** Everything that is no space, in the order of rows and then of lines. */
const joined = (lines: readonly string[]): string => lines.join("").replaceAll(/\s/g, "");

describe("a table of text", () => {
  it("stands as it is where there is room, figures right and the rest left", () => {
    expect(
      tableLines(
        {
          head: ["model", "bits", "verdict"],
          rows: [
            ["漢字", "10.5", "tie"],
            ["a", "1", "fewer bits"],
          ],
        },
        200,
      ),
    ).toEqual(["model  bits  verdict", "漢字   10.5  tie", "a         1  fewer bits"]);
    expect(tableLines(TABLE, 200)).toHaveLength(4);
    expect(widest(tableLines(TABLE, 200))).toBeGreaterThan(120);
  });

  it("takes room from heads and names first, and never a figure", () => {
    const lines = tableLines(TABLE, 120);
    expect(widest(lines)).toBeLessThanOrEqual(120);
    expect(tableBlocks(TABLE, 120)).toHaveLength(1);
    for (const [, ...figures] of TABLE.rows) {
      for (const figure of figures.slice(0, 3)) expect(lines.some((line) => line.includes(figure))).toBe(true);
    }
  });

  it.each([40, 80])("goes on in a further block at %i columns, names in front, their middle left out", (width) => {
    const blocks = tableBlocks(TABLE, width);
    expect(blocks.length).toBeGreaterThan(1);
    expect(blocks[0].body.join("\n")).toMatch(/^Hug\S*…\S*uct .*\n東\S*…\S*uct .*\ntiny /);
    for (const { head, body } of blocks) {
      expect(head.at(-1)).toMatch(/^model /);
      expect(body.map((line) => line[0]).filter((first) => first !== " ")).toEqual(["H", "東", "t"]);
    }
    const lines = tableLines(TABLE, width);
    expect(widest(lines)).toBeLessThanOrEqual(width);
    for (const [, ...cells] of TABLE.rows) {
      for (const cell of cells.slice(0, 3))
        expect(
          lines.some((line) => line.includes(cell)),
          cell,
        ).toBe(true);
    }
  });

  it("has no heads where there are none, keeps what stands before a name, and puts words on further lines", () => {
    const rows = [
      ["Parameters", "1,000", ""],
      ["  embedding", "10", "token and position tables, output matrix"],
    ];
    expect(tableLines({ head: ["", "", ""], rows, kinds: ["name", "figures", "words"] }, 40)).toEqual([
      "Parameters   1,000",
      "  embedding     10  token and position",
      "                    tables, output",
      "                    matrix",
    ]);
  });

  it("says whether it stands whole", () => {
    const exact = widest(tableLines(TABLE, 500));
    expect([fitsWhole(TABLE, exact), fitsWhole(TABLE, exact - 1)]).toEqual([true, false]);
  });

  const word = fc.oneof(fc.string({ unit: "grapheme", maxLength: 12 }), fc.constantFrom(...NAMES, "漢字かな交じり文"));
  const figure = fc
    .tuple(fc.float({ noNaN: true, noDefaultInfinity: true }), fc.nat(8))
    .map(
      ([value, digits]) => `${value.toFixed(digits)} (${(value / 2).toFixed(digits)}–${(value * 2).toFixed(digits)})`,
    );
  const cell = fc.oneof(
    fc.array(word, { maxLength: 6 }).map((words) => words.join(" ")),
    figure,
    fc.constantFrom("–", ""),
    fc.string({ unit: "grapheme", maxLength: 300 }),
  );
  const table = fc.integer({ min: 1, max: 12 }).chain((across) =>
    fc.record({
      head: fc.array(cell, { minLength: across, maxLength: across }),
      rows: fc.array(fc.array(cell, { minLength: across, maxLength: across }), { maxLength: 6 }),
      keys: fc.integer({ min: 1, max: 3 }),
    }),
  );

  it("has no line that is wider than was asked for, whatever its cells", () => {
    fc.assert(
      fc.property(table, fc.integer({ min: 40, max: 250 }), (given, width) => {
        expect(widest(["", ...tableLines(given, width)])).toBeLessThanOrEqual(width);
      }),
    );
  });

  it("loses no character of a figure, at any width", () => {
    const figures = fc.array(
      fc.tuple(fc.constant("·"), figure, figure, figure, figure).map((cells) => [...cells]),
      { minLength: 1, maxLength: 4 },
    );
    fc.assert(
      fc.property(figures, fc.integer({ min: 40, max: 200 }), (rows, width) => {
        const lines = tableLines({ head: ["", "a", "b", "c", "d"], rows }, width);
        const all = joined(lines.map((line) => line.replace("·", "")));
        for (const [, ...cells] of rows) {
          for (const one of cells) {
            expect(all).toContain(joined([one]));
            if (columns(one) <= width - 6) expect(lines.some((line) => line.includes(one))).toBe(true);
          }
        }
      }),
    );
  });

  it("shortens names so that they stay apart, where any cut of the middle does that", () => {
    const rows = ["main", "long", "last"].map((end) => [`org/model-of-${end}-checkpoint-number-9000`, "1".repeat(24)]);
    const names = tableLines({ head: ["", ""], rows }, 40).map((line) => line.split(" ")[0]);
    expect(new Set(names).size).toBe(1); // they differ in the middle alone
    const ends = rows.map(([name, bits], index) => [`${name}${index}`, bits]);
    const early = rows.map(([name, bits], index) => [`organisa${index}tion/${name}`, bits]);
    for (const apart of [ends, early]) {
      const shown = tableLines({ head: ["", ""], rows: apart }, 40).map((line) => line.split(" ")[0]);
      expect(new Set(shown).size).toBe(3);
    }
  });
});
