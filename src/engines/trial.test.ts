import { describe, expect, it } from "vitest";
import { timedTrial } from "./trial.ts";

describe("the trial of a machine", () => {
  it("finds rates, those of wide products no lower than a loop's, and ends what it started", async () => {
    const { start, products, loop } = await timedTrial(64, { threads: 1 });
    expect(start).toBeGreaterThan(0.01);
    expect(loop).toBeGreaterThan(1e6);
    expect(products).toBeGreaterThan(loop);
  });

  it("takes widths that no product is made of, and those that are too wide to try", async () => {
    for (const width of [1, 20_000]) expect((await timedTrial(width, { threads: 1 })).products).toBeGreaterThan(1e6);
  });

  it("stops when it is told to", async () => {
    await expect(timedTrial(64, { threads: 1, signal: AbortSignal.abort() })).rejects.toMatchObject({
      fault: "interrupted",
    });
    const controller = new AbortController();
    const trial = timedTrial(64, { threads: 1, signal: controller.signal });
    setTimeout(() => controller.abort(), 5);
    await expect(trial).rejects.toMatchObject({ fault: "interrupted" });
  });
});
