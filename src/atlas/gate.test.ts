import { describe, expect, it } from "vitest";
import type { Profile } from "../profile/profile.ts";
import { sampleProfile } from "../report/sample.testing.ts";
import { type Bound, gate, parseThreshold } from "./gate.ts";
import { modelProfile } from "./sample.testing.ts";

const named = (profile: Profile, file = "p.json") => ({ file, profile });
const check = (bound: Bound, text: string, profile: Profile, baseline?: Profile) =>
  gate(named(profile), baseline ? named(baseline, "b.json") : null, [parseThreshold(text, bound)], 0)[0];

describe("thresholds", () => {
  it.each([
    ["a.b=+1%", { path: "a.b", kind: "relative", limit: 0.01 }],
    ["a.b=-0.5%", { path: "a.b", kind: "relative", limit: -0.005 }],
    ["a.b=+0.02", { path: "a.b", kind: "change", limit: 0.02 }],
    ["a.b=3.2", { path: "a.b", kind: "absolute", limit: 3.2 }],
    ['a["x=y"]=1e-3', { path: 'a["x=y"]', kind: "absolute", limit: 0.001 }],
  ])("reads %s", (text, threshold) => expect(parseThreshold(text, "max")).toMatchObject(threshold));

  it.each(["a.b", "=3", "a.b=1%", "a.b=much", "a.b=", "a.b=+"])("refuses %s", (text) =>
    expect(() => parseThreshold(text, "min")).toThrow(/--min .* is no threshold/),
  );
});

describe("an absolute threshold", () => {
  const profile = sampleProfile();
  const { value, low, high } = profile.coding!.overall.bitsPerByte;
  const at = (bound: Bound, limit: number) => check(bound, `coding.overall.bitsPerByte=${limit}`, profile).outcome;

  it("is missed only beyond the error bar; inside it is a tie", () => {
    expect([high!, value!, low!, low! - 0.001].map((limit) => at("max", limit))).toEqual([
      "held",
      "tie",
      "tie",
      "missed",
    ]);
    expect([low!, value!, high!, high! + 0.001].map((limit) => at("min", limit))).toEqual([
      "held",
      "tie",
      "tie",
      "missed",
    ]);
  });

  it("is held against a figure without a bar as it is", () => {
    const bytes = profile.ledger.weightBytes;
    expect(check("max", `ledger.weightBytes=${bytes}`, profile)).toMatchObject({
      outcome: "held",
      basis: "no error bar",
    });
    expect(check("max", `ledger.weightBytes=${bytes - 1}`, profile).outcome).toBe("missed");
  });
});

describe("a change against a baseline", () => {
  const of = (bitsPerByte: number) => modelProfile({ name: "m", bitsPerByte });
  const [before, same, worse] = [of(1), modelProfile({ name: "again", bitsPerByte: 1 }), of(1.05)];

  it("in bits per byte is paired, so that one per cent shows", () => {
    const path = "coding.overall.bitsPerByte";
    expect(check("max", `${path}=+1%`, worse, before)).toMatchObject({
      outcome: "missed",
      basis: "paired over 40 documents",
    });
    expect(check("max", `${path}=+10%`, worse, before).outcome).toBe("held");
    expect(check("max", `${path}=+0%`, same, before).outcome).toBe("tie");
    expect(check("max", `coding.domains.prose.bitsPerByte=+1%`, worse, before)).toMatchObject({
      outcome: "missed",
      basis: "paired over 20 documents",
    });
    // the bars of the two profiles alone, 5 % either way, would not tell them apart
    expect(check("max", "coding.overall.bitsPerToken=+1%", worse, before).outcome).not.toBe("missed");
  });

  it("of any other figure combines the bars", () => {
    const { value, low, high } = before.plane!.summary[1].complexity;
    const { tested, basis } = check("max", "plane.summary.1.complexity=+0.01", same, before);
    expect(tested.value).toBe(0);
    expect(tested.high).toBeCloseTo(Math.hypot(high! - value!, value! - low!), 12);
    expect(basis).toMatch(/as if independent/);
    expect(check("max", "plane.summary.1.complexity=+10%", same, before).tested.high).toBeCloseTo(
      tested.high! / value!,
      12,
    );
  });

  it("of the ledger needs no text", () => {
    const elsewhere = { ...before, corpus: { ...before.corpus, digest: "ff" } };
    expect(check("max", "ledger.weightBytes=+0%", same, elsewhere).outcome).toBe("held");
    expect(() => check("max", "plane.summary.1.complexity=+1%", same, elsewhere)).toThrow(
      /measure all models on the same text/,
    );
  });

  it.each([
    [
      "windows of another length",
      () => check("max", "coding.overall.bitsPerByte=+1%", { ...before, plan: { context: 64 } }, before),
      /windows differ.*the same --context/,
    ],
    ["no baseline", () => check("max", "ledger.weightBytes=+1%", before), /is a change and there is no baseline/],
    ["a path that no profile has", () => check("max", "coding.bits=1", before), /has no coding.bits/],
    [
      "a figure that is missing",
      () => check("max", "plane.summary.1.complexity=1", { ...before, plane: null }),
      /p.json has no figure at plane.summary.1.complexity/,
    ],
    [
      "a share of nothing",
      () => {
        const empty = { ...before, ledger: { ...before.ledger!, buffers: { tensors: 0, bytes: 0 } } };
        return check("max", "ledger.buffers.bytes=+1%", before, empty);
      },
      /is 0 in the baseline/,
    ],
  ])("refuses %s", (_, run, message) => expect(run).toThrow(message));
});
