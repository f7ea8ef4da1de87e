/** What `states` writes against the golden files, and which row each token of a text is. */
import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../files/folder.testing.ts";
import { openSafetensors, writeSafetensors } from "../../files/safetensors.ts";
import { fixture } from "../../fixtures.testing.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import { decoderOf } from "../../ports/model.ts";
import { openModel } from "../../references/open.ts";
import type { Prefix } from "../../text/corpus.ts";
import { passagesOfDocuments, passagesOfIds, readIds, writeStates } from "./states.ts";

const folder = temporaryFolder();
const open = async (name: string) =>
  decoderOf(await openModel(fixture(`models/${name}`), { offline: true, onDownload: () => {} }))!;

interface Read {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

async function tensors<Name extends string>(path: string, names: readonly Name[]): Promise<Record<Name, Read>> {
  const file = await openSafetensors(path);
  try {
    const read = names.map(async (name) => {
      const values = Float32Array.from((await file.read(name)) as ArrayLike<number>, Number);
      return [name, { shape: file.entry(name).shape, values }] as const;
    });
    return Object.fromEntries(await Promise.all(read)) as Record<Name, Read>;
  } finally {
    await file.close();
  }
}

/** [L+1,B,S,d], as the golden files have it, from rows [B·S,L+1,d]. */
function byLayer({ shape: [rows, layers, width], values }: Read): Float32Array {
  const turned = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let layer = 0; layer < layers; layer++) {
      const own = values.subarray((row * layers + layer) * width, (row * layers + layer + 1) * width);
      turned.set(own, (layer * rows + row) * width);
    }
  }
  return turned;
}

describe("states", () => {
  for (const name of ["llama-tied-bf16", "mistral-sharded", "gemma2", "gpt2"]) {
    it(`of ${name} are the golden ones`, async () => {
      const golden = fixture(`models/${name}/golden.safetensors`);
      const { spec, weights } = await open(name);
      const out = folder(`${name}.safetensors`);
      const sequences = await readIds(golden);
      const passages = passagesOfIds(sequences);
      const rows = await writeStates({ spec, weights, passages, threads: 1, out });
      expect(rows).toBe(sequences.length * sequences[0].length);
      const found = await tensors(out, ["token_ids", "doc", "hidden_states", "last_block_output", "logits", "nll"]);
      const expected = await tensors(golden, ["input_ids", "hidden_states", "last_block_output", "logits", "nll"]);
      expect([...found.token_ids.values]).toEqual([...expected.input_ids.values]);
      expect([...found.doc.values]).toEqual(sequences.flatMap((ids, d) => [...ids].map(() => d)));
      expect(found.hidden_states.shape).toEqual([rows, spec.blocks.length + 1, spec.width]);
      const length = sequences[0].length;
      const pairs = {
        hidden_states: byLayer(found.hidden_states),
        last_block_output: found.last_block_output.values,
        logits: found.logits.values,
        // a sequence's first token costs ln V, which the golden files leave out
        nll: found.nll.values.filter((_, row) => row % length > 0),
      };
      for (const tensor of ["hidden_states", "last_block_output", "logits", "nll"] as const) {
        const values = pairs[tensor];
        const wanted = expected[tensor].values;
        expect(values.length, tensor).toBe(wanted.length);
        const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        let worst = 0;
        wanted.forEach((value, i) => {
          worst = Math.max(worst, Math.abs(values[i] - value));
        });
        // The goldens' own float32 differences are of this size (fixtures/README.md).
        expect(worst, tensor).toBeLessThan(1e-5 * largest + 1e-5);
      }
      expect(found.nll.values[0]).toBeCloseTo(Math.log(spec.vocabulary), 6);
      expect(readdirSync(folder())).toEqual([`${name}.safetensors`]);
    });
  }

  it("take every token once, in its window, with the prefix where the tokenizer adds one", async () => {
    const { spec, weights } = await open("llama");
    const ids = Int32Array.of(5, 6, 7, 8, 9, 10, 11);
    const documents = [
      { index: 0, domain: "a", ids },
      { index: 1, domain: "a", ids: new Int32Array() },
      { index: 2, domain: "b", ids: ids.slice(0, 2) },
    ];
    const windows = { context: 4, overlap: 1 };
    const write = async (name: string, prefix: Prefix | null, logits = true) => {
      const passages = passagesOfDocuments(documents, prefix, windows);
      const out = folder(name);
      await writeStates({ spec, weights, passages, threads: 1, out, logits });
      return { passages, ...(await tensors(out, ["token_ids", "doc", "nll", "last_block_output"])) };
    };
    const row = (block: { values: Float32Array }, at: number) =>
      [...block.values.subarray(at * spec.width, (at + 1) * spec.width)].map((value) => expect.closeTo(value, 5));

    const plain = await write("plain.safetensors", null);
    expect([...plain.token_ids.values]).toEqual([...ids, 5, 6]);
    expect([...plain.doc.values]).toEqual([0, 0, 0, 0, 0, 0, 0, 2, 2]);
    expect(plain.nll.values[0]).toBe(Math.fround(Math.log(spec.vocabulary)));
    expect(plain.nll.values[1]).toBe(plain.nll.values[8]);
    expect(row(plain.last_block_output, 1)).toEqual([...plain.last_block_output.values.subarray(8 * spec.width)]);

    const opened = await write("opened.safetensors", { id: 1, addedByTokenizer: false });
    expect(opened.token_ids.values).toEqual(plain.token_ids.values);
    expect(opened.nll.values[0]).not.toBeCloseTo(Math.log(spec.vocabulary), 3);

    const added = await write("added.safetensors", { id: 1, addedByTokenizer: true });
    expect([...added.token_ids.values]).toEqual([1, ...ids, 1, 5, 6]);
    expect(added.nll.values[0]).toBe(0);
    expect([...added.nll.values.subarray(1, 8)]).toEqual([...opened.nll.values.subarray(0, 7)]);

    // the fifth token of the second window [1, 7, 8, 9]: run by itself
    const second = opened.passages[1];
    expect([...second.ids]).toEqual([1, 7, 8, 9]);
    const alone = folder("alone.safetensors");
    const passages = passagesOfIds([second.ids]);
    await writeStates({ spec, weights, passages, threads: 1, out: alone });
    const { nll, last_block_output } = await tensors(alone, ["nll", "last_block_output"]);
    expect(opened.nll.values[4]).toBeCloseTo(nll.values[3], 5);
    expect(row(opened.last_block_output, 4)).toEqual([...last_block_output.values.subarray(3 * spec.width)]);

    await write("small.safetensors", null, false);
    await expect(tensors(folder("small.safetensors"), ["logits"])).rejects.toThrow('no tensor "logits"');
  });

  it("refuses ids that the model does not have, and files without ids", async () => {
    const { spec, weights } = await open("llama");
    const out = folder("refused.safetensors");
    const refusal = await writeStates({
      spec,
      weights,
      passages: passagesOfIds([Int32Array.of(1, 2), Int32Array.of(3, 97)]),
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
