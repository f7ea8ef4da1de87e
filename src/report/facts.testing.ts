/** What a model was found to know of facts, with foreign text that would be markup. */
import type { FactRates, Facts } from "../profile/facts.ts";
import type { Interval } from "../profile/figures.ts";

const around = (value: number, half = 0.02): Interval => ({ value, low: value - half, high: value + half });
const none: Interval = { value: null, low: null, high: null };

export const rates = (exact: number, confusion: number): FactRates => ({
  facts: 40,
  total: 400,
  subjects: 30,
  exact: around(exact),
  confusion: around(confusion),
  offType: around(1 - exact - confusion),
  choice: around(exact),
  guess: 0.05,
  confidence: around(0.3 + exact / 2),
  probability: around(exact),
  reciprocalRank: around(exact),
  codeBits: around(3),
  knowledge: { priorBits: 2000, unfloored: around(100), corrected: around(90), share: around(0.045) },
});

export const HOSTILE = '<img src=x onerror="alert(1)">\u202e';

export const FACTS: Facts = {
  source: { name: "facts.jsonl", digest: "0".repeat(64) },
  questions: 160,
  overall: rates(0.5, 0.4),
  exposures: [0, 1, 32, 1024].map((exposures, index) => ({
    exposures,
    ...rates((3 * index) / 10, (9 - 3 * index) / 10),
  })),
  relations: [{ relation: HOSTILE, ...rates(0.5, 0.4) }],
  calibration: {
    exact: { calibrationError: around(0.1), auroc: around(0.8) },
    choice: { calibrationError: around(0.1), auroc: none },
    bins: [
      { from: 0, share: 0, confidence: null, exact: none, choice: none },
      { from: 0.5, share: 1, confidence: 0.6, exact: around(0.5), choice: around(0.5) },
    ],
  },
  errorByBits: [
    { from: null, facts: 10, error: around(0.9) },
    { from: 0, facts: 30, error: around(0.2) },
  ],
  knowledge: {
    overall: { priorBits: 2000, unfloored: around(100), corrected: around(90), share: around(0.045) },
    bitsPerParameter: around(0.9),
    control: 40,
  },
  examples: [
    {
      subject: HOSTILE,
      relation: "r",
      exposures: 1,
      prompt: HOSTILE,
      value: HOSTILE,
      answer: HOSTILE,
      verdict: "offType",
      favourite: HOSTILE,
      confidence: 0.2,
      probability: 0.1,
    },
  ],
  interval: { level: 0.95, resamples: 2000 },
  notes: ["a note"],
};
