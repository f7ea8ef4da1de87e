/**
 * A model without the tokens that nothing needs as a folder in the Hugging Face layout: rows of table and head taken out, the
 * tokenizer written anew with the tokens that are left, their ids in config.json, generation_config.json and
 * tokenizer_config.json given anew.
 */
import { copyFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { systemCode } from "../../../files/faults.ts";
import { type TensorContent, writeSafetensors } from "../../../files/safetensors.ts";
import { toFloat32 } from "../../../formats/tensor-types.ts";
import { TOKENIZER_FILES } from "../../../hub/layout.ts";
import { count } from "../../../numeric/amounts.ts";
import { LossyscopeError } from "../../../numeric/errors.ts";
import { openFolder } from "../../../references/folder.ts";
import type { Kept } from "../../../squeeze/matrix.ts";
import type { TokenizedDocument } from "../../../text/corpus.ts";
import { renumberedConfig, trimmedTokenizer } from "../../../tokenizer/trim.ts";
import { namesFor } from "../rates.ts";
import { tokenSlots } from "../trim.ts";
import { valuesOf } from "../weights.ts";
import { asType, asWritten, type Chosen, TORCH_NAMES, valueBytes, valueType, type Written } from "./chosen.ts";
import { NOT_COPIED, QUANTISED, WEIGHTS } from "./folder.ts";

type Json = Record<string, unknown>;

/**
 * @param folder of the original
 * @param out a folder that is not there
 * @param kept ids that stay, rising
 * @param documents whose ids have to be what they were, given anew
 * @throws LossyscopeError `unsupported` where the tokenizer, written anew, gives others; `io`; `model`
 */
export async function writeTrimmed(
  chosen: Chosen,
  folder: string,
  out: string,
  kept: Int32Array,
  documents: readonly Pick<TokenizedDocument, "id" | "text" | "ids">[],
): Promise<Written> {
  const { point, spec, original, dtype } = chosen;
  const newIds = new Map(Array.from(kept, (id, index) => [id, index] as const));
  const tables = new Set(tokenSlots(spec).map((slot) => slot.names.find((name) => original.locate(name))!));
  await mkdir(out, { recursive: true });
  const written = ["config.json", "generation_config.json", ...TOKENIZER_FILES];
  for (const name of await readdir(folder, { withFileTypes: true }))
    if (name.isFile() && !NOT_COPIED.test(name.name) && !written.includes(name.name))
      await copyFile(join(folder, name.name), join(out, name.name));
  const rewrite = async (name: string, change: (json: Json) => object): Promise<void> => {
    const text = await readFile(join(folder, name), "utf8").catch((error: unknown) => {
      if (systemCode(error) === "ENOENT") return null;
      throw error;
    });
    if (text !== null)
      await writeFile(join(out, name), `${JSON.stringify(change(JSON.parse(text) as Json), null, 2)}\n`);
  };
  await rewrite("tokenizer.json", (json) => trimmedTokenizer(json, newIds));
  await rewrite("special_tokens_map.json", (json) => json);
  await rewrite("generation_config.json", (json) => renumberedConfig(json, newIds));
  await rewrite("tokenizer_config.json", (json) => ({
    ...json,
    ...("added_tokens_decoder" in json && {
      added_tokens_decoder: byNewIds(json.added_tokens_decoder as Json, newIds),
    }),
  }));
  await rewrite("added_tokens.json", (json) =>
    Object.fromEntries(
      Object.entries(json).flatMap(([token, id]) =>
        newIds.has(id as number) ? [[token, newIds.get(id as number)]] : [],
      ),
    ),
  );
  await rewrite("config.json", (json) => {
    const config = { ...renumberedConfig(json, newIds), vocab_size: kept.length } as Json;
    for (const key of QUANTISED) delete config[key];
    if (dtype !== null) for (const key of ["torch_dtype", "dtype"]) if (key in config) config[key] = TORCH_NAMES[dtype];
    return config;
  });
  const tensors = [...namesFor(spec, original)].map((name): TensorContent => {
    const { shape } = original.locate(name)!;
    const type = valueType(chosen, name);
    if (!tables.has(name)) return { name, dtype: type, shape, data: valueBytes(chosen, name) };
    return { name, dtype: type, shape: [kept.length, ...shape.slice(1)], data: rowsOf(chosen, name, kept) };
  });
  await writeSafetensors(join(out, WEIGHTS), tensors, { format: "pt", squeezed: point });
  const model = await openFolder(out, { name: point, revision: null });
  await requireSameIds(model, documents, newIds);
  return {
    model,
    async expected(name) {
      const values = asWritten(chosen, name, await valuesOf(original, name));
      if (!tables.has(name)) return values;
      const row = values.length / original.locate(name)!.shape[0];
      const result = new Float32Array(kept.length * row);
      for (const [to, id] of kept.entries()) result.set(values.subarray(id * row, (id + 1) * row), to * row);
      return result;
    },
  };
}

const byNewIds = (tokens: Json, newIds: ReadonlyMap<number, number>): Json =>
  Object.fromEntries(
    Object.entries(tokens).flatMap(([id, token]) => (newIds.has(Number(id)) ? [[newIds.get(Number(id))!, token]] : [])),
  );

/** Rows of a table, those next to each other together. */
async function* rowsOf(chosen: Chosen, name: string, kept: Int32Array): AsyncGenerator<Uint8Array> {
  const { original } = chosen;
  const { dtype, bytes, shape } = original.locate(name)!;
  const row = bytes / shape[0];
  const type = valueType(chosen, name);
  for (let from = 0; from < kept.length; ) {
    let to = from + 1;
    while (to < kept.length && kept[to] === kept[to - 1] + 1 && (to - from) * row < 1 << 22) to++;
    const piece = await original.read(name, kept[from] * row, (kept[to - 1] + 1) * row);
    yield type === dtype ? piece : asType(type as Kept, toFloat32(dtype, piece), name);
    from = to;
  }
}

/** @throws LossyscopeError `unsupported` where a document becomes other tokens than it was */
async function requireSameIds(
  model: Written["model"],
  documents: readonly Pick<TokenizedDocument, "id" | "text" | "ids">[],
  newIds: ReadonlyMap<number, number>,
): Promise<void> {
  const tokenizer = await model.tokenizer();
  for (const { id, text, ids } of documents) {
    const found = tokenizer.encode(text).ids;
    const at = found.length === ids.length ? ids.findIndex((token, i) => newIds.get(token) !== found[i]) : 0;
    if (at < 0) continue;
    throw new LossyscopeError(
      "unsupported",
      `the tokenizer without the tokens that are gone cuts document "${id}" into ${count(found.length)} tokens, where it was ${count(ids.length)}`,
      "keep the vocabulary whole",
    );
  }
}
