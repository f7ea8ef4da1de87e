import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Trajectory } from "../../profile/trajectory.ts";
import { plainText } from "../findings.ts";
import { overSteps } from "../marks/axis.ts";
import { HOSTILE } from "../sample.testing.ts";
import { trajectoryPage } from "./page.ts";
import { phaseText, trajectoryBlocks } from "./text.ts";

const around = (value: number) => ({ value, low: value * 0.98, high: value * 1.02 });
const undefinedFigure = { value: null, low: null, high: null };
const STEPS = [0, 1, 12, 150, 2000];
const RISE = [0.2, 0.3, 0.4, 0.35, 0.3];

function sample(change: Partial<Trajectory> = {}): Trajectory {
  return {
    schema: "lossyscope.trajectory/1",
    run: { name: "run", architecture: "llama", blocks: 2, width: 16, parameters: 12_345 },
    plan: { seed: 0 },
    corpus: {
      name: "text.txt",
      digest: "aa",
      documents: 30,
      bytes: 9000,
      tokens: 4000,
      unit: "document",
      units: 30,
      tokenizer: "bb",
      floors: { known: 0.31, unknown: 0.41 },
      baselines: [{ name: "xz -9e", implementation: "lzma", bytes: 3000, bitsPerByte: 2.5 }],
    },
    plane: {
      referencePoints: 100,
      source: "seed 0",
      lnM: Math.log(100),
      epsilon: 0.05,
      evaluated: 6,
      absent: null,
      frontier: null,
    },
    steps: STEPS.map((step, index) => {
      const informations = {
        complexity: around(RISE[index]),
        expressivity: around(0.1),
        optimality: around(0.1 / RISE[index]),
      };
      return {
        step,
        name: `step-${step}`,
        commit: null,
        profile: "id",
        trainedTokens: 100 * step,
        bitsPerByte: around(4 - index / 2),
        almanac: {
          bitsPerByte: around(3.9 - index / 2),
          shareOfKnowledge: around(index / 10),
          shareOfKnowledgeWithoutGap: around(index / 20 - 3),
        },
        plane: {
          mean: informations,
          layers: [0, 1, 2].map((layer) => ({ layer, ...informations, hollow: layer === 1, entropy: 0.8 })),
        },
        effectiveRank: { mean: 9 + index, layers: [8, 9 + index, 9 + index] },
      };
    }),
    phaseChange: { found: true, step: 12, interval: { low: 12, high: 150 }, fall: around(0.1), reason: null },
    training: [
      { step: 1, nats: 5 },
      { step: 100, nats: 2 },
    ],
    tool: { name: "lossyscope", version: "0.1.0" },
    ...change,
  };
}

const bare = sample({
  plane: null,
  phaseChange: null,
  training: null,
  corpus: { ...sample().corpus, floors: null, baselines: [] },
  steps: [{ ...sample().steps[0], almanac: null, plane: null, effectiveRank: null, bitsPerByte: around(4) }],
});
const hollow = sample({
  steps: sample().steps.map((step) => ({
    ...step,
    plane: { ...step.plane!, mean: { ...step.plane!.mean, optimality: undefinedFigure } },
    effectiveRank: { mean: null, layers: [null, null, null] },
  })),
});
const hostile = sample({ run: { ...sample().run, name: HOSTILE }, corpus: { ...sample().corpus, name: HOSTILE } });

describe.each(Object.entries({ whole: sample(), bare, hollow, hostile }))("page of a trajectory, %s", (_, given) => {
  const html = trajectoryPage(given);

  it("opens offline and runs its own scripts alone", () => {
    for (const [, address] of html.matchAll(/(?:href|src)="([^"]*)"/g)) expect(address).toMatch(/^#/);
    const policy = /script-src ([^;]*);/.exec(html)![1];
    const scripts = [...html.matchAll(/<script>(.*?)<\/script>/gs)].map(([, script]) => script);
    expect(policy.split(" ")).toEqual(
      scripts.map((script) => `'sha256-${createHash("sha256").update(script).digest("base64")}'`),
    );
    expect(scripts).toHaveLength(given.plane ? 2 : 1);
  });

  it("has balanced markup, foreign names as text, and no figure that is not a number", () => {
    for (const tag of ["svg", "g", "section", "table", "div", "details", "p"]) {
      const opened = html.match(new RegExp(`<${tag}[ >]`, "g"))?.length ?? 0;
      expect(html.match(new RegExp(`</${tag}>`, "g"))?.length ?? 0, tag).toBe(opened);
    }
    const shown = html.replace(/<script>.*<\/script>/s, "");
    expect(shown).not.toMatch(/\bNaN\b|undefined|Infinity|\[object/);
    expect(html).not.toContain("<script>alert");
  });
});

describe("page of a trajectory", () => {
  const html = trajectoryPage(sample());

  it("shows the last step without the script, and has every step for the slider", () => {
    expect(html.match(/class="at-step now"/g)).toHaveLength(2); // wide and narrow
    expect([...html.matchAll(/<g class="at-step[^"]*" data-at="(\d)"/g)].map(([, place]) => Number(place))).toEqual([
      0, 1, 2, 3, 4, 0, 1, 2, 3, 4,
    ]);
    expect(html).toContain('<p class="small at-step now" data-at="4">Step 2,000: ');
    expect(html).toMatch(
      /<div class="slider" hidden=""><label for="at-step">Step<\/label><input type="range" id="at-step"/,
    );
    expect(html).toContain('data-steps="0 1 12 150 2,000"');
  });

  it("marks the phase change where one is claimed, and only there", () => {
    expect(html).toContain('class="stretch"');
    const none = sample({ phaseChange: { ...sample().phaseChange!, found: false, reason: "so it is" } });
    expect(trajectoryPage(none)).not.toContain('class="stretch"');
    expect(phaseText(none)).toMatch(/^Phase change: none inside the run\. .* So it is\.$/);
  });

  it("writes shares of ln m as bits", () => {
    expect(plainText(trajectoryBlocks(sample()))).toContain("2.66"); // 0.4 · log2 100
  });
});

describe("the table by step", () => {
  it("leaves out columns that no step has", () => {
    expect(plainText(trajectoryBlocks(bare))).toMatch(/^step +tokens read +bits\/byte$/m);
    expect(plainText(trajectoryBlocks(sample()))).toMatch(
      /^step .*known pages +knowledge +complexity .*effective rank$/m,
    );
  });
});

describe("overSteps", () => {
  it("keeps the order of steps inside the range, step 0 before all", () => {
    const steps = fc.uniqueArray(fc.nat({ max: 1e9 }), { minLength: 1 }).map((all) => all.sort((a, b) => a - b));
    fc.assert(
      fc.property(steps, (all) => {
        const scale = overSteps(all, [40, 300]);
        const places = all.map(scale);
        for (const [index, place] of places.entries()) {
          expect(place).toBeGreaterThanOrEqual(40);
          expect(place).toBeLessThanOrEqual(300 + 1e-9);
          if (index > 0) expect(place).toBeGreaterThan(places[index - 1]);
        }
        for (const tick of scale.ticks) expect(all[0] <= tick && tick <= all[all.length - 1]).toBe(true);
      }),
    );
  });
});
