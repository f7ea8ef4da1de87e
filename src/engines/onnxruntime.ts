/**
 * The one place that loads ONNX Runtime (`imports.test.ts` holds it). The library as it is published reports its use to
 * its maker and keeps an identity under the user's cache; this variable, read when its first session is made, keeps it
 * quiet (docs/decisions/telemetry.md). It is set whatever the user's environment says: only our own answer is a promise.
 */
import { createRequire } from "node:module";
import { isMainThread } from "node:worker_threads";
import type * as Runtime from "onnxruntime-node";

// A worker thread has a copy of the environment, which native code does not read.
if (!isMainThread) throw new Error("ONNX Runtime is loaded in a main thread, where its telemetry can be switched off");
process.env.ORT_DISABLE_TELEMETRY = "1";

// An import would run before the line above, whatever stands first.
const runtime: typeof Runtime = createRequire(import.meta.url)("onnxruntime-node");

export const { env, InferenceSession, Tensor } = runtime;
export type InferenceSession = Runtime.InferenceSession;
export type Tensor = Runtime.Tensor;
