/**
 * The demo: on a stand-in for the specimen, that its pages, profile and report are there and that the command it names
 * gives the same figures; on the specimen itself, that it tells what it is there to tell.
 */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { createWorld, facts, parse } from "../almanac/almanac.ts";
import { temporaryFolder } from "../files/folder.testing.ts";
import { hasSpecimens } from "../fixtures.testing.ts";
import { measure } from "../measure/measure.ts";
import { figuresOf, writeModel, writeText } from "../measure/model.testing.ts";
import { profileSchema } from "../profile/profile.ts";
import { readProfile } from "../store/profiles.ts";
import { demoCommand, MAIN, type Specimen } from "./demo.ts";
import { run } from "./run.testing.ts";

vi.mock("../measure/measure.ts", async (original) => {
  const whole = await original<{ measure: typeof measure }>();
  return { ...whole, measure: vi.fn(whole.measure) };
});
/** The next demo is stopped as its measurement begins. */
const stopNext = (): void => void vi.mocked(measure).mockRejectedValueOnce(new Error("stopped"));

/** Milliseconds that whole measurements may take where other tests run beside them. */
const WHOLE = 600_000;

const at = temporaryFolder();
beforeEach(() => {
  vi.stubEnv("XDG_CACHE_HOME", at("cache"));
  return () => vi.unstubAllEnvs();
});

async function demo(specimen: Specimen, ...args: readonly string[]): Promise<{ out: string; err: string }> {
  const said = { out: "", err: "" };
  const streams = [
    vi.spyOn(process.stdout, "write").mockImplementation((text) => Boolean((said.out += text))),
    vi.spyOn(process.stderr, "write").mockImplementation((text) => Boolean((said.err += text))),
  ];
  try {
    await demoCommand(specimen).parseAsync([...args, "--threads", "1"], { from: "user" });
    return said;
  } finally {
    for (const stream of streams) stream.mockRestore();
  }
}

it("says how to get the specimen where it is not there", async () => {
  const missing = { run: at("nowhere"), seed: 7, size: "tiny", pages: { known: 2, unseen: 2 }, facts: 2 } as const;
  await expect(demo(missing, "--out", at("report"))).rejects.toThrow(
    /specimen is not there: .*nowhere.*`npm run specimens`/,
  );
  expect(existsSync(at("report"))).toBe(false);
});

it("replaces what an earlier demo wrote, and nothing else without --force", async () => {
  await writeModel(at("run", "step-2"), { config: { max_position_embeddings: 256 } });
  const specimen = { run: at("run"), seed: 3, size: "tiny", pages: { known: 4, unseen: 4 }, facts: 1 } as const;
  const once = (...more: string[]) => demo(specimen, "--out", at("out"), ...more);
  const stopped = readdirSync(at());
  for (const place of ["report.html", "profile.json", "pages/known.jsonl", "pages/facts.jsonl.gz"]) {
    writeText(at("out", place), "foreign");
    await expect(once(), place).rejects.toThrow(
      `${at("out", place)} exists: pass --force to replace it, or another --out`,
    );
    expect(readFileSync(at("out", place), "utf8")).toBe("foreign");
    rmSync(at("out"), { recursive: true });
  }
  expect(readdirSync(at())).toEqual(stopped);

  stopNext();
  await expect(once()).rejects.toThrow("stopped");
  expect(existsSync(at("out", "profile.json"))).toBe(false);
  const pages = ["known.jsonl", "unseen.jsonl", "facts.jsonl.gz"].map((name) => readFileSync(at("out", "pages", name)));
  await once(); // over the pages that are left of it
  for (const page of ["known.jsonl", "unseen.jsonl"]) writeFileSync(at("out", "pages", page), "of an older version");
  stopNext();
  await expect(once()).rejects.toThrow("stopped");
  for (const [i, name] of ["known.jsonl", "unseen.jsonl", "facts.jsonl.gz"].entries())
    expect(readFileSync(at("out", "pages", name)).equals(pages[i])).toBe(true);
  writeFileSync(at("out", "report.html"), "foreign");
  await expect(once()).rejects.toThrow(/report\.html exists/);
}, 120_000);

it(
  "measures the last checkpoint on pages of the world, and names a command that does the same",
  async () => {
    for (const step of [2, 10])
      await writeModel(at("run", `step-${step}`), { config: { max_position_embeddings: 256 } });
    const standIn = { run: at("run"), seed: 3, size: "tiny", pages: { known: 22, unseen: 12 }, facts: 2 } as const;
    const { out, err } = await demo(standIn, "--out", at("the report"), "--seed", "5");

    expect(out).toMatch(/^This is a specimen: /);
    const foretold = err.replace(/\s+/g, " ");
    expect(foretold).toMatch(
      / on known\.jsonl, unseen\.jsonl: 34 documents, .* Writes .*report\.html, .* model pass: /,
    );
    const world = createWorld(3, "tiny");
    for (const [split, count] of Object.entries(standIn.pages)) {
      const lines = readFileSync(at("the report", "pages", `${split}.jsonl`), "utf8")
        .trimEnd()
        .split("\n");
      expect(lines).toHaveLength(count);
      for (const line of lines) expect(() => parse(JSON.parse(line).text, world)).not.toThrow();
    }
    const profile = await readProfile(at("the report", "profile.json"));
    expect(profile.almanac).toMatchObject({ pages: 22, unseen: { pages: 12 } });
    expect(profile.coding!.domains.known.documents).toBe(22);
    expect(profile.facts!.overall.total).toBe([...facts(world)].length);
    expect(profile.facts!.overall.facts).toBeLessThan(profile.facts!.overall.total);
    expect(readFileSync(at("the report", "report.html"), "utf8")).toContain("This is a specimen");

    const [, command] = /^the same by hand: lossyscope (.*)$/m.exec(err)!;
    const args = [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, inside, plain]) => inside ?? plain);
    expect(args[1]).toBe(at("run", "step-10"));
    expect(
      (await run(...args, "--threads", "1", "--quiet", "--work", at("work"), "--json", at("again.json"))).code,
    ).toBe(0);
    const again = await readProfile(at("again.json"));
    expect(again.id).toBe(profile.id);
    expect(figuresOf(again)).toEqual(figuresOf({ ...profile, title: null, plan: again.plan }));
  },
  WHOLE,
);

describe.skipIf(!hasSpecimens)("the specimen (needs specimens/main)", () => {
  it(
    "knows part of its world, writes it better than every compressor, and does not beat the known floor",
    async () => {
      // Fewer pages, and hardly a question, of which nothing below is made.
      const { out } = await demo({ ...MAIN, pages: { known: 200, unseen: 100 }, facts: 2 }, "--out", at("report"));
      const profile = profileSchema.parse(JSON.parse(readFileSync(at("report", "profile.json"), "utf8")));
      const { knowledge, aboveFloor } = profile.almanac!;
      expect(knowledge!.share.low).toBeGreaterThan(0.4);
      expect(knowledge!.share.high).toBeLessThan(0.7);
      expect(knowledge!.control!.share).toEqual({ value: 0, low: 0, high: 0 });
      expect(knowledge!.control!.unhedged.high).toBeLessThan(0);
      const shares = knowledge!.exposures.map(({ share }) => share.value!);
      expect(shares).toEqual(shares.toSorted((a, b) => a - b));
      expect(shares.at(-1)).toBeGreaterThan(0.99);
      expect(shares.at(-1)).toBeLessThan(1);
      expect(aboveFloor.high).toBeGreaterThan(0);
      const { bitsPerByte, baselines } = profile.coding!.domains.known;
      for (const one of baselines) expect(bitsPerByte.high).toBeLessThan(one.bitsPerByte);
      // Of some facts there are only so many.
      expect(profile.refusals.filter(({ figure }) => !/^facts\.\w+\.interval$/.test(figure))).toEqual([]);
      expect(out).toContain("Share of knowledge:");
    },
    WHOLE,
  );
});
