import { describe, expect, it } from "vitest";
import { lossesOnly, sampleProfile } from "../report/sample.testing.ts";
import { sampleTrajectory } from "../report/trajectory/sample.testing.ts";
import { figureAt, isTrajectory, parseDocument, parseProfile } from "./read.ts";

const profile = sampleProfile();
const read = (changes: object): unknown => parseProfile(JSON.stringify({ ...profile, ...changes }), "p.json");

describe("reading a profile", () => {
  it("gives back what was written", () => expect(read({})).toEqual(JSON.parse(JSON.stringify(profile))));

  it.each([
    ["{", /p.json is not JSON/],
    ["[]", /p.json is not a compression profile/],
    ['{"schema":"lossyscope.atlas/1"}', /p.json is not a compression profile/],
    [
      '{"schema":"lossyscope.profile/3"}',
      /of schema lossyscope.profile\/3, this version reads lossyscope.profile\/1 and lossyscope.profile\/2/,
    ],
  ])("refuses %s", (text, message) => expect(() => parseProfile(text, "p.json")).toThrow(message));

  it("says where a profile is not valid", () =>
    expect(() => read({ corpus: { ...profile.corpus, bytes: -1 } })).toThrow(/no valid profile: corpus.bytes/));
});

describe("reading a document of either kind", () => {
  it("goes by what it says it is", () => {
    for (const document of [profile, sampleTrajectory()]) {
      const read = parseDocument(JSON.stringify(document), "d.json");
      expect(read).toEqual(JSON.parse(JSON.stringify(document)));
      expect(isTrajectory(read)).toBe(document !== profile);
    }
  });

  it.each([
    ["{", /d.json is not JSON.*`lossyscope measure --json` or `lossyscope trajectory` wrote/],
    ["null", /d.json is not a compression profile or a trajectory of a training run/],
    ['{"schema":"lossyscope.atlas/1"}', /d.json is not a compression profile or a trajectory/],
    ['{"schema":"lossyscope.trajectory/9"}', /of schema lossyscope.trajectory\/9, this version reads/],
    ['{"schema":"lossyscope.trajectory/1"}', /no valid trajectory: /],
  ])("refuses %s", (text, message) => expect(() => parseDocument(text, "d.json")).toThrow(message));
});

describe("figures by path", () => {
  it("finds numbers, intervals, layers and domains with any name", () => {
    const { overall, domains } = profile.coding!;
    const odd = { ...profile, coding: { ...profile.coding!, domains: { "a.b": domains.text } } };
    expect(figureAt(profile, "ledger.weightBytes")).toEqual({
      kind: "figure",
      figure: { value: profile.ledger.weightBytes, low: null, high: null },
    });
    for (const path of ["coding.overall.bitsPerByte", "coding.overall.bitsPerByte.value"]) {
      expect(figureAt(profile, path)).toEqual({ kind: "figure", figure: overall.bitsPerByte });
    }
    expect(figureAt(profile, "plane.layers[2].entropy")).toEqual(figureAt(profile, "plane.layers.2.entropy"));
    expect(figureAt(profile, "plane.layers[-1].entropy")).toEqual(figureAt(profile, "plane.layers[5].entropy"));
    expect(figureAt(odd, 'coding.domains["a.b"].bitsPerByte')).toEqual({
      kind: "figure",
      figure: domains.text.bitsPerByte,
    });
  });

  it("passes on why a figure is missing", () => {
    const missing = figureAt(lossesOnly(), "plane.summary.1.optimality");
    expect(missing).toEqual({ kind: "absent", why: "plane: the endpoint gives losses only" });
    expect(
      figureAt({ ...profile, ledger: { ...profile.ledger, storageRatio: null } }, "ledger.storageRatio").kind,
    ).toBe("absent");
  });

  it.each([
    ["coding.overall.bits", /has no coding.overall.bits: coding.overall has documents, bytes/],
    ["coding.overall", /coding.overall is no figure: name one inside it/],
    ["model.name", /model.name is no figure/],
    ["coding..overall", /is not a path/],
    ["toString.length", /has no toString.length/],
  ])("refuses %s", (path, message) => expect(() => figureAt(profile, path)).toThrow(message));
});
