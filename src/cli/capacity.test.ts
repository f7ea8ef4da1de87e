/** `capacity` through the command line: what it prints and leaves, how it goes on, what it refuses. */
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { beforeEach, describe, expect, it } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { capacitySchema } from "../lab/capacity.ts";
import { run } from "./run.testing.ts";

const at = temporaryFolder();
const CONFIG = {
  model_type: "llama",
  hidden_size: 16,
  intermediate_size: 32,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  vocab_size: 16,
  max_position_embeddings: 32,
  tie_word_embeddings: true,
};

beforeEach(() => writeFileSync(at("config.json"), JSON.stringify(CONFIG)));

const capacity = (strings: string, ...more: readonly string[]) =>
  run(
    ...["capacity", "--config", at("config.json"), "--out", at("out"), "--strings", strings],
    ...["--length", "8", "--steps", "40", "--batch", "16", "--rate", "0.01", "--threads", "1", ...more],
  );
const result = () => capacitySchema.parse(JSON.parse(readFileSync(at("out", "capacity.json"), "utf8")));

describe("capacity", () => {
  it("prints bits per parameter, and leaves result, report and checkpoints; --resume adds to them", async () => {
    const first = await capacity("2,4", "--seeds", "2");
    expect(first.code, first.err).toBe(0);
    const { runs, parameters, plateau } = result();
    expect(runs.map(({ strings, seed }) => [strings, seed])).toEqual([
      [2, 0],
      [2, 1],
      [4, 0],
      [4, 1],
    ]);
    const matrices = 4 * 16 * 16 + 3 * 16 * 32;
    expect(parameters).toEqual({ total: 16 * 16 + matrices + 3 * 16, nonEmbedding: matrices + 3 * 16 });
    const perParameter = (plateau!.bits.value! / parameters.total).toFixed(4);
    expect(first.out).toContain(`at least ${perParameter}`);
    expect(first.out).toMatch(/3\.60 \(Morris et al\. 2025\).*2\.00 \(Allen-Zhu & Li 2024\)/s);
    expect(first.out).toContain("40+ 40+");

    const kept = () => statSync(at("out", "strings-4", "seed-1", "model.safetensors")).mtimeMs;
    const before = kept();
    const second = await capacity("4,8", "--resume");
    expect(second.code, second.err).toBe(0);
    expect(second.err).toMatch(/^8 strings, seed 0: /m);
    expect(kept()).toBe(before);
    expect(result().runs).toEqual(expect.arrayContaining(runs));
    expect(
      result()
        .runs.map(({ strings }) => strings)
        .sort(),
    ).toEqual([2, 2, 4, 4, 8]);
    expect(second.out).not.toMatch(/^[* ]*2 /m);
    expect(second.out).toMatch(/^[* ]*8 /m);
  });

  it("draws a page that opens offline, with the published lines", async () => {
    expect(await capacity("2,4", "--json")).toMatchObject({ code: 0, out: expect.stringContaining('"plateau"') });
    const html = readFileSync(at("out", "report.html"), "utf8");
    expect(html).toMatch(/default-src 'none'/);
    for (const [, address] of html.matchAll(/(?:href|src)="([^"]*)"/g)) expect(address).toMatch(/^#/);
    expect(html.match(/class="reference limit"/g)).toHaveLength(4); // two lines, in two forms
    expect(html).toContain("3.60, Morris et al. 2025");
    expect(html.replace(/<script>.*<\/script>/s, "")).not.toMatch(/NaN|undefined|Infinity/);
  });

  it("refuses to write over a result, to go on with another one, and what cannot be", async () => {
    await capacity("2");
    expect(await capacity("2")).toMatchObject({
      code: 2,
      err: expect.stringMatching(/capacity\.json exists.*--resume/),
    });
    expect(await capacity("2", "--resume", "--vocabulary", "32")).toMatchObject({
      code: 2,
      err: expect.stringMatching(/another config or other settings/),
    });
    await capacity("4", "--resume");
    const other = ["--force", "--vocabulary", "8"];
    expect(await capacity("2", ...other, "--length", "32")).toMatchObject({ code: 2 });
    expect(result().runs).toHaveLength(2);
    expect(await capacity("2", ...other)).toMatchObject({ code: 0 });
    expect(result()).toMatchObject({ config: { vocab_size: 8 }, runs: [{ strings: 2 }] });
    expect(readdirSync(at("out")).sort()).toEqual(["capacity.json", "report.html", "strings-2"]);
    writeFileSync(at("out", "capacity.json"), "{}");
    expect(await capacity("2", "--resume")).toMatchObject({ code: 1, err: expect.stringMatching(/another --out/) });
    expect(await capacity("2,none")).toMatchObject({ code: 2, err: expect.stringMatching(/whole number/) });
  });

  it("makes nothing where strings do not fit the model", async () => {
    const refused = await capacity("2", "--length", "32");
    expect(refused).toMatchObject({ code: 2, err: expect.stringMatching(/32 positions.*pass --length 31/) });
    expect(existsSync(at("out"))).toBe(false);
  });
});
