/**
 * The positions of the plane with everything that all layers share: which of them are fitted and which evaluated
 * (METHODS §2.4), and the trees of their labels (§2.3): input and output n-grams, then any label set of one order that
 * the documents carry.
 *
 * Memory: `labels.ts` for every tree, two of four orders; 4 bytes a position for the split and 4 for the rows.
 */
import { chanceDraws } from "../../info/chance.ts";
import { denseKeys, labelTree } from "../../info/labels.ts";
import type { Population } from "../../info/layer.ts";
import { allFitted, type Split, splitUnits } from "../../info/split.ts";
import { unmet } from "../../numeric/needs.ts";
import { heldOutNeed, intervalNeed, type Units } from "../../text/units.ts";
import { ORDERS, type Positions } from "./positions.ts";

/** Units that hold positions, divided; and what could not be done for want of them. */
export interface DividedUnits {
  readonly split: Split;
  /** by row: place of its unit among the evaluated ones, −1 where it is fitted */
  readonly place: Int32Array;
  readonly intervals: boolean;
  /** why held-out figures or intervals are missing, or null */
  readonly absent: string | null;
}

/**
 * @param unitOfRow by row
 * @param domainOf by unit
 */
export function divideUnits(
  units: Units,
  unitOfRow: Int32Array,
  domainOf: (unit: number) => string,
  seed: number,
): DividedUnits {
  const used = [...new Set(unitOfRow)].sort((a, b) => a - b);
  const counted = { ...units, count: used.length };
  const [noHeldOut] = unmet([heldOutNeed("plane", counted)]);
  const [noInterval] = unmet([intervalNeed("plane", counted)]);
  const split = noHeldOut ? allFitted(used.length) : splitUnits(used.map(domainOf), seed);
  const placeOf = new Map(used.map((unit, i) => [unit, split.place[i]]));
  return {
    split,
    place: unitOfRow.map((unit) => placeOf.get(unit)!),
    intervals: !noHeldOut && !noInterval,
    absent: (noHeldOut ?? noInterval)?.reason ?? null,
  };
}

/** Labels of one order: a value for every row. */
export type LabelSet = ArrayLike<number | bigint | string>;

export interface Populations {
  /** one for all orders, or, with `--all-positions`, one an order; the trees of each: input, output, label sets */
  readonly byOrder: readonly Population[];
  /** order 1 alone and no chance correction, for further draws of the reference points */
  readonly first: Population;
  /** names of the label sets, in the order of their trees; they belong to the first population */
  readonly labels: readonly string[];
}

/**
 * @param wide each order has its own positions
 * @param labels by name; a value for every row
 * @param breathe awaited before every tree: one of four orders takes about 0.9 s a million positions
 */
export async function populationsOf(
  positions: Positions,
  { place, split }: DividedUnits,
  labels: ReadonlyMap<string, LabelSet>,
  wide: boolean,
  seed: number,
  breathe: () => Promise<void>,
): Promise<Populations> {
  const shared = { place, evaluatedUnits: split.evaluated };
  const trees = async (rows: Uint32Array, orders: number) => {
    await breathe();
    const input = labelTree(positions.inputKeys(rows, orders), rows, place);
    await breathe();
    return [input, labelTree(positions.outputKeys(rows, orders), rows, place)];
  };
  const all = wide
    ? Array.from({ length: ORDERS }, (_, n) => positions.rowsOfOrder(n + 1)).filter((rows) => rows.length > 0)
    : [positions.rowsOfOrder(ORDERS)];
  const byOrder: Population[] = [];
  for (const [n, rows] of all.entries()) {
    const own = await trees(rows, wide ? n + 1 : ORDERS);
    for (const set of n > 0 ? [] : labels.values()) {
      await breathe();
      own.push(labelTree([pick(denseKeys(set).keys, rows)], rows, place));
    }
    byOrder.push({ ...shared, rows, trees: own, chance: chanceDraws(rows, seed) });
  }
  return {
    byOrder,
    first: { ...shared, rows: all[0], trees: await trees(all[0], 1), chance: null },
    labels: [...labels.keys()],
  };
}

const pick = (values: Int32Array, rows: Uint32Array): Int32Array => Int32Array.from(rows, (row) => values[row]);
