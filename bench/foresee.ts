/**
 * What the stages of a measurement are foretold to take against what they take, through the command line as people have it. The
 * estimate is meant to be right within a factor of two for the whole.
 *
 *     npm run bench -- foresee [--model FOLDER] [--bytes 100000] [--threads 2] [further options of `lossyscope measure`]
 *
 * Needs `npm run build`, and ../shared/fixtures for the usual model and the text.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Foresight } from "../src/profile/foresight.ts";
import { table } from "./report.ts";

const SHARED = join(import.meta.dirname, "../../shared/fixtures");
const options = process.argv.slice(2);
const take = (name: string, usual: string): string => {
  const at = options.indexOf(name);
  return at < 0 ? usual : options.splice(at, 2)[1];
};
const model = take("--model", join(SHARED, "models/stories260k"));
const bytes = take("--bytes", "100000");
const threads = take("--threads", "2");
const work = mkdtempSync(join(tmpdir(), "lossyscope-foresee-"));
const text = ["--text", join(SHARED, "text/tinyshakespeare.txt"), "--split-on", "\\n\\n", "--limit-bytes", bytes];
const given = ["measure", model, ...text, "--threads", threads, "--work", work, ...options];

function lossyscope(...further: string[]): { readonly stdout: string; readonly stderr: string } {
  const bin = join(import.meta.dirname, "../bin/lossyscope.js");
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, ...given, ...further], { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  return { stdout, stderr };
}

/** Seconds of a stage: `3 of 9  model pass: 61,043 tokens in 3.1 s`, `5 of 9  embedding matrix: less than 0.1 s` */
function taken(log: string, label: string): number | null {
  const lines = log.split("\n").filter((line) => /^\d+ of \d+ {2}/.test(line) && line.includes(`  ${label}: `));
  const [, minutes = "0", seconds] =
    /(?: in |: )(?:less than )?(?:(\d+) min )?([\d.]+) s$/.exec(lines.at(-1) ?? "") ?? [];
  return seconds === undefined ? null : 60 * Number(minutes) + Number(seconds);
}

try {
  const foresight = JSON.parse(lossyscope("--dry-run", "--json", "--quiet").stdout) as Foresight;
  const log = lossyscope().stderr;
  const [{ stages }] = foresight.runs;
  const took = new Map(stages.map(({ label }) => [label, taken(log, label)]));
  const row = (name: string, foretold: number, seconds: number): string[] => [
    name,
    foretold.toFixed(1),
    seconds.toFixed(1),
    (foretold / seconds).toFixed(2),
  ];
  console.log(foresight.rates);
  table([
    ["stage", "foretold s", "took s", "ratio"],
    ...stages.map(({ label, seconds }) => row(label, seconds, took.get(label) ?? 0)),
    row(
      "all",
      foresight.seconds ?? Number.NaN,
      [...took.values()].reduce<number>((total, seconds) => total + (seconds ?? 0), 0),
    ),
  ]);
} finally {
  rmSync(work, { recursive: true, force: true });
}
