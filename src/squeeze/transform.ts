/**
 * What can be done to the matrices of a model, by the names that people and files have for it, and the doing of it to one.
 * `q4g32`: 4 bits, groups of 32, symmetric; `q4g32a`: asymmetric; `q4row`: a row is a group. `Q4_K`: a GGUF type. `prune50`:
 * half of the values, by size; `wanda50`: by size and inputs; `2:4`, `wanda2:4`. `rank0.9`: nine tenths of each matrix's energy;
 * `rank128`; `svdllm0.9`: by what it does to the inputs.
 */
import { dequantise } from "../formats/blocks/dequantise.ts";
import { quantise, WRITTEN_BLOCKS, type WrittenBlock } from "../formats/blocks/quantise.ts";
import { BLOCKS } from "../formats/blocks/types.ts";
import { count, counted } from "../numeric/amounts.ts";
import { LossyscopeError, shown, unreachable } from "../numeric/errors.ts";
import { type Decomposition, decompose, decomposeWhitened, lowRank, type Rank } from "./low-rank.ts";
import { type Kept, type Matrix, type Squeezed, sizeOf } from "./matrix.ts";
import { prune } from "./prune.ts";
import { type Rounding, roundToNearest } from "./round.ts";

export type Transform =
  | ({ readonly kind: "round" } & Rounding)
  | { readonly kind: "blocks"; readonly type: WrittenBlock }
  /** `inputs`: whether importance is weighed by what the inputs are like */
  | { readonly kind: "prune"; readonly share: number; readonly inputs: boolean }
  | { readonly kind: "pattern"; readonly keep: number; readonly of: number; readonly inputs: boolean }
  | { readonly kind: "rank"; readonly rank: Rank; readonly inputs: boolean };

export function nameOf(transform: Transform): string {
  switch (transform.kind) {
    case "round": {
      const { bits, group, symmetric } = transform;
      return `q${bits}${group === null ? "row" : `g${group}`}${symmetric ? "" : "a"}`;
    }
    case "blocks":
      return transform.type;
    case "prune":
      return `${transform.inputs ? "wanda" : "prune"}${Math.round(100 * transform.share)}`;
    case "pattern":
      return `${transform.inputs ? "wanda" : ""}${transform.keep}:${transform.of}`;
    case "rank":
      return `${transform.inputs ? "svdllm" : "rank"}${"rank" in transform.rank ? transform.rank.rank : transform.rank.energy}`;
    default:
      return unreachable(transform);
  }
}

const MOST_GROUP = 2 ** 20;

/** @throws LossyscopeError `usage` where nothing is called so */
export function transformNamed(name: string): Transform {
  const blocks = WRITTEN_BLOCKS.find((type) => type.toLowerCase() === name.toLowerCase());
  if (blocks) return { kind: "blocks", type: blocks };
  const round = /^q([2-8])(?:g(\d{1,7})|row)(a?)$/.exec(name);
  if (round) {
    const [, bits, group, asymmetric] = round;
    const size = group === undefined ? null : Number(group);
    if (size === null || (size >= 1 && size <= MOST_GROUP))
      return { kind: "round", bits: Number(bits), group: size, symmetric: asymmetric === "" };
  }
  const pruned = /^(prune|wanda)(\d{1,2})$/.exec(name);
  if (pruned && Number(pruned[2]) > 0)
    return { kind: "prune", share: Number(pruned[2]) / 100, inputs: pruned[1] === "wanda" };
  const pattern = /^(wanda)?(\d{1,2}):(\d{1,2})$/.exec(name);
  if (pattern) {
    const [keep, of] = [Number(pattern[2]), Number(pattern[3])];
    if (keep >= 1 && keep < of && of <= 16) return { kind: "pattern", keep, of, inputs: pattern[1] !== undefined };
  }
  const rank = /^(rank|svdllm)(0\.\d{1,6}|[1-9]\d{0,6})$/.exec(name);
  if (rank) {
    const value = Number(rank[2]);
    if (value > 0)
      return { kind: "rank", rank: value < 1 ? { energy: value } : { rank: value }, inputs: rank[1] === "svdllm" };
  }
  throw new LossyscopeError(
    "usage",
    `nothing that a model can be squeezed by is called ${shown(name)}`,
    `write q4g32, q4g32a, q4row, ${WRITTEN_BLOCKS.join(", ")}, prune50, 2:4, rank0.9 or rank128, or, with --calibration, wanda50, wanda2:4 or svdllm0.9`,
  );
}

/** Whether a transform is for all matrices, the embedding's and the head's too, or for those of the blocks alone. */
export const isForAll = ({ kind }: Transform): boolean => kind === "round" || kind === "blocks";

/** What a matrix was given to multiply over the calibration text. */
export interface Inputs {
  /** [columns] Σ x² */
  readonly squares: Float64Array;
  /** lower triangle of Σ x xᵀ, [columns (columns + 1) / 2]; absent where it was not asked for */
  readonly moments?: Float64Array;
}

/** Whether a transform goes by what the inputs of a matrix are like. */
export const isByInputs = (transform: Transform): boolean => "inputs" in transform && transform.inputs;

/** What one matrix is done to with beside itself. */
export interface Given {
  /** type that its values are kept in where they are not made into codes */
  readonly kept: Kept;
  readonly inputs?: Inputs;
  /** made before, for another rank */
  readonly decomposition?: Decomposition;
}

/** A matrix by its shape, with what people call it. */
export interface Named {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
}

/** Sizes of groups that people use, and that divide all of these rows. */
function dividing(matrices: readonly Named[]): readonly number[] {
  const common = matrices.reduce((a, { columns }) => {
    let [x, y] = [a, columns];
    while (y > 0) [x, y] = [y, x % y];
    return x;
  }, 0);
  return [16, 32, 48, 64, 96, 128, 192, 256].filter((size) => common % size === 0);
}

/**
 * Refuses what cannot be done to all of some matrices, before any is read.
 * @throws LossyscopeError `usage` with the shapes, and what would do
 */
export function refuseMisfits(transform: Transform, matrices: readonly Named[]): void {
  const name = nameOf(transform);
  const group = groupOf(transform);
  if (group !== null) {
    const misfits = matrices.filter(({ columns }) => columns % group !== 0);
    if (misfits.length > 0) {
      const [{ name: first, columns }] = misfits;
      const sizes = dividing(matrices);
      throw new LossyscopeError(
        "usage",
        `${name} takes groups of ${count(group)} values of a row, which do not divide the ${count(columns)} inputs of ${first}, nor the rows of ${count(misfits.length)} of ${counted(matrices.length, "tensor")} in all`,
        transform.kind === "round"
          ? `choose ${sizes.length > 0 ? `${sizes.join(", ")} or ` : ""}whole rows (--groups row)`
          : "choose a type of smaller blocks, or rounding in groups that do",
      );
    }
  }
  if (transform.kind !== "rank" || !("rank" in transform.rank)) return;
  const asked = transform.rank.rank;
  const full = Math.max(...matrices.map(({ rows, columns }) => Math.min(rows, columns)));
  const most = Math.min(...matrices.map(({ rows, columns }) => Math.min(rows, columns)));
  if (asked <= most) return;
  const low = matrices.find(({ rows, columns }) => Math.min(rows, columns) === most)!;
  throw new LossyscopeError(
    "usage",
    asked > full
      ? `${name}: no matrix of the model has more than rank ${count(full)}`
      : `${name}: ${low.name} is ${count(low.rows)} × ${count(low.columns)} and has rank ${count(most)} at most`,
    `ask for at most ${count(most)}, or for a share of each matrix's energy such as --rank 0.9`,
  );
}

/** Values of a row that belong together; null where any row will do. */
function groupOf(transform: Transform): number | null {
  if (transform.kind === "round") return transform.group;
  if (transform.kind === "blocks") return BLOCKS[transform.type].values;
  return transform.kind === "pattern" ? transform.of : null;
}

/** @throws LossyscopeError `usage` where the matrix does not fit; `model` where a scale is beyond float16 */
export function squeezed(transform: Transform, matrix: Matrix, given: Given): Squeezed {
  switch (transform.kind) {
    case "round":
      return roundToNearest(matrix, transform);
    case "blocks": {
      const { type } = transform;
      const bytes = quantise(type, matrix.values);
      return { values: dequantise(type, bytes), ...sizeOf([{ kind: "values", dtype: type, bytes }]) };
    }
    case "prune":
    case "pattern": {
      const inputs = transform.inputs ? roots(given) : null;
      const pattern = transform.kind === "prune" ? { share: transform.share } : transform;
      return prune(matrix, { pattern, inputs }, given.kept);
    }
    case "rank":
      return lowRank(matrix, given.decomposition ?? decomposed(transform, matrix, given), transform.rank, given.kept);
    default:
      return unreachable(transform);
  }
}

/** What `squeezed` goes by for any rank of a matrix. */
export function decomposed(
  { inputs }: Extract<Transform, { readonly kind: "rank" }>,
  matrix: Matrix,
  given: Given,
): Decomposition {
  if (!inputs) return decompose(matrix);
  if (!given.inputs?.moments) throw new Error("the second moments of the inputs are missing");
  return decomposeWhitened(matrix, given.inputs.moments);
}

function roots({ inputs }: Given): Float64Array {
  if (!inputs) throw new Error("the sizes of the inputs are missing");
  return inputs.squares.map(Math.sqrt);
}
