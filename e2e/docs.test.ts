/**
 * Pages that are generated are what `npm run docs` writes, and every field of a published document says what it is. Measured
 * differences vary in their last digits from processor to processor: their column is left out of the comparison, the
 * limits are held by `src/models/architectures.test.ts`.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { fieldsOf, generate, PUBLISHED } from "../scripts/docs.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const stable = (page: string): string => page.replace(/\| [a-z ]+ \| [\d.]+e[+-]\d+ \| [\d.]+e[+-]\d+ \|/g, "| … |");

describe("generated pages", async () => {
  const pages = await generate();
  it.each([...pages.keys()])("%s is up to date (else: npm run docs)", (path) => {
    expect(existsSync(join(root, path)), path).toBe(true);
    expect(stable(read(path))).toBe(stable(pages.get(path)!));
  });

  it.each(PUBLISHED)("$file: every field says what it is", ({ schema }) => {
    const fields = [schema, ...Object.values(schema.$defs!)].flatMap((one) => fieldsOf(one));
    expect(fields.length).toBeGreaterThan(40);
    expect(fields.filter(({ description }) => description === "").map(({ path }) => path)).toEqual([]);
  });
});

describe("pages written by hand", () => {
  const pages = ["README.md", "CONTRIBUTING.md", ...markdownUnder("docs")];

  it.each(pages)("%s: every link inside the repository leads somewhere", (page) => {
    const links = [...read(page).matchAll(/\]\((?!https?:|#)([^)#\s]+)(?:#[^)]*)?\)|src="(?!https?:)([^"]+)"/g)];
    const missing = links
      .map((link) => link[1] ?? link[2])
      .filter((target) => !existsSync(join(root, dirname(page), target)));
    expect(missing).toEqual([]);
  });
});

function markdownUnder(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    return entry.isDirectory() ? markdownUnder(path) : path.endsWith(".md") ? [path] : [];
  });
}
