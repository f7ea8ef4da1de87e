/**
 * "Profile in, report out" in a browser: what reads, compares and draws profiles, bundled for one as its users' bundlers do it,
 * gives the very pages that Node gives. Skipped where no Chromium is installed (`CHROMIUM` names another one than
 * /usr/bin/chromium).
 */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { chromium } from "playwright-core";
import { expect, it } from "vitest";
import { compare } from "../src/atlas/compare.ts";
import { modelProfile } from "../src/atlas/sample.testing.ts";
import { comparisonPage } from "../src/report/atlas/pages.ts";
import { renderReport } from "../src/report/html.ts";
import { hostile, sampleProfile } from "../src/report/sample.testing.ts";
import { renderTerminal } from "../src/report/terminal.ts";

const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** What a page of somebody else's would write. */
const ENTRY = `
import { compare } from "./atlas/compare.ts";
import { parseProfile } from "./profile/read.ts";
import { comparisonPage } from "./report/atlas/pages.ts";
import { renderReport } from "./report/html.ts";
import { renderTerminal } from "./report/terminal.ts";
globalThis.drawn = (text) => renderReport(parseProfile(text, "a.json"));
globalThis.said = (text, options) => renderTerminal(parseProfile(text, "a.json"), options);
globalThis.refused = (text) => { try { parseProfile(text, "a.json"); } catch (error) { return error.message; } };
globalThis.compared = (texts) => {
  const profiles = texts.map((text, at) => parseProfile(text, at + ".json"));
  const found = compare(profiles.map((profile, at) => ({ file: at + ".json", profile })), { seed: 0, common: false });
  return comparisonPage(found, profiles);
};
`;

/** Engines differ in the last digit of a power: numbers that are written out in full are compared to ten. */
const stable = (page: unknown): string =>
  String(page).replace(/\d+\.\d{4,}(?:e[+-]\d+)?/g, (number) => Number(number).toPrecision(10));

async function bundle(): Promise<string> {
  const { outputFiles, warnings } = await build({
    stdin: { contents: ENTRY, resolveDir: fileURLToPath(new URL("../src/", import.meta.url)), loader: "ts" },
    bundle: true,
    minify: true,
    write: false,
    platform: "browser",
    format: "iife",
    target: "es2023",
  });
  expect(warnings).toEqual([]);
  return outputFiles[0].text;
}

it("is bundled without anything of Node, in less than a megabyte", async () => {
  const code = await bundle();
  expect(code).not.toMatch(/["']node:|\brequire\(/);
  expect(code.length).toBeLessThan(1_000_000);
});

it.skipIf(!existsSync(executablePath))(
  `draws in a browser what it draws in Node (needs ${executablePath})`,
  async () => {
    const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
    try {
      const page = await browser.newPage();
      const faults: string[] = [];
      page.on("pageerror", ({ message }) => faults.push(message));
      await page.addScriptTag({ content: await bundle() });
      const call = (name: string, ...given: unknown[]): Promise<unknown> =>
        page.evaluate(`globalThis.${name}(...${JSON.stringify(given)})`);
      for (const profile of [sampleProfile(), hostile()]) {
        const text = JSON.stringify(profile);
        const options = { colour: false, unicode: true, width: 80 };
        expect(stable(await call("drawn", text))).toBe(stable(renderReport(JSON.parse(text))));
        expect(await call("said", text, options)).toBe(renderTerminal(JSON.parse(text), options));
      }
      const two = ["a", "b"].map((name, at) => modelProfile({ name, bitsPerByte: 1 + at }));
      const found = compare(
        two.map((profile, at) => ({ file: `${at}.json`, profile })),
        { seed: 0, common: false },
      );
      expect(
        await call(
          "compared",
          two.map((profile) => JSON.stringify(profile)),
        ),
      ).toBe(comparisonPage(found, two));
      expect(await call("refused", "{")).toMatch(/^a\.json is not JSON/);
      expect(faults).toEqual([]);
    } finally {
      await browser.close();
    }
  },
);
