/**
 * The estimate of how long stages take, at the rates of the machine that its figures were taken on, against what they took there:
 * stories260k on the beginning of tinyshakespeare, cut at blank lines, two threads. It is meant to be right within a factor of two
 * for the whole; of single stages those are held to it that take longest.
 */
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { hasShared, shared } from "../../fixtures.testing.ts";
import { SILENT } from "../../ports/progress.ts";
import { LAYERS as PLANE } from "../../probes/plane/probe.ts";
import { UNITS } from "../../probes/spread/probe.ts";
import { openModel } from "../../references/open.ts";
import { validatePlan } from "../plan.ts";
import { prepare } from "../prepare.ts";
import { COMPRESSORS, PASS, PASSAGES } from "../stages.ts";
import { costsOf } from "./costs.ts";
import { REFERENCE } from "./work.ts";

/** Seconds on the reference machine with nothing else to do (`bench/foresee.ts`). */
const TOOK = [
  { bytes: 5_000, all: 3.5, stages: { [PASS]: 0.6, [COMPRESSORS]: 0.85, [PLANE]: 1.7 } },
  { bytes: 100_000, all: 9.6, stages: { [PASS]: 3.0, [COMPRESSORS]: 1.3, [PLANE]: 4.8 } },
  { bytes: 400_000, all: 26, stages: { [PASS]: 12.6, [COMPRESSORS]: 2.3, [PLANE]: 9.9 } },
] as const;

async function foretold(bytes: number, more: Readonly<Record<string, unknown>> = {}, rates = REFERENCE, threads = 2) {
  const model = await openModel(shared("models/stories260k"), { offline: true });
  const plan = validatePlan({
    text: [{ path: shared("text/tinyshakespeare.txt") }],
    splitOn: "\\n\\n",
    limitBytes: bytes,
    ...more,
  });
  const request = { model, plan, points: null, threads, progress: SILENT };
  const prepared = await prepare(request);
  return costsOf(request, prepared, prepared.batches, rates);
}

const total = (costs: Readonly<Record<string, number>>): number =>
  Object.values(costs).reduce((sum, seconds) => sum + seconds, 0);

describe.skipIf(!hasShared)("what a measurement is foretold to take", () => {
  it.each(TOOK)("is what it took within a factor of two: $bytes bytes", async ({ bytes, all, stages }) => {
    const costs = await foretold(bytes);
    expect(total(costs)).toBeGreaterThan(all / 2);
    expect(total(costs)).toBeLessThan(all * 2);
    // Alone, that is: with a second thread compressors and the frontier go beside the pass.
    const alone = await foretold(bytes, {}, REFERENCE, 1);
    const found = { ...costs, [COMPRESSORS]: alone[COMPRESSORS], [PLANE]: alone[PLANE] };
    expect(costs[COMPRESSORS]).toBeLessThan(alone[COMPRESSORS]);
    expect(costs[PLANE]).toBeLessThan(alone[PLANE]);
    for (const [stage, seconds] of Object.entries(found)) {
      const took = (stages as Readonly<Record<string, number>>)[stage];
      if (took !== undefined) expect([stage, seconds > took / 2.5 && seconds < took * 2.5]).toEqual([stage, true]);
    }
  });

  it("goes with the machine, the text and what is asked for", async () => {
    const usual = await foretold(20_000);
    const slow = await foretold(
      20_000,
      {},
      { start: 2 * REFERENCE.start, products: REFERENCE.products / 2, loop: REFERENCE.loop / 2 },
    );
    expect(total(slow) / total(usual)).toBeCloseTo(2, 6);
    const little = await foretold(20_000, { plane: null, geometry: false, baselines: false });
    expect(Object.keys(little)).not.toContain(PLANE);
    expect(total(little)).toBeLessThan(total(usual) / 2);
    const recalled = await foretold(20_000, { with: ["recall"] });
    expect(recalled[PASSAGES]).toBeGreaterThan(0.5);
    const fewer = await foretold(20_000, { with: ["recall"], recall: { prefixes: [8], length: 4, passages: 16 } });
    expect(fewer[PASSAGES]).toBeLessThan(recalled[PASSAGES] / 2);
    const kinds = (names: readonly string[]) => ({
      text: names.map((domain) => ({
        path: fileURLToPath(new URL(`../../../data/domains/${domain}.txt`, import.meta.url)),
        domain,
      })),
      with: ["spread", "sharing"],
    });
    expect((await foretold(20_000, kinds(["english"])))[UNITS]).toBeUndefined();
    const [two, three] = [
      await foretold(20_000, kinds(["english", "code"])),
      await foretold(20_000, kinds(["english", "code", "german"])),
    ];
    expect(three[UNITS]).toBeGreaterThan(1.5 * two[UNITS]);
  });
});
