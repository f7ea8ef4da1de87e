/** What is tried on a model: points by their names, from lists as people write them, refused where they cannot be. */
import { MATRIX_KINDS, type ModelMatrix, matricesOf, matrixName } from "../../models/matrices.ts";
import type { DecoderSpec } from "../../models/spec.ts";
import { count, counted } from "../../numeric/amounts.ts";
import { LossyscopeError, shown } from "../../numeric/errors.ts";
import {
  isByInputs,
  isForAll,
  nameOf,
  refuseMisfits,
  type Transform,
  transformNamed,
} from "../../squeeze/transform.ts";
import { refuseUntrimmable } from "./trim.ts";

/** Parts of a model that may be left as they are. */
export const SPARED = ["embedding", "head", "attention", "mlp"] as const;
export type Spared = (typeof SPARED)[number];

/** A point that is made of the model's own weights. */
export type AskedPoint =
  | { readonly kind: "transform"; readonly name: string; readonly transform: Transform }
  /** so many blocks less, the least harmful first */
  | { readonly kind: "drop"; readonly name: string; readonly blocks: number }
  /** without the tokens that nothing needs */
  | { readonly kind: "trim"; readonly name: "trim" };

export interface Tries {
  /** `q4`, which takes the groups, or names of their own: `q4g32a`, `Q4_K` */
  readonly try: readonly string[];
  /** sizes, or `row` */
  readonly groups: readonly string[];
  /** whether rounding is tried with zero points too */
  readonly asymmetric: boolean;
  /** per cent */
  readonly prune: readonly number[];
  readonly patterns: readonly string[];
  /** shares of energy below 1, or ranks */
  readonly rank: readonly number[];
  /** whether values are pruned and ranks taken by what the inputs are like as well */
  readonly calibrated?: boolean;
  readonly dropBlocks: readonly number[];
  /** whether the tokens that nothing needs are left out */
  readonly trim?: boolean;
}

/**
 * The points that lists stand for, each once, in order.
 * @throws LossyscopeError `usage` where something is called otherwise
 */
export function askedPoints(tries: Tries): AskedPoint[] {
  const rounds = tries.try.flatMap((one) => {
    if (!/^q\d+$/.test(one)) return [one];
    const sizes = tries.groups.map((group) => `${one}${group === "row" ? "row" : `g${group}`}`);
    return tries.asymmetric ? sizes.flatMap((name) => [name, `${name}a`]) : sizes;
  });
  const beside = (plain: string, byInputs: string): string[] => (tries.calibrated ? [plain, byInputs] : [plain]);
  const names = [
    ...rounds,
    ...tries.prune.flatMap((percent) => beside(`prune${percent}`, `wanda${percent}`)),
    ...tries.patterns.flatMap((pattern) => beside(pattern, `wanda${pattern.replace(/^wanda/, "")}`)),
    ...tries.rank.flatMap((rank) => beside(`rank${rank}`, `svdllm${rank}`)),
  ];
  const points = new Map<string, AskedPoint>();
  for (const name of names) {
    const drop = /^drop([1-9]\d{0,3})$/.exec(name);
    if (drop) points.set(name, { kind: "drop", name, blocks: Number(drop[1]) });
    else if (name === "trim") points.set(name, { kind: "trim", name });
    else {
      const transform = transformNamed(name);
      points.set(nameOf(transform), { kind: "transform", name: nameOf(transform), transform });
    }
  }
  for (const blocks of tries.dropBlocks) points.set(`drop${blocks}`, { kind: "drop", name: `drop${blocks}`, blocks });
  if (tries.trim) points.set("trim", { kind: "trim", name: "trim" });
  return [...points.values()];
}

/** The matrices that a transform is for. */
export function matricesFor(
  spec: DecoderSpec,
  transform: Transform,
  spared: readonly Spared[] = [],
): readonly ModelMatrix[] {
  return matricesOf(spec).filter(
    ({ block, part }) => !spared.includes(part) && (isForAll(transform) || block !== null),
  );
}

/**
 * Refuses points that cannot be made of a model, before anything is read.
 * @throws LossyscopeError `usage` with the shapes and what would do
 */
export function refuseImpossible(
  points: readonly AskedPoint[],
  spec: DecoderSpec,
  spared: readonly Spared[],
  isCalibrated = false,
): void {
  for (const point of points) {
    if (point.kind === "trim") {
      refuseUntrimmable(spec);
      continue;
    }
    if (point.kind === "drop") {
      if (point.blocks < spec.blocks.length) continue;
      throw new LossyscopeError(
        "usage",
        `${point.name}: of ${counted(spec.blocks.length, "block")} one at least has to stay`,
        `drop at most ${count(spec.blocks.length - 1)}`,
      );
    }
    const { transform, name } = point;
    if (isByInputs(transform) && !isCalibrated)
      throw new LossyscopeError(
        "usage",
        `${name} goes by what the inputs of the matrices are like, and no text is named to learn that from`,
        "pass --calibration TEXT, other text than the measured one, or take what goes by the weights alone: prune50, 2:4, rank0.9",
      );
    const matrices = matricesFor(spec, transform, spared);
    if (matrices.length === 0)
      throw new LossyscopeError("usage", `${name} has no matrix left to change`, "spare less of the model");
    refuseMisfits(
      transform,
      matrices.map((matrix) => ({ name: matrixName(matrix), rows: matrix.rows, columns: matrix.columns })),
    );
  }
}

/** @throws LossyscopeError `usage` where a calibration text is named that no point goes by */
export function refuseIdle(points: readonly AskedPoint[]): void {
  if (points.some((point) => point.kind === "transform" && isByInputs(point.transform))) return;
  throw new LossyscopeError(
    "usage",
    "nothing that is tried goes by the inputs, and --calibration is for that alone",
    "add --prune, --nm or --rank, or --try wanda50,svdllm0.9",
  );
}

/** Groups that people use and that divide every row of a model: whole rows where none does. */
export function usualGroups(spec: DecoderSpec): string[] {
  const matrices = matricesOf(spec);
  const fitting = [32, 64, 128].filter((size) => matrices.every(({ columns }) => columns % size === 0));
  return fitting.length > 0 ? fitting.map(String) : ["row"];
}

/** `10,30,50` or `10..70`, by tens. @throws LossyscopeError `usage` for anything else */
export function percentages(text: string): number[] {
  const range = /^(\d{1,2})\.\.(\d{1,2})$/.exec(text);
  if (range) {
    const [from, to] = [Number(range[1]), Number(range[2])];
    if (from >= 1 && from <= to)
      return Array.from({ length: Math.floor((to - from) / 10) + 1 }, (_, i) => from + 10 * i);
  }
  const listed = text.split(",").map((one) => (/^\s*\d{1,2}\s*$/.test(one) ? Number(one) : 0));
  if (!range && listed.every((one) => one >= 1)) return listed;
  throw new LossyscopeError("usage", `${shown(text)} are no per cents from 1 to 99`, "write 10,30,50 or 10..70");
}

/** The same for all of them. */
export const allInto = (matrices: readonly ModelMatrix[], transform: Transform): ReadonlyMap<ModelMatrix, Transform> =>
  new Map(matrices.map((matrix) => [matrix, transform]));

/** What is squeezed alone to find out what costs most: blocks, kinds of matrices, and all of them. */
export function partsOf(spec: DecoderSpec, transform: Transform, spared: readonly Spared[]) {
  const all = matricesFor(spec, transform, spared);
  const blocks = [...spec.blocks.keys()].map((block) => ({
    group: "blocks" as const,
    name: `block ${block}`,
    own: all.filter((one) => one.block === block),
  }));
  const kinds = MATRIX_KINDS.map((kind) => ({
    group: "kinds" as const,
    name: kind as string,
    own: all.filter((one) => one.kind === kind),
  }));
  return [...blocks, ...kinds, { group: "joint" as const, name: "all", own: all }].filter(({ own }) => own.length > 0);
}
