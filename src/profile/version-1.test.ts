/**
 * Profiles of the schema's first version, in which everything of the weights had to be there, are read wherever profiles are:
 * `fixtures/profiles/version-1.json` is one as it was written then.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ownSet } from "../atlas/add.ts";
import { choose } from "../atlas/choose.ts";
import { compare } from "../atlas/compare.ts";
import { gate, parseThreshold } from "../atlas/gate.ts";
import { predict } from "../atlas/predict.ts";
import { parseSet } from "../atlas/sets.ts";
import { trajectoryOf } from "../atlas/trajectory.ts";
import { fixture } from "../fixtures.testing.ts";
import { renderReport } from "../report/html.ts";
import { renderTerminal } from "../report/terminal.ts";
import type { Profile } from "./profile.ts";
import { figureAt, parseProfile } from "./read.ts";

const PATH = fixture("profiles/version-1.json");
const written = JSON.parse(readFileSync(PATH, "utf8"));
const read = (): Profile => parseProfile(readFileSync(PATH, "utf8"), "version-1.json");
const named = (name: string, bits = 1) => {
  const profile = read();
  const scaled = profile.documents.map((one) => ({ ...one, nats: one.nats! * bits }));
  return { file: `${name}.json`, profile: { ...profile, model: { ...profile.model, name }, documents: scaled } };
};

describe("a profile of version 1", () => {
  it("is one", () => expect(written.schema).toBe("lossyscope.profile/1"));

  it("is read as one of this version, every figure as it was", () => {
    const { schema, ...figures } = read();
    const { schema: _before, ...before } = written;
    expect(schema).toBe("lossyscope.profile/2");
    expect(figures).toEqual(before);
  });

  it("is drawn: report and terminal", () => {
    const page = renderReport(read());
    for (const figure of ["plane", "geometry", "ledger", "recall"]) expect(page).toContain(`<section id="${figure}"`);
    expect(renderTerminal(read(), { width: 100, colour: false, unicode: true })).toMatch(/^tiny /);
  });

  it("is compared, held to thresholds and chosen from", () => {
    const found = compare([named("one"), named("two", 1.1)], { seed: 0, common: false });
    expect(found.pairs[0].overall.verdict).toBe("worse");
    const bytes = written.ledger.weightBytes;
    const [check] = gate(named("one"), null, [parseThreshold(`ledger.weightBytes=${bytes}`, "max")], 0);
    expect(check.outcome).toBe("held");
    expect(choose([named("one"), named("two", 1.1)], [], {}, 0).recommendation!.model).toBe("one");
  });

  it("is foreseen from, and makes a set to foresee from", () => {
    const given = Array.from({ length: 6 }, (_, i) => named(`model ${i}`));
    for (const [i, { profile }] of given.entries()) profile.coding!.overall.bitsPerByte.value = 4 + i / 10;
    const score = (model: string, index: number) => ({
      ...{ model, benchmark: "quiz", score: 0.9 - index / 10 },
      ...{ stderr: null, family: `family ${index}`, source: "" },
    });
    const own = ownSet(
      "own",
      given,
      given.map(({ profile }, index) => score(profile.model.name, index)),
    );
    const set = { ...parseSet(JSON.stringify(own.description), own.rows, "own"), origin: "own" as const };
    const [{ predictions }] = predict(set, [named("new").profile], { seed: 0, extrapolate: true }).models;
    expect(predictions).toHaveLength(1);
    expect(set.rows.map(({ parameters }) => parameters)).toEqual(Array(6).fill(written.ledger.parameters.total));
  });

  it("is a step of a run", () => {
    const steps = [1, 2].map((step) => ({ step, name: `step-${step}`, profile: read() }));
    const { run } = trajectoryOf({ name: "run", steps, log: null });
    expect(run).toEqual({
      ...{ name: "run", architecture: "llama", blocks: 2, width: 16 },
      parameters: written.ledger.parameters.total,
    });
  });

  it("that lacks what was always there then is none", () => {
    const cut = JSON.stringify({ ...written, corpus: undefined });
    expect(() => parseProfile(cut, "cut.json")).toThrow(/is no valid profile: corpus/);
  });

  it("has its figures at the same paths", () => {
    for (const path of ["coding.overall.adjustedRate", "ledger.parameters.total", "plane.summary.1.complexity"])
      expect(figureAt(read(), path).kind).toBe("figure");
  });
});
