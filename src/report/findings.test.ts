import { describe, expect, it } from "vitest";
import { blocksMarkup, heading, markdown, plainText, rows, text } from "./findings.ts";
import { columns } from "./format.ts";

const blocks = [
  heading("A | B"),
  text("one\u001b[31m two"),
  rows(
    "c",
    ["name", "n"],
    [
      ["long | name", "1"],
      ["*x*", "10"],
    ],
  ),
];

describe("findings", () => {
  it("stand in columns in a terminal, with nothing that moves the cursor", () => {
    expect(plainText(blocks, { width: 80, unicode: true })).toBe(
      "A | B\n\none␛[31m two\n\nc\nname          n\nlong | name   1\n*x*          10\n",
    );
  });

  const wide = rows(
    "a caption of é and more words than a narrow terminal holds in one line",
    ["名前", "bits per byte", "a note on it"],
    [
      ["組織/とても長いモデルの名前-instruct", "1.234 (1.201–1.267)", `${"words ".repeat(12)}end`],
      ["org/é", "10", "→"],
    ],
  );

  it.each([40, 80, 200])("fit %i columns, sentences too, in ASCII too", (width) => {
    for (const unicode of [true, false]) {
      const shown = plainText([text("word ".repeat(80)), text("x".repeat(300)), wide], { width, unicode });
      for (const line of shown.split("\n")) expect(columns(line), line).toBeLessThanOrEqual(width);
      expect(shown).toContain(unicode ? "1.234 (1.201–1.267)" : "1.234 (1.201-1.267)");
      expect(shown.replaceAll("\n", "")).toContain("x".repeat(300));
      if (!unicode) expect(shown).toMatch(/^[\n -~]*$/);
    }
  });

  it("use a wide terminal for tables, not for sentences", () => {
    const lines = plainText([text("word ".repeat(80)), wide], { width: 200, unicode: true }).split("\n");
    expect(columns(lines[0])).toBeLessThanOrEqual(120);
    expect(columns(lines[0])).toBeGreaterThan(100);
    expect(Math.max(...lines.map(columns))).toBeGreaterThan(120);
  });

  it("are Markdown that nothing in a name can break out of", () => {
    expect(markdown(blocks)).toBe(
      "### A \\| B\n\none␛\\[31m two\n\n**c**\n\n| name | n |\n| --- | ---: |\n| long \\| name | 1 |\n| \\*x\\* | 10 |\n",
    );
  });

  it("are markup with text escaped", () => {
    expect(blocksMarkup([text("<script>"), heading("&")])).toBe("<p>&lt;script&gt;</p><h3>&amp;</h3>");
  });
});
