import { describe, expect, it } from "vitest";
import { type Observation, statesOf, unionOfRows } from "./observation.ts";

const observation: Observation = {
  batch: { index: 0, windows: [] },
  rows: 9,
  pickedRows: Int32Array.of(1, 4, 7),
  states: [Float32Array.of(10, 11, 40, 41, 70, 71), Float32Array.of(-10, -11, -40, -41, -70, -71)],
};

describe("rows that several probes asked for", () => {
  it("are asked for once, in order", () => {
    expect([...unionOfRows([Int32Array.of(7, 1), Int32Array.of(), Int32Array.of(4, 7)])]).toEqual([1, 4, 7]);
  });

  it("come back to each by its own", () => {
    expect(statesOf(observation, Int32Array.of(1, 7), 2).map((layer) => [...layer])).toEqual([
      [10, 11, 70, 71],
      [-10, -11, -70, -71],
    ]);
    expect(statesOf(observation, Int32Array.of(1, 4, 7), 2)).toBe(observation.states);
    expect(statesOf(observation, Int32Array.of(), 2).map((layer) => layer.length)).toEqual([0, 0]);
  });

  it("are refused where they were not picked", () => {
    expect(() => statesOf(observation, Int32Array.of(2), 2)).toThrow("row 2 is not among the 3 picked");
  });
});
