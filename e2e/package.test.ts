/**
 * The package as its users import it, by its own name: every subpath loads from `dist/`, what it is for works, and its
 * types, and the README's example, check in a project of their own. As it would be published it passes publint and Are the
 * Types Wrong; the latter as a package of ES modules, which Node 20.19 and later also load by `require`.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, it } from "vitest";
import { temporaryFolder } from "../src/files/folder.testing.ts";
import { installInto, pack, root } from "./npm.testing.ts";

const { exports: subpaths } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  exports: Record<string, string>;
};
const at = temporaryFolder();
beforeEach(() => {
  mkdirSync(at("node_modules"), { recursive: true });
  symlinkSync(root, at("node_modules", "lossyscope"), "junction");
  symlinkSync(join(root, "node_modules", "@types"), at("node_modules", "@types"), "junction");
  writeFileSync(at("package.json"), '{"type":"module"}');
});

function node(...args: string[]): string {
  const env = { ...process.env, NODE_NO_WARNINGS: "1" };
  const run = spawnSync(process.execPath, args, { cwd: at("."), encoding: "utf8", env });
  expect(run.stderr + (run.status === 0 ? "" : run.stdout)).toBe("");
  return run.stdout;
}

it("every subpath is there and loads", () => {
  const modules = Object.keys(subpaths).filter((path) => !path.endsWith(".json"));
  expect(modules.length).toBeGreaterThan(5);
  const names = modules.map((path) => `lossyscope${path.slice(1)}`);
  const loaded = node(
    "--input-type=module",
    "-e",
    `for (const name of ${JSON.stringify(names)}) console.log(name, Object.keys(await import(name)).length > 0);`,
  );
  expect(loaded.trim().split("\n")).toEqual(names.map((name) => `${name} true`));
});

it("does by name what the README says", () => {
  writeFileSync(
    at("use.mjs"),
    `import { referencePoints, assign, temperature, twoNN } from "lossyscope/info";
import { specOf, supportedArchitectures } from "lossyscope/models";
import { validatePlan } from "lossyscope/measure";
import { openSafetensors } from "lossyscope/safetensors";
import schema from "lossyscope/schema/profile.schema.json" with { type: "json" };
const d = 8, m = 100, points = referencePoints(0, m, d);
const fixed = assign(Float32Array.from({ length: d }, (_, i) => i - 3), { points, m, d, epsilon: temperature(m, d, "bound") });
const file = await openSafetensors(${JSON.stringify(join(root, "fixtures/models/llama/golden.safetensors"))});
console.log(JSON.stringify({
  mass: fixed.reduce((sum, one) => sum + one, 0) / 2 ** 26,
  known: supportedArchitectures.includes("llama"),
  points: validatePlan({ text: [{ path: "notes.txt" }] }).plane.points,
  shape: file.entry("input_ids").shape,
  schema: schema.title,
  functions: [typeof specOf, typeof twoNN],
}));
await file.close();`,
  );
  const said = JSON.parse(node(at("use.mjs")));
  expect(said.mass).toBeCloseTo(1, 5);
  expect(said).toMatchObject({ known: true, points: 100, shape: [2, 17], schema: "lossyscope.profile/2" });
  expect(said.functions).toEqual(["function", "function"]);
});

it("has types", () => {
  writeFileSync(
    at("use.ts"),
    `import { temperature } from "lossyscope/info";
import { type Measurement, validatePlan } from "lossyscope/measure";
import { type DecoderSpec, specOf } from "lossyscope/models";
import { figureAt, type Profile } from "lossyscope/profile";
import { renderReport } from "lossyscope/report";
import { openSafetensors } from "lossyscope/safetensors";
import { loadTokenizer } from "lossyscope/tokenizer";
export const spec: DecoderSpec = specOf({});
export const epsilon: number = temperature(100, 64, "bound");
export const page = ({ profile }: Measurement): string => renderReport(profile);
export const bits = (profile: Profile): number | null => profile.coding?.overall.bitsPerByte.value ?? null;
export const points: number | undefined = validatePlan({}).plane?.points;
// @ts-expect-error: a profile has no such section
export const none = (profile: Profile) => profile.nothing;
export { figureAt, loadTokenizer, openSafetensors };`,
  );
  const [, example] = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(root, "README.md"), "utf8"))!;
  writeFileSync(at("example.ts"), example);
  const options = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2023", "--types", "node"];
  node(join(root, "node_modules/typescript/bin/tsc"), ...options, at("use.ts"), at("example.ts"));
});

it("has types that need none of Node's", () => {
  for (const name of ["lossyscope", "@types"]) rmSync(at("node_modules", name));
  installInto(at("."));
  const modules = Object.keys(subpaths).filter((path) => !path.endsWith(".json"));
  const exported = modules.map((path, i) => `export * as part${i} from "lossyscope${path.slice(1)}";`);
  writeFileSync(
    at("use.ts"),
    `import { compare, LossyscopeError, measure, type Profile } from "lossyscope";
export const bits = async (): Promise<number | null | undefined> =>
  (await measure("model", { text: "a.txt", plane: { points: 50 } })).coding?.overall.bitsPerByte.value;
export const fault = (error: unknown) => (error instanceof LossyscopeError ? error.fault : undefined);
export const pairs = (a: Profile, b: Profile) => compare([{ file: "a", profile: a }, { file: "b", profile: b }], { seed: 0, common: false });
// @ts-expect-error: a measurement needs a text
export const nothing = () => measure("model", {});
${exported.join("\n")}`,
  );
  const options = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2023", "--types", ""];
  node(join(root, "node_modules/typescript/bin/tsc"), ...options, at("use.ts"));
});

it.each([
  ["publint/src/cli.js", ["--strict"]],
  ["@arethetypeswrong/cli/dist/index.js", ["--profile", "esm-only", "--no-definitely-typed", "--format", "ascii"]],
])("is packed as %s wants it", (linter, options) => {
  const { filename } = pack("--pack-destination", at("."));
  const program = join(root, "node_modules", linter);
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, at(filename), ...options], {
    encoding: "utf8",
  });
  expect(status, stdout + stderr).toBe(0);
});
