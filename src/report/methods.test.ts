/** Sections of METHODS as a page carries them: what a citation names, and that nothing in them is markup but ours. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { cited, references, sectionsOf, written } from "./methods.ts";

const METHODS = readFileSync(new URL("../../docs/METHODS.md", import.meta.url), "utf8");

describe("sections", () => {
  it("are all that METHODS numbers, each with its own text alone", () => {
    const found = sectionsOf("# M\nbefore\n## 1 One\nown\n### 1.1 Inner\ninner\n\n## 2 Two\n");
    expect(found).toEqual([
      { number: "1", title: "One", markdown: "own" },
      { number: "1.1", title: "Inner", markdown: "inner" },
      { number: "2", title: "Two", markdown: "" },
    ]);
    const numbered = METHODS.match(/^##.*$/gm)!.filter((line) => /^#+ \d/.test(line));
    expect(sectionsOf(METHODS)).toHaveLength(numbered.length);
  });

  it("are named one by one or from one to another", () => {
    const all = sectionsOf(METHODS);
    expect(cited("§2.8, §2.4", all)).toEqual(["2.4", "2.8"]);
    expect(cited("§2.1–2.4, §5", all)).toEqual(["2.1", "2.2", "2.3", "2.4", "5"]);
    expect(() => cited("§99", all)).toThrow("no §99");
  });
});

describe("text", () => {
  it("is Markdown as markup, and markup as text", () => {
    expect(written("- **a** `b<c`\n- x < y")).toMatch(
      /<ul>\s*<li><strong>a<\/strong> <code>b&lt;c<\/code><\/li>\s*<li>x &lt; y<\/li>\s*<\/ul>/,
    );
    expect(written("| a | b |\n|---|---|\n| 1 | 2 |")).toContain("<td>1</td>");
    const hostile = written(
      "<script>alert(1)</script>\n\na <img src=x onerror=y> [link](javascript:z) ![i](https://x.example)",
    );
    expect(hostile).not.toMatch(/<script|<img|href|src="|https:/);
  });

  it("of METHODS carries no address, and links sections to each other where both are there", () => {
    const page = references(["§2.1–2.4", "§5"]);
    expect(page).not.toMatch(/(?:src|href)="(?!#methods-)/);
    expect(page).toContain('<a href="#methods-2.4">§2.4</a>');
    expect(page).not.toContain('href="#methods-9"');
    expect(page.match(/<details>/g)).toHaveLength(5);
  });
});
