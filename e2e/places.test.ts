/**
 * What happens to the places that a command works with while it works: a disk that fills (a real one, of a few kilobytes), a
 * folder that vanishes, a model that is replaced, a second run in the same folder. Always an error that says what happened and
 * what to do, nothing half written, and no figure of two models. Needs the compiled `dist/`.
 */
import { spawn, spawnSync } from "node:child_process";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { fileURLToPath } from "node:url";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { run } from "../src/cli/run.testing.ts";
import { compress } from "../src/decode/compress.ts";
import { temporaryFolder } from "../src/files/folder.testing.ts";
import {
  CONFIG,
  figuresOf,
  listener,
  measureFiles,
  sampleText,
  writeModel,
  writeText,
} from "../src/measure/model.testing.ts";
import { PASS } from "../src/measure/stages.ts";
import { openModel } from "../src/references/open.ts";
import { isPosix } from "../src/system.testing.ts";

const at = temporaryFolder();
const BIN = fileURLToPath(new URL("../bin/lossyscope.js", import.meta.url));
/** A place of its own for mounts: as root, or as one in a namespace of users. */
const OWN_MOUNTS = [["--mount"], ["--map-root-user", "--mount"]].find(
  (options) => spawnSync("unshare", [...options, "mount", "-t", "tmpfs", "none", "/mnt"]).status === 0,
);

beforeEach(async () => {
  vi.stubEnv("XDG_CACHE_HOME", at("cache"));
  await writeModel(at("model"));
  writeText(at("text"), sampleText(8, 600));
  return () => vi.unstubAllEnvs();
});

const reading = () => ["--text", at("text"), "--split-on", "\\n\\n", "--threads", "1", "--quiet"];
const measuring = (...more: readonly string[]): string[] => {
  const figures = ["--no-baselines", "--no-frontier", "--no-geometry", "--points", "10"];
  return ["measure", at("model"), ...reading(), ...figures, ...more];
};

describe.skipIf(!OWN_MOUNTS)("a disk that fills (needs unshare and tmpfs)", () => {
  /** Runs the command where `at("small")` is a disk of so many bytes, and tells what it leaves there. */
  function onSmallDisk(size: string, command: readonly string[], env: Readonly<Record<string, string>> = {}) {
    mkdirSync(at("small"), { recursive: true });
    const script = `mount -t tmpfs -o size=${size} none "$0" && { "$@"; code=$?; ls -A "$0" >&3; exit $code; }`;
    const ran = spawnSync(
      "unshare",
      [...OWN_MOUNTS!, "sh", "-c", script, at("small"), process.execPath, BIN, ...command],
      {
        env: { ...process.env, ...env },
        encoding: "utf8",
        stdio: ["ignore", "ignore", "pipe", "pipe"],
      },
    );
    return { code: ran.status, err: ran.stderr, left: ran.output[3]!.split("\n").filter(Boolean) };
  }
  const small = (...parts: string[]): string => at("small", ...parts);

  it.each<[string, string, () => string[], RegExp, string[]]>([
    [
      "the plane",
      "64k",
      () => measuring("--work", small()),
      /the run needs .* of temporary disk space, .*--work folder/,
      [],
    ],
    [
      "a snapshot",
      "8k",
      () => measuring("--no-plane", "--work", small()),
      /cannot write .*state \(the disk is full\): free space or choose another disk/,
      [],
    ],
    [
      "states",
      "64k",
      () => ["states", at("model"), "--text", at("text"), "--out", small("states.safetensors"), "--quiet"],
      /\(the disk is full\): free space/,
      [],
    ],
    [
      "training",
      "100k",
      () => {
        writeFileSync(at("config.json"), JSON.stringify({ ...CONFIG, vocab_size: 290 }));
        const shape = ["--context", "32", "--batch", "4", "--run-tokens", "128", "--steps", "3"];
        return ["train", ...reading(), "--config", at("config.json"), "--out", small("out"), ...shape];
      },
      /cannot write .* \(the disk is full\): free space/,
      ["out"],
    ],
    [
      "pages",
      "16k",
      () => ["almanac", "--size", "tiny", "--out", small("out")],
      /\(the disk is full\): free space/,
      ["out"],
    ],
  ])("under %s", (_, size, command, message, leaves) => {
    const { code, err, left } = onSmallDisk(size, command());
    expect(err).toMatch(message);
    expect(code).toBe(1);
    expect(left).toEqual(leaves);
  });

  it("under what the runtime gives back", () => {
    const { code, err, left } = onSmallDisk("8k", measuring("--work", at("work")), { TMPDIR: small() });
    expect(err).toMatch(
      /results do not fit into the temporary folder .*small at .* \(the disk is full\): free space, set TMPDIR/,
    );
    expect([code, left]).toEqual([1, []]);
  });

  it("under a report keeps the run, which goes on elsewhere to the same figures", () => {
    const whole = spawnSync(process.execPath, [BIN, ...measuring("--work", at("other"), "--json")], {
      encoding: "utf8",
    });
    const { code, err, left } = onSmallDisk("16k", measuring("--work", at("work"), "--out", small()));
    expect(err).toMatch(/\(the disk is full\): free space .*: the same command with --resume goes on from there\n$/);
    expect([code, left]).toEqual([1, []]);
    const again = spawnSync(process.execPath, [BIN, ...measuring("--work", at("work"), "--json", "--resume")], {
      encoding: "utf8",
    });
    expect(again.status).toBe(0);
    expect(figuresOf(JSON.parse(again.stdout))).toEqual(figuresOf(JSON.parse(whole.stdout)));
    expect(readdirSync(at("work"))).toEqual([]);
  });
});

/** Measures in this process and does something when the model has read its third batch. */
const measuredWhile = (happens: () => void, more: Readonly<Record<string, unknown>> = {}) =>
  measureFiles({
    model: at("model"),
    text: at("text"),
    work: at("work"),
    plan: { context: { tokens: 32 }, batchTokens: 1, plane: { points: 10, frontier: null }, ...more },
    progress: listener((label, updates) => {
      if (label === PASS && updates === 3) happens();
    }),
  });

describe("a folder that vanishes while the model runs", () => {
  it("where the result was to go keeps the run", async () => {
    const before = new Set(readdirSync(at()));
    const options = ["--context", "32", "--batch-tokens", "1", "--work", at("work"), "--out", at("out")];
    const child = spawn(process.execPath, [BIN, ...measuring(...options)], { stdio: ["ignore", "ignore", "pipe"] });
    let err = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
    const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
    while (!existsSync(at("work"))) await new Promise((resolve) => setTimeout(resolve, 5));
    rmSync(at("out"), { recursive: true });
    expect(await ended).toBe(1);
    expect(err).toMatch(
      /cannot write .*profile\.json \(no such file or directory\): check the path: .* --resume goes on/,
    );
    expect(
      readdirSync(at())
        .filter((name) => !before.has(name))
        .sort(),
    ).toEqual(["cache", "work"]);
    const again = await run(...measuring(...options, "--resume"));
    expect(again.code).toBe(0);
    expect(readdirSync(at("out")).sort()).toEqual(["profile.json", "report.html"]);
    expect(readdirSync(at("work"))).toEqual([]);
  });

  it.skipIf(!isPosix)("where the run works is an error, and leaves nothing (needs POSIX files)", async () => {
    await expect(measuredWhile(() => rmSync(at("work"), { recursive: true }))).rejects.toThrow(
      /cannot (write|read|open) .*\(no such file or directory\)/,
    );
    expect(existsSync(at("work")) && readdirSync(at("work")).length > 0).toBe(false);
  });
});

describe.skipIf(!isPosix)("a model that is replaced while it is measured (needs POSIX files)", () => {
  const weights = (): string => at("model", "model.safetensors");
  const other = async (): Promise<string> => {
    const change = (_: string, values: Float32Array): void => void values.fill(0.1, 0, 5);
    return `${await writeModel(at("other"), { change })}/model.safetensors`;
  };

  it.each<[string, (replacement: string) => void, string]>([
    [
      "by another file",
      (replacement) => renameSync(replacement, weights()),
      "model.safetensors was replaced or written to",
    ],
    ["where it lies", (replacement) => cpSync(replacement, weights()), "model.safetensors was replaced or written to"],
    ["by nothing", () => rmSync(weights()), "model.safetensors was removed"],
    ["in its config", () => appendFileSync(at("model", "config.json"), " "), "config.json was replaced or written to"],
    ["in its tokenizer", () => rmSync(at("model", "tokenizer.json")), "tokenizer.json was removed"],
    [
      "by a tokenizer file that was not there",
      () => writeFileSync(at("model", "added_tokens.json"), "{}"),
      "added_tokens.json was replaced or written to",
    ],
  ])("%s has no figures", async (_, replace, message) => {
    const replacement = await other();
    await expect(measuredWhile(() => replace(replacement))).rejects.toThrow(
      `${message} while the model was used: run again, and leave the model alone meanwhile`,
    );
    expect(readdirSync(at("work"))).toEqual([]);
  });

  it("gives no file that only a mixture could read", async () => {
    const model = await openModel(at("model"), { offline: true });
    const sizes = { rows: null, blockBytes: 1024, context: 32, overlap: 16, threads: 1, verify: false };
    const compressed = compress(model, {
      ...sizes,
      input: at("text"),
      output: at("text.lsz"),
      onBytes: () => writeFileSync(at("model", "added_tokens.json"), "{}"),
    });
    await expect(compressed).rejects.toThrow("added_tokens.json was replaced or written to while the model was used");
    expect(readdirSync(at()).filter((name) => name.includes(".lsz"))).toEqual([]);
  });

  it("keeps the snapshots from before, which the model that comes back goes on from", async () => {
    const whole = await measuredWhile(() => {});
    const about = readFileSync(weights());
    const { mtime } = statSync(weights());
    const replacement = await other();
    let kept = false;
    const measured = measureFiles({
      model: at("model"),
      text: at("text"),
      work: at("work"),
      snapshotSeconds: 0,
      plan: { context: { tokens: 32 }, batchTokens: 1, plane: { points: 10, frontier: null } },
      progress: listener((label, updates) => {
        if (label === PASS && updates === 6) {
          kept = readdirSync(at("work"), { recursive: true }).some((name) => `${name}`.endsWith("state"));
          cpSync(replacement, weights());
        }
      }),
    });
    await expect(measured).rejects.toThrow("written to while the model was used");
    expect(kept).toBe(true);
    writeFileSync(weights(), about);
    utimesSync(weights(), mtime, mtime);
    const said = listener();
    const resumed = await measureFiles({
      model: at("model"),
      text: at("text"),
      work: at("work"),
      resume: true,
      plan: { context: { tokens: 32 }, batchTokens: 1, plane: { points: 10, frontier: null } },
      progress: said,
    });
    expect(said.said.join()).not.toContain("afresh");
    expect(figuresOf(resumed.profile)).toEqual(figuresOf(whole.profile));
  });
});

describe("two runs in one folder", () => {
  it("are one run and a refusal: of a measurement", async () => {
    let refused: unknown;
    const first = measuredWhile(() => {
      refused = measuredWhile(() => {}).catch((error: unknown) => error);
    });
    await first;
    expect(`${await refused}`).toMatch(
      /process \d+ is making this very measurement .*wait for it, or pass another --work/,
    );
  });

  it("are one run and a refusal: of a training", async () => {
    writeFileSync(at("config.json"), JSON.stringify({ ...CONFIG, vocab_size: 290 }));
    const shape = ["--context", "32", "--batch", "4", "--run-tokens", "128", "--steps", "3"];
    const train = () => run("train", ...reading(), "--config", at("config.json"), "--out", at("out"), ...shape);
    const [first, second] = await Promise.all([train(), train()]);
    expect([first.code, second.code].sort()).toEqual([0, 2]);
    expect(`${first.err}${second.err}`).toMatch(/process \d+ is training in .*out: wait for it, or pass another --out/);
    expect(readdirSync(at("out")).filter((name) => name.endsWith("lock"))).toEqual([]);
  });
});
