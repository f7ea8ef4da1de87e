/**
 * The programs of `examples/` in a project that has the package as it is packed, and nothing else: they check under strict
 * types that need none of Node's, each runs as it stands, and the one for browsers draws in one (skipped where no Chromium is
 * installed; `CHROMIUM` names another one than /usr/bin/chromium).
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sampleProfile } from "../src/report/sample.testing.ts";
import { installInto, root } from "./npm.testing.ts";

const examples = join(root, "examples");
const names = readdirSync(examples).filter((name) => name.endsWith(".js"));
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";

let folder: string;
const at = (name: string): string => join(folder, name);
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "lossyscope-examples-"));
  installInto(folder);
  writeFileSync(at("package.json"), '{"type":"module"}');
  for (const name of readdirSync(examples)) copyFileSync(join(examples, name), at(name));
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function node(...args: readonly string[]): { readonly out: string; readonly err: string } {
  const env = { ...process.env, XDG_CACHE_HOME: at("cache") };
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8", env });
  expect(status, stdout + stderr).toBe(0);
  return { out: stdout, err: stderr };
}

describe("the examples", () => {
  it("are those that their page names", () => {
    const page = readFileSync(join(examples, "README.md"), "utf8");
    const named = [...page.matchAll(/\]\(([\w-]+\.js)\)/g)].map(([, name]) => name);
    expect(named.toSorted()).toEqual(names.toSorted());
  });

  it("check, without any of Node's types", () => {
    const options = ["--noEmit", "--strict", "--checkJs", "--module", "nodenext", "--target", "es2023", "--types", ""];
    node(join(root, "node_modules/typescript/bin/tsc"), ...options, ...names);
  });

  it.each([
    ["measure.js", /^main\/step-36246: \d\.\d+ bits per byte\nlayer [0-4] knows most .*\nno coding\.interval: /],
    ["compare.js", /^small\/step-36246: -?\d\.\d+ bits per byte more .*: \w+\n( {2}.*\n){3}\S+ (held|tie) \(/],
    ["choose.js", /^not main\/step-36246: .*\ntake small\/step-36246\nmain\/step-36246, overall: not foreseen: /],
    ["states.js", /^kind: 0\.\d+ of ln 100 held out, 0\.0\S+ by chance\nnoise: -?0/],
    ["compress.js", /^(\d+) bytes became (\d+)\n\1 bytes came back\n$/],
    ["own-model.js", /^own: \d\.\d+ bits per byte\n(no .*\n)*no plane: the model does not show its hidden states\n/],
    [
      "squeeze.js",
      /^(q[864]row: \d\.\d\d bits a parameter, KL \d\.\d{3} bits a token\n){3}no other is .*: q8row, q6row, q4row\n$/,
    ],
    ["train.js", /^run.step-20: \d\.\d+ bits per byte held out\n(step \d+: \d\.\d+ bits per byte\n){3}$/],
  ])("%s runs", (name, printed) => expect(node(name).out).toMatch(printed));

  it("browser.js is bundled as it stands", async () => {
    expect((await bundle()).warnings).toEqual([]);
    expect(readFileSync(at("bundle.js"), "utf8")).not.toMatch(/["']node:/);
  });

  it.skipIf(!existsSync(executablePath))(`browser.js draws in a browser (needs ${executablePath})`, async () => {
    await bundle();
    // Modules are not loaded from files.
    writeFileSync(at("page.html"), readFileSync(at("browser.html"), "utf8").replace('type="module"', "defer"));
    writeFileSync(at("profile.json"), JSON.stringify(sampleProfile()));
    const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
    try {
      const page = await browser.newPage();
      await page.goto(pathToFileURL(at("page.html")).href);
      await page.setInputFiles("input", at("profile.json"));
      await page.frameLocator("iframe").locator("h1").waitFor();
      await page.setInputFiles("input", at("package.json"));
      await page.getByRole("status").filter({ hasText: "package.json" }).waitFor();
    } finally {
      await browser.close();
    }
  });
});

const bundle = () =>
  build({ absWorkingDir: folder, entryPoints: ["browser.js"], bundle: true, outfile: at("bundle.js") });
