/** Means over passages with their intervals: the passages of a unit are resampled together (METHODS §0). */
import { type Estimate, ratioInterval } from "../../numeric/bootstrap.ts";
import { groupBy } from "../../numeric/groups.ts";
import { sum } from "../../numeric/sums.ts";
import { noIntervalReason, type Units } from "../../text/units.ts";

export interface InUnit {
  /** sampling unit that the passage lies in */
  readonly unit: number;
}

/** Of a 95 % interval, what is left out on one side. */
const TAIL = 0.025;

/** Means of passages; no interval where they lie in too few units. */
export class Means {
  readonly #kind: Units["kind"];
  readonly #seed: number;

  constructor({ kind }: Pick<Units, "kind">, seed: number) {
    this.#kind = kind;
    this.#seed = seed;
  }

  /** Why a mean over units of that number has no interval, or null where it has one. */
  absent(count: number): string | null {
    return noIntervalReason({ kind: this.#kind, count });
  }

  /** Σ value / Σ weight over the items; null where there are none. */
  of<T extends InUnit>(
    items: readonly T[],
    value: (item: T) => number,
    weight: (item: T) => number = () => 1,
  ): Estimate {
    const byUnit = [...groupBy(items, ({ unit }) => unit).values()];
    const column = (of: (item: T) => number): Float64Array => Float64Array.from(byUnit, (own) => sum(own.map(of)));
    const [above, below] = [column(value), column(weight)];
    if (this.absent(byUnit.length) === null) return ratioInterval(above, below, { seed: this.#seed });
    const mean = sum(above) / sum(below);
    return { value: Number.isFinite(mean) ? mean : null, low: null, high: null };
  }

  /**
   * Share of the items that hold. Where none does, or all do, resampling sees no spread: the interval is Clopper & Pearson's
   * (1934) for as many units.
   */
  share<T extends InUnit>(items: readonly T[], holds: (item: T) => boolean): Estimate {
    const estimate = this.of(items, (item) => Number(holds(item)));
    const { value, low } = estimate;
    if (low === null || (value !== 0 && value !== 1)) return estimate;
    const spread = 1 - TAIL ** (1 / new Set(items.map(({ unit }) => unit)).size);
    return value === 0 ? { value, low, high: spread } : { value, low: 1 - spread, high: 1 };
  }
}
