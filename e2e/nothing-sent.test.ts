/**
 * Nothing is sent anywhere and nothing is left where nobody asked for it (docs/decisions/telemetry.md): `measure` and `train`
 * with an empty home and an empty temporary folder, as processes of their own, and, where `strace` may trace them, every
 * socket that they and their children open. Needs the compiled `dist/`.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CONFIG, sampleText, writeModel, writeText } from "../src/measure/model.testing.ts";

const BIN = fileURLToPath(new URL("../bin/lossyscope.js", import.meta.url));
const TRACE = ["-f", "-qq", "-e", "trace=network"];
const traceable = spawnSync("strace", [...TRACE, "-o", "/dev/null", "true"]).status === 0;
/** What is remembered of files: their digests, under the names of digests; and the place where runs work. */
const OURS = /^\.cache(\/lossyscope(\/runs|\/digests(\/[0-9a-f]{64})?)?)?$/;

describe.each<[string, (at: (name: string) => string) => string[]]>([
  // every compressor and every probe, so that every library is loaded
  ["measure", (at) => ["measure", at("model"), "--text", at("text"), "--split-on", "\\n\\n", "--out", at("out")]],
  [
    "train",
    (at) =>
      ["train", "--text", at("text"), "--config", at("train.json"), "--out", at("out"), "--steps", "3"].concat([
        "--context",
        "32",
        "--batch",
        "4",
        "--run-tokens",
        "128",
        "--held-out-tokens",
        "256",
      ]),
  ],
])("%s with an empty home and an empty temporary folder", (_, command) => {
  const folder = mkdtempSync(join(tmpdir(), "lossyscope-quiet-"));
  const at = (name: string): string => join(folder, name);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  beforeAll(async () => {
    for (const name of ["home", "tmp"]) mkdirSync(at(name));
    await writeModel(at("model"));
    writeText(at("text"), sampleText(8, 300));
    writeFileSync(at("train.json"), JSON.stringify({ ...CONFIG, vocab_size: 290 }));
    const tracer = traceable ? ["strace", ...TRACE, "-o", at("trace")] : [];
    const [program, ...args] = [...tracer, process.execPath, BIN, ...command(at), "--threads", "1", "--quiet"];
    // Whatever the user's environment says of the runtime's telemetry, ours is the answer.
    const env = { PATH: process.env.PATH, HOME: at("home"), TMPDIR: at("tmp"), ORT_DISABLE_TELEMETRY: "0" };
    const ran = spawnSync(program, args, { cwd: folder, env, encoding: "utf8" });
    expect(ran.stderr).not.toMatch(/lossyscope: /);
    expect(ran.status).toBe(0);
    expect(existsSync(at("out"))).toBe(true);
  });

  it("leaves nothing there but ours", () => {
    expect(readdirSync(at("tmp"))).toEqual([]);
    const left = readdirSync(at("home"), { recursive: true, encoding: "utf8" });
    expect(left.filter((path) => !OURS.test(path))).toEqual([]);
    expect(
      readdirSync(folder).filter((name) => !["home", "model", "out", "text", "tmp", "trace"].includes(name)),
    ).toEqual(["train.json"]);
  });

  it.skipIf(!traceable)("opens no socket but between its own processes (needs strace)", () => {
    const calls = readFileSync(at("trace"), "utf8")
      .split("\n")
      .filter((line) => /\b(socket|socketpair|connect|bind|sendto)\(/.test(line));
    // Node's channel to a child is such a pair: the trace sees children start.
    expect(calls.some((line) => line.includes("socketpair(AF_UNIX"))).toBe(true);
    expect(calls.filter((line) => /AF_(?!UNIX)\w/.test(line))).toEqual([]);
  });
});
