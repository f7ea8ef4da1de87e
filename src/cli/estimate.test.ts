import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { fixture } from "../fixtures.testing.ts";
import type { Estimation } from "../measure/states/estimate.ts";
import { estimateCommand } from "./estimate.ts";

const at = temporaryFolder();
const clusters = fixture("estimator/clusters_d8.safetensors");
let shown = "";
beforeEach(() => {
  shown = "";
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    shown += text;
    return true;
  });
});
afterEach(() => void vi.restoreAllMocks());

const run = (...options: string[]) =>
  estimateCommand()
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .parseAsync([clusters, ...options], { from: "user" });

describe("lossyscope estimate", () => {
  it("prints the figures of every layer and label as a table", async () => {
    await run("--reference-points", clusters);
    const [about, more, units, , head, row, ...rest] = shown.split("\n");
    expect(`${about} ${more}`).toMatch(
      /^clusters_d8\.safetensors: 200 positions of width 8, 16 reference points \(file [0-9a-f]+…\)$/,
    );
    expect(units).toBe("200 documents, 40 of them held out; temperature 0.0609; shares of ln 16");
    expect(head.split(/ {2,}/)).toEqual([
      "layer",
      "label",
      "H(Z)",
      "held out",
      "plug-in",
      "chance",
      "excess",
      "adjusted",
    ]);
    expect(row).toMatch(/^ +0 +labels +0\.802 +0\.\d+ \(0\.\d+–0\.\d+\) +0\.248 +0\.0\d+ +0\.\d+ +0\.\d+$/);
    expect(rest).toEqual([""]);
  });

  it("writes them as JSON, to standard output or to a file", async () => {
    await run("--json", "--m", "20", "--seed", "4", "--temperature", "0.1");
    const printed = JSON.parse(shown) as Estimation;
    expect(printed).toMatchObject({ referencePoints: 20, source: "seed 4", layers: [{ layer: 0, temperature: 0.1 }] });
    const { heldOut, plugin, null: chance, excess, adjusted } = printed.layers[0].labels.labels;
    expect(excess).toBeCloseTo(plugin - chance, 14);
    expect(heldOut.low!).toBeLessThan(heldOut.high!);
    expect(adjusted).toBeLessThan(1);

    shown = "";
    await run("--json", at("figures.json"), "--m", "20", "--seed", "4", "--temperature", "0.1");
    expect(JSON.parse(readFileSync(at("figures.json"), "utf8"))).toEqual(printed);
    expect(shown).toMatch(/^clusters_d8/);
  });

  it("refuses a temperature that is none", async () => {
    for (const value of ["hot", "0", "-1", "Infinity"]) {
      await expect(run(`--temperature=${value}`)).rejects.toThrow(/expected bound, exact, leading-order, or a number/);
    }
  });
});
