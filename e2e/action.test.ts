/**
 * The action (`action.yml`) as a workflow runs it: its script with the variables that the action sets, on the specimen that
 * comes with the tool. Held to leave what later steps read, to end as the gate does, and to take what is in an input for
 * nothing but that.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { modelProfile } from "../src/atlas/sample.testing.ts";
import { temporaryFolder } from "../src/files/folder.testing.ts";
import { root } from "./npm.testing.ts";

const at = temporaryFolder();
const definition = readFileSync(join(root, "action.yml"), "utf8");

/** @param inputs of the action, by name */
function act(inputs: Readonly<Record<string, string>>) {
  const names = [...definition.matchAll(/LOSSYSCOPE_(\w+): \$\{\{ inputs\.(\w+) \}\}/g)];
  const given = Object.fromEntries(names.map(([, variable, name]) => [`LOSSYSCOPE_${variable}`, inputs[name] ?? ""]));
  const files = { GITHUB_OUTPUT: at("outputs"), GITHUB_STEP_SUMMARY: at("summary.md"), RUNNER_TEMP: at(".") };
  const env = { ...process.env, ...files, ...given };
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, "scripts/action.js")], {
    cwd: at("."),
    env,
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

describe("the action", () => {
  it("passes every input on, and runs only what it says", () => {
    const inputs = definition.slice(definition.indexOf("inputs:"), definition.indexOf("outputs:"));
    const named = [...inputs.matchAll(/^ {2}(\w+):/gm)].map(([, name]) => name);
    const passed = [...definition.matchAll(/LOSSYSCOPE_(\w+): \$\{\{ inputs\.(\w+) \}\}/g)];
    expect(passed.map(([, , name]) => name)).toEqual(named);
    for (const [, variable, name] of passed) expect(variable).toBe(name.toUpperCase());
    // an expression in a command line would be run as part of it
    expect([...definition.matchAll(/^\s*(?:- )?run: (.*)$/gm)].filter(([, line]) => line.includes("${{"))).toEqual([]);
  });

  it("measures, and leaves profile, report and summary", () => {
    writeFileSync(at("a text.txt"), "The harbour of the town is the oldest of the coast.\n".repeat(60));
    const { status, stderr } = act({
      model: join(root, "specimens/small/step-36246"),
      text: "a text.txt\n",
      options: "--no-plane\n--no-geometry\n--no-baselines\n--name the small one",
      max: "coding.overall.bitsPerByte=20\nledger.weightBytes=1",
      out: "found",
    });
    expect([status, stderr]).toEqual([3, expect.stringContaining("1 of 2 thresholds missed")]);
    const outputs = readFileSync(at("outputs"), "utf8");
    expect(outputs).toBe(`profile=${join("found", "profile.json")}\nreport=${join("found", "report.html")}\n`);
    expect(JSON.parse(readFileSync(at("found/profile.json"), "utf8")).model.name).toBe("the small one");
    expect(readFileSync(at("summary.md"), "utf8")).toMatch(/coding\.overall\.bitsPerByte/);
  });

  it("holds a profile that is there against its baseline", () => {
    for (const [name, bitsPerByte] of [
      ["old", 1],
      ["new", 1.2],
    ] as const)
      writeFileSync(at(`${name}.json`), JSON.stringify(modelProfile({ name, bitsPerByte })));
    const max = "coding.overall.bitsPerByte=+1%";
    expect(act({ profile: "new.json", baseline: "old.json", max }).status).toBe(3);
    expect(act({ profile: "old.json", baseline: "new.json", max }).status).toBe(0);
  });

  it.each([
    [{}, /either a model, with a text, or a profile/],
    [{ model: "m", profile: "p.json" }, /either a model, with a text, or a profile/],
    [{ model: "m" }, /no text to measure the model on/],
    [{ profile: "p.json" }, /nothing to do: pass max or min/],
    [{ profile: "$(touch x).json", max: "a=1; touch x" }, /a=1; touch x is no threshold/],
    [{ profile: "$(touch x).json", max: "a=1" }, /cannot read \$\(touch x\)\.json/],
  ])("refuses %j", (inputs, message) => {
    const { status, stderr } = act(inputs as Record<string, string>);
    expect(status).not.toBe(0);
    expect(stderr).toMatch(message);
    expect(existsSync(at("x"))).toBe(false);
  });
});
