import { spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "./folder.testing.ts";
import { lockFolder, named, takeLock } from "./lock.ts";

const at = temporaryFolder();
const refusal = (holder: Parameters<typeof named>[0]): Error => new Error(`${named(holder)} has it`);
const take = (): (() => void) => takeLock(at("lock"), refusal);

describe("a lock", () => {
  it("is one process's until that lets go of it", () => {
    const unlock = take();
    expect(take).toThrow(`process ${process.pid} has it`);
    unlock();
    unlock();
    take()();
    expect(readdirSync(at())).toEqual([]);
  });

  it.each<[string, () => string]>([
    ["of a process that is no more", () => `${spawnSync(process.execPath, ["-e", ""]).pid} 1 ${hostname()}`],
    ["of an earlier process of this number", () => `${process.pid} 1 ${hostname()}`],
    ["that nobody finished", () => ""],
    ["that names nobody", () => "-1 1 here"],
  ])("%s is taken over", (_, content) => {
    writeFileSync(at("lock"), content());
    take()();
    expect(readdirSync(at())).toEqual([]);
  });

  it.skipIf(!existsSync("/proc/self/stat"))("tells a process from a later one of its number (needs /proc)", () => {
    const start = readFileSync(`/proc/${process.ppid}/stat`, "utf8").split(") ").at(-1)!.split(" ")[19];
    writeFileSync(at("lock"), `${process.ppid} ${start} ${hostname()}`);
    expect(take).toThrow(`process ${process.ppid} has it`);
    writeFileSync(at("lock"), `${process.ppid} ${Number(start) - 1} ${hostname()}`);
    take()();
  });

  it("of another machine is left alone", () => {
    writeFileSync(at("lock"), "17 1 elsewhere");
    expect(take).toThrow('process 17 on "elsewhere" has it');
  });

  it("that a dead process left is taken over by one of many", async () => {
    writeFileSync(at("lock"), `${spawnSync(process.execPath, ["-e", ""]).pid} 1 ${hostname()}`);
    const module = new URL("../../dist/files/lock.js", import.meta.url).href;
    const script = `const { takeLock } = await import(${JSON.stringify(module)});
      while (Date.now() < ${Date.now() + 600});
      try { takeLock(${JSON.stringify(at("lock"))}, () => new Error("taken")); console.log("mine"); } catch (error) { console.log(error.message); }
      setTimeout(() => {}, 600);`;
    const said = await Promise.all(
      Array.from({ length: 4 }, () => {
        const child = spawn(process.execPath, ["--input-type=module", "-e", script]);
        let out = "";
        child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
        return new Promise<string>((resolve) => child.on("close", () => resolve(out.trim())));
      }),
    );
    expect(said.sort()).toEqual(["mine", "taken", "taken", "taken"]);
  });
});

describe("the lock of a folder", () => {
  it("makes the folder, and takes it away where nothing came into it", () => {
    const unlock = lockFolder(at("out"), "measuring capacity");
    expect(() => lockFolder(at("out"), "measuring capacity")).toThrow(
      `process ${process.pid} is measuring capacity in ${at("out")}: wait for it, or pass another --out`,
    );
    unlock();
    expect(existsSync(at("out"))).toBe(false);
    const again = lockFolder(at("out"), "training");
    writeFileSync(at("out", "log"), "");
    again();
    expect(readdirSync(at("out"))).toEqual(["log"]);
    writeFileSync(at("file"), "");
    expect(() => lockFolder(at("file", "below"), "training")).toThrow(/cannot write to the folder .*not a directory/);
  });
});
