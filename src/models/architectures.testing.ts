/**
 * How far the decoder is from golden values that other implementations computed (fixtures/README.md): every fixture run,
 * its largest differences beside what is allowed. The table of architectures in the docs (`scripts/docs.ts`) is drawn from
 * these.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { openSafetensors } from "../files/safetensors.ts";
import { fixture } from "../fixtures.testing.ts";
import { openModel } from "./session.testing.ts";

/** What is compared, by the names of the golden files. */
export const QUANTITIES = ["hidden_states", "last_block_output", "logits", "nll"] as const;
export type Quantity = (typeof QUANTITIES)[number];

/** A fixture as `fixtures/models/manifest.json` lists it. */
export interface FixtureEntry {
  readonly name: string;
  readonly model_type: string;
  readonly weights_dtype: string;
  /** largest difference of the reference's own float32 run from its float64 golden values */
  readonly float32_run_max_abs_difference: Readonly<Partial<Record<Quantity, number>>>;
}

export interface Difference {
  /** largest absolute difference from the golden values */
  readonly found: number;
  /** the larger of 5 × the reference's float32 difference and 5e-6 × the largest magnitude */
  readonly allowed: number;
}

export const manifest = async (): Promise<readonly FixtureEntry[]> =>
  JSON.parse(await readFile(fixture("models/manifest.json"), "utf8"));

const floats = (data: ArrayLike<number | bigint>): Float64Array => Float64Array.from(data, Number);

/**
 * Runs a model over the ids of its golden file.
 * @param prefix of the tensor names in the golden file (`s0.`)
 */
export async function differences(
  entry: Pick<FixtureEntry, "float32_run_max_abs_difference">,
  folder: string,
  prefix = "",
): Promise<Record<Quantity, Difference>> {
  const golden = await openSafetensors(join(folder, "golden.safetensors"));
  const read = async (name: string): Promise<Float64Array> =>
    floats((await golden.read(prefix + name)) as ArrayLike<number | bigint>);
  try {
    const [batch, positions] = golden.entry(`${prefix}input_ids`).shape;
    const ids = await read("input_ids");
    const { spec, run } = await openModel(folder, () => ({ everything: true, losses: true }), positions);
    const slots = [...ids.keys()].filter((slot) => slot % positions < positions - 1);
    const outputs = await run({
      input_ids: { data: [...ids], dims: [batch, positions] },
      loss_rows: { data: slots, dims: [slots.length] },
      loss_targets: { data: slots.map((slot) => ids[slot + 1]), dims: [slots.length] },
    });
    const found: Record<Quantity, Float64Array> = {
      hidden_states: floats(
        Array.from({ length: spec.blocks.length + 1 }, (_, layer) => [
          ...outputs[`hidden_states.${layer}`].data,
        ]).flat(),
      ),
      last_block_output: floats(outputs.last_block_output.data),
      logits: floats(outputs.logits.data),
      nll: floats(outputs.losses.data),
    };
    const compared = QUANTITIES.map(async (quantity) => {
      const expected = await read(quantity);
      if (expected.length !== found[quantity].length)
        throw new Error(`${quantity}: ${found[quantity].length} numbers, the golden file has ${expected.length}`);
      const largest = expected.reduce((most, number) => Math.max(most, Math.abs(number)), 0);
      const difference = expected.reduce(
        // A NaN must not pass as no difference.
        (most, number, at) =>
          Math.max(most, Math.abs(number - found[quantity][at]) || (found[quantity][at] === number ? 0 : Infinity)),
        0,
      );
      return [
        quantity,
        {
          found: difference,
          allowed: Math.max(5 * (entry.float32_run_max_abs_difference[quantity] ?? 0), 5e-6 * largest),
        },
      ] as const;
    });
    return Object.fromEntries(await Promise.all(compared)) as Record<Quantity, Difference>;
  } finally {
    await golden.close();
  }
}
