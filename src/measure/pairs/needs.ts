/** What figures of pairs take, before the model runs (METHODS §2.3 Preference information). */
import { counted } from "../../numeric/amounts.ts";
import { FEWEST_UNITS } from "../../numeric/bootstrap.ts";
import { type Need, needed } from "../../numeric/needs.ts";
import { type Capability, capabilityNeed } from "../../ports/model.ts";
import type { PairSet } from "../../text/pairs.ts";

/** Pairs that information takes: of fewer not four are held out. */
export const FEWEST_PAIRS = 20;

/** @param hasPoints whether the plan has reference points */
export function pairNeeds({ pairs }: PairSet, can: ReadonlySet<Capability>, hasPoints: boolean): Need[] {
  const atLeast = (figure: string, needs: number): Need => ({
    figure,
    have: pairs.length,
    needs,
    bound: "least",
    unit: "pair",
    reason: `${counted(pairs.length, "pair")} of completions that differ, it takes ${needs}`,
    remedy: { kind: "said", text: `${needs} pairs or more` },
  });
  if (pairs.length < FEWEST_UNITS) return [atLeast("preference", FEWEST_UNITS)];
  return [
    atLeast("preference.information", FEWEST_PAIRS),
    can.has("assignments")
      ? needed(
          "preference.information",
          hasPoints,
          "information plane",
          "no information plane was asked for, whose reference points it takes",
          "leave out --no-plane",
        )
      : capabilityNeed("preference.information", can, "assignments"),
  ];
}
