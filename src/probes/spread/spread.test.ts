/** Units of domains: in the suite of probes, whatever the batches; how text is dealt; against a naive decoder; what is refused. */
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../files/folder.testing.ts";
import { halfShare, participation } from "../../info/concepts/spread.ts";
import { measureFiles, sampleText, writeModel, writeText } from "../../measure/model.testing.ts";
import { validatePlan } from "../../measure/plan.ts";
import { naiveDecoder, naiveWeights } from "../../models/naive.testing.ts";
import { isMet } from "../../numeric/needs.ts";
import { random } from "../../numeric/random.ts";
import { mean } from "../../numeric/sums.ts";
import type { Observation } from "../../ports/observation.ts";
import { describeProbe } from "../../ports/probe.testing.ts";
import type { FinishContext, ProbeContext, ProbeSubject } from "../../ports/probe.ts";
import { SILENT } from "../../ports/progress.ts";
import { unitsOf } from "../../text/units.ts";
import { batchesOf, windowsOf } from "../../text/windows.ts";
import { documentOf } from "../coding/coding.testing.ts";
import { dealt, FEWEST_TOKENS, MOST_DOMAINS, spreadNeeds } from "./pools.ts";
import { SPREAD } from "./probe.ts";

const at = temporaryFolder();
const BLOCKS = [7, 5];

/** Documents of so many tokens, in turn of the domains. */
const documents = (lengths: readonly number[], domains: readonly string[]) =>
  lengths.map((length, index) =>
    documentOf(index, new Array<string>(length).fill("a"), { domain: domains[index % domains.length] }),
  );
const given = documents(
  Array.from({ length: 24 }, (_, index) => 40 + 7 * index),
  ["one", "two"],
);
const units = unitsOf(given.map(({ ids }) => ids.length));
const windows = given.flatMap(({ index, ids }) => windowsOf(index, ids, { id: 0, addedByTokenizer: true }, 64, 16));
const batches = batchesOf(windows, 256, []);
const pools = dealt(given, units, 5)!;

/** What a unit contributes at a token. */
const size = (document: number, token: number, unit: number): number => random(document, token, unit).uniform();

const observations = batches.map((batch): Observation => {
  const rows = batch.windows.flatMap(({ document, ids, start, fresh, prefixSlots }) =>
    Array.from({ length: ids.length - fresh }, (_, i) => ({ document, token: start + fresh + i - prefixSlots })),
  );
  const { count, weights } = pools.poolsOf(batch);
  const pooledUnits = BLOCKS.map((width, block) =>
    Float32Array.from({ length: count * width }, (_, entry) => {
      const [sum, unit] = [Math.floor(entry / width), 100 * block + (entry % width)];
      return rows.reduce(
        (total, { document, token }, row) => total + weights[sum * rows.length + row] * size(document, token, unit),
        0,
      );
    }),
  );
  return { batch, rows: rows.length, pooledUnits };
});

const plan = validatePlan({ text: [{ path: "-" }], with: ["spread", "sharing"], seed: 5 });
const subject = { plan, documents: given, prefix: null } as unknown as ProbeSubject;
const context = { progress: SILENT, threads: 1 } as unknown as FinishContext;

describe("units of domains as a probe", () => {
  describeProbe({
    make: () => SPREAD.create(subject, { units } as unknown as ProbeContext)!,
    observations,
    finish: (probe) => probe.finish(context),
  });

  it("count every token of the text once, the prefix and what is read again not", async () => {
    const probe = SPREAD.create(subject, { units } as unknown as ProbeContext)!;
    for (const observation of observations) probe.observe(observation);
    const { spread } = (await probe.finish(context)).sections;
    for (const { name, tokens, participation: found } of spread!.domains) {
      const own = given.filter(({ domain }) => domain === name);
      expect(tokens).toBe(own.reduce((total, { ids }) => total + ids.length, 0));
      // Pools of like tokens: their mean is nearly that of all tokens.
      const contributions = BLOCKS.flatMap((width, block) =>
        Array.from({ length: width }, (_, unit) =>
          mean(own.flatMap(({ index, ids }) => Array.from(ids, (_, token) => size(index, token, 100 * block + unit)))),
        ),
      );
      expect(found.value).toBeCloseTo(participation(contributions), 1);
    }
  });

  it("are not taken of a snapshot of another text", () => {
    const probe = SPREAD.create(subject, { units } as unknown as ProbeContext)!;
    for (const observation of observations) probe.observe(observation);
    const snapshot = probe.snapshot();
    expect(() => probe.restore([snapshot])).toThrow(/more tokens of pool 0 were kept than it has/);
  });
});

describe("dealing", () => {
  it("gives every unit of a domain to one of ten pools of like size", () => {
    for (const { pools: sizes, tokens } of pools.domains) {
      expect(sizes).toHaveLength(10);
      expect(sizes.reduce((a, b) => a + b)).toBe(tokens);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThan(200);
    }
  });

  it("is of blocks where documents are few", () => {
    const long = documents([9000, 5000], ["one", "two"]);
    const found = dealt(long, unitsOf([9000, 5000]), 0)!;
    expect(found.domains.map(({ name, pools: own }) => [name, own.length])).toEqual([["one", 5]]);
  });
});

describe("what spread takes of a text", () => {
  const lacking = (
    lengths: readonly number[],
    domains: readonly string[],
    asked = { spread: true, sharing: true },
  ): string[] => {
    const own = documents(lengths, domains);
    return spreadNeeds(own, unitsOf(lengths), asked)
      .filter((need) => !isMet(need))
      .map(({ figure, reason }) => `${figure}: ${reason}`);
  };
  const enough = new Array<number>(40).fill(60);

  it("is nothing that two domains of ten documents lack", () => {
    expect(lacking(enough, ["a", "b"])).toEqual([]);
    expect(lacking(enough, ["a"], { spread: true, sharing: false })).toEqual([]);
  });

  it("is said with the numbers", () => {
    expect(lacking(enough, ["a"])).toEqual(["sharing: units are shared between domains, and 1 domain is long enough"]);
    expect(lacking(new Array(40).fill(3), ["a"], { spread: true, sharing: false })).toEqual([
      `spread: the domain a has 120 tokens, each takes ${FEWEST_TOKENS}`,
    ]);
    expect(lacking([...enough, 500], ["a", "a", "a", "b"].concat(new Array(36).fill("a"), ["c"]))).toEqual(
      expect.arrayContaining(["spread.domains: the domain c has 1 document, each takes 4"]),
    );
    expect(lacking(new Array(24).fill(200), ["a", "b", "c", "d"], { spread: true, sharing: false })).toEqual([
      "spread.interval: no interval, too few documents: a (6), b (6), c (6), d (6)",
    ]);
    const many = Array.from({ length: MOST_DOMAINS + 1 }, (_, i) => `d${i}`);
    expect(lacking(enough, many)[0]).toMatch(/^spread: the text is of 13 domains, at most 12 are compared$/);
  });
});

describe("a measurement with them", () => {
  const texts = ["one", "two"].map((name, place) => ({ name, text: sampleText(10, 52, place) }));
  const measured = async (more: Readonly<Record<string, unknown>> = {}) => {
    const { profile } = await measureFiles({
      model: await writeModel(at("model")),
      text: [],
      work: at("work"),
      plan: {
        text: texts.map(({ name, text }) => ({ path: writeText(at(`${name}.txt`), text), domain: name })),
        with: ["spread", "sharing"],
        ...more,
      },
    });
    return profile;
  };

  it("has what the naive decoder's units contribute, whatever the batches", async () => {
    const { spread, sharing } = await measured();
    const folder = at("model");
    const decode = await naiveDecoder(folder);
    const { spec, values } = await naiveWeights(folder);
    const reach = spec.blocks.flatMap(({ mlp }) => {
      if (mlp.kind === "experts") throw new Error("no experts here");
      const matrix = values.get(mlp.down.weight)!;
      return Array.from({ length: 24 }, (_, j) =>
        Math.hypot(...Array.from({ length: 16 }, (_, i) => matrix[i * 24 + j])),
      );
    });
    for (const [place, { text }] of texts.entries()) {
      // Ten documents are ten pools; each counts alike, as the mean over its tokens.
      const perDocument = text.split("\n\n").map((document) => {
        const ids = [...Buffer.from(document)];
        const seen: number[][][] = [];
        decode([256, ...ids], {
          units: (x, block) => {
            (seen[block] ??= []).push([...x]);
            return x;
          },
        });
        return spec.blocks.flatMap((_, block) =>
          Array.from({ length: 24 }, (_, j) => mean(seen[block].slice(1).map((row) => Math.abs(row[j])))),
        );
      });
      const contributions = reach.map((own, j) => own * mean(perDocument.map((one) => one[j])));
      expect(spread!.domains[place].participation.value).toBeCloseTo(participation(contributions), 4);
      expect(spread!.domains[place].half.value).toBeCloseTo(halfShare(contributions)!, 9);
    }
    expect(spread!.units).toBe(48);
    expect(sharing!.pairs).toHaveLength(1);
    const other = await measured({ batchTokens: 64, seed: 0 });
    expect(other.spread!.domains[0].participation.value).toBeCloseTo(spread!.domains[0].participation.value!, 4);
  });

  it("is missing by name where the text is too short, and absent where it was not asked for", async () => {
    const whole = await measured();
    expect((await measured({ with: ["next-token"] })).spread).toBeUndefined();
    const short = await measured({ limitDocuments: 2 });
    expect([short.spread, short.sharing]).toEqual([null, null]);
    expect(short.refusals.map(({ figure }) => figure)).toEqual(expect.arrayContaining(["spread", "sharing"]));
    expect(whole.plan.with).toEqual(["spread", "sharing"]);
  });
});
