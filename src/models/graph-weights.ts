/**
 * A checkpoint's tensors as values of a graph: external data, file and offset, read by the runtime where they lie and cast
 * to float32 as it loads them, or as codes that stay codes. The runtime takes one folder and paths inside it, so that is the nearest folder that all
 * files share (RUNTIME 'Weights in place').
 */
import { dirname, relative, sep } from "node:path";
import type { ElementType } from "../formats/onnx.ts";
import type { Graph, Value } from "../graph/graph.ts";
import { cast, gather, reshape } from "../graph/ops.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { type CodedMatrix, codedRows } from "./coded.ts";
import type { Weights } from "./layers.ts";
import type { RoundedMatrix } from "./rounded.ts";
import type { RoundedWeights } from "./sources/rounded.ts";
import type { TensorSource } from "./sources/tensor-source.ts";
import type { DecoderSpec, TensorSlot } from "./spec.ts";
import { type BoundTensor, bindWeights } from "./weights.ts";

export interface WeightsOptions {
  /** stands before the names of this model's tensors, where a graph holds more than one */
  readonly prefix?: string;
  /** files of the others, for whom the folder is too */
  readonly files?: readonly string[];
  /** whether what meets codes is rounded to 8 bits (`coded.ts`) */
  readonly isFast?: boolean;
  /** matrices as whole numbers, which are multiplied by instead (`rounded.ts`); absent: exactly */
  readonly rounded?: RoundedWeights;
}

/** The files that a spec's tensors lie in. @throws LossyscopeError as `bindWeights` */
export const weightFiles = (spec: DecoderSpec, source: TensorSource, rounded?: RoundedWeights): readonly string[] =>
  filesOf(bindWeights(spec, source), rounded);

const filesOf = (bound: ReadonlyMap<TensorSlot, BoundTensor>, rounded?: RoundedWeights): readonly string[] => [
  ...new Set([...bound.values(), ...(rounded?.values() ?? [])].map(({ file }) => file)),
];

export class GraphWeights implements Weights {
  /** folder that the runtime must be given for the external data */
  readonly folder: string;
  readonly #graph: Graph;
  readonly #bound: ReadonlyMap<TensorSlot, BoundTensor>;
  readonly #prefix: string;
  readonly #isFast: boolean;
  readonly #rounded: RoundedWeights | undefined;

  /** @throws LossyscopeError where the checkpoint does not match the spec (`bindWeights`) */
  constructor(graph: Graph, spec: DecoderSpec, source: TensorSource, options: WeightsOptions = {}) {
    const { prefix = "", files = [], isFast = false, rounded } = options;
    this.#graph = graph;
    this.#bound = bindWeights(spec, source);
    this.#prefix = prefix;
    this.#isFast = isFast;
    this.#rounded = rounded;
    this.folder = sharedFolder([...filesOf(this.#bound, rounded), ...files]);
  }

  value(slot: TensorSlot): Value {
    return this.rows(slot, 0, slot.shape[0]);
  }

  /** Read from their place in the file; of codes, made where the graph is loaded. */
  rows(slot: TensorSlot, start: number, end: number): Value {
    const coded = this.coded(slot, start, end);
    if (!coded) return cast(this.#external(slot, start, end), "float32");
    const [rows] = coded.codes.shape.map(Number);
    const values = codedRows(coded, this.#graph.integers(Array.from({ length: rows }, (_, row) => row)));
    return reshape(values, [end - start, ...slot.shape.slice(1)]);
  }

  looked(slot: TensorSlot, indices: Value): Value {
    const coded = this.coded(slot, 0, slot.shape[0]);
    return coded ? codedRows(coded, indices) : cast(gather(this.#external(slot, 0, slot.shape[0]), indices), "float32");
  }

  coded(slot: TensorSlot, start: number, end: number): CodedMatrix | undefined {
    const { file, offset, bytes: stored, codes } = this.#bound.get(slot)!;
    if (!codes) return undefined;
    const { bits, group, isHalved } = codes;
    const columns = slot.shape.at(-1)!;
    const inEntry = slot.shape.slice(1, -1).reduce((product, size) => product * size, 1);
    const [first, rows] = [start * inEntry, (end - start) * inEntry];
    const groups = columns / group;
    const part = (what: string, begin: number, type: ElementType, row: readonly number[], rowBytes: number): Value =>
      this.#at(`${this.#named(slot, start, end)} ${what}`, type, [rows, ...row], file, {
        offset: begin + first * rowBytes,
        bytes: rows * rowBytes,
      });
    const codeBytes = (columns * bits) / (isHalved ? 16 : 8);
    const codesAt = (what: string, begin: number): Value =>
      part(what, begin, "uint8", [groups, codeBytes / groups], codeBytes);
    return {
      bits,
      group,
      codes: codesAt("codes", offset),
      low: isHalved ? codesAt("lower codes", offset + stored / 2) : undefined,
      scales: part("scales", codes.scales, "float32", [groups], 4 * groups),
      minima: codes.minima === null ? undefined : part("minima", codes.minima, "float32", [groups], 4 * groups),
      isFast: this.#isFast,
    };
  }

  rounded(slot: TensorSlot, start: number, end: number): RoundedMatrix | undefined {
    const own = this.#rounded?.get(slot.names[0]);
    if (!own) return undefined;
    const { file, columns, second } = own;
    const isWhole = slot.shape.length === 2 && own.layout === "in-out";
    const inEntry = slot.shape.length === 2 ? 1 : own.rows;
    const [from, rows] = isWhole ? [0, own.rows] : [start * inEntry, (end - start) * inEntry];
    const part = (
      what: string,
      type: ElementType,
      shape: readonly number[],
      begin: number,
      rowBytes: number,
    ): Value => {
      const place = { offset: begin + from * rowBytes, bytes: rows * rowBytes };
      return this.#at(`${this.#named(slot, start, end)} ${what}`, type, shape, file, place);
    };
    return {
      first: part("first slice", "int8", [rows, columns], own.first, columns),
      second: second === null ? undefined : part("second slice", "int8", [rows, columns], second, columns),
      scales: part("scales of slices", "float32", [rows], own.scales, 4),
    };
  }

  #external(slot: TensorSlot, start: number, end: number): Value {
    const { type, file, offset, bytes } = this.#bound.get(slot)!;
    const rowBytes = bytes / slot.shape[0];
    return this.#at(this.#named(slot, start, end), type, [end - start, ...slot.shape.slice(1)], file, {
      offset: offset + start * rowBytes,
      bytes: (end - start) * rowBytes,
    });
  }

  #named({ names: [own], shape }: TensorSlot, start: number, end: number): string {
    return `${this.#prefix}${own}${end - start === shape[0] ? "" : `[${start}:${end}]`}`;
  }

  #at(
    name: string,
    type: ElementType,
    shape: readonly number[],
    file: string,
    place: { readonly offset: number; readonly bytes: number },
  ): Value {
    const location = relative(this.folder, file).split(sep).join("/");
    return this.#graph.external(name, type, shape, { location, ...place });
  }
}

/**
 * The deepest folder that all files are in.
 * @throws LossyscopeError `model` where they share none (two drives)
 */
function sharedFolder(files: readonly string[]): string {
  const holds = (folder: string, inner: string): boolean =>
    inner === folder || inner.startsWith(folder.endsWith(sep) ? folder : folder + sep);
  return files.map(dirname).reduce((shared, folder) => {
    while (!holds(shared, folder)) {
      const above = dirname(shared);
      if (above === shared)
        throw new LossyscopeError(
          "model",
          `the model's files share no folder (${shared}, ${folder})`,
          "put them into one",
        );
      shared = above;
    }
    return shared;
  });
}
