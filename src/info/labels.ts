/**
 * Labels of positions as trees (METHODS §2.3 Labels): level n of a tree is the label of order n, and a label contains
 * its shorter ones, as an n-gram does that grows away from the position. Sorting the positions by their keys (one stable
 * counting sort a level, no hashing and no n-gram numbers, so no collisions) puts every label of every order in one run;
 * the tree is those runs, of labels that occur twice or more. It is made once and serves all layers.
 *
 * Memory: 8 bytes a position and 21 a repeated label (of which there are at most N/2 an order, in text about N/5 over
 * all four); while it is made 4·levels + 9 bytes a position more, and 4 bytes a key value.
 */

/** in `LabelTree.leaf`: nobody shares the row's shortest label */
export const ALONE = -1;

/** What one order's labels look like, whatever the layer. */
export interface LabelCounts {
  /** different labels */
  readonly distinct: number;
  /** labels that occur once */
  readonly once: number;
  /** number of labels by how often each occurs, ascending */
  readonly bySize: ReadonlyMap<number, number>;
}

/** Nodes are the labels that occur at least twice, in pre-order: a label before the longer ones that contain it. */
export interface LabelTree {
  readonly levels: number;
  /** rows in the order of the tree; those with one label at every level: fitted ones first */
  readonly rows: Uint32Array;
  /** by place in `rows`: the longest repeated label of that row, a node or `ALONE` */
  readonly leaf: Int32Array;
  /** [nodes] the label's run in `rows` is `[start, end)` */
  readonly start: Uint32Array;
  readonly end: Uint32Array;
  /** [nodes] rows of the run that are fitted */
  readonly fitted: Uint32Array;
  /** [nodes] the label one shorter, −1 at level 0 */
  readonly parent: Int32Array;
  /** [nodes] 0 for order 1 */
  readonly level: Uint8Array;
  /** most nodes under one node of level 0, itself counted */
  readonly widest: number;
  /** by order, from 1 */
  readonly counts: readonly LabelCounts[];
}

/**
 * Orders rows by label sets that back off to each other.
 * @param keys one array a level: key of every position, integers from 0; labels of order n are equal where the first n
 *   keys are
 * @param rows the positions' rows in the tables of assignments
 * @param place by row: negative where the row is fitted
 */
export function labelTree(keys: readonly Int32Array[], rows: Uint32Array, place: Int32Array): LabelTree {
  const levels = keys.length;
  const order = sortByKeys([...keys, rowsToFlags(rows, place)]);
  const positions = order.length;

  // Levels shared with the row before; nothing before the first row and after the last.
  const shared = new Uint8Array(positions + 1);
  let nodes = 0;
  for (let s = 1; s < positions; s++) {
    let level = 0;
    while (level < levels && keys[level][order[s]] === keys[level][order[s - 1]]) level++;
    shared[s] = level;
    nodes += Math.max(0, level - shared[s - 1]);
  }

  const sorted = new Uint32Array(positions);
  const leaf = new Int32Array(positions);
  const start = new Uint32Array(nodes);
  const end = new Uint32Array(nodes);
  const fitted = new Uint32Array(nodes);
  const parent = new Int32Array(nodes);
  const levelOf = new Uint8Array(nodes);
  const distinct = new Array<number>(levels).fill(0);
  const once = new Array<number>(levels).fill(0);
  const bySize = Array.from({ length: levels }, () => new Map<number, number>());
  const open: number[] = [];
  let made = 0;
  let widest = 0;
  let fittedSoFar = 0;

  for (let s = 0; s <= positions; s++) {
    while (open.length > shared[s]) {
      const node = open.pop()!;
      end[node] = s;
      fitted[node] = fittedSoFar - fitted[node];
      const size = s - start[node];
      const sizes = bySize[levelOf[node]];
      sizes.set(size, (sizes.get(size) ?? 0) + 1);
      if (open.length === 0) widest = Math.max(widest, made - node);
    }
    if (s === positions) break;
    for (let level = shared[s]; level < levels; level++) {
      distinct[level]++;
      if (level >= shared[s + 1]) {
        once[level]++;
        continue;
      }
      start[made] = s;
      fitted[made] = fittedSoFar;
      parent[made] = open.at(-1) ?? -1;
      levelOf[made] = level;
      open.push(made++);
    }
    leaf[s] = open.at(-1) ?? ALONE;
    const row = rows[order[s]];
    sorted[s] = row;
    if (place[row] < 0) fittedSoFar++;
  }

  const counts = bySize.map((sizes, level) => {
    if (once[level] > 0) sizes.set(1, once[level]);
    return {
      distinct: distinct[level],
      once: once[level],
      bySize: new Map([...sizes].sort(([a], [b]) => a - b)),
    };
  });
  return { levels, rows: sorted, leaf, start, end, fitted, parent, level: levelOf, widest, counts };
}

function rowsToFlags(rows: Uint32Array, place: Int32Array): Int32Array {
  return Int32Array.from(rows, (row) => (place[row] < 0 ? 0 : 1));
}

/** The places 0..P−1 sorted by their keys, the first key first, equal ones in their own order. */
function sortByKeys(keys: readonly Int32Array[]): Uint32Array {
  const positions = keys[0].length;
  let order = Uint32Array.from({ length: positions }, (_, place) => place);
  let next = new Uint32Array(positions);
  for (const key of [...keys].reverse()) {
    let largest = 0;
    for (let i = 0; i < positions; i++) largest = Math.max(largest, key[i]);
    const starts = new Uint32Array(largest + 2);
    for (let i = 0; i < positions; i++) starts[key[i] + 1]++;
    for (let value = 1; value < starts.length; value++) starts[value] += starts[value - 1];
    for (let i = 0; i < positions; i++) {
      const place = order[i];
      next[starts[key[place]]++] = place;
    }
    [order, next] = [next, order];
  }
  return order;
}

/** Integers from 0 in the order of first appearance, equal where the values are; for labels given by name or number. */
export function denseKeys(values: ArrayLike<number | bigint | string>): { keys: Int32Array; distinct: number } {
  const seen = new Map<number | bigint | string, number>();
  const keys = new Int32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    let key = seen.get(values[i]);
    if (key === undefined) seen.set(values[i], (key = seen.size));
    keys[i] = key;
  }
  return { keys, distinct: seen.size };
}
