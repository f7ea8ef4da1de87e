/** The engine for a model: the only place that names one. */

import type { TensorSource } from "../models/sources/tensor-source.ts";
import type { DecoderSpec } from "../models/spec.ts";
import type { Engine } from "../ports/engine.ts";
import type { WindowBatch } from "../text/corpus.ts";
import { OnnxEngine } from "./onnx.ts";

/** What there is to run. */
export interface EngineModel {
  readonly spec: DecoderSpec;
  readonly weights: TensorSource;
}

export interface EngineContext {
  readonly threads: number;
  /** most tokens of a window that will be run; where losses alone are asked for, its last token is not */
  readonly longest: number;
  /** names a batch for people: `tokens 0 to 511 of "notes.txt"` */
  readonly describe: (batch: WindowBatch) => string;
}

/** A new engine, for one run. */
export const createEngine = (model: EngineModel, context: EngineContext): Engine =>
  new OnnxEngine({ ...model, ...context });
