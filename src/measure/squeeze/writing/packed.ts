/**
 * Matrices as compressed-tensors' `pack-quantized` has them: codes of 4 or 8 bits in 32-bit words, a float16 scale a group or
 * row, zero points packed likewise. What is packed are the matrices of the blocks: the table of embeddings and the head are
 * written as values, as in the files that people publish, since what runs such folders looks rows of a table up as they are.
 */
import type { TensorContent } from "../../../files/safetensors.ts";
import { type ModelMatrix, matricesOf, matrixName } from "../../../models/matrices.ts";
import { packColumns, packRows } from "../../../models/quantised/pack.ts";
import type { DecoderSpec } from "../../../models/spec.ts";
import { count } from "../../../numeric/amounts.ts";
import { LossyscopeError } from "../../../numeric/errors.ts";
import { type Rounded, type Rounding, rounded } from "../../../squeeze/round.ts";
import { nameOf, type Transform } from "../../../squeeze/transform.ts";
import { nameIn, valuesOf } from "../weights.ts";
import type { Chosen } from "./chosen.ts";

/** A matrix of a block, and how it is rounded. */
export interface Packable {
  readonly matrix: ModelMatrix;
  readonly rounding: Rounding;
}

type Bits = 4 | 8;
const BITS: readonly number[] = [4, 8];

/**
 * Refuses what such a folder cannot hold.
 * @throws LossyscopeError `unsupported` with what would do
 */
export function refuseUnpackable(jobs: ReadonlyMap<ModelMatrix, Transform>): void {
  const inBlocks = [...jobs].filter(([{ block }]) => block !== null);
  const refuse = (what: string, next: string): LossyscopeError =>
    new LossyscopeError("unsupported", `compressed-tensors packs ${what}`, next);
  for (const [matrix, transform] of inBlocks) {
    const name = nameOf(transform);
    if (transform.kind !== "round" || !BITS.includes(transform.bits))
      throw refuse(
        `whole codes of ${BITS.join(" or ")} bits, and ${name} is none of them`,
        "choose a point such as q4g32, or write values (--format safetensors)",
      );
    if (matrix.layout === "in-out" || matrix.stack > 1)
      throw refuse(
        `linear maps with a row an output, and ${matrixName(matrix)} is ${matrix.stack > 1 ? `a stack of ${count(matrix.stack)}` : "stored with a row an input"}`,
        "write values (--format safetensors), or GGUF",
      );
  }
  if (inBlocks.length === 0) throw refuse("the matrices of the blocks, and none of them is changed", "spare less");
}

/** Tensors that are written as codes, by name. @throws LossyscopeError as `refuseUnpackable` */
export function packable({ original, jobs }: Pick<Chosen, "original" | "jobs">): ReadonlyMap<string, Packable> {
  refuseUnpackable(jobs);
  return new Map(
    [...jobs].flatMap(([matrix, transform]) =>
      matrix.block === null || transform.kind !== "round"
        ? []
        : [[nameIn(original, matrix), { matrix, rounding: transform }] as const],
    ),
  );
}

/** The tensors that one matrix becomes. Memory: its values, codes and scales, until the last of them is written. */
export function packedTensors(
  { original, signal }: Chosen,
  name: string,
  { matrix, rounding }: Packable,
): TensorContent[] {
  const { rows, columns } = matrix;
  const { bits: width, group, symmetric } = rounding;
  const bits = width as Bits;
  const groups = columns / (group ?? columns);
  let found: Promise<Rounded> | undefined;
  const made = (): Promise<Rounded> =>
    (found ??= valuesOf(original, name, signal).then((values) => rounded({ rows, columns, values }, rounding)));
  const later = async function* (data: (made: Rounded) => ArrayBufferView): AsyncGenerator<ArrayBufferView> {
    yield data(await made());
  };
  const words = (length: number): number => Math.ceil((length * bits) / 32);
  return [
    {
      ...{ name: `${name}_packed`, dtype: "I32", shape: [rows, words(columns)] },
      data: later(({ codes }) => packRows(codes, rows, columns, bits)),
    },
    { name: `${name}_scale`, dtype: "F16", shape: [rows, groups], data: later(({ scales }) => scales) },
    ...(symmetric
      ? []
      : [
          {
            ...{ name: `${name}_zero_point`, dtype: "I32" as const, shape: [words(rows), groups] },
            data: later(({ zeros }) => packColumns(zeros!, rows, groups, bits)),
          },
        ]),
    {
      ...{ name: `${name}_shape`, dtype: "I64", shape: [2] },
      data: later(() => {
        found = undefined;
        return BigInt64Array.of(BigInt(rows), BigInt(columns));
      }),
    },
  ];
}

const moduleOf = (tensor: string): string => tensor.replace(/\.weight$/, "");

/** What config.json says of them. */
export function quantisationConfig(spec: DecoderSpec, packed: ReadonlyMap<string, Packable>): object {
  const kinds = new Map<string, { readonly rounding: Rounding; readonly modules: string[] }>();
  for (const [name, { rounding }] of packed) {
    const called = nameOf({ kind: "round", ...rounding });
    const kind = kinds.get(called) ?? { rounding, modules: [] };
    kind.modules.push(moduleOf(name));
    kinds.set(called, kind);
  }
  const linears = matricesOf(spec).filter(({ block }) => block !== null);
  const left = linears
    .filter(({ slot }) => !slot.names.some((name) => packed.has(name)))
    .map(({ slot }) => moduleOf(slot.names[0]));
  const heads = [...new Set(["lm_head", ...spec.head.linear.weight.names.map(moduleOf)])].filter(
    (name) => !spec.embedding.tokens.names.includes(`${name}.weight`),
  );
  // One kind of all linear maps is said so; of several each is told by the names that have it.
  const targetsOf = (modules: readonly string[]): readonly string[] => (kinds.size === 1 ? ["Linear"] : modules);
  return {
    quant_method: "compressed-tensors",
    format: "pack-quantized",
    quantization_status: "compressed",
    config_groups: Object.fromEntries(
      [...kinds.values()].map(({ rounding: { bits, group, symmetric }, modules }, index) => [
        `group_${index}`,
        {
          targets: targetsOf(modules),
          weights: {
            ...{ num_bits: bits, type: "int", symmetric, dynamic: false, actorder: null },
            ...(group === null ? { strategy: "channel", group_size: null } : { strategy: "group", group_size: group }),
          },
          input_activations: null,
          output_activations: null,
        },
      ]),
    ),
    ignore: [...heads, ...left],
    kv_cache_scheme: null,
  };
}
