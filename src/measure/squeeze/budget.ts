/** What a plan of several types may take, in bits a parameter or in bytes. */
import type { WrittenBlock } from "../../formats/blocks/quantise.ts";
import { BLOCKS } from "../../formats/blocks/types.ts";
import { dtypeBits } from "../../formats/tensor-types.ts";
import { type ModelMatrix, matrixName } from "../../models/matrices.ts";
import type { TensorSource } from "../../models/sources/tensor-source.ts";
import type { DecoderSpec } from "../../models/spec.ts";
import { count, figure, sizeText } from "../../numeric/amounts.ts";
import { LossyscopeError, shown } from "../../numeric/errors.ts";
import { sum } from "../../numeric/sums.ts";
import { isForAll, type Transform } from "../../squeeze/transform.ts";
import { type AskedPoint, matricesFor, type Spared } from "./points.ts";
import { namesFor } from "./rates.ts";
import { nameIn, valuesIn } from "./weights.ts";

export type Budget = {
  /** as it was asked for */
  readonly said: string;
} & ({ readonly bitsPerParameter: number } | { readonly bytes: number });

const UNITS: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};

/**
 * `4.5`: bits a parameter; `90MB`: bytes.
 * @throws LossyscopeError `usage` for anything else
 */
export function budgetNamed(text: string): Budget {
  const [, digits, unit] = /^(\d{1,12}(?:\.\d{1,6})?) ?([A-Za-z]{1,3})?$/.exec(text.trim()) ?? [];
  const value = Number(digits);
  const said = `${digits}${unit ?? ""}`;
  if (unit === undefined && value > 0 && value <= 32) return { said, bitsPerParameter: value };
  if (unit !== undefined && Object.hasOwn(UNITS, unit) && value > 0) return { said, bytes: value * UNITS[unit] };
  throw new LossyscopeError(
    "usage",
    `${shown(text)} is neither bits a parameter, from 0 to 32, nor bytes`,
    `write 4.5, or 90MB (${Object.keys(UNITS).join(", ")})`,
  );
}

/** What the plan is called. */
export const mixedName = ({ said }: Budget): string => `mixed${said}`;

/** @param parameters of the original */
export const bitsWithin = (budget: Budget, parameters: number): number =>
  "bytes" in budget ? (8 * budget.bytes) / parameters : budget.bitsPerParameter;

/** Types that parts of a plan may have: those that are for every matrix. */
export const typesAmong = (points: readonly AskedPoint[]): Transform[] =>
  points.flatMap((point) => (point.kind === "transform" && isForAll(point.transform) ? [point.transform] : []));

/** What llama.cpp takes, of the types that are written, where the blocks of another do not divide a row. */
const INSTEAD: Readonly<Partial<Record<WrittenBlock, WrittenBlock>>> = {
  ...{ Q2_K: "Q4_0", Q3_K: "Q4_0", Q4_K: "Q4_0", Q5_K: "Q8_0", Q6_K: "Q8_0" },
};

/** A type, or what stands for it in a row that its blocks do not divide; null where nothing does. */
function orInstead(transform: Transform, { columns }: Pick<ModelMatrix, "columns">): Transform | null {
  if (transform.kind !== "blocks" || columns % BLOCKS[transform.type].values === 0) return transform;
  const type = INSTEAD[transform.type];
  return type && columns % BLOCKS[type].values === 0 ? { kind: "blocks", type } : null;
}

/** What becomes of each matrix under a type; those that nothing becomes of are not there. */
export const intoOrInstead = (
  matrices: readonly ModelMatrix[],
  transform: Transform,
): ReadonlyMap<ModelMatrix, Transform> =>
  new Map(
    matrices.flatMap((matrix) => {
      const own = orInstead(transform, matrix);
      return own ? [[matrix, own] as const] : [];
    }),
  );

/**
 * Points whose types fit some matrices and not all, taken apart from those that fit: a plan may mix them, alone they are no
 * point.
 */
export function mixableApart(
  points: readonly AskedPoint[],
  spec: DecoderSpec,
  spared: readonly Spared[],
): { readonly points: readonly AskedPoint[]; readonly mixable: readonly Transform[] } {
  const isPartial = (point: AskedPoint): boolean => {
    if (point.kind !== "transform" || point.transform.kind !== "blocks") return false;
    const { type } = point.transform;
    const fitting = matricesFor(spec, point.transform, spared).map(
      ({ columns }) => columns % BLOCKS[type].values === 0,
    );
    return fitting.includes(true) && fitting.includes(false);
  };
  return {
    points: points.filter((point) => !isPartial(point)),
    mixable: points.flatMap((point) => (point.kind === "transform" && isPartial(point) ? [point.transform] : [])),
  };
}

/** Bits a value of a matrix that is made into a type. */
function bitsOf(transform: Transform, { columns }: ModelMatrix): number {
  if (transform.kind === "blocks") return dtypeBits(transform.type);
  if (transform.kind !== "round") throw new Error(`${transform.kind} is no type of a plan`);
  const { bits, group, symmetric } = transform;
  return bits + (16 + (symmetric ? 0 : bits)) / (group ?? columns);
}

/** @throws LossyscopeError `usage` where none of the types is for the matrix */
function leastBits(types: readonly Transform[], matrix: ModelMatrix): number {
  const own = types.flatMap((type) => orInstead(type, matrix) ?? []).map((type) => bitsOf(type, matrix));
  if (own.length > 0) return Math.min(...own);
  throw new LossyscopeError(
    "usage",
    `no type that is tried fits ${matrixName(matrix)}, whose rows have ${count(matrix.columns)} values`,
    "add one to --try that does, such as q4row",
  );
}

interface Planned {
  readonly spec: DecoderSpec;
  readonly weights: TensorSource;
  /** of the original */
  readonly parameters: number;
  readonly points: readonly AskedPoint[];
  readonly mixable?: readonly Transform[];
  readonly spared: readonly Spared[];
}

/**
 * Refuses a plan that cannot be made, before anything is read.
 * @throws LossyscopeError `usage` where there are not two types, or the smallest of every matrix is too large
 */
export function refuseBudget(
  budget: Budget,
  { spec, weights, parameters, points, mixable = [], spared }: Planned,
): void {
  const types = [...typesAmong(points), ...mixable];
  if (types.length < 2)
    throw new LossyscopeError(
      "usage",
      "a plan within --budget mixes types, and fewer than two are tried",
      "add to --try",
    );
  const matrices = matricesFor(spec, types[0], spared);
  const changed = new Set(matrices.map((matrix) => nameIn(weights, matrix)));
  const left = [...namesFor(spec, weights)].filter((name) => !changed.has(name)).map((name) => weights.locate(name)!);
  const least =
    sum(matrices.map((matrix) => (valuesIn(matrix) * leastBits(types, matrix)) / 8)) +
    sum(left.map(({ bytes, isComputed }) => (isComputed ? bytes / 2 : bytes)));
  const allowed = bitsWithin(budget, parameters);
  if ((8 * least) / parameters <= allowed) return;
  throw new LossyscopeError(
    "usage",
    `the smallest types tried take ${figure((8 * least) / parameters)} bits a parameter (${sizeText(least)}), --budget allows ${figure(allowed)} (${sizeText((allowed * parameters) / 8)})`,
    "allow more, try smaller types, or spare less",
  );
}
