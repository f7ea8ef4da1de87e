/** What a model's matrices are stored as, by their kind: the same one of every block is one kind. */
import type { Dtype } from "../../formats/tensor-types.ts";
import type { TensorSource } from "../sources/tensor-source.ts";

export interface MatrixKind {
  /** `attn_q`, `self_attn.q_proj`, `token_embd`: the name that the file has, without block and ending */
  readonly kind: string;
  readonly tensors: number;
  readonly parameters: number;
  readonly bytes: number;
  readonly bitsPerParameter: number;
  /** most bytes first */
  readonly types: readonly Dtype[];
}

/** How a tensor is kept. */
interface Kept {
  /** of all that it is made of */
  readonly bytes: number;
  readonly dtype: Dtype;
}

/** Without block, expert and ending. */
const kindOf = (name: string): string =>
  name
    .replace(/^.*?\b(?:blk|layers|h|blocks)\.\d+\./, "")
    .replace(/\.\d+\./g, ".")
    .replace(/\.weight$/, "");

/**
 * @param keptOf where a tensor is kept otherwise than its source gives it
 * @returns kinds of tensors of two dimensions and more, most bytes first
 */
export function matrixKinds(
  source: TensorSource,
  keptOf: (name: string) => Kept = (name) => source.locate(name)!,
): readonly MatrixKind[] {
  const kinds = new Map<string, { tensors: number; parameters: number; bytes: number; types: Map<Dtype, number> }>();
  for (const name of source.names()) {
    const { shape } = source.locate(name)!;
    if (shape.length < 2) continue;
    const { dtype, bytes } = keptOf(name);
    const kind = kindOf(name);
    const found = kinds.get(kind) ?? { tensors: 0, parameters: 0, bytes: 0, types: new Map() };
    found.tensors++;
    found.parameters += shape.reduce((product, size) => product * size, 1);
    found.bytes += bytes;
    found.types.set(dtype, (found.types.get(dtype) ?? 0) + bytes);
    kinds.set(kind, found);
  }
  return [...kinds]
    .map(([kind, { types, ...counted }]) => ({
      kind,
      ...counted,
      bitsPerParameter: counted.parameters === 0 ? 0 : (8 * counted.bytes) / counted.parameters,
      types: [...types].sort(([, a], [, b]) => b - a).map(([type]) => type),
    }))
    .sort((a, b) => b.bytes - a.bytes || (a.kind < b.kind ? -1 : 1));
}
