/** A trajectory as a small run would leave it, with a phase change, and changed as a test asks. */
import type { Trajectory } from "../../profile/trajectory.ts";

export const around = (value: number) => ({ value, low: value * 0.98, high: value * 1.02 });
const STEPS = [0, 1, 12, 150, 2000];
const RISE = [0.2, 0.3, 0.4, 0.35, 0.3];

export function sampleTrajectory(change: Partial<Trajectory> = {}): Trajectory {
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
          knowledge: around(index / 10),
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
