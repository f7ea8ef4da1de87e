/**
 * What commands write: that each of them refuses what is there before it does anything, leaves it as it was, and replaces it
 * when told to. Models, profiles and texts that are not there show that the refusal comes first.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { modelProfile } from "../atlas/sample.testing.ts";
import { temporaryFolder } from "../files/folder.testing.ts";
import { sampleText, writeModel, writeText } from "../measure/model.testing.ts";
import { readProfile } from "../store/profiles.ts";
import { isPosix } from "../system.testing.ts";
import { program } from "./main.ts";
import { Outputs } from "./outputs.ts";
import { run } from "./run.testing.ts";

const at = temporaryFolder();
beforeEach(() => {
  vi.stubEnv("XDG_CACHE_HOME", at("cache"));
  return () => vi.unstubAllEnvs();
});

const MINE = "not lossyscope's";
/** Puts something where a command would write. */
function occupy(...path: readonly string[]): void {
  mkdirSync(join(at(), ...path.slice(0, -1)), { recursive: true });
  writeFileSync(at(...path), MINE);
}

const TEXT = ["--text", "nowhere.txt"];
const [JSON_FILE, MARKDOWN, REPORT] = [
  () => ["--json", at("taken.json")],
  () => ["--markdown", at("taken.md")],
  () => ["--report", at("taken.html")],
];
const OUT = () => ["--out", at("out")];

/** A command on things that are not there, and what is there where it would write: in `at()`. */
const COMMANDS: readonly (readonly [string, () => string[], string])[] = [
  ["measure", () => ["nowhere", ...TEXT, ...OUT()], "out/profile.json"],
  ["measure", () => ["nowhere", ...TEXT, ...OUT()], "out/report.html"],
  ["measure", () => ["nowhere", ...TEXT, ...OUT(), "--keep", "losses"], "out/losses.safetensors"],
  ["measure", () => ["nowhere", ...TEXT, ...JSON_FILE()], "taken.json"],
  ["measure", () => ["nowhere", ...TEXT, ...REPORT()], "taken.html"],
  ["recall", () => ["nowhere", ...TEXT, ...OUT()], "out/profile.json"],
  ["recall", () => ["nowhere", ...TEXT, ...REPORT()], "taken.html"],
  ["facts", () => ["nowhere", "--facts", "nowhere.csv", ...OUT()], "out/facts.json"],
  ["facts", () => ["nowhere", "--facts", "nowhere.csv", ...REPORT()], "taken.html"],
  ["trajectory", () => ["--from", "nowhere.json", ...OUT()], "out/trajectory.json"],
  ["trajectory", () => ["--from", "nowhere.json", ...MARKDOWN()], "taken.md"],
  ["trajectory", () => ["org/a@step1,step2", ...TEXT, ...OUT()], "out/profiles/step-2.json"],
  ["compare", () => ["nowhere.json", "nowhere.json", ...REPORT()], "taken.html"],
  ["compare", () => ["nowhere.json", "nowhere.json", ...MARKDOWN()], "taken.md"],
  ["compare", () => ["org/a", "org/b", ...TEXT, ...OUT()], "out/2-org-b/report.html"],
  ["states", () => ["nowhere", ...TEXT, "--out", at("taken.safetensors")], "taken.safetensors"],
  ["estimate", () => ["nowhere.safetensors", ...JSON_FILE()], "taken.json"],
  ["inspect", () => ["nowhere", ...JSON_FILE()], "taken.json"],
  ["generate", () => ["nowhere", ...JSON_FILE()], "taken.json"],
  ["compress", () => [at("text"), "--model", "nowhere", "-o", at("text.lsz")], "text.lsz"],
  ["compress", () => [at("text"), "--model", "nowhere", ...JSON_FILE()], "taken.json"],
  ["decompress", () => ["nowhere.lsz", "--model", "nowhere", "-o", at("back")], "back"],
  ["predict", () => ["nowhere.json", "--set", "nothing", ...MARKDOWN()], "taken.md"],
  ["gate", () => ["nowhere.json", "--max", "coding.overall.bitsPerByte=1", ...JSON_FILE()], "taken.json"],
  ["choose", () => ["nowhere.json", "--price", "nowhere.csv", ...REPORT()], "taken.html"],
];

describe("a command", () => {
  beforeEach(() => writeText(at("text"), sampleText(1, 200)));

  it.each(COMMANDS)("%s %o does not replace what is there", async (command, args, place) => {
    occupy(...place.split("/"));
    const before = readdirSync(at(), { recursive: true }).sort();
    const refused = await run(command, ...args());
    expect(refused).toMatchObject({ code: 2, out: "" });
    expect(refused.err).toBe(
      `lossyscope: ${at(place)} exists: pass --force to replace it, or another ${refused.err.match(/another (--[a-z]+)/)![1]}\n`,
    );
    expect(readFileSync(at(place), "utf8")).toBe(MINE);
    expect(readdirSync(at(), { recursive: true }).sort()).toEqual(before);
  });

  it.each(COMMANDS)("%s %o goes on with --force, and leaves what is there until it has a result", async (...one) => {
    const [command, args, place] = one;
    occupy(...place.split("/"));
    vi.stubEnv("HF_HUB_OFFLINE", "1");
    const { code, err } = await run(command, ...args(), "--force");
    expect(err).toMatch(/nowhere|org\/a|nothing/);
    expect(err).not.toMatch(/exist/);
    expect(code).not.toBe(0);
    expect(readFileSync(at(place), "utf8")).toBe(MINE);
  });

  it("has --force where it writes files", async () => {
    const all = (command: CommandUnknownOpts): CommandUnknownOpts[] => [command, ...command.commands.flatMap(all)];
    const flags = all(await program()).map(
      (command) => [command.name(), command.options.map((option) => option.long)] as const,
    );
    const writing = flags.filter(([, options]) => options.some((one) => /--(out|report|markdown|json)/.test(`${one}`)));
    expect(writing.length).toBeGreaterThan(20);
    expect(writing.filter(([, options]) => !options.includes("--force"))).toEqual([]);
  });
});

describe("with --force", () => {
  it("a measurement replaces all of its files, and without a second one refuses them together", async () => {
    const model = await writeModel(at("model"));
    const text = writeText(at("text"), sampleText(3, 200));
    const quick = ["--no-plane", "--no-geometry", "--no-baselines", "--threads", "1", "--quiet"];
    const measure = (...more: string[]) => run("measure", model, "--text", text, ...OUT(), ...quick, ...more);
    expect((await measure()).code).toBe(0);
    const first = await readProfile(at("out", "profile.json"));
    const again = await measure("--seed", "1", ...JSON_FILE());
    expect(again.code).toBe(2);
    expect(again.err).toBe(
      `lossyscope: ${at("out", "profile.json")} and ${at("out", "report.html")} exist: pass --force to replace them, or another --out\n`,
    );
    expect(existsSync(at("taken.json"))).toBe(false);
    expect((await measure("--seed", "1", "--force")).code).toBe(0);
    const second = await readProfile(at("out", "profile.json"));
    expect(second.id).not.toBe(first.id);
    expect(readdirSync(at("out")).sort()).toEqual(["profile.json", "report.html"]);

    const resumed = await measure("--seed", "1", "--resume");
    expect(resumed).toMatchObject({ code: 0, err: "", out: expect.stringMatching(/^model .* of its size\n$/) });
    expect(await readProfile(at("out", "profile.json"))).toEqual(second);
    expect(await measure("--resume")).toMatchObject({
      code: 2,
      err: expect.stringMatching(/exist and were not left by this run: pass --force to replace them/),
    });
    occupy("page.html");
    const foreign = await measure("--seed", "1", "--resume", "--report", at("page.html"));
    expect(foreign).toMatchObject({ code: 2, err: expect.stringMatching(/page\.html exists and was not left by/) });
    expect(readFileSync(at("page.html"), "utf8")).toBe(MINE);
  });

  it("findings and tables replace theirs", async () => {
    writeFileSync(at("p.json"), JSON.stringify(modelProfile({ name: "a", bitsPerByte: 1 })));
    occupy("taken.md");
    const threshold = ["--max", "coding.overall.bitsPerByte=2"];
    expect((await run("gate", at("p.json"), ...threshold, ...MARKDOWN(), "--force")).code).toBe(0);
    expect(readFileSync(at("taken.md"), "utf8")).toContain("| coding.overall.bitsPerByte |");
    occupy("taken.json");
    expect((await run("atlas", ...JSON_FILE())).code).toBe(2);
    expect((await run("atlas", ...JSON_FILE(), "--force")).code).toBe(0);
    expect(JSON.parse(readFileSync(at("taken.json"), "utf8")).length).toBeGreaterThan(3);
    expect((await run("almanac", "--size", "tiny", ...OUT(), "--quiet")).code).toBe(0);
    const refused = await run("almanac", "--size", "tiny", ...OUT(), "--quiet");
    expect(refused).toMatchObject({ code: 2, err: expect.stringMatching(/almanac\.json, .*facts\.jsonl exist: /) });
    expect((await run("almanac", "--size", "tiny", ...OUT(), "--quiet", "--force")).code).toBe(0);
  });
});

describe("places", () => {
  const forms = { text: () => "text\n", json: () => "{}\n", page: () => "<p>", markdown: () => "# a" };

  it("are one file each", async () => {
    const twice = new Outputs({ json: at("a"), report: join(at(), "b", "..", "a"), force: true }, forms);
    await expect(twice.prepare()).rejects.toThrow(/--json and --report both name .*: give each a file of its own$/);
  });

  it.skipIf(!isPosix)("that are devices are written to as they stand (needs /dev/null)", async () => {
    const outputs = new Outputs({ json: "/dev/null", report: "/dev/null", force: false }, forms);
    await outputs.prepare();
    await outputs.write({});
    expect(outputs.complete).toBe(false);
  });

  it("are counted where they are many", async () => {
    const own = Array.from({ length: 9 }, (_, i) => ({ path: at(`${i}`), option: i > 7 ? "--work" : "--out" }));
    for (const { path } of own) writeFileSync(path, "");
    const outputs = new Outputs({ force: false }, { ...forms, own });
    await expect(outputs.prepare()).rejects.toThrow(
      /\/0, .*\/5 and 3 more exist: pass --force to replace them, or other places for --out and --work$/,
    );
  });
});
