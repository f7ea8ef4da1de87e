import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { plainText } from "../findings.ts";
import { overSteps } from "../marks/axis.ts";
import { HOSTILE } from "../sample.testing.ts";
import { trajectoryPage } from "./page.ts";
import { around, sampleTrajectory } from "./sample.testing.ts";
import { phaseText, trajectoryBlocks } from "./text.ts";

const undefinedFigure = { value: null, low: null, high: null };
const bare = sampleTrajectory({
  plane: null,
  phaseChange: null,
  training: null,
  corpus: { ...sampleTrajectory().corpus, floors: null, baselines: [] },
  steps: [{ ...sampleTrajectory().steps[0], almanac: null, plane: null, effectiveRank: null, bitsPerByte: around(4) }],
});
const hollow = sampleTrajectory({
  steps: sampleTrajectory().steps.map((step) => ({
    ...step,
    plane: { ...step.plane!, mean: { ...step.plane!.mean, optimality: undefinedFigure } },
    effectiveRank: { mean: null, layers: [null, null, null] },
  })),
});
const hostile = sampleTrajectory({
  run: { ...sampleTrajectory().run, name: HOSTILE },
  corpus: { ...sampleTrajectory().corpus, name: HOSTILE },
});

describe.each(Object.entries({ whole: sampleTrajectory(), bare, hollow, hostile }))(
  "page of a trajectory, %s",
  (_, given) => {
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
  },
);

const WIDE = { width: 200, unicode: true };

describe("page of a trajectory", () => {
  const html = trajectoryPage(sampleTrajectory());

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
    const none = sampleTrajectory({
      phaseChange: { ...sampleTrajectory().phaseChange!, found: false, reason: "so it is" },
    });
    expect(trajectoryPage(none)).not.toContain('class="stretch"');
    expect(phaseText(none)).toMatch(/^Phase change: none inside the run\. .* So it is\.$/);
  });

  it("writes shares of ln m as bits", () => {
    expect(plainText(trajectoryBlocks(sampleTrajectory()), WIDE)).toContain("2.66"); // 0.4 · log2 100
  });
});

describe("the table by step", () => {
  it("leaves out columns that no step has", () => {
    expect(plainText(trajectoryBlocks(bare), WIDE)).toMatch(/^step +tokens read +bits\/byte$/m);
    expect(plainText(trajectoryBlocks(sampleTrajectory()), WIDE)).toMatch(
      /^ *step .*known pages +knowledge +complexity .*effective rank$/m,
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
