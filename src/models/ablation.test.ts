/** Models with parts taken away, against the naive decoder with the same parts replaced; nothing taken away changes nothing. */
import { describe, expect, it } from "vitest";
import { fixture } from "../fixtures.testing.ts";
import { random } from "../numeric/random.ts";
import { buildAblationGraph, SITE_KINDS, sitesOf, valuesOf } from "./ablation.ts";
import { openCheckpoint } from "./checkpoint.ts";
import { specOf } from "./config.ts";
import { buildMeasuringGraph } from "./heads.ts";
import { naiveDecoder } from "./naive.testing.ts";
import { openGraph } from "./session.testing.ts";

const S = 10;

describe.each(["llama", "gpt2", "falcon-40b"])("%s", (name) => {
  it.each(SITE_KINDS)("has the losses of the naive decoder without some of its %s", async (kind) => {
    const folder = fixture(`models/${name}`);
    const { config, weights } = await openCheckpoint(folder);
    const spec = specOf(config);
    const sites = sitesOf(spec, kind);
    const total = valuesOf(sites);
    const stream = random(3, "ablation", name, kind);
    const ids = Array.from({ length: S }, () => stream.below(97));
    const mask = Array.from({ length: total }, () => Number(stream.uniform() < 0.7));
    const fill = mask.map((kept) => (kept ? 0 : Math.fround(stream.normal() / 10)));
    const slots = Array.from({ length: S - 1 }, (_, s) => s);
    const feeds = {
      input_ids: { data: ids, dims: [1, S] },
      loss_rows: { data: slots, dims: [S - 1] },
      loss_targets: { data: ids.slice(1), dims: [S - 1] },
    };
    const run = await openGraph(buildAblationGraph(spec, weights, sites, { longest: S, seen: false }));
    const masked = async (given: number[], filled: number[]) => {
      const values = (data: number[]) => ({ type: "float32", data, dims: [total] }) as const;
      return (await run({ ...feeds, mask: values(given), fill: values(filled) })).losses.data;
    };
    const starts = sites.counts.map((_, block) =>
      sites.counts.slice(0, block).reduce((sum, count, before) => sum + count * sites.widths[before], 0),
    );
    const replaced = (values: readonly number[], block: number): number[] =>
      values.map((value, j) => value * mask[starts[block] + j] + fill[starts[block] + j]);
    const { nll } = (await naiveDecoder(folder))(ids, {
      [kind === "blocks" ? "stream" : kind]:
        kind === "blocks"
          ? (after: readonly number[], before: readonly number[], block: number) =>
              replaced(
                after.map((value, j) => value - before[j]),
                block,
              ).map((value, j) => before[j] + value)
          : replaced,
    });
    const found = await masked(mask, fill);
    for (const [s, nats] of nll.entries()) expect(found[s]).toBeCloseTo(nats, 4);

    const bare = await openGraph(buildMeasuringGraph(spec, weights, { losses: true }, S));
    const whole = await masked(new Array(total).fill(1), new Array(total).fill(0));
    for (const [s, nats] of (await bare(feeds)).losses.data.entries()) expect(whole[s]).toBeCloseTo(nats, 4);
  });
});

it("units of experts are refused", async () => {
  const { config } = await openCheckpoint(fixture("models/mixtral"));
  expect(() => sitesOf(specOf(config), "units")).toThrow(/mixtral has blocks with experts.*--sites heads/);
  expect(sitesOf(specOf(config), "blocks").counts.every((count) => count === 1)).toBe(true);
});
