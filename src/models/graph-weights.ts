/**
 * A checkpoint's tensors as values of a graph: external data, file and offset, read by the runtime where they lie and cast
 * to float32 as it loads them. The runtime takes one folder and paths inside it, so that is the nearest folder that all
 * files share (RUNTIME 'Weights in place').
 */
import { dirname, relative, sep } from "node:path";
import type { Graph, Value } from "../graph/graph.ts";
import { cast } from "../graph/ops.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import type { Weights } from "./layers.ts";
import type { TensorSource } from "./sources/tensor-source.ts";
import type { DecoderSpec, TensorSlot } from "./spec.ts";
import { type BoundTensor, bindWeights } from "./weights.ts";

/** Where a graph holds more than one model. */
export interface AmongOthers {
  /** stands before the names of this one's tensors */
  readonly prefix: string;
  /** files of the others, for whom the folder is too */
  readonly files: readonly string[];
}

const ALONE: AmongOthers = { prefix: "", files: [] };

/** The files that a spec's tensors lie in. @throws LossyscopeError as `bindWeights` */
export const weightFiles = (spec: DecoderSpec, source: TensorSource): readonly string[] =>
  filesOf(bindWeights(spec, source));

const filesOf = (bound: ReadonlyMap<TensorSlot, BoundTensor>): readonly string[] => [
  ...new Set([...bound.values()].map(({ file }) => file)),
];

export class GraphWeights implements Weights {
  /** folder that the runtime must be given for the external data */
  readonly folder: string;
  readonly #graph: Graph;
  readonly #bound: ReadonlyMap<TensorSlot, BoundTensor>;
  readonly #prefix: string;

  /** @throws LossyscopeError where the checkpoint does not match the spec (`bindWeights`) */
  constructor(graph: Graph, spec: DecoderSpec, source: TensorSource, { prefix, files }: AmongOthers = ALONE) {
    this.#graph = graph;
    this.#bound = bindWeights(spec, source);
    this.#prefix = prefix;
    this.folder = sharedFolder([...filesOf(this.#bound), ...files]);
  }

  value(slot: TensorSlot): Value {
    return cast(this.stored(slot), "float32");
  }

  /** Read from their place in the file. */
  rows(slot: TensorSlot, start: number, end: number): Value {
    return cast(this.#external(slot, start, end), "float32");
  }

  stored(slot: TensorSlot): Value {
    return this.#external(slot, 0, slot.shape[0]);
  }

  #external(slot: TensorSlot, start: number, end: number): Value {
    const { type, file, offset, bytes } = this.#bound.get(slot)!;
    const rowBytes = bytes / slot.shape[0];
    const whole = end - start === slot.shape[0];
    const name = `${this.#prefix}${slot.names[0]}`;
    return this.#graph.external(
      whole ? name : `${name}[${start}:${end}]`,
      type,
      [end - start, ...slot.shape.slice(1)],
      {
        location: relative(this.folder, file).split(sep).join("/"),
        offset: offset + start * rowBytes,
        bytes: (end - start) * rowBytes,
      },
    );
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
