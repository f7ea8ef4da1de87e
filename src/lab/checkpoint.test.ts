/** Checkpoints against published ones: the same tensors under the same names, in the type that the config says. */
import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { openSafetensors } from "../files/safetensors.ts";
import { fixture, hasShared, shared } from "../fixtures.testing.ts";
import { type Checkpoint, openCheckpoint } from "../models/checkpoint.ts";
import { specOf } from "../models/config.ts";
import { STORED_AS, type StoredDtype } from "../models/untrained.ts";
import { bindWeights } from "../models/weights.ts";
import { writeCheckpoint } from "./checkpoint.ts";
import { initialVector, layoutOf } from "./parameters.ts";

const at = temporaryFolder();

const llamas = (folder: string): string[] => readdirSync(folder).filter((name) => name.startsWith("llama"));

/** name → shape */
const shapesIn = ({ weights }: Checkpoint): Map<string, readonly number[]> =>
  new Map(Array.from(weights.names(), (name) => [name, weights.locate(name)!.shape]));

async function likePublished(folder: string): Promise<void> {
  const published = await openCheckpoint(folder);
  const { config } = published;
  const layout = layoutOf(specOf(config));
  const parameters = initialVector(layout, config, 3);
  for (const dtype of Object.keys(STORED_AS) as StoredDtype[]) {
    const files = new Map([["generation_config.json", "{}"]]);
    await writeCheckpoint(at(dtype), { config, files, layout, dtype }, parameters);
    expect(readdirSync(at(dtype)).sort()).toEqual(["config.json", "generation_config.json", "model.safetensors"]);
    const written = await openCheckpoint(at(dtype));
    expect(shapesIn(written)).toEqual(shapesIn(published));
    const { dtype: _, ...rest } = config;
    expect(written.config).toEqual({ ...rest, torch_dtype: dtype });
    bindWeights(specOf(written.config), written.weights);
  }
}

describe("a checkpoint", () => {
  it.each(llamas(fixture("models")))("of %s has the names and shapes of the published layout", (name) =>
    likePublished(fixture(`models/${name}`)),
  );

  it.skipIf(!hasShared).each(hasShared ? llamas(shared("models")) : ["(no ../shared)"])(
    "of other people's %s has the names and shapes of theirs",
    (name) => likePublished(shared(`models/${name}`)),
  );

  it("is rounded by no more than half a unit in the last place, and is the parameters themselves in float32", async () => {
    const { config } = await openCheckpoint(fixture("models/llama"));
    const layout = layoutOf(specOf(config));
    const parameters = initialVector(layout, config, 3);
    // ulp of a value of 1 ≤ |v| < 2; below 2^−14 those of float16 stay as large as there
    for (const [dtype, ulp, least] of [
      ["float32", 0, 0],
      ["bfloat16", 2 ** -7, 0],
      ["float16", 2 ** -10, 2 ** -14],
    ] as const) {
      await writeCheckpoint(at(dtype), { config, files: new Map(), layout, dtype }, parameters);
      const file = await openSafetensors(at(dtype, "model.safetensors"));
      for (const { name, start, end } of layout.parameters) {
        const values = (await file.read(name)) as Float32Array;
        expect(values).toHaveLength(end - start);
        const off = values.findIndex((value, index) => {
          const exact = parameters[start + index];
          const scale = 2 ** Math.floor(Math.log2(Math.max(Math.abs(exact), least)));
          return Math.abs(value - exact) > (ulp * scale) / 2;
        });
        expect(off, `${dtype} ${name}`).toBe(-1);
      }
      await file.close();
    }
  });

  it("is not written where float16 does not hold a parameter, and what was there stays", async () => {
    const { config } = await openCheckpoint(fixture("models/llama"));
    const layout = layoutOf(specOf(config));
    const form = { config, files: new Map(), layout };
    const parameters = new Float32Array(layout.size).fill(65519);
    await writeCheckpoint(at("step-1"), { ...form, dtype: "float16" }, parameters);
    parameters[5] = -65520;
    await expect(writeCheckpoint(at("step-1"), { ...form, dtype: "float16" }, parameters)).rejects.toMatchObject({
      fault: "model",
      message: expect.stringMatching(/embed_tokens.* holds -6\.552e\+4, float16 ends at 65,504: pass --dtype bfloat16/),
    });
    expect(readdirSync(at())).toEqual(["step-1"]);
    await writeCheckpoint(at("step-1"), { ...form, dtype: "bfloat16" }, parameters);
    expect((await openCheckpoint(at("step-1"))).config.torch_dtype).toBe("bfloat16");
  });
});
