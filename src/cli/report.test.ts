import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { beforeEach, describe, expect, it } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { renderReport } from "../report/html.ts";
import { sampleProfile } from "../report/sample.testing.ts";
import { trajectoryPage } from "../report/trajectory/page.ts";
import { sampleTrajectory } from "../report/trajectory/sample.testing.ts";
import { run } from "./run.testing.ts";

const at = temporaryFolder();
const page = (...parts: string[]): string => readFileSync(at(...parts), "utf8");

describe("lossyscope report", () => {
  const [profile, trajectory] = [sampleProfile(), sampleTrajectory()];
  beforeEach(() => {
    for (const folder of ["kept", "run"]) mkdirSync(at(folder));
    writeFileSync(at("kept/profile.json"), JSON.stringify(profile));
    writeFileSync(at("run/trajectory.json"), JSON.stringify(trajectory));
    writeFileSync(at("one.json"), JSON.stringify(profile));
  });

  it("draws the page that measuring drew, and says what it said", async () => {
    const { code, out, err } = await run("report", at("one.json"), "--report", at("page.html"));
    expect([code, err]).toEqual([0, `wrote ${at("page.html")}\n`]);
    expect(page("page.html")).toBe(renderReport(profile));
    expect(out).toContain(profile.model.name);
    const again = await run("report", at("one.json"), "--report", at("page.html"));
    expect([again.code, again.err]).toEqual([2, expect.stringMatching(/page.html exists: pass --force/)]);
  });

  it("draws several, each in a file called as it is, and one line of each with --quiet", async () => {
    const documents = [at("one.json"), at("kept"), at("run/trajectory.json"), at("kept/profile.json")];
    const { code, out } = await run("report", ...documents, "--out", at("pages"), "--quiet");
    expect([code, out.split("\n").length]).toEqual([0, 5]);
    for (const name of ["one", "kept", "kept-2"]) expect(page("pages", `${name}.html`)).toBe(renderReport(profile));
    expect(page("pages", "run.html")).toBe(trajectoryPage(trajectory));
  });

  it("refuses what is no document before a page is written, and two ways of naming one", async () => {
    writeFileSync(at("no.json"), "{}");
    const none = await run("report", at("one.json"), at("no.json"), "--out", at("none"));
    expect([none.code, none.err]).toEqual([1, expect.stringMatching(/no.json is not a compression profile or a traj/)]);
    expect(existsSync(at("none"))).toBe(false);
    const both = await run("report", at("one.json"), "--out", at("none"), "--report", at("x.html"));
    expect([both.code, both.err]).toEqual([2, expect.stringMatching(/pass one of them/)]);
    const many = await run("report", at("one.json"), at("run"), "--report", at("x.html"));
    expect([many.code, many.err]).toEqual([2, expect.stringMatching(/one file, for 2 documents: pass --out/)]);
  });
});
