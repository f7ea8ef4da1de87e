/** The engine for a model: the only place that names one. */

import { unreachable } from "../numeric/errors.ts";
import type { Engine, EngineContext } from "../ports/engine.ts";
import type { Model } from "../ports/model.ts";
import { OnnxEngine } from "./onnx.ts";
import { StreamedEngine } from "./streamed.ts";

/** A new engine, for one run. */
export function createEngine({ runs }: Pick<Model, "runs">, context: EngineContext): Engine {
  switch (runs.kind) {
    case "decoder":
      return new (runs.streams ? StreamedEngine : OnnxEngine)({ ...runs, ...context });
    case "engine":
      return runs.create(context);
    default:
      return unreachable(runs);
  }
}
