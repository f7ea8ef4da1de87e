/**
 * A command that computes without a pause, and hears nothing, is ended all the same: by the second signal at once, by the
 * first in the end, and with the process that people see; nothing that it started stays, nor do files that were for a moment.
 * The loops are put into the processes from outside. Needs the compiled `dist/` and Linux' list of processes.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { beforeEach, describe, expect, it } from "vitest";
import { temporaryFolder } from "../src/files/folder.testing.ts";
import { sampleText, writeModel, writeText } from "../src/measure/model.testing.ts";

const at = temporaryFolder();
const SUPERVISE = new URL("../dist/cli/supervise.js", import.meta.url).href;
/**
 * Once the flag is there, the main thread of the program of that name does nothing but go round: from its start, or from when
 * the thread that looks after its parent runs, before which it computes nothing.
 */
const STUCK = `
const { existsSync } = require("node:fs");
const threads = require("node:worker_threads");
const stick = () => setInterval(() => { if (existsSync(process.env.STUCK_FLAG)) for (;;); }, 5).unref();
if (threads.isMainThread && process.argv[1]?.endsWith(process.env.STUCK)) {
  if (process.env.STUCK_FROM === "start") stick();
  const { Worker } = threads;
  threads.Worker = class extends Worker {
    constructor(...all) {
      super(...all);
      this.once("online", stick);
    }
  };
  require("node:module").syncBuiltinESMExports();
}`;

beforeEach(async () => {
  writeFileSync(at("first.cjs"), STUCK);
  writeFileSync(
    at("start.mjs"),
    `import { supervise } from ${JSON.stringify(SUPERVISE)};
process.exitCode = await supervise(process.argv.slice(3), Number(process.argv[2]));`,
  );
  await writeModel(at("model"), { config: { num_hidden_layers: 3 } });
  writeText(at("text"), sampleText(24, 800));
});

const measure = ["measure", "--split-on", "\\n\\n", "--context", "32", "--batch-tokens", "1", "--threads", "1"].concat([
  "--points",
  "10",
  "--no-frontier",
  "--no-baselines",
  "--quiet",
]);

interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null; err: string }>;
}

/** @param stuck the program that is to go round when `at("flag")` is there */
function start(stuck: string, patience: number, ...command: readonly string[]): Started {
  const env = {
    ...process.env,
    STUCK_FROM: command[0] === "measure" ? "work" : "start",
    XDG_CACHE_HOME: at("cache"),
    NODE_OPTIONS: `--require=${at("first.cjs")}`,
    STUCK: stuck,
    STUCK_FLAG: at("flag"),
  };
  const child = spawn(process.execPath, [at("start.mjs"), String(patience), ...command], {
    env,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let err = "";
  child.stderr!.setEncoding("utf8").on("data", (text: string) => (err += text));
  const ended = new Promise<Awaited<Started["ended"]>>((resolve) =>
    child.on("exit", (code, signal) => setTimeout(() => resolve({ code, signal, err }), 50)),
  );
  return { child, ended };
}

const measuring = (stuck: string, patience = 60_000): Started =>
  start(stuck, patience, ...measure, at("model"), "--text", at("text"), "--work", at("work"));

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await pause(5);
}

const running = (pid: number): boolean => {
  try {
    // A process that ended and that nobody has asked after is one no more.
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
};

function descendants(pid: number): number[] {
  const list = `/proc/${pid}/task/${pid}/children`;
  if (!existsSync(list)) return [];
  const own = readFileSync(list, "utf8").trim().split(" ").filter(Boolean).map(Number);
  return own.flatMap((one) => [one, ...descendants(one)]);
}

/** The command and its runtime, at work. */
async function atWork({ child }: Started): Promise<number[]> {
  await until(
    () =>
      existsSync(at("work")) &&
      readdirSync(at("work"), { recursive: true }).some((name) => `${name}`.endsWith("assignments.3")),
  );
  await until(() => descendants(child.pid!).length === 2);
  await pause(150);
  const all = descendants(child.pid!);
  return all;
}

const flag = async (): Promise<void> => {
  writeFileSync(at("flag"), "");
  await pause(100);
};

/** Within how many milliseconds the process and all that it started are gone. */
async function goneAfter(all: readonly number[], ended: Promise<unknown>): Promise<number> {
  const asked = performance.now();
  await ended;
  await until(() => !all.some(running));
  return performance.now() - asked;
}

/** Far from how long anything in these loops would take, with room for a machine that has other work. */
const SOON = 3000;

describe.skipIf(!existsSync(`/proc/self/task/${process.pid}/children`))(
  "a command that hears nothing (needs /proc)",
  () => {
    it.each([
      ["SIGTERM", "SIGTERM"],
      ["SIGINT", "SIGTERM"],
      ["SIGINT", "SIGINT"],
    ] as const)("is ended by the second signal: %s, %s", async (first, second) => {
      const started = measuring("supervised.js");
      const all = await atWork(started);
      await flag();
      started.child.kill(first);
      await pause(300);
      expect(all.every(running)).toBe(true);
      started.child.kill(second);
      expect(await goneAfter(all, started.ended)).toBeLessThan(SOON);
      expect(await started.ended).toMatchObject({ code: 130, signal: null });
    });

    it("is ended by the first signal in the end, and that is said", async () => {
      const started = measuring("supervised.js", 400);
      const all = await atWork(started);
      await flag();
      started.child.kill("SIGTERM");
      expect(await goneAfter(all, started.ended)).toBeLessThan(400 + SOON);
      expect(await started.ended).toEqual({
        code: 130,
        signal: null,
        err: "lossyscope: the command has not heard for 0.4 s that it should stop, and was ended\n",
      });
    });

    it("ends with the process that started it, however that ends", async () => {
      const started = measuring("supervised.js");
      const all = await atWork(started);
      await flag();
      started.child.kill("SIGKILL");
      expect(await goneAfter(all, started.ended)).toBeLessThan(SOON);
    });

    it("leaves its runtime none the wiser: that is ended by the first signal", async () => {
      const started = measuring("runtime-child.js");
      const all = await atWork(started);
      await flag();
      started.child.kill("SIGTERM");
      expect(await goneAfter(all, started.ended)).toBeLessThan(SOON);
      const { code, err } = await started.ended;
      expect({ code, err }).toEqual({ code: 130, err: expect.stringMatching(/^lossyscope: stopped/) });
    });

    it("leaves no runtime behind that hears nothing either", async () => {
      const started = measuring("-child.js");
      const all = await atWork(started);
      await flag();
      for (const pid of [started.child.pid!, all[0]]) process.kill(pid, "SIGKILL");
      expect(await goneAfter(all, started.ended)).toBeLessThan(SOON);
    });

    it("leaves no half of a file where it is killed", async () => {
      writeText(at("long"), sampleText(1, 60_000));
      const options = ["--model", at("model"), "--threads", "1", "--block", "1MB", "--no-verify", "--quiet"];
      const started = start("supervised.js", 60_000, "compress", at("long"), ...options);
      await until(() => readdirSync(at()).some((name) => name.endsWith(".tmp")));
      await flag();
      started.child.kill("SIGTERM");
      await pause(150);
      started.child.kill("SIGTERM");
      expect(await started.ended).toMatchObject({ code: 130 });
      expect(readdirSync(at()).filter((name) => name.startsWith(".") || name.endsWith(".lsz"))).toEqual([]);
    });

    it("stops by itself where one request comes as two signals at once", async () => {
      const started = measuring("nobody");
      const all = await atWork(started);
      started.child.kill("SIGTERM");
      started.child.kill("SIGINT");
      expect(await goneAfter(all, started.ended)).toBeLessThan(SOON);
      expect(await started.ended).toMatchObject({
        code: 130,
        err: expect.stringMatching(/^lossyscope: stopped after/),
      });
    });

    it("is ended where it hears nothing and the two signals come at once", async () => {
      const started = measuring("supervised.js");
      const all = await atWork(started);
      await flag();
      started.child.kill("SIGTERM");
      started.child.kill("SIGINT");
      expect(await goneAfter(all, started.ended)).toBeLessThan(1000 + SOON);
    });

    it("ends by the signal where there is nothing to stop", async () => {
      writeFileSync(at("flag"), "");
      const started = start("supervised.js", 60_000, "--version");
      await until(() => descendants(started.child.pid!).length === 1);
      await pause(150);
      started.child.kill("SIGTERM");
      expect(await started.ended).toMatchObject({ code: null, signal: "SIGTERM", err: "" });
    });
  },
);
