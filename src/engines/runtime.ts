/**
 * What runs graphs: the engine's, and those of sessions, trees, exports, trials and training. The one place that says what that
 * is; what a graph means is known to whoever loads it.
 */
import { type RuntimeContext, RuntimeProcess } from "./runtime-process.ts";

export type { RuntimeContext, RuntimeResult } from "./runtime-process.ts";

/** Takes graphs in with the weights that lie beside them, feeds and fetches, keeps tensors from run to run. */
export type Runtime = Pick<RuntimeProcess, "id" | "load" | "hold" | "read" | "run" | "close">;

/** Starts a runtime; whoever starts one closes it. */
export const createRuntime = (context: RuntimeContext): Runtime => new RuntimeProcess(context);
