/** What `states` writes against the golden files, and with sequences of unequal length. */
import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { openSafetensors, writeSafetensors } from "../files/safetensors.ts";
import { fixture } from "../fixtures.testing.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { openModel } from "./model.ts";
import { readIds, writeStates } from "./states.ts";

const folder = temporaryFolder();
const open = (name: string) => openModel(fixture(`models/${name}`), { offline: true, onDownload: () => {} });

async function tensors(
  path: string,
  names: readonly string[],
): Promise<Record<string, { shape: readonly number[]; values: Float32Array }>> {
  const file = await openSafetensors(path);
  const read: Record<string, { shape: readonly number[]; values: Float32Array }> = {};
  for (const name of names) {
    read[name] = {
      shape: file.entry(name).shape,
      values: Float32Array.from((await file.read(name)) as ArrayLike<number>, Number),
    };
  }
  await file.close();
  return read;
}

const NAMES = ["input_ids", "hidden_states", "last_block_output", "logits", "nll"] as const;

describe("states", () => {
  for (const name of ["llama-tied-bf16", "mistral-sharded", "gemma2", "gpt2"]) {
    it(`of ${name} are the golden ones`, async () => {
      const golden = fixture(`models/${name}/golden.safetensors`);
      const { spec, checkpoint } = await open(name);
      const out = folder(`${name}.safetensors`);
      await writeStates({ spec, weights: checkpoint.weights, sequences: await readIds(golden), threads: 1, out });
      const found = await tensors(out, NAMES);
      const expected = await tensors(golden, NAMES);
      for (const tensor of NAMES) {
        expect(found[tensor].shape, tensor).toEqual(expected[tensor].shape);
        const largest = expected[tensor].values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        let worst = 0;
        expected[tensor].values.forEach((value, i) => {
          worst = Math.max(worst, Math.abs(found[tensor].values[i] - value));
        });
        // The goldens' own float32 differences are of this size (fixtures/README.md).
        expect(worst, tensor).toBeLessThan(1e-5 * largest + 1e-5);
      }
      expect(readdirSync(folder())).toEqual([`${name}.safetensors`]);
    });
  }

  it("pads sequences of unequal length, and says how long they are", async () => {
    const { spec, checkpoint } = await open("llama");
    const sequences = [Int32Array.of(5, 6, 7, 8), Int32Array.of(9, 10), Int32Array.of(11)];
    const out = folder("padded.safetensors");
    await writeStates({ spec, weights: checkpoint.weights, sequences, threads: 1, out });
    const alone = folder("alone.safetensors");
    await writeStates({ spec, weights: checkpoint.weights, sequences: [sequences[1]], threads: 1, out: alone });
    const { lengths, nll, logits } = await tensors(out, ["lengths", "nll", "logits"]);
    const one = await tensors(alone, ["nll", "logits"]);
    expect([...lengths.values]).toEqual([4, 2, 1]);
    expect(nll.shape).toEqual([3, 3]);
    expect([...nll.values].map(Number.isNaN)).toEqual([false, false, false, false, true, true, true, true, true]);
    expect(nll.values[3]).toBeCloseTo(one.nll.values[0], 5);
    const row = 4 * spec.vocabulary;
    one.logits.values.forEach((value, i) => {
      expect(logits.values[row + i]).toBeCloseTo(value, 4);
    });
    expect(logits.values.slice(row + 2 * spec.vocabulary, 2 * row).every((value) => value === 0)).toBe(true);
  });

  it("refuses ids that the model does not have, and files without ids", async () => {
    const { spec, checkpoint } = await open("llama");
    const out = folder("refused.safetensors");
    const refusal = await writeStates({
      spec,
      weights: checkpoint.weights,
      sequences: [Int32Array.of(1, 2), Int32Array.of(3, 97)],
      threads: 1,
      out,
    }).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(LossyscopeError);
    expect((refusal as Error).message).toBe("id 97 at [1, 1] is outside the vocabulary of 97");
    const other = folder("other.safetensors");
    await writeSafetensors(other, [{ name: "input_ids", dtype: "I64", shape: [1, 1, 1], data: new BigInt64Array(1) }]);
    await expect(readIds(other)).rejects.toThrow("has shape [1,1,1]");
    expect(readdirSync(folder())).toEqual(["other.safetensors"]);
  });
});
