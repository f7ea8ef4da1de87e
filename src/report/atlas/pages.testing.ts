/** A comparison, a choice and fits as pages, with foreign names that would be markup. */
import { choose } from "../../atlas/choose.ts";
import { compare, withSimilarities } from "../../atlas/compare.ts";
import { fitArea } from "../../atlas/fit.ts";
import { rivalry } from "../../atlas/rivals.ts";
import { modelProfile } from "../../atlas/sample.testing.ts";
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
const compared = withSimilarities(compare(given, { seed: 0, common: false }), [
  { cka, nearest: [0, 1, null], places: 900, kept: 1200, note: null },
  { absent: "no states were kept" },
]);
export const pages = {
  comparison: comparisonPage(compared, profiles),
  choice: choicePage(choose(given, [], {}, 0), null),
  fit: fitPage(set, [fitArea(set, "overall", { seed: 0 })], [rivalry(set, "overall", 0)]),
};
