import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { numberIn, tableOf, writeCsv } from "./csv.ts";

const read = (text: string) => tableOf(text, "scores.csv", ["model", "score"], ["stderr"]);

describe("csv", () => {
  it("gives back what it writes", () => {
    const cell = fc.string({ unit: fc.constantFrom("a", '"', ",", "\n", "\r", " ", "é", "0") });
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell), { maxLength: 6 }), (cells) => {
        const rows = cells.map(([model, score]) => ({ model, score }));
        // two empty cells are a record, one empty cell alone would be an empty line
        expect(read(writeCsv(["model", "score"], rows)).map((row) => row.cells)).toEqual(rows);
      }),
    );
  });

  it("reads CRLF, a byte-order mark, empty lines and a last line without an end", () => {
    const rows = read('\ufeffmodel,score\r\n\r\n"a, ""b""",1\r\nc,2');
    expect(rows).toEqual([
      { line: 3, cells: { model: 'a, "b"', score: "1" } },
      { line: 4, cells: { model: "c", score: "2" } },
    ]);
  });

  it("counts lines through quoted line breaks", () => {
    expect(read('model,score\n"a\nb",1\nc,2\n').map(({ line }) => line)).toEqual([2, 4]);
  });

  it.each([
    ["model,score\na,1,2\n", /line 2: 3 fields where the header has 2/],
    ["model,score\na\n", /line 2: 1 fields/],
    ['model,score\n"a,1\n', /line 2: a quote/],
    ['model,score\na,b"c\n', /line 2: a quote/],
    ["model,points\n", /unknown column "points"/],
    ["model,stderr\n", /no column score/],
    ["model,score,model\n", /model is named twice/],
    ["", /no column model, score/],
  ])("refuses %j", (text, message) => expect(() => read(text)).toThrow(message));

  it.each(["1", "-.5", "2.5e-3", "+4."])("takes %s for a number", (cell) => {
    const [row] = read(`model,score\na,${cell}\n`);
    expect(numberIn(row, "score", "scores.csv")).toBe(Number(cell));
  });

  it.each(["1,5", "0x10", "NaN", "Infinity", "12%"])("does not take %s for a number", (cell) => {
    const [row] = read(`model,score\na,"${cell}"\n`);
    expect(() => numberIn(row, "score", "scores.csv")).toThrow(/line 2: score is/);
  });

  it("tells an empty cell from zero", () => {
    const [row] = read("model,score\na,\n");
    expect(numberIn(row, "score", "scores.csv")).toBeNull();
  });
});
