import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { modelProfile } from "../atlas/sample.testing.ts";
import { run } from "./run.testing.ts";

let folder: string;
const at = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "atlas-cli-"));
  await mkdir(at("profiles"));
  const scores = ["model,benchmark,score"];
  for (const [index, name] of ["a", "b", "c", "d", "e"].entries()) {
    const profile = modelProfile({ name, bitsPerByte: 1 + 0.2 * index, parameters: 1000 * (index + 1) });
    await writeFile(at(`profiles/${name}.json`), JSON.stringify(profile));
    scores.push(`${name},quiz,${0.9 - 0.1 * index}`);
  }
  await writeFile(at("scores.csv"), `${scores.join("\n")}\n`);
  await writeFile(at("new.json"), JSON.stringify(modelProfile({ name: "new", bitsPerByte: 1.4 })));
});
afterAll(() => rm(folder, { recursive: true }));

describe("lossyscope atlas", () => {
  it("lists the published sets", async () => {
    const { code, out } = await run("atlas", "--atlas", at("none"));
    expect(code).toBe(0);
    expect(out).toMatch(/llm-compression +30 +8 +4 +bits_per_character +the package/);
  });

  it("fits a published set, for people and for machines", async () => {
    const { out } = await run("atlas", "fit", "llm-compression", "--area", "overall", "--report", at("f.html"));
    expect(await readFile(at("f.html"), "utf8")).toMatch(/<h2 id="area-0-title">overall: mean of 12 benchmarks/);
    expect(out).toMatch(/−0\.941 \(−0\.98\d to −0\.91\d\)/);
    expect(out).toMatch(/too few for a 90 % interval/);
    expect(out).toMatch(/Smallest \|r\| that could be told from zero, by models: 0\.467 .* by families:\s+0\.753/s);
    const { out: json } = await run("atlas", "fit", "llm-compression", "--area", "math", "--json");
    expect(JSON.parse(json).fits[0]).toMatchObject({ area: "math", models: 18, families: 7 });
  });

  it("sets the predictors of a set beside each other", async () => {
    const ranked = ["atlas", "fit", "pile-loss", "--area", "average", "--rank"];
    const { out } = await run(...ranked);
    expect(out).toMatch(/Which predictor foresees best: 29 models/);
    expect(out).toMatch(/training_flops +0\.0\d+ \(0\.0\d+–0\.\d+\)/);
    expect((await run(...ranked.slice(0, -1))).out).not.toMatch(/foresees best/);
    const { rivalries } = JSON.parse((await run(...ranked, "--json")).out);
    expect(rivalries[0]).toMatchObject({ area: "average", reference: "nats_per_token" });
  });

  it("makes a set of one's own, fits it and predicts from it", async () => {
    const atlas = ["--atlas", at("atlas")];
    const added = await run(
      "atlas",
      "add",
      "mine",
      "--profiles",
      at("profiles"),
      "--scores",
      at("scores.csv"),
      ...atlas,
    );
    expect([added.code, added.err]).toEqual([0, ""]);
    expect(added.out).toMatch(/Set mine in .*5 models, 1 benchmarks, 5 families/s);
    expect((await run("atlas", ...atlas)).out).toMatch(/mine +5 +5 +1 +bits_per_byte +you/);
    expect((await run("atlas", "fit", "mine", ...atlas)).out).toMatch(/bits_per_byte +5 +5 +−\d\.\d+/);
    const { code, out } = await run("predict", at("new.json"), "--set", "mine", ...atlas, "--markdown", at("p.md"));
    expect(code).toBe(0);
    expect(out).toMatch(/quiz +0\.\d+ ± 0\.\d+/);
    expect(out).toMatch(/Correlation is not cause/);
    expect(await readFile(at("p.md"), "utf8")).toMatch(/\| quiz \| 0\.\d+ ± 0\.\d+ \|/);
  });

  it("takes folders that --out wrote for the profiles in them", async () => {
    for (const name of ["a", "b", "c", "d", "e"]) {
      await mkdir(at(`compared/1-${name}`), { recursive: true });
      await writeFile(at(`compared/1-${name}/profile.json`), await readFile(at(`profiles/${name}.json`)));
    }
    await mkdir(at("measured"));
    await writeFile(at("measured/profile.json"), await readFile(at("new.json")));
    const add = ["--scores", at("scores.csv"), "--atlas", at("own")];
    expect(await run("atlas", "add", "theirs", "--profiles", at("compared"), ...add)).toMatchObject({
      code: 0,
      err: "",
      out: expect.stringMatching(/5 models, 1 benchmarks/),
    });
    const { code, out } = await run("predict", at("measured"), "--set", "theirs", "--atlas", at("own"));
    expect([code, out]).toEqual([0, expect.stringMatching(/quiz +0\.\d+ ± 0\.\d+/)]);
    const again = await run("atlas", "add", "theirs", "--profiles", at("nowhere"), ...add);
    expect(again).toMatchObject({
      code: 2,
      err: expect.stringMatching(/the set theirs exists: pass --force to replace it/),
    });
  });

  it("says why it predicts nothing and what would, writes that down, and fails", async () => {
    const asked = ["predict", at("new.json"), "--set", "llm-compression"];
    const files = ["--json", at("none.json"), "--markdown", at("none.md"), "--atlas", at("no-sets")];
    const { code, out, err } = await run(...asked, "--area", "overall", ...files);
    expect(code).toBe(1);
    expect(out).toMatch(
      /new, overall: not predicted: measured on tinyshakespeare, the set is of mean of the\s+three\s+texts;\s+bits_per_character\s+.* is\s+outside/s,
    );
    expect(err).toMatch(
      /^lossyscope: nothing is foreseen from llm-compression: measured on tinyshakespeare, .* is outside .*: no set of the atlas fits; make one .*--extrapolate/,
    );
    expect(JSON.parse(await readFile(at("none.json"), "utf8")).models[0].predictions[0].kind).toBe("refused");
    expect(await readFile(at("none.md"), "utf8")).toContain("not predicted");
    const beside = await run(...asked, "--atlas", at("atlas"));
    expect([beside.code, beside.err]).toEqual([
      1,
      expect.stringMatching(/3 other reasons in other areas: pass --set mine\n$/),
    ]);
    expect(await run(...asked, "--extrapolate")).toMatchObject({ code: 0, err: "" });
  });

  it("refuses to fit what too few models say", async () => {
    const few = (await readFile(at("scores.csv"), "utf8")).split("\n").slice(0, 3).join("\n");
    await writeFile(at("few.csv"), `${few}\n`);
    await mkdir(at("few"));
    for (const row of few.split("\n").slice(1)) {
      const name = `${row.split(",")[0]}.json`;
      await copyFile(at(`profiles/${name}`), at(`few/${name}`));
    }
    const atlas = ["--atlas", at("few-sets")];
    await run("atlas", "add", "pair", "--profiles", at("few"), "--scores", at("few.csv"), ...atlas);
    for (const command of [
      ["atlas", "fit", "pair"],
      ["predict", at("new.json"), "--set", "pair"],
    ]) {
      const { code, out, err } = await run(...command, ...atlas);
      expect([code, out]).toEqual([1, ""]);
      expect(err).toMatch(/2 models with the score and bits_per_byte, and a fit needs 3: add models to the set/);
    }
  });

  it.each([
    [["atlas", "fit", "nothing"], 2, /no calibration set is called nothing/],
    [["atlas", "fit", "pile-loss", "--area", "quiz"], 2, /no area quiz: choose from average/],
    [["atlas", "fit", "pile-loss", "--ridge", "-1"], 2, /expected a number of at least 0/],
    [["atlas", "add", "x"], 2, /atlas add needs --profiles <folder> and --scores/],
    [["predict", "nowhere.json", "--set", "open-llm"], 1, /cannot read nowhere.json/],
  ] as const)("refuses %j", async (args, code, message) => {
    const ran = await run(...args);
    expect(ran.code).toBe(code);
    expect(ran.err).toMatch(message);
  });
});
