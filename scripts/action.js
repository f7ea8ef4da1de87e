#!/usr/bin/env node
// What `action.yml` runs: measures, holds the profile against thresholds, and leaves what was found where a workflow looks
// for it. Plain JavaScript, because it runs in a clone of the action with nothing built. Exits as the command that failed.
import { spawnSync } from "node:child_process";
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("../bin/lossyscope.js", import.meta.url));

/** Lines of an input that hold something. */
const lines = (name) => (process.env[`LOSSYSCOPE_${name}`] ?? "").split(/\r?\n/).flatMap((line) => line.trim() || []);
const [model] = lines("MODEL");
const [given] = lines("PROFILE");
const [out = "lossyscope-report"] = lines("OUT");
const thresholds = ["MAX", "MIN"].flatMap((name) => lines(name).flatMap((line) => [`--${name.toLowerCase()}`, line]));

/** `--name value`: what stands behind the first space is the value, spaces and all. */
const optionOf = (line) => {
  const [, name, value] = /^(\S+)\s*(.*)$/.exec(line);
  return value === "" ? [name] : [name, value];
};

function run(...args) {
  const { status, signal } = spawnSync(process.execPath, [program, ...args], { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? (signal ? 130 : 1));
}

/** @param file a variable that names it, as GitHub sets it */
function leave(file, text) {
  const path = process.env[file];
  if (path) appendFileSync(path, `${text}\n`);
}

function refuse(message) {
  process.stderr.write(`lossyscope: ${message}\n`);
  process.exit(2);
}

if ((model === undefined) === (given === undefined))
  refuse("give the action either a model, with a text, or a profile");
if (thresholds.length === 0 && model === undefined)
  refuse("a profile without thresholds leaves nothing to do: pass max or min");
const profile = given ?? join(out, "profile.json");
if (model !== undefined) {
  const text = lines("TEXT");
  if (text.length === 0) refuse("there is no text to measure the model on: pass text");
  run("measure", model, "--text", ...text, ...lines("OPTIONS").flatMap(optionOf), "--out", out, "--force");
}
leave("GITHUB_OUTPUT", `profile=${profile}`);
leave("GITHUB_OUTPUT", `report=${model === undefined ? "" : join(out, "report.html")}`);
if (thresholds.length > 0) {
  const [baseline] = lines("BASELINE");
  const summary = join(process.env.RUNNER_TEMP ?? ".", `lossyscope-gate-${process.pid}.md`);
  process.on("exit", () => {
    if (existsSync(summary)) leave("GITHUB_STEP_SUMMARY", readFileSync(summary, "utf8"));
  });
  const against = baseline === undefined ? [] : ["--baseline", baseline];
  run("gate", profile, ...against, ...thresholds, "--markdown", summary, "--force");
}
