import { afterEach, describe, expect, it } from "vitest";
import { labelTree } from "../../info/labels.ts";
import type { Population } from "../../info/layer.ts";
import { someAssignments } from "../../info/naive.testing.ts";
import { random } from "../../numeric/random.ts";
import { AssignmentStore } from "./assignment-store.ts";
import { type LayerWorkers, layerWorkers } from "./layer-workers.ts";
import { takeSums } from "./layers.ts";

const [positions, m, layers] = [2 ** 15, 4, 8];
const rows = Uint32Array.from({ length: positions }, (_, row) => row);
const place = Int32Array.from(rows, (row) => (row % 5 === 0 ? Math.floor(row / 1000) : -1));
const stream = random(1, "labels");
const keys = [1, 2].map(() => Int32Array.from(rows, () => stream.below(50)));
const population = (orders: number): Population => ({
  rows,
  place,
  evaluatedUnits: Math.ceil(positions / 1000),
  trees: [labelTree(keys.slice(0, orders), rows, place)],
  chance: null,
});
const groups = [[population(2), population(1)], [population(1)]];
const shape = { layers, columns: m, positions };
const store = new AssignmentStore(shape, { folder: "", resumable: false });
for (let layer = 0; layer < layers; layer++) store.append(layer, someAssignments(positions, m, layer + 1));
const source = { store, order: rows, m };
const table = (layer: number) => ({
  fixed: store.table(layer, 0, m, rows, new Uint32Array(positions * m)),
  bins: m,
  m,
});
const over = new Error("over");

describe("layerWorkers", () => {
  let workers: LayerWorkers;
  afterEach(() => workers.close(over));

  it("takes the very sums that one thread takes, several layers at a time", async () => {
    workers = layerWorkers(2, { source, layers, populations: groups });
    expect(workers.lanes).toHaveLength(2);
    const [first, second] = await Promise.all(workers.lanes.map(({ take }, lane) => take(table(lane), groups[lane])));
    expect(first).toEqual(takeSums(table(0), groups[0]));
    expect(second).toEqual(takeSums(table(1), groups[1]));
    expect(first[1]).not.toEqual(second[0]);
  });

  it("starts no thread where there is little to do, or where one layer takes all the memory", () => {
    workers = layerWorkers(2, { source, layers: 2, populations: groups });
    expect(workers.lanes).toHaveLength(1);
    const wide = { ...source, bytes: 2 ** 40, m: 2 ** 14 };
    expect(layerWorkers(2, { source: wide, layers, populations: groups }).lanes).toHaveLength(1);
  });

  it("fails what is under way when it is closed", async () => {
    workers = layerWorkers(2, { source, layers, populations: groups });
    const failed = expect(workers.lanes[0].take(table(0), groups[0])).rejects.toBe(over);
    await workers.close(over);
    await failed;
  });
});
