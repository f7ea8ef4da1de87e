import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deserialize, serialize } from "node:v8";
import { describe, expect, it } from "vitest";
import { sha256 } from "../../files/digest.ts";
import { temporaryFolder } from "../../files/folder.testing.ts";
import { RunFolder } from "./run-folder.ts";

const at = temporaryFolder();
const lock = (): string => at("run.lock");
/** The id of a process that is no more. */
const gone = (): number => spawnSync(process.execPath, ["-e", ""]).pid;

describe("a run's folder", () => {
  it("gives back what was saved, typed arrays and all", async () => {
    const progress = { batches: 3, probes: { a: { losses: Float32Array.of(1, Number.NaN) }, b: undefined } };
    const first = new RunFolder(at(), "run", false);
    expect(first.stopped).toBeUndefined();
    await first.save(progress);
    first.release();
    expect(readdirSync(at())).toEqual(["run"]);
    const second = new RunFolder(at(), "run", true);
    expect(second.stopped).toMatchObject(progress);
    second.remove();
    expect(readdirSync(at())).toEqual([]);
  });

  it("is empty where it is not to be gone on from, or cannot be", async () => {
    mkdirSync(at("run"));
    writeFileSync(at("run", "assignments.0"), "rows of a run that died early");
    new RunFolder(at(), "run", true).release();
    expect(existsSync(at("run"))).toBe(false);

    const folder = new RunFolder(at(), "run", false);
    await folder.save({ batches: 1, probes: {} });
    folder.release();
    new RunFolder(at(), "run", false).release();
    expect(existsSync(at("run"))).toBe(false);
  });

  it("does not go on with what another version has begun", async () => {
    const folder = new RunFolder(at(), "run", false);
    await folder.save({ batches: 1, probes: {} });
    folder.release();
    const sealed = deserialize(readFileSync(at("run", "state")).subarray(64));
    const older = serialize({ ...sealed, version: "0.0.1" });
    writeFileSync(at("run", "state"), Buffer.concat([Buffer.from(sha256(older)), older]));
    expect(() => new RunFolder(at(), "run", true)).toThrow(
      /was begun by lossyscope 0\.0\.1, this is .*without --resume/,
    );
    expect(existsSync(lock())).toBe(false);
  });

  it("has room for the run, or says how much it lacks", () => {
    const folder = new RunFolder(at(), "run", false);
    folder.foresee(1000);
    expect(() => folder.foresee(2 ** 60)).toThrow(
      /needs 1\.15 EB of temporary disk space, .*run has [\d.]+ [GT]B: pass a --work folder on another disk/,
    );
    folder.release();
  });

  it("says what is wrong with its place", () => {
    writeFileSync(at("file"), "");
    expect(() => new RunFolder(join(at("file"), "below"), "run", false)).toThrow(
      /cannot work in the folder .*below \(not a directory\): check the path/,
    );
  });
});

describe("the lock of a run", () => {
  it("holds off a second one, in this process and in others", () => {
    const folder = new RunFolder(at(), "run", false);
    expect(() => new RunFolder(at(), "run", true)).toThrow(`process ${process.pid} is making this very measurement`);
    new RunFolder(at(), "other", false).release();
    folder.release();
    folder.release();
    writeFileSync(lock(), String(process.ppid));
    expect(() => new RunFolder(at(), "run", false)).toThrow(
      `process ${process.ppid} is making this very measurement (run run): wait for it, or pass another --work folder; if it does something else, or is no more, remove ${lock()}`,
    );
    expect(readFileSync(lock(), "utf8")).toBe(String(process.ppid));
  });

  it.each<[string, () => string]>([
    ["of a process that is gone", () => String(gone())],
    ["of a process that had this one's number", () => String(process.pid)],
    ["of a process that died before it wrote its number", () => ""],
    ["that is no number", () => "?"],
  ])("%s is taken over", (_, content) => {
    mkdirSync(at(), { recursive: true });
    writeFileSync(lock(), content());
    const folder = new RunFolder(at(), "run", false);
    expect(readFileSync(lock(), "utf8").split(" ")[0]).toBe(String(process.pid));
    folder.release();
    expect(existsSync(lock())).toBe(false);
  });

  it("is not let go of twice: the second time it may be somebody else's", () => {
    const folder = new RunFolder(at(), "run", false);
    folder.remove();
    writeFileSync(lock(), String(process.ppid));
    mkdirSync(at("run"));
    folder.release();
    expect(readdirSync(at()).sort()).toEqual(["run", "run.lock"]);
  });
});
