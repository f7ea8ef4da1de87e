/** The page of the library has every export and what it does; what a program most often wants is on one screen. */
import { describe, expect, it } from "vitest";
import { apiPage, firstSentence, subpaths } from "../scripts/api-page.ts";

const SCREEN = 40;

describe("the page of the library", () => {
  const all = subpaths();

  it.each(all)("$name: all that it exports, and what each does in a sentence", async ({ name, exports }) => {
    const module = await import(new URL(`../${fileOf(name)}`, import.meta.url).href);
    const values = exports.filter(({ kind }) => kind !== "type");
    expect(values.map((one) => one.name).toSorted()).toEqual(Object.keys(module).toSorted());
    expect(values.filter(({ says }) => says === null).map((one) => one.name)).toEqual([]);
    expect(values.filter(({ signatures }) => signatures.length === 0).map((one) => one.name)).toEqual([]);
  });

  it("has the root on one screen", () => {
    const [, root] = apiPage("").split(/^## .*$/m);
    expect(root).toMatch(/`measure\(model: string \\\| Model, options: MeasureOptions\): Promise<Profile>`/);
    expect(root.trim().split("\n").length).toBeLessThan(SCREEN);
  });
});

const { exports: targets } = (await import("../package.json", { with: { type: "json" } })).default;
const fileOf = (name: string): string =>
  Object.entries(targets).find(([path]) => path === name.replace("lossyscope", "."))![1];

describe("the first sentence of a comment", () => {
  it.each([
    ["* Draws it (METHODS §2.3). More.", "Draws it (METHODS §2.3)"],
    ["*\n * Takes\n * two.\n * @param a one", "Takes two"],
    ["* @returns what comes back. And more. @throws", "What comes back"],
    ["* ends with `a.b` and no stop", "Ends with `a.b` and no stop"],
    ["* @throws it", null],
    [undefined, null],
  ])("%j", (comment, said) => expect(firstSentence(comment)).toBe(said));
});
