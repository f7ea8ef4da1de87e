/**
 * What is foretold of a short text before the model runs is what its profile lacks afterwards: looked for in the figures
 * themselves, not in the list of refusals alone. And what is said to help does.
 */
import { beforeEach, describe, expect, it, vi } from "vitest";
import { temporaryFolder } from "../../files/folder.testing.ts";
import type { Profile } from "../../profile/profile.ts";
import { openModel } from "../../references/open.ts";
import { listener, measureFiles, sampleText, writeModel, writeText } from "../model.testing.ts";
import { validatePlan } from "../plan.ts";
import { prepare } from "../prepare.ts";
import type { Foretold } from "./remedies.ts";

const at = temporaryFolder();
beforeEach(() => {
  vi.stubEnv("XDG_CACHE_HOME", at("cache"));
  return () => vi.unstubAllEnvs();
});

const EVERYTHING = {
  splitOn: null,
  plane: { points: 8, frontier: {} },
  geometry: true,
  with: ["recall"],
  recall: { prefixes: [4, 8], length: 8, passages: 12 },
};

type Options = Readonly<Record<string, unknown>>;

async function foretold(text: string | readonly string[], options: Options = {}): Promise<readonly Foretold[]> {
  const { subject } = await prepared(text, options);
  return subject.foretold;
}

async function prepared(text: string | readonly string[], options: Options) {
  return prepare({
    model: await openModel(await writeModel(at("model")), { offline: true }),
    plan: validatePlan({
      text: [text].flat().map((path) => ({ path })),
      baselines: false,
      ...EVERYTHING,
      ...options,
    }),
    points: null,
    progress: listener(),
  });
}

/** Figures that a profile does not have, read off the figures. */
function missingIn({ coding, plane, geometry, recall, plan }: Profile): string[] {
  const missing: string[] = [];
  const unless = (there: boolean, figure: string): void => void (there || missing.push(figure));
  const overall = coding!.overall.bitsPerByte.low !== null;
  unless(overall, "coding.interval");
  if (overall)
    for (const [name, { bitsPerByte }] of Object.entries(coding!.domains))
      unless(bitsPerByte.low !== null, `coding.domains.${name}.interval`);

  const wide = (plan.plane as { allPositions: boolean }).allPositions;
  unless(plane?.layers[0].orders["1"].complexity.heldOut.low != null, "plane");
  if (plane) {
    unless(plane.frontier !== undefined, "plane.frontier");
    for (const order of wide ? ["2", "3", "4"] : [])
      unless(plane.summary[order] !== undefined, `plane.summary.${order}`);
  }

  const shape = (name: "anisotropy" | "centred" | "twoNN"): void => {
    const layers = geometry!.layers.map((layer) => layer[name] !== null);
    if (layers.some(Boolean))
      for (const [layer, there] of layers.entries()) unless(there, `geometry.layers[${layer}].${name}`);
    else missing.push(`geometry.layers.${name}`);
  };
  shape("anisotropy");
  shape("centred");
  shape("twoNN");

  if (!recall) return [...missing, "recall"];
  unless(recall.interval.absent === null, "recall.interval");
  for (const name of ["places", "exposures", "repeats"] as const)
    unless(
      recall.interval.absent !== null || recall[name].every(({ exact }) => exact.low !== null),
      `recall.${name}.interval`,
    );
  unless(recall.control !== null, "recall.control");
  unless(recall.gist !== null, "recall.gist");
  unless(recall.membership !== null, "recall.membership");
  if (recall.membership) {
    unless(recall.membership.gap.low !== null, "recall.membership.interval");
    unless(recall.membership.blind.value !== null, "recall.membership.blind");
  }
  unless(recall.verbatim.length === (plan.recall as { prefixes: unknown[] }).prefixes.length, "recall.verbatim");
  return missing;
}

const oneLine = (bytes: number): string => sampleText(1, bytes).slice(0, bytes);
const CASES: readonly { name: string; text: string | readonly string[]; options?: Options }[] = [
  { name: "one letter", text: "a" },
  { name: "one letter, again and again", text: "a".repeat(120) },
  { name: "seven letters", text: "abcdefg" },
  {
    name: "seven letters, every order by itself",
    text: "abcdefg",
    options: { plane: { points: 8, allPositions: true } },
  },
  { name: "three letters, every order by itself", text: "abc", options: { plane: { points: 8, allPositions: true } } },
  { name: "100 bytes", text: oneLine(100) },
  { name: "one document", text: oneLine(3000) },
  { name: "three documents", text: sampleText(3, 60), options: { splitOn: "\\n\\n" } },
  { name: "nineteen documents", text: sampleText(19, 40), options: { splitOn: "\\n\\n" } },
  {
    name: "twenty documents, most of them a few letters",
    text: [...Array.from({ length: 18 }, (_, i) => `ab${i}`), oneLine(80), oneLine(90)].join("\n\n"),
    options: { splitOn: "\\n\\n" },
  },
  {
    name: "one document again and again",
    text: Array.from({ length: 30 }, () => oneLine(12)).join("\n\n"),
    options: { splitOn: "\\n\\n" },
  },
  { name: "ten blocks", text: oneLine(10 * 2048) },
  {
    name: "passages inside two of eleven documents",
    text: [24, 24, 24, 24, 24, 24, 24, 24, 24, 60, 70].map((bytes, i) => sampleText(1, bytes, i)).join("\n\n"),
    options: { splitOn: "\\n\\n", recall: { prefixes: [4, 8], length: 8, passages: 20 } },
  },
  {
    name: "prompts that the model has no positions for",
    text: oneLine(200),
    options: { recall: { prefixes: [8, 60], length: 8 } },
  },
  {
    name: "passages longer than any document",
    text: sampleText(12, 30),
    options: { splitOn: "\\n\\n", recall: { prefixes: [32], length: 16 } },
  },
];

describe("what is foretold is what is missing", () => {
  it.each(CASES)("$name", { timeout: 60_000 }, async ({ text, options = {} }) => {
    const path = writeText(at("text.txt"), text as string);
    const model = await writeModel(at("model"));
    const plan = { ...EVERYTHING, ...options };
    const { profile } = await measureFiles({ model, text: path, work: at("work"), plan });
    const told = await foretold(path, options);
    const figures = told.map(({ figure }) => figure).sort();
    expect(figures).toEqual(missingIn(profile).sort());
    expect(profile.refusals.map(({ figure }) => figure).sort()).toEqual(figures);
    for (const { figure, reason, remedy } of told) expect(profile.refusals).toContainEqual({ figure, reason, remedy });
  });

  it.each([1, 6, 14])("%i unseen documents", { timeout: 60_000 }, async (count) => {
    const text = writeText(at("text.txt"), sampleText(12, 40));
    const unseen = [{ path: writeText(at("unseen.txt"), sampleText(count, 40, 5)) }];
    const options = { splitOn: "\\n\\n", unseen };
    const plan = { ...EVERYTHING, ...options };
    const { profile } = await measureFiles({ model: await writeModel(at("model")), text, work: at("work"), plan });
    const figures = (await foretold(text, options)).map(({ figure }) => figure).sort();
    expect(figures).toEqual(missingIn(profile).sort());
    expect(figures.includes("recall.membership.blind")).toBe(count === 1);
    expect(figures.includes("recall.membership.interval")).toBe(count < 10);
  });

  it("is of every domain, too", { timeout: 60_000 }, async () => {
    const big = writeText(at("big.txt"), sampleText(30, 40));
    const small = writeText(at("small.txt"), sampleText(3, 40, 7));
    const sources = [
      { path: big, domain: "big" },
      { path: small, domain: "small" },
    ];
    const options = { splitOn: "\\n\\n", text: sources };
    const plan = { ...EVERYTHING, ...options };
    const asked = { model: await writeModel(at("model")), text: big, work: at("work"), plan };
    const { profile } = await measureFiles(asked);
    const figures = (await foretold(big, options)).map(({ figure }) => figure).sort();
    expect(figures).toEqual(missingIn(profile).sort());
    expect(figures).toContain("coding.domains.small.interval");
  });
});

describe("what is said to help helps", () => {
  const remedyOf = (told: readonly Foretold[], figure: string): string =>
    told.find((one) => one.figure === figure)!.remedy;

  it("so much more text", async () => {
    const path = writeText(at("text.txt"), oneLine(900));
    const remedy = remedyOf(await foretold(path), "coding.interval");
    expect(remedy).toBe("about 20 kB more text");
    const longer = await foretold(writeText(at("text.txt"), oneLine(900 + 20_000)));
    expect(longer.map(({ figure }) => figure)).not.toContain("coding.interval");
  });

  it("a larger limit, where that is what keeps the text short", async () => {
    const path = writeText(at("text.txt"), oneLine(40_000));
    const told = await foretold(path, { limitBytes: 900 });
    expect(remedyOf(told, "coding.interval")).toBe("about 20 kB more text: --limit-bytes 21kB");
    expect((await foretold(path, { limitBytes: 21_000 })).map(({ figure }) => figure)).not.toContain("coding.interval");
  });

  it("cutting at blank lines: so many documents there are then, and every figure that was to come by it", async () => {
    const path = writeText(at("text.txt"), sampleText(46, 40));
    const before = await foretold(path);
    expect(remedyOf(before, "coding.interval")).toMatch(/, or --split-on '\\n\\n' \(gives 46 documents\)$/);
    const cut = await prepared(path, { splitOn: "\\n\\n" });
    expect(cut.subject.corpus.documents).toBe(46);
    const after = new Set(cut.subject.foretold.map(({ figure }) => figure));
    for (const { figure, remedy } of before)
      expect([figure, remedy.includes("--split-on")]).toEqual([figure, !after.has(figure)]);
  });

  it("is not to cut a text into pieces too small for what it has", async () => {
    const path = writeText(at("text.txt"), sampleText(200, 5));
    const told = await foretold(path);
    expect(remedyOf(told, "coding.interval")).not.toContain("--split-on");
  });

  it("fewer tokens of prompt and passage, for documents that are short", async () => {
    const path = writeText(at("text.txt"), sampleText(12, 20));
    const options = { splitOn: "\\n\\n", recall: { prefixes: [16, 32], length: 32 } };
    const remedy = remedyOf(await foretold(path, options), "recall");
    const [, prefix, length] = /--prefix (\d+) --length (\d+)`/.exec(remedy)!;
    const asked = { prefixes: [Number(prefix)], length: Number(length) };
    const after = await foretold(path, { ...options, recall: asked });
    expect(after.map(({ figure }) => figure)).not.toContain("recall");
  });
});
