import { existsSync, readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../files/folder.testing.ts";
import { random } from "../../numeric/random.ts";
import { AssignmentStore, HELD_BYTES, spillBytes } from "./assignment-store.ts";

const at = temporaryFolder();
const shape = { layers: 2, columns: 6, positions: 5 };
const rows = (from: number, count: number, layer: number): Uint32Array =>
  Uint32Array.from({ length: count * 6 }, (_, i) => 1000 * layer + 6 * from + i);

describe.each([
  ["in memory", false],
  ["spilled", true],
])("AssignmentStore %s", (_, resumable) => {
  it("gives a stretch of columns, every row at the place of its position", () => {
    const store = new AssignmentStore(shape, { folder: at("spill"), resumable });
    expect(existsSync(at("spill"))).toBe(resumable);
    for (const layer of [0, 1]) {
      store.append(layer, rows(0, 2, layer));
      store.append(layer, rows(2, 3, layer));
    }
    const order = Uint32Array.of(3, 0, 4, 1, 2);
    const table = store.table(1, 2, 3, order, new Uint32Array(5 * 3));
    for (const [arrival, position] of order.entries()) {
      const expected = [2, 3, 4].map((column) => 1000 + 6 * arrival + column);
      expect([...table.subarray(position * 3, position * 3 + 3)]).toEqual(expected);
    }
    store.dispose();
    expect(existsSync(at("spill")) ? readdirSync(at("spill")) : []).toEqual([]);
  });

  it("refuses rows beyond the plan, and figures before all rows are there", () => {
    const store = new AssignmentStore(shape, { folder: at("spill"), resumable });
    store.append(0, rows(0, 4, 0));
    expect(() => store.table(0, 0, 6, new Uint32Array(5), new Uint32Array(5 * 6))).toThrow(
      "layer 0 has 4 rows of 5 planned",
    );
    expect(() => store.append(0, rows(4, 2, 0))).toThrow("layer 0 got 6 rows of assignments, 5 were planned");
    store.dispose();
  });
});

describe("AssignmentStore", () => {
  it("goes on where another process was stopped, forgetting what came after the last snapshot", () => {
    const order = Uint32Array.of(0, 1, 2, 3, 4);
    const stopped = new AssignmentStore(shape, { folder: at("spill"), resumable: true });
    for (const layer of [0, 1]) stopped.append(layer, rows(0, 2, layer));
    stopped.flush();
    stopped.append(0, rows(2, 1, 7));
    stopped.close();

    const resumed = new AssignmentStore(shape, { folder: at("spill"), resumable: true });
    resumed.truncate(2);
    for (const layer of [0, 1]) resumed.append(layer, rows(2, 3, layer));
    const table = new Uint32Array(5 * 6);
    for (const layer of [0, 1]) expect(resumed.table(layer, 0, 6, order, table)).toEqual(rows(0, 5, layer));
    resumed.dispose();
  });

  it("spills by itself what is too large to hold, and reads it in pieces", () => {
    const large = { layers: 1, columns: 1024, positions: HELD_BYTES / 4096 + 1 };
    expect(spillBytes(large)).toBeGreaterThan(HELD_BYTES);
    const store = new AssignmentStore(large, { folder: at("spill"), resumable: false });
    const stream = random(1, "rows");
    const first = Uint32Array.from({ length: large.positions }, () => stream.below(1000));
    const piece = new Uint32Array(1024 * 4096);
    for (let from = 0; from < large.positions; from += 4096) {
      const count = Math.min(4096, large.positions - from);
      for (let row = 0; row < count; row++) piece[row * 1024 + 7] = first[from + row];
      store.append(0, piece.subarray(0, count * 1024));
    }
    expect(existsSync(at("spill"))).toBe(true);
    const order = Uint32Array.from(first, (_, row) => row);
    expect(store.table(0, 7, 1, order, new Uint32Array(large.positions))).toEqual(first);
    store.dispose();
  });
});
