/**
 * The soft assignments of a run, kept until every position is there: one append-only table a layer, rows in the order in
 * which they came, in fixed point. Small runs stay in memory; larger ones, and those that may have to be resumed, are
 * spilled to one temporary file a layer and read back one layer, and one stretch of bins, at a time.
 *
 * Bytes, in memory or on the disk: `spillBytes` = 4·positions·layers·m·draws.
 */
import { type SpillPlace, spillAt } from "../../files/spill.ts";
import { count } from "../../numeric/amounts.ts";
import { LossyscopeError } from "../../numeric/errors.ts";

/** Up to this many bytes of assignments are held in memory where nothing has to outlast the process. */
export const HELD_BYTES = 2 ** 28;
/** What is read back at a time. */
const CHUNK_BYTES = 2 ** 22;

export interface StoreShape {
  readonly layers: number;
  /** m·draws: columns of a row */
  readonly columns: number;
  /** rows that will be appended a layer */
  readonly positions: number;
}

export const spillBytes = ({ layers, columns, positions }: StoreShape): number => 4 * layers * columns * positions;

/** Where one layer's rows are. */
interface RowFile {
  append(rows: Uint32Array): void;
  /** rows `[from, to)` */
  read(from: number, to: number): Uint32Array;
  truncate(rows: number): void;
  flush(): void;
  close(): void;
  dispose(): void;
}

export class AssignmentStore {
  readonly #shape: StoreShape;
  readonly #files: readonly RowFile[];
  readonly #rows: number[];

  /** @param place where spills lie; what may be gone on with later is spilled whatever its size */
  constructor(shape: StoreShape, place: SpillPlace) {
    const spilled = "folders" in place || place.resumable || spillBytes(shape) > HELD_BYTES;
    this.#shape = shape;
    this.#rows = new Array<number>(shape.layers).fill(0);
    this.#files = this.#rows.map((_, layer) => (spilled ? spilledRows(shape, place, layer) : heldRows(shape)));
  }

  /** Adds rows to one layer: [rows, columns] in fixed point. */
  append(layer: number, rows: Uint32Array): void {
    const after = this.#rows[layer] + rows.length / this.#shape.columns;
    if (after > this.#shape.positions) {
      throw new LossyscopeError(
        "engine",
        `layer ${layer} got ${count(after)} rows of assignments, ${count(this.#shape.positions)} were planned`,
      );
    }
    this.#files[layer].append(rows);
    this.#rows[layer] = after;
  }

  /**
   * One layer's columns `[first, first + bins)`, each row at the place of its position.
   * @param order by arrival, the position of the row
   * @param table [positions, bins], all of which is written
   * @returns the same
   */
  table(layer: number, first: number, bins: number, order: Uint32Array, table: Uint32Array): Uint32Array {
    const { columns, positions } = this.#shape;
    if (this.#rows[layer] !== positions) {
      throw new LossyscopeError(
        "engine",
        `layer ${layer} has ${count(this.#rows[layer])} rows of ${count(positions)} planned`,
      );
    }
    const step = Math.max(1, Math.floor(CHUNK_BYTES / (4 * columns)));
    for (let from = 0; from < positions; from += step) {
      const to = Math.min(from + step, positions);
      const rows = this.#files[layer].read(from, to);
      for (let i = 0; i < to - from; i++) copyBins(rows, i * columns + first, bins, table, order[from + i] * bins);
    }
    return table;
  }

  /** Rows of every layer, written out so that they outlast the process. */
  flush(): void {
    for (const file of this.#files) file.flush();
  }

  /** Goes back to so many rows a layer, of which some may come from an earlier process. */
  truncate(rows: number): void {
    for (const file of this.#files) file.truncate(rows);
    this.#rows.fill(rows);
  }

  /** Lets go of the files and leaves them where they are. */
  close(): void {
    for (const file of this.#files) file.close();
  }

  dispose(): void {
    for (const file of this.#files) file.dispose();
  }
}

/** Faster than `set` with a view of every row: rows are short. */
function copyBins(rows: Uint32Array, from: number, bins: number, table: Uint32Array, to: number): void {
  for (let b = 0; b < bins; b++) table[to + b] = rows[from + b];
}

function heldRows({ columns, positions }: StoreShape): RowFile {
  let held = new Uint32Array(positions * columns);
  let used = 0;
  const forget = (): void => {
    held = new Uint32Array(0);
  };
  return {
    append(rows) {
      held.set(rows, used);
      used += rows.length;
    },
    read: (from, to) => held.subarray(from * columns, to * columns),
    truncate(rows) {
      used = rows * columns;
    },
    flush() {},
    close: forget,
    dispose: forget,
  };
}

function spilledRows({ columns }: StoreShape, place: SpillPlace, layer: number): RowFile {
  const spill = spillAt(place, `assignments.${layer}`);
  const rowBytes = 4 * columns;
  return {
    append: (rows) => void spill.append(rows),
    read: (from, to) => new Uint32Array(spill.read(from * rowBytes, (to - from) * rowBytes).buffer),
    truncate: (rows) => spill.truncate(rows * rowBytes),
    flush: () => spill.flush(),
    close: () => spill.close(),
    dispose: () => spill.dispose(),
  };
}
