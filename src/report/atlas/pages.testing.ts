/** A comparison, a choice and fits as pages, with foreign names that would be markup. */
import { choose } from "../../atlas/choose.ts";
import { compare, withLocksteps, withSimilarities } from "../../atlas/compare.ts";
import { fitArea } from "../../atlas/fit.ts";
import { rivalry } from "../../atlas/rivals.ts";
import { modelProfile } from "../../atlas/sample.testing.ts";
import { LOCKSTEP_SCHEMA, type Lockstep, type LockstepFigures } from "../../profile/lockstep.ts";
import type { Profile } from "../../profile/profile.ts";
import { loadSet } from "../../store/sets.ts";
import { passage } from "../sample.testing.ts";
import { choicePage, comparisonPage, fitPage } from "./pages.ts";

const HOSTILE = "<img src=x onerror=alert(1)>\u202e";
const text = "O, she doth teach the torches to burn bright! It seems she hangs upon the cheek of night. ".repeat(20);

/** With text, cut in the same places for every model but at costs of its own. */
function named(name: string, bitsPerByte: number, dearer: number): { file: string; profile: Profile } {
  const profile = modelProfile({ name, bitsPerByte });
  const { nats, ...rest } = passage(text, 0);
  return {
    file: "p.json",
    profile: { ...profile, passages: [{ ...rest, nats: nats.map((value, i) => value * (i % 97 < 48 ? dearer : 1)) }] },
  };
}

export const given = [named("plain", 1, 1), named(HOSTILE, 1.2, 1.3), named("third", 1.1, 0.8)];
const profiles = given.map(({ profile }) => profile);
const published = await loadSet("llm-compression", "");
const set = { ...published, rows: published.rows.map((row) => ({ ...row, model: `${row.model} ${HOSTILE}` })) };
const cka = [
  [0.98, 0.5, null],
  [0.4, 0.91, null],
];
const alone = { value: 0.02, low: 0.01, high: 0.03 };
const figures: LockstepFigures = {
  tokens: 400,
  bytes: 1800,
  kl: alone,
  klQuantiles: { median: 0.001, p90: 0.1, p99: 0.4, p999: 2, maximum: 3 },
  bitsPerByte: alone,
  agreement: { value: 0.97, low: 0.96, high: 0.98 },
  probability: alone,
};
const place = { document: HOSTILE, domain: HOSTILE, start: 12, bytes: 8, kl: 3, delta: -1 };
const lockstep: Lockstep = {
  schema: LOCKSTEP_SCHEMA,
  reference: "plain",
  model: HOSTILE,
  vocabulary: { shared: 90, reference: 96, model: 90 },
  context: 64,
  overlap: 32,
  overall: figures,
  domains: { all: figures, [HOSTILE]: { ...figures, kl: null, klQuantiles: null, agreement: null } },
  tokens: [
    { ...place, before: HOSTILE, text: HOSTILE, p: 0.5, q: 0.1, likeliest: { p: HOSTILE, q: "x" } },
    { ...place, before: null, text: null, p: 0.5, q: 0.1, likeliest: null },
  ],
  stretches: [
    { ...place, text: HOSTILE.slice(0, 8), ends: [4, 8], bits: [2, 1] },
    { ...place, text: null, ends: [8], bits: [3] },
  ],
  interval: { level: 0.95, resamples: 0, unit: "block", units: 3, absent: "no interval: 3 blocks" },
  refusals: [{ figure: "kl", reason: HOSTILE }],
  provenance: { engine: "", threads: 1, seed: 0, seconds: 1, peakMemoryBytes: 1 },
};
const together = withLocksteps(compare(given, { seed: 0, common: false }), [lockstep, { absent: HOSTILE }]);
const compared = withSimilarities(together, [
  { cka, nearest: [0, 1, null], places: 900, kept: 1200, byChance: 0.0016, note: null },
  { absent: "no states were kept" },
]);
export const pages = {
  comparison: comparisonPage(compared, profiles),
  choice: choicePage(choose(given, [], {}, 0), null),
  fit: fitPage(set, [fitArea(set, "overall", { seed: 0 })], [rivalry(set, "overall", 0)]),
};
