import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { tableOf } from "../formats/csv.ts";
import { csv } from "./csv.ts";
import { visible } from "./format.ts";
import { drawing } from "./marks/svg.ts";

describe("the numbers of a drawing", () => {
  it("stand to the last digit, what is missing is empty, lines end as RFC 4180 says", () => {
    const text = csv({
      head: ["a", "b"],
      rows: [
        [0.1 + 0.2, -1e-300],
        [null, Number.NaN],
        ['x, "y"', true],
      ],
    });
    expect(text).toBe('a,b\r\n0.30000000000000004,-1e-300\r\n,\r\n"x, ""y""",true\r\n');
  });

  it("are read back by a strict reader, whatever the names are", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "grapheme" })), (names) => {
        const rows = tableOf(
          csv({ head: ["name", "n"], rows: names.map((name, n) => [name, n]) }),
          "t",
          ["name", "n"],
          [],
        );
        // of a name that has such an apostrophe of its own nobody can tell
        const bare = (name: string): string => name.replace(/^'(?=[=+\-@＝＋－＠])/, "");
        expect(rows.map(({ cells }) => bare(cells.name))).toEqual(names.map((name) => bare(visible(name))));
      }),
    );
  });

  it.each(["=1+1", "+1", "-1+cmd|'/C calc'!A0", "@SUM(A1)", "\t=1", "＝1"])("hold no formula: %j", (name) => {
    const [, line] = csv({ head: ["name"], rows: [[name]] }).split("\r\n");
    expect(line).toMatch(/^"'|^(?![=+\-@\t\r＝])/);
    expect(line).not.toMatch(/^"?[=+\-@\t\r＝＋－＠]/);
  });

  it("are carried by the wide drawing alone, escaped", () => {
    const numbers = { head: ["<b>"], rows: [['"\u202e']] };
    const wide = drawing("d", { width: 1, height: 1, className: "bars wide", numbers });
    expect(wide).toContain('data-csv="&lt;b&gt;\n&quot;&quot;&quot;⟨U+202E⟩&quot;\n"');
    expect(drawing("d", { width: 1, height: 1, className: "bars narrow", numbers })).not.toContain("data-csv");
  });
});
