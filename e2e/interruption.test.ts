/**
 * The command line as a process of its own, stopped and killed from outside: Ctrl-C ends it within a second with exit code
 * 130 and says how to go on; a kill leaves what a resumption needs; a full disk and a place that cannot be written to leave
 * no half of a file. Needs the compiled `dist/`.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readdirSync, readFileSync } from "node:fs";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { temporaryFolder } from "../src/files/folder.testing.ts";
import { figuresOf, listener, measureFiles, sampleText, writeModel, writeText } from "../src/measure/model.testing.ts";
import { PASS } from "../src/measure/stages.ts";
import { profileSchema } from "../src/profile/profile.ts";
import { isPosix } from "../src/system.testing.ts";

const at = temporaryFolder();
const SUPERVISE = new URL("../dist/cli/supervise.js", import.meta.url);
/** What `bin/lossyscope.js` does once all is built. */
const START = `import { supervise } from ${JSON.stringify(SUPERVISE.href)};
process.exitCode = await supervise(process.argv.slice(2));
`;

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

/** Starts the command line; `ended` settles when the process and all that it said are over. */
function start(
  args: readonly string[],
  stdout: "pipe" | number = "pipe",
): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [at("start.mjs"), ...args], {
    env: { ...process.env, NO_COLOR: "1" },
    stdio: ["ignore", stdout, "pipe"],
  });
  let [out, err] = ["", ""];
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (err += text));
  const ended = new Promise<Ended>((resolve) =>
    child.on("close", (code, signal) => resolve({ code, signal, out, err })),
  );
  return { child, ended };
}

const run = (...args: readonly string[]): Promise<Ended> => start(args).ended;

/** The arguments of a measurement that takes a while: a window at a time, whatever is asked of it beside. */
const slow = (...more: readonly string[]): string[] => [
  ...[
    "measure",
    at("model"),
    "--text",
    at("text.txt"),
    "--split-on",
    "\\n\\n",
    "--context",
    "32",
    "--batch-tokens",
    "1",
  ],
  ...["--threads", "1", "--work", at("work"), "--points", "10", "--no-frontier", "--no-baselines", ...more],
];

beforeEach(async () => {
  vi.stubEnv("XDG_CACHE_HOME", at("cache"));
  writeText(at("start.mjs"), START);
  await writeModel(at("model"), { config: { num_hidden_layers: 3 } });
  writeText(at("text.txt"), sampleText(24, 800));
  return () => vi.unstubAllEnvs();
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

const spilled = (): boolean =>
  existsSync(at("work")) &&
  readdirSync(at("work"), { recursive: true }).some((name) => `${name}`.endsWith("assignments.3"));

const isState = (name: string | Buffer): boolean => `${name}`.endsWith("state");

const profileAt = (path: string) => profileSchema.parse(JSON.parse(readFileSync(path, "utf8")));

/** Every process that one has started, where the system tells. */
function childrenOf(process: number): number[] {
  const list = `/proc/${process}/task/${process}/children`;
  return existsSync(list) ? readFileSync(list, "utf8").trim().split(" ").filter(Boolean).map(Number) : [];
}

function alive(process_: number): boolean {
  try {
    return process.kill(process_, 0);
  } catch {
    return false;
  }
}

describe("a measurement in a process of its own", () => {
  it.skipIf(!isPosix)(
    "stopped by Ctrl-C is gone within a second, says how to go on, and does (needs signals)",
    async () => {
      const whole = await run(...slow("--json", at("whole.json"), "--work", at("other")));
      expect(whole.code).toBe(0);

      const { child, ended } = start(slow("--json", at("profile.json")));
      await until(spilled);
      await new Promise((resolve) => setTimeout(resolve, 200));
      const asked = performance.now();
      child.kill("SIGINT");
      const { code, signal, out, err } = await ended;
      expect(performance.now() - asked).toBeLessThan(1000);
      expect([code, signal, out]).toEqual([130, null, ""]);
      expect(err).toMatch(
        /lossyscope: stopped after \d+ % of the text: the same command with --resume goes on from there\n$/,
      );
      expect(existsSync(at("profile.json"))).toBe(false);
      expect(readdirSync(at("work"))).toHaveLength(1);

      const resumed = await run(...slow("--json", at("profile.json"), "--resume"));
      expect(resumed.code).toBe(0);
      expect(figuresOf(profileAt(at("profile.json")))).toEqual(figuresOf(profileAt(at("whole.json"))));
      expect(readdirSync(at("work"))).toEqual([]);
    },
  );

  it("killed leaves no process behind, and its last snapshot to go on from", async () => {
    const module = (path: string): string => JSON.stringify(new URL(`../dist/${path}`, import.meta.url).href);
    const plan = { text: [{ path: at("text.txt") }], splitOn: "\n\n", context: { tokens: 32 }, batchTokens: 1 };
    const request = { ...plan, plane: { points: 10, frontier: null }, baselines: false, geometry: false };
    const script = `
      const { measure } = await import(${module("measure/measure.js")});
      const { openModel } = await import(${module("references/open.js")});
      const { validatePlan } = await import(${module("measure/plan.js")});
      const { SILENT } = await import(${module("ports/progress.js")});
      await measure({
        model: await openModel(${JSON.stringify(at("model"))}, { offline: true, onDownload() {} }),
        plan: validatePlan(${JSON.stringify(request)}),
        points: null, threads: 1, work: ${JSON.stringify(at("work"))}, resume: false, snapshotSeconds: 0.1,
        progress: SILENT,
      });`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: "inherit",
    });
    const gone = new Promise((resolve) => child.on("close", resolve));
    await until(() => existsSync(at("work")) && readdirSync(at("work"), { recursive: true }).some(isState));
    const runtimes = childrenOf(child.pid!);
    child.kill("SIGKILL");
    await gone;
    await until(() => !runtimes.some(alive));

    const measured = { model: at("model"), text: at("text.txt"), plan: request };
    const left: number[] = [];
    const { profile } = await measureFiles({
      ...measured,
      work: at("work"),
      resume: true,
      progress: listener((label, updates) => label === PASS && left.push(updates)),
    });
    const batches: number[] = [];
    const whole = await measureFiles({
      ...measured,
      work: at("other"),
      progress: listener((label, updates) => label === PASS && batches.push(updates)),
    });
    expect(left.length).toBeLessThan(batches.length);
    expect(figuresOf(profile)).toEqual(figuresOf(whole.profile));
    expect(readdirSync(at("work"))).toEqual([]);
  });
});

/** Coding alone, of little text. */
const quick = (...more: readonly string[]): string[] => [
  ...["measure", at("model"), "--text", at("text.txt"), "--limit-bytes", "200", "--threads", "1", "--work", at("work")],
  ...["--no-plane", "--no-geometry", "--no-baselines", "--quiet", ...more],
];

describe("a result that cannot be written", () => {
  it.each<[string, () => string[], RegExp]>([
    [
      "into a folder where a file is",
      () => ["--out", at("text.txt")],
      /cannot make the folder .*text\.txt \(file already exists\)/,
    ],
    [
      "below a file",
      () => ["--out", at("text.txt", "out")],
      /cannot make the folder .*out \(not a directory\): check the path/,
    ],
    [
      "to a folder that is not there",
      () => ["--report", at("absent", "report.html")],
      /cannot write .*report\.html \(no such file or directory\): check the path/,
    ],
    ["over a folder", () => ["--json", at("model")], /model is a folder: name a file/],
  ])("%s is known before the model runs", async (_, places, message) => {
    const { code, err } = await run(...quick(...places()));
    expect(err).toMatch(message);
    expect(code).toBe(1);
    expect(existsSync(at("work"))).toBe(false);
  });

  it("is known before states are run, too", async () => {
    const states = (out: string) =>
      run("states", at("model"), "--text", at("text.txt"), "--context", "8", "--out", out);
    const absent = await states(at("absent", "states.safetensors"));
    expect(absent.err).toMatch(/cannot write .*states\.safetensors \(no such file or directory\): check the path/);
    const folder = await states(at("model"));
    expect(folder.err).toMatch(/model is a folder: name a file/);
    expect([absent.code, folder.code]).toEqual([1, 1]);
  });

  it.skipIf(!existsSync("/dev/full"))(
    "as the disk is full is an error, and the run is kept (needs /dev/full)",
    async () => {
      const full = await run(...quick("--json", "/dev/full"));
      expect(full.err).toMatch(
        /cannot write \/dev\/full \(the disk is full\): free space .*: the same command with --resume goes on from there\n$/,
      );
      expect([full.code, full.out]).toEqual([1, ""]);
      expect(readdirSync(at("work"))).toHaveLength(1);
      const again = await run(...quick("--json", at("profile.json"), "--resume"));
      expect(again.code).toBe(0);
      expect(profileAt(at("profile.json")).corpus.bytes).toBe(200);
      expect(readdirSync(at("work"))).toEqual([]);
    },
  );

  it.skipIf(!existsSync("/dev/full"))("to standard output keeps the run, too (needs /dev/full)", async () => {
    const full = openSync("/dev/full", "w");
    const refused = /^lossyscope: cannot write to standard output \(the disk is full\): free space/;
    const measured = await start(quick("--json"), full).ended;
    expect(measured).toMatchObject({ code: 1, err: expect.stringMatching(refused) });
    expect(measured.err).toMatch(/the same command with --resume goes on from there\n$/);
    expect(readdirSync(at("work"))).toHaveLength(1);
    const inspected = await start(["inspect", at("model")], full).ended;
    expect(inspected).toMatchObject({ code: 1, err: expect.stringMatching(refused) });
    closeSync(full);
  });

  it("to a reader that has gone is no error", async () => {
    const { child, ended } = start(quick("--json"));
    child.stdout!.destroy();
    expect(await ended).toMatchObject({ code: 0, err: "" });
    expect(readdirSync(at("work"))).toEqual([]);
  });
});
