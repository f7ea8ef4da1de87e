/**
 * Opens reports in a browser as a reader does, from the disk, narrow and wide, light and dark: nothing overflows, no word
 * is broken, nothing is logged, nothing is fetched, hostile text runs nothing, the order selector, the bits under the pointer and the slider over steps work.
 * Skipped where no Chromium is installed (`CHROMIUM` names another one than /usr/bin/chromium).
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Profile } from "../src/profile/profile.ts";
import { pages } from "../src/report/atlas/pages.testing.ts";
import { FACTS } from "../src/report/facts.testing.ts";
import { renderReport } from "../src/report/html.ts";
import {
  almanac,
  bare,
  halfAlmanac,
  hostile,
  lossesOnly,
  manyDomains,
  sampleProfile,
  untrained,
} from "../src/report/sample.testing.ts";
import { trajectoryPage } from "../src/report/trajectory/page.ts";
import { sampleTrajectory } from "../src/report/trajectory/sample.testing.ts";

const TRAJECTORY = "trajectory";
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
const reports: Record<string, Profile> = {
  sample: sampleProfile(),
  deep: sampleProfile(30),
  untrained: untrained(),
  losses: lossesOnly(),
  bare: bare(),
  domains: manyDomains(),
  almanac: almanac(),
  "half an almanac": halfAlmanac(),
  hostile: hostile(),
  facts: { ...sampleProfile(), facts: FACTS },
};

/** Words of the page's own text whose letters stand on two lines; code and the text that was measured may break. */
const BROKEN_WORDS = `(() => {
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  const broken = [];
  while (walk.nextNode()) {
    const node = walk.currentNode;
    if (node.parentElement.closest("svg, script, style, code, .shaded, .words-of, .foreign")) continue;
    for (const { 0: word, index } of node.data.matchAll(/[\\p{L}\\p{N}]{2,}/gu)) {
      range.setStart(node, index);
      range.setEnd(node, index + word.length);
      const lines = new Set([...range.getClientRects()].filter(({ width }) => width > 0).map(({ top }) => Math.round(top)));
      if (lines.size > 1) broken.push(word);
    }
  }
  return broken;
})()`;

describe.skipIf(!existsSync(executablePath))(`reports in a browser (needs ${executablePath})`, () => {
  const folder = mkdtempSync(join(tmpdir(), "lossyscope-report-"));
  const address = (name: string): string => pathToFileURL(join(folder, `${name}.html`)).href;
  let browser: Browser;

  beforeAll(async () => {
    for (const [name, profile] of Object.entries(reports))
      writeFileSync(join(folder, `${name}.html`), renderReport(profile));
    writeFileSync(join(folder, `${TRAJECTORY}.html`), trajectoryPage(sampleTrajectory()));
    for (const [name, html] of Object.entries(pages)) writeFileSync(join(folder, `${name}.html`), html);
    browser = await chromium.launch({
      executablePath,
      args: [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    });
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Opens a report; `said` gathers what the page logs, throws, asks or fetches. */
  async function open(
    name: string,
    width: number,
    colorScheme: "light" | "dark",
  ): Promise<{ page: Page; said: string[]; close: () => Promise<void> }> {
    const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme });
    const page = await context.newPage();
    const said: string[] = [];
    page.on("console", (message) => said.push(message.text()));
    page.on("pageerror", (error) => said.push(String(error)));
    page.on("dialog", (dialog) => {
      said.push(`dialog ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on("request", (request) => {
      if (request.url() !== address(name)) said.push(`asks for ${request.url()}`);
    });
    await page.goto(address(name));
    return { page, said, close: () => context.close() };
  }

  const views = [
    [320, "light"],
    [390, "dark"],
    [1280, "light"],
  ] as const;
  describe.each(views)("%i px, %s", (width, theme) => {
    it.each([...Object.keys(reports), TRAJECTORY, ...Object.keys(pages)])("%s fits and is quiet", async (name) => {
      const { page, said, close } = await open(name, width, theme);
      // every fold open: their content has to fit as well
      await page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true");
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width);
      const outside = await page.evaluate(`[...document.querySelectorAll("svg")]
        .filter((svg) => svg.getBoundingClientRect().width > 0)
        .flatMap((svg) => [...svg.querySelectorAll("text")])
        .filter((text) => { const { left, right } = text.getBoundingClientRect(); return left < 0 || right > innerWidth; })
        .map((text) => text.textContent)`);
      expect(outside).toEqual([]);
      expect(await page.evaluate(BROKEN_WORDS)).toEqual([]);
      expect(said).toEqual([]);
      await close();
    });
  });

  it("prints what is shown, short: what is folded stays folded", async () => {
    const { page, close } = await open("deep", 1280, "light");
    const pagesOf = async (): Promise<number> => {
      const pdf = await page.pdf({
        format: "A4",
        margin: { top: "12mm", bottom: "12mm", left: "12mm", right: "12mm" },
      });
      return pdf.toString("latin1").match(/\/Type\s*\/Page\b/g)!.length;
    };
    const short = await pagesOf();
    expect(short).toBeLessThanOrEqual(12);
    expect(await page.evaluate("document.querySelectorAll('details[open]').length")).toBe(0);
    await page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true");
    expect(await pagesOf()).toBeGreaterThan(short);
    await close();
  });

  it("shows the paper of the reader's theme", async () => {
    const colours: unknown[] = [];
    for (const theme of ["light", "dark"] as const) {
      const { page, close } = await open("sample", 1280, theme);
      colours.push(await page.evaluate("getComputedStyle(document.documentElement).backgroundColor"));
      await close();
    }
    expect(colours).toEqual(["rgb(251, 250, 247)", "rgb(19, 21, 25)"]);
  });

  it("shows one order of the plane, the one chosen, by keyboard too", async () => {
    const { page, close } = await open("sample", 1280, "light");
    const shown = (): Promise<unknown> =>
      page.evaluate(
        `[...document.querySelectorAll(".order")].filter((one) => one.offsetHeight > 0).map((one) => one.className)`,
      );
    expect(await shown()).toEqual(["order order-1"]);
    await page.click("label[for=order-3]");
    expect(await shown()).toEqual(["order order-3"]);
    await page.keyboard.press("ArrowRight");
    expect(await shown()).toEqual(["order order-4"]);
    await close();
  });

  it("chooses one of many layers by a slider, and shows what belongs to all of them by a box", async () => {
    const { page, said, close } = await open("deep", 1280, "light");
    const shown = (what: string): Promise<unknown> =>
      page.evaluate(
        `[...document.querySelectorAll(".order-1 svg.deep.wide ${what}")].filter((one) => one.getBoundingClientRect().width > 0).length`,
      );
    const quiet = await shown(".quiet .more");
    expect(quiet).toBe(0);
    await page.focus("#layer-1");
    for (let step = 0; step < 4; step++) await page.keyboard.press("ArrowRight");
    expect(await page.textContent(".order-1 .layers output")).toMatch(/^layer 4: complexity [\d.]+ \(/);
    expect(await shown(".chosen .more")).toBe(1);
    await page.check("#every-1");
    expect(await shown(".more")).toBe(31);
    expect(said).toEqual([]);
    await close();
  });

  it("goes through the steps of a trajectory by the slider and its keys", async () => {
    const { page, said, close } = await open(TRAJECTORY, 1280, "light");
    const shown = (): Promise<unknown> =>
      page.evaluate(
        `[document.querySelector("output").textContent, [...document.querySelectorAll("[data-at]")]
          .filter((one) => one.getBoundingClientRect().height > 0).map((one) => one.tagName + one.dataset.at)]`,
      );
    expect(await shown()).toEqual(["2,000", ["g4", "P4"]]);
    await page.focus("#at-step");
    await page.keyboard.press("ArrowLeft");
    expect(await shown()).toEqual(["150", ["g3", "P3"]]);
    expect(await page.getAttribute("#at-step", "aria-valuetext")).toBe("step 150");
    await page.keyboard.press("Home");
    expect(await shown()).toEqual(["0", ["g0", "P0"]]);
    expect(said).toEqual([]);
    await close();
  });

  it("tells the bits of the token under the pointer", async () => {
    const { page, said, close } = await open("sample", 1280, "light");
    const { text, ends, nats } = sampleProfile().passages[0];
    const token = ends.findIndex(
      (end, index) => index > 0 && end - ends[index - 1] > 1 && !/\s/.test(text.slice(ends[index - 1], end)),
    );
    // the sample's text is ASCII: bytes are characters
    const word = text.slice(ends[token - 1], ends[token]);
    const spot = (await page.evaluate(`(async () => {
      const box = document.querySelector(".shaded");
      box.scrollIntoView({ block: "center", behavior: "instant" });
      // The scroll is told of with the next frame, and takes away the note of whatever token it finds shown.
      for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame);
      const walk = document.createTreeWalker(box, NodeFilter.SHOW_TEXT);
      let at = ${ends[token - 1]};
      while (walk.nextNode() && at >= walk.currentNode.length) at -= walk.currentNode.length;
      const range = document.createRange();
      range.setStart(walk.currentNode, at);
      range.setEnd(walk.currentNode, at + 1);
      const { left, top, width, height } = range.getBoundingClientRect();
      return { x: left + width / 2, y: top + height / 2 };
    })()`)) as { x: number; y: number };
    await page.mouse.move(spot.x, spot.y);
    const lines = (): Promise<unknown> =>
      page.evaluate("[...document.querySelectorAll('#tip div')].map((one) => one.textContent)");
    const [cost, head, ...likeliest] = (await lines()) as string[];
    expect([cost, head]).toEqual([`${(nats[token] / Math.LN2).toFixed(2)} bits for “${word}”`, "likeliest here:"]);
    expect(likeliest).toHaveLength(3);
    expect(likeliest.filter((line) => line.endsWith(", which came"))).toEqual([expect.stringContaining(`“${word}”`)]);
    expect(await page.isVisible("#tip")).toBe(true);
    await page.mouse.move(5, 5);
    expect(await page.isVisible("#tip")).toBe(false);
    expect(said).toEqual([]);
    await close();
  });

  it("goes from token to token by the arrow keys, in sight, and tells each", async () => {
    const { page, said, close } = await open("sample", 390, "light");
    const { text, ends, nats } = sampleProfile().passages[0];
    const told = (token: number): string => {
      const shown = text.slice(ends[token - 1] ?? 0, ends[token]).replaceAll("\n", "↵");
      return `${(nats[token] / Math.LN2).toFixed(2)} bits for “${shown}”`;
    };
    const first = (): Promise<string | null> => page.textContent("#tip div");
    await page.focus(".shaded");
    await page.keyboard.press("ArrowRight");
    expect(await first()).toBe(told(0));
    for (let step = 0; step < 40; step++) await page.keyboard.press("ArrowRight");
    expect(await first()).toBe(told(40));
    await page.keyboard.press("ArrowLeft");
    expect(await first()).toBe(told(39));
    await page.keyboard.press("End");
    expect(await first()).toBe(told(ends.length - 1));
    // the last token is scrolled to, the note is on the page
    const { bottom, right, height } = (await page.evaluate(
      "(({ bottom, right }) => ({ bottom, right, height: innerHeight }))(tip.getBoundingClientRect())",
    )) as { bottom: number; right: number; height: number };
    expect(bottom).toBeLessThanOrEqual(height);
    expect(right).toBeLessThanOrEqual(390);
    expect(await page.evaluate("CSS.highlights.has('token')")).toBe(true);
    expect(await page.getAttribute("#tip", "role")).toBe("status");
    await page.keyboard.press("Escape");
    expect(await page.isVisible("#tip")).toBe(false);
    expect(said).toEqual([]);
    await close();
  });

  it("tells a token that is tapped", async () => {
    const context = await browser.newContext({ viewport: { width: 390, height: 900 }, hasTouch: true, isMobile: true });
    const page = await context.newPage();
    await page.goto(address("sample"));
    await page.tap(".shaded", { position: { x: 60, y: 12 } });
    expect(await page.isVisible("#tip")).toBe(true);
    expect(await page.textContent("#tip div")).toMatch(/^\d+\.\d\d bits for “.+”$/);
    await context.close();
  });

  it("saves a drawing as SVG that needs nothing, as it looks in the page", async () => {
    const { page, said, close } = await open("sample", 1280, "dark");
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.locator("figure > .save").first().getByRole("button", { name: "save as SVG" }).click(),
    ]);
    expect(download.suggestedFilename()).toBe("size-of-the-text-under-each-compressor-and-under-the-model.svg");
    writeFileSync(join(folder, "alone.svg"), readFileSync(await download.path()));
    const shown = await page.evaluate("getComputedStyle(document.querySelector('figure svg text.model')).fill");
    const other = await page.context().newPage();
    await other.goto(pathToFileURL(join(folder, "alone.svg")).href);
    expect(await other.evaluate("document.documentElement.localName")).toBe("svg");
    expect(
      await other.evaluate("[...document.querySelectorAll('text')].map((text) => getComputedStyle(text).fill)"),
    ).toContain(shown);
    expect(said).toEqual([]);
    await close();
  });

  it.each(["sample", "facts", "hostile", TRAJECTORY])(
    "gives every drawing of %s by itself, and its numbers",
    async (name) => {
      const { page, said, close } = await open(name, 1280, "light");
      const saved = (await page.evaluate(`(async () => {
      const blobs = [];
      URL.createObjectURL = (blob) => (blobs.push(blob), "blob:none");
      HTMLAnchorElement.prototype.click = () => {};
      for (const button of document.querySelectorAll(".save button"))
        if (button.getAttribute("aria-label").startsWith("save") && button.closest("figure").getBoundingClientRect().width > 0)
          button.click();
      return Promise.all(blobs.map(async (blob) => [blob.type, await blob.text()]));
    })()`)) as [string, string][];
      expect(saved.length).toBeGreaterThan(4);
      for (const [type, text] of saved) {
        if (type.startsWith("image/svg")) {
          expect(text).toMatch(/^<\?xml[^>]*\?>\n<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
          expect(text.replaceAll(/<title>[^<]*<\/title>|aria-label="[^"]*"/g, "")).not.toMatch(
            /var\(|class=|data-csv|color-mix|oklab|href=|<script/,
          );
        } else {
          const lines = text.split("\r\n");
          expect(lines.length).toBeGreaterThan(2);
          expect(text).not.toMatch(/NaN|undefined|Infinity|(^|,)[=@]/);
        }
      }
      expect(said).toEqual([]);
      await close();
    },
  );

  it("copies a drawing's numbers", async () => {
    const { page, close } = await open("sample", 1280, "light");
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.locator("figure > .save").first().getByRole("button", { name: "copy as CSV" }).click();
    await expect.poll(() => page.evaluate("navigator.clipboard.readText()")).toMatch(/^name,value,low,high,in words/);
    await close();
  });

  it("unfolds the section of METHODS that a link leads to, without its script too", async () => {
    const context = await browser.newContext({ javaScriptEnabled: false, viewport: { width: 390, height: 900 } });
    const page = await context.newPage();
    await page.goto(address("sample"));
    expect(await page.isVisible("#methods-1\\.1")).toBe(false);
    await page.click("#own-size .methods a");
    await page.waitForSelector("#methods-1\\.1", { state: "visible" });
    await context.close();
  });

  it("is readable without its script", async () => {
    const context = await browser.newContext({ javaScriptEnabled: false, viewport: { width: 1280, height: 900 } });
    const page = await context.newPage();
    await page.goto(address("sample"));
    expect(await page.textContent("h1")).toContain("stories260k writes tinyshakespeare");
    expect(await page.isVisible(".order-1 svg.wide")).toBe(true);
    await page.click("label[for=order-2]");
    expect(await page.isVisible(".order-2 svg.wide")).toBe(true);
    await context.close();
  });
});
