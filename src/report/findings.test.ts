import { describe, expect, it } from "vitest";
import { blocksMarkup, heading, markdown, plainText, rows, text } from "./findings.ts";

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
    expect(plainText(blocks)).toBe("A | B\n\none␛[31m two\n\nc\nname          n\nlong | name   1\n*x*          10\n");
  });

  it("break sentences, not tables", () => {
    const wide = rows("", ["a"], [["x".repeat(200)]]);
    const lines = plainText([text("word ".repeat(50)), wide]).split("\n");
    expect(lines[0].length).toBeLessThanOrEqual(100);
    expect(lines.some((line) => line.length === 200)).toBe(true);
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
