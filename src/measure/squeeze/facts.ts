/**
 * What of the facts a squeezed model has lost (METHODS §7.2): the same questions to both, differences in pairs. Intervals
 * resample subjects within each number of exposures, as those of the facts themselves.
 */
import { FEWEST_UNITS } from "../../numeric/bootstrap.ts";
import { groupBy } from "../../numeric/groups.ts";
import { stratifiedBootstrap } from "../../numeric/stratified.ts";
import type { FactsLost } from "../../profile/squeeze.ts";
import type { Fact } from "../../text/facts.ts";
import type { Answered } from "../facts/figures.ts";

interface Row {
  readonly unit: number;
  readonly weight: number;
  readonly original: number;
  readonly exact: number;
  readonly codeBits: number;
  /** prior less code length from the original; null where the fact was never told, or has no prior */
  readonly known: number | null;
}

/** Means over the prompts of every fact. */
function means(facts: readonly Fact[], answered: readonly Answered[]): { exact: number; codeBits: number }[] {
  const own = groupBy(answered, ({ fact }) => fact);
  return facts.map((_, index) => {
    const prompts = own.get(index)!;
    const over = (of: (one: Answered) => number): number =>
      prompts.reduce((sum, one) => sum + of(one), 0) / prompts.length;
    return { exact: over(({ verdict }) => Number(verdict === "exact")), codeBits: over(({ codeBits }) => codeBits) };
  });
}

const weightedMean = (rows: readonly Row[], of: (row: Row) => number): number =>
  rows.reduce((sum, row) => sum + row.weight * of(row), 0) / rows.reduce((sum, row) => sum + row.weight, 0);

const negative = (value: number | null): number | null => (value === null ? null : 0 - value);

/** @param before @param after what the original and the squeezed model answered, at least once for every fact */
export function factsLost(
  facts: readonly Fact[],
  before: readonly Answered[],
  after: readonly Answered[],
  seed: number,
): FactsLost {
  const units = new Map<string, number>();
  const strata: (number | null)[] = [];
  for (const { subject, exposures } of facts) {
    if (units.has(subject)) continue;
    units.set(subject, units.size);
    strata.push(exposures);
  }
  const [one, other] = [means(facts, before), means(facts, after)];
  const rows = facts.map(
    ({ subject, weight, exposures, priorBits }, index): Row => ({
      unit: units.get(subject)!,
      weight,
      original: one[index].exact,
      exact: other[index].exact - one[index].exact,
      codeBits: other[index].codeBits - one[index].codeBits,
      known: exposures === 0 || priorBits === null ? null : priorBits - one[index].codeBits,
    }),
  );
  const levels = [...groupBy(facts.keys(), (index) => facts[index].exposures)].sort(
    ([a], [b]) => (a ?? -1) - (b ?? -1),
  );
  const told = rows.filter(({ known }) => known !== null);
  const groups = [rows, ...levels.map(([, own]) => own.map((index) => rows[index])), told];
  const estimates = stratifiedBootstrap(
    strata,
    (times) =>
      groups.flatMap((group) => {
        let [weight, exact, codeBits] = [0, 0, 0];
        for (const row of group) {
          const own = row.weight * times[row.unit];
          weight += own;
          exact += own * row.exact;
          codeBits += own * row.codeBits;
        }
        return [exact / weight, codeBits / weight];
      }),
    { seed },
  );
  const figuresOf = (index: number) => {
    const subjects = new Set(groups[index].map(({ unit }) => unit)).size;
    const [exact, codeBits] = estimates
      .slice(2 * index, 2 * index + 2)
      .map((one) => (subjects < FEWEST_UNITS ? { value: one.value, low: null, high: null } : one));
    return { exact, codeBits };
  };
  const { codeBits } = figuresOf(groups.length - 1);
  return {
    knowledge:
      told.length === 0
        ? null
        : {
            facts: told.length,
            original: weightedMean(told, ({ known }) => known!),
            bits: { value: negative(codeBits.value), low: negative(codeBits.high), high: negative(codeBits.low) },
          },
    ...figuresOf(0),
    exposures: levels.map(([exposures], index) => {
      const own = groups[index + 1];
      return {
        exposures,
        facts: own.length,
        original: weightedMean(own, ({ original }) => original),
        ...figuresOf(index + 1),
      };
    }),
  };
}
