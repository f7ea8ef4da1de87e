/**
 * A point as a GGUF file. Of a GGUF its metadata is kept as it is, tokenizer and all, and every tensor that was not changed; of
 * a folder both are made (`models/gguf/written.ts`, `tokenizer/gguf/written.ts`). What was changed is written in the type of
 * its blocks; symmetric rounding in groups of whole blocks of 32 as Q4_0, Q5_0 or Q8_0, which hold its codes and scales
 * exactly; everything else as values.
 */

import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { type GgufContent, readGgufFile, writeGgufFile } from "../../../files/gguf.ts";
import { readRange } from "../../../files/ranges.ts";
import { type PackedBlock, packedBlocks } from "../../../formats/blocks/packed.ts";
import { quantise } from "../../../formats/blocks/quantise.ts";
import type { BlockType } from "../../../formats/blocks/types.ts";
import { type GgufPair, text, u32 } from "../../../formats/gguf/write.ts";
import { type Dtype, fromFloat32, toFloat32 } from "../../../formats/tensor-types.ts";
import { ggufNames } from "../../../models/gguf/model.ts";
import { ggufOfFolder, type WrittenGguf } from "../../../models/gguf/written.ts";
import type { ModelMatrix } from "../../../models/matrices.ts";
import { openGguf } from "../../../models/sources/gguf.ts";
import { piecesOf } from "../../../models/sources/tensor-source.ts";
import { LossyscopeError } from "../../../numeric/errors.ts";
import { openGgufModel } from "../../../references/gguf.ts";
import { transposed } from "../../../squeeze/low-rank.ts";
import type { Kept } from "../../../squeeze/matrix.ts";
import { rounded } from "../../../squeeze/round.ts";
import type { Transform } from "../../../squeeze/transform.ts";
import { readChatTemplates } from "../../../tokenizer/chat.ts";
import { writtenTokenizer } from "../../../tokenizer/gguf/written.ts";
import { loadDefinition } from "../../../tokenizer/tokenizer.ts";
import { namesFor } from "../rates.ts";
import { nameIn, valuesOf } from "../weights.ts";
import { asType, type Chosen, type Written } from "./chosen.ts";

/** The number that files of one type call themselves by (llama.cpp's `llama_ftype`). */
const FILE_TYPES: Readonly<Partial<Record<Dtype, number>>> = {
  ...{ F32: 0, F16: 1, BF16: 32 },
  ...{ Q4_0: 2, Q8_0: 7, Q5_0: 8, Q2_K: 10, Q3_K: 11, Q4_K: 14, Q5_K: 16, Q6_K: 18 },
};

/** The type of blocks that a matrix so changed is written in; null: its values are. */
export function blocksFor(transform: Transform, { columns }: Pick<ModelMatrix, "columns">): BlockType | null {
  if (transform.kind === "blocks") return transform.type;
  if (transform.kind !== "round" || !transform.symmetric || (transform.group ?? columns) % 32 !== 0) return null;
  return transform.bits <= 4 ? "Q4_0" : transform.bits === 5 ? "Q5_0" : "Q8_0";
}

/** A tensor of the original that stands in the file, or in a part of one. */
interface Part {
  /** its name in the original */
  readonly name: string;
  readonly change: { readonly matrix: ModelMatrix; readonly transform: Transform } | null;
  /** where the file has them otherwise: the original's row of each row */
  readonly rows: readonly number[] | null;
  readonly isTurned: boolean;
}

/** A tensor of the file. */
interface Planned {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly parts: readonly Part[];
  /** whether bytes of the original are copied */
  readonly isKept: boolean;
}

/** What a file is made of. */
interface Plan {
  readonly metadata: readonly (readonly [key: string, value: GgufPair])[];
  readonly tensors: readonly Planned[];
  readonly further: readonly { readonly name: string; readonly values: Float32Array }[];
}

/**
 * Refuses, before anything is read, what would not become a file.
 * @throws LossyscopeError `unsupported` naming what the format, or llama.cpp, has no place for
 */
export async function refuseUnwritableGguf({
  model,
  spec,
  original,
}: Pick<Chosen, "model" | "spec" | "original">): Promise<void> {
  if (model.folder === null) return void (await sourceOf({ original }));
  ggufOfFolder(spec, original);
  await tokenizerPairs(model, model.folder);
}

/**
 * @param out a file that is not there
 * @param texts whose ids the tokenizer of the file has to give
 * @throws LossyscopeError as `refuseUnwritableGguf`; `io`; `model` where what was written does not open
 */
export async function writeGguf(chosen: Chosen, out: string, texts: readonly string[]): Promise<Written> {
  const { point, model } = chosen;
  const { metadata, tensors, further } =
    model.folder === null ? await planOfGguf(chosen) : await planOfFolder(chosen, model.folder, texts);
  const types = tensors
    .filter(({ shape }) => shape.length > 1)
    .map(({ dtype, shape }) => ({ dtype, values: product(shape) }));
  const most = types.reduce((a, b) => (b.values > a.values ? b : a)).dtype;
  await mkdir(dirname(out), { recursive: true });
  await writeGgufFile(
    out,
    [
      ...metadata,
      ["general.quantization_version", u32(2)],
      ...(FILE_TYPES[most] === undefined ? [] : [["general.file_type", u32(FILE_TYPES[most])] as const]),
    ],
    [
      ...tensors.map((tensor) => ({ ...tensor, data: bytesOf(chosen, tensor) })),
      ...further.map(
        ({ name, values }): GgufContent => ({
          name,
          dtype: "F32",
          shape: [values.length],
          data: [asType("F32", values, name)],
        }),
      ),
    ],
  );
  const written = await openGgufModel(out, { name: point, revision: null });
  const parts = new Map<string, { readonly part: Part; readonly dtype: Dtype }>();
  const names = ggufNames(await openGguf(out));
  for (const { name, parts: own, dtype } of tensors)
    for (const [index, called] of names.get(name)!.entries()) parts.set(called, { part: own[index], dtype });
  return {
    model: written,
    async expected(name) {
      const { part, dtype } = parts.get(name)!;
      const values = await laidOut(chosen, part);
      return part.change && isKept(dtype) ? toFloat32(dtype, Uint8Array.from(fromFloat32(dtype, values))) : values;
    },
  };
}

const isKept = (dtype: Dtype): dtype is Kept => dtype === "F32" || dtype === "F16" || dtype === "BF16";
const product = (shape: readonly number[]): number => shape.reduce((size, one) => size * one, 1);

/** The point's values of a part, as the file lays them out. */
async function laidOut(
  { weights, original, signal }: Chosen,
  { name, rows, isTurned }: Part,
  from = weights,
): Promise<Float32Array> {
  const { shape } = original.locate(name)!;
  const stored = await valuesOf(from, name, signal);
  const values = isTurned ? transposed(stored, shape[0], shape[1]) : stored;
  if (!rows) return values;
  const length = values.length / rows.length;
  const result = new Float32Array(values.length);
  for (const [to, row] of rows.entries()) result.set(values.subarray(row * length, (row + 1) * length), to * length);
  return result;
}

async function* bytesOf(chosen: Chosen, { name, dtype, parts, isKept: isCopied }: Planned): AsyncGenerator<Uint8Array> {
  const { original, signal } = chosen;
  for (const part of parts) {
    if (isCopied) yield* piecesOf(original, part.name, signal);
    else if (part.change && !isKept(dtype)) {
      const { matrix, transform } = part.change;
      yield blockBytes(dtype as BlockType, transform, matrix, await laidOut(chosen, part, original));
    } else yield asType(dtype as Kept, await laidOut(chosen, part), name);
  }
}

function blockBytes(
  type: BlockType,
  transform: Transform,
  { rows, columns, stack }: ModelMatrix,
  values: Float32Array,
): Uint8Array {
  if (transform.kind === "blocks") return quantise(transform.type, values);
  if (transform.kind !== "round") throw new Error(`${transform.kind} has no blocks`);
  const { codes, scales } = rounded({ rows: rows * stack, columns, values }, transform);
  const group = transform.group ?? columns;
  return packedBlocks(type as PackedBlock, { codes, middle: 2 ** (transform.bits - 1), scales, group });
}

/** The type that a tensor is written in; null: that of the original, whose bytes are copied. */
function typeOf({ dtype }: Pick<Chosen, "dtype">, { change }: Part): Dtype | null {
  return change && (blocksFor(change.transform, change.matrix) ?? dtype ?? "F32");
}

const changesOf = ({ original, jobs }: Chosen): ReadonlyMap<string, NonNullable<Part["change"]>> =>
  new Map([...jobs].map(([matrix, transform]) => [nameIn(original, matrix), { matrix, transform }]));

/** Keys that tell of another file than this one becomes. */
const NOT_KEPT = /^(?:split\.|quantize\.|general\.(?:file_type|quantization_version|alignment)$)/;

/** The file that a GGUF model is in, or the first of them. */
async function sourceOf({ original }: Pick<Chosen, "original">) {
  const [name] = original.names();
  const opened = await openGguf(original.locate(name)!.file);
  const first = await readGgufFile(opened.weightFiles[0].path);
  if (first.header.byteOrder === "little") return { ...opened, first };
  throw new LossyscopeError(
    "unsupported",
    "the original is a big-endian GGUF file, whose metadata is not written again",
    "use the little-endian file of the same model",
  );
}

async function planOfGguf(chosen: Chosen): Promise<Plan> {
  const { spec, original } = chosen;
  const { metadata, source, first } = await sourceOf(chosen);
  const changes = changesOf(chosen);
  const used = namesFor(spec, original);
  const called = ggufNames({ metadata, source });
  const pairs: (readonly [string, GgufPair])[] = [];
  for (const [key, [begin, end]] of first.header.places)
    if (!NOT_KEPT.test(key)) pairs.push([key, { bytes: await readRange(first.path, begin, end - begin) }]);
  const tensors: Planned[] = [];
  const further: { name: string; values: Float32Array }[] = [];
  for (const name of source.names()) {
    const { dtype, shape } = source.locate(name)!;
    const names = called.get(name);
    if (!names) further.push({ name, values: await valuesOf(source, name) });
    // A head that is the table once more is left out where the table stands for both.
    else if (names.every((one) => used.has(one))) {
      const parts = names.map(
        (one): Part => ({ name: one, change: changes.get(one) ?? null, rows: null, isTurned: false }),
      );
      const type = typeOf(chosen, parts[0]);
      tensors.push({ name, dtype: type ?? dtype, shape, parts, isKept: type === null });
    }
  }
  return { metadata: pairs, tensors, further };
}

async function planOfFolder(chosen: Chosen, folder: string, texts: readonly string[]): Promise<Plan> {
  const { model, spec, original } = chosen;
  const written: WrittenGguf = ggufOfFolder(spec, original);
  const changes = changesOf(chosen);
  const tensors = written.tensors.map(({ name, folder: own, rows, isTurned }): Planned => {
    const { dtype, shape, isComputed } = original.locate(own)!;
    const part: Part = { name: own, change: changes.get(own) ?? null, rows, isTurned };
    // llama.cpp adds and scales by vectors of float32 alone.
    const stored = shape.length > 1 && !isComputed && isKept(dtype) ? dtype : "F32";
    return {
      name,
      dtype: typeOf(chosen, part) ?? stored,
      shape: isTurned ? shape.toReversed() : shape,
      parts: [part],
      isKept: false,
    };
  });
  return {
    metadata: [
      ...written.metadata,
      ["general.type", text("model")],
      ["general.name", text(model.name)],
      ...(await tokenizerPairs(model, folder, texts)),
      ...(await templatePairs(folder)),
    ],
    tensors,
    further: written.further,
  };
}

async function tokenizerPairs(
  { config, vocabulary, tokenizer }: Chosen["model"],
  folder: string,
  texts: readonly string[] = [],
) {
  const { pairs } = writtenTokenizer(await loadDefinition(folder, config), await tokenizer(), vocabulary, texts);
  return pairs;
}

/** The template of conversations, where there is one. */
async function templatePairs(folder: string): Promise<(readonly [string, GgufPair])[]> {
  const { templates } = await readChatTemplates(folder).catch((error: unknown) => {
    if (error instanceof LossyscopeError && error.fault === "unsupported")
      return { templates: new Map<string, string>() };
    throw error;
  });
  const further = [...templates.keys()].filter((name) => name !== "default");
  return [
    ...[...templates].map(
      ([name, template]) => [`tokenizer.chat_template${name === "default" ? "" : `.${name}`}`, text(template)] as const,
    ),
    ...(further.length > 0 ? [["tokenizer.chat_templates", { of: "string", values: further }] as const] : []),
  ];
}
