/**
 * The reader of profiles (`npm run view`) from the disk, as somebody who got it by mail opens it: what is chosen or dropped
 * is drawn as Node draws it, nothing is requested, hostile names run nothing. Skipped where no Chromium is installed
 * (`CHROMIUM` names another one than /usr/bin/chromium).
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { view } from "../scripts/view.ts";
import { modelProfile } from "../src/atlas/sample.testing.ts";
import { hostile } from "../src/report/sample.testing.ts";
import { sampleTrajectory } from "../src/report/trajectory/sample.testing.ts";

const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";

it("is one file that fits a mail and allows itself no request", async () => {
  const html = await view();
  expect(html.length).toBeLessThan(1_200_000);
  const [, policy] = /Content-Security-Policy" content="([^"]+)"/.exec(html)!;
  expect(policy).toMatch(
    /^default-src 'none'; style-src 'unsafe-inline'; script-src (?:'sha256-[^']+' ?)+; base-uri 'none'/,
  );
});

describe.skipIf(!existsSync(executablePath))(`reader of profiles (needs ${executablePath})`, () => {
  const folder = mkdtempSync(join(tmpdir(), "lossyscope-view-"));
  const documents = {
    "one.json": modelProfile({ name: "one", bitsPerByte: 1 }),
    "two.json": modelProfile({ name: "two", bitsPerByte: 1.2 }),
    "other.json": hostile(),
    "run.json": sampleTrajectory(),
    "no.json": { schema: "lossyscope.profile/9" },
  };
  const at = (...names: (keyof typeof documents)[]): string[] => names.map((name) => join(folder, name));
  let browser: Browser;
  let page: Page;
  const faults: string[] = [];
  const asked: string[] = [];

  beforeAll(async () => {
    writeFileSync(join(folder, "index.html"), await view());
    for (const [name, document] of Object.entries(documents))
      writeFileSync(join(folder, name), JSON.stringify(document));
    browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
    page = await browser.newPage();
    page.setDefaultTimeout(10_000);
    page.on("console", (message) => faults.push(message.text()));
    page.on("pageerror", ({ message }) => faults.push(message));
    page.on("request", (request) => asked.push(request.url()));
    await page.goto(pathToFileURL(join(folder, "index.html")).href);
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const choose = (names: string[]) => page.locator("input[type=file]").last().setInputFiles(names);
  const heading = () => page.frameLocator("iframe").locator("h1").textContent();
  const sheets = () => page.locator(".bar li button").allTextContents();

  it("says what is wrong with what is none, and goes on waiting", async () => {
    await page.locator("input[type=file]").first().setInputFiles(at("no.json"));
    const alert = page.locator(".drop [role=alert]");
    await alert.filter({ hasText: "no.json is of schema lossyscope.profile/9, this version reads" }).waitFor();
    expect(await page.locator("h1").textContent()).toBe("Drop a profile here.");
  });

  it("draws one, and several of one text side by side", async () => {
    await choose(at("one.json"));
    await page.locator("iframe").waitFor();
    expect(await heading()).toMatch(/^one /);
    await choose(at("two.json", "no.json"));
    await page.locator(".bar [role=alert]").filter({ hasText: "no.json is of schema" }).waitFor();
    expect(await sheets()).toEqual(["one", "two", "Side by side"]);
    await page.getByRole("button", { name: "Side by side" }).click();
    await page
      .frameLocator("iframe")
      .locator("h1", { hasText: /than one/ })
      .waitFor();
    expect(await page.getByRole("button", { pressed: true }).allTextContents()).toEqual(["Side by side"]);
  });

  it("takes what is dropped, runs the pages' own scripts and nothing that a profile brings", async () => {
    const text = JSON.stringify(documents["run.json"]);
    const transfer = await page.evaluateHandle(`(() => {
      const given = new DataTransfer();
      given.items.add(new File([${JSON.stringify(text)}], "run.json"));
      return given;
    })()`);
    await page.dispatchEvent("body", "drop", { dataTransfer: transfer });
    const slider = page.frameLocator("iframe").locator("#at-step");
    await slider.waitFor();
    await slider.fill("0");
    expect(await page.frameLocator("iframe").locator("output[for=at-step]").textContent()).toBe("0");
    await choose(at("other.json"));
    await page.locator(".bar li button").nth(3).waitFor();
    expect(await sheets()).toHaveLength(5);
    await page.getByRole("button", { name: "Side by side" }).click();
    // the page that was there stays
    await page.locator(".bar [role=alert]").filter({ hasText: "of different texts" }).waitFor();
    const saving = page.waitForEvent("download");
    await page.getByRole("button", { name: "Save this page" }).click();
    expect((await saving).suggestedFilename()).toMatch(/\.html$/);
    expect(
      await page
        .evaluate("globalThis.hacked ?? document.querySelector('iframe').contentWindow.hacked ?? null")
        .catch(() => null),
    ).toBeNull();
    expect(faults).toEqual([]);
    expect(asked.filter((url) => !/^(?:file|blob|about|data):/.test(url))).toEqual([]);
  });
});
