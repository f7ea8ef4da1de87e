/** Runs a measuring graph in this process, for tests: the engine proper runs it in a child. */
import { InferenceSession, Tensor } from "../engines/onnxruntime.ts";
import { openCheckpoint } from "./checkpoint.ts";
import { specOf } from "./config.ts";
import { buildMeasuringGraph, type Heads, type MeasuringGraph } from "./heads.ts";
import type { DecoderSpec } from "./spec.ts";

export interface Fetched {
  readonly data: Float32Array;
  readonly dims: readonly number[];
}

/** Numbers fed to a graph, whole ones where not said otherwise: row-major, with their shape. */
export interface Fed {
  readonly type?: "float32";
  readonly data: readonly number[];
  readonly dims: readonly number[];
}

export async function openGraph(graph: Pick<MeasuringGraph, "bytes" | "externalFolder">) {
  const session = await InferenceSession.create(graph.bytes, {
    executionProviders: ["cpu"],
    logSeverityLevel: 3,
    extra: { session: { model_external_initializers_file_folder_path: graph.externalFolder } },
  });
  return async (feeds: Readonly<Record<string, Fed>>): Promise<Record<string, Fetched>> => {
    const results = await session.run(
      Object.fromEntries(
        Object.entries(feeds).map(([name, { type, data, dims }]) => [
          name,
          type === "float32"
            ? new Tensor("float32", Float32Array.from(data), dims)
            : new Tensor("int64", BigInt64Array.from(data, BigInt), dims),
        ]),
      ),
    );
    return Object.fromEntries(
      Object.entries(results).map(([name, { data, dims }]) => [name, { data: data as Float32Array, dims }]),
    );
  };
}

/** A model's folder with heads on it, ready to run. */
export async function openModel(
  folder: string,
  heads: (spec: DecoderSpec) => Heads,
  longest: number,
): Promise<{ spec: DecoderSpec; run: Awaited<ReturnType<typeof openGraph>> }> {
  const checkpoint = await openCheckpoint(folder);
  const spec = specOf(checkpoint.config);
  return { spec, run: await openGraph(buildMeasuringGraph(spec, checkpoint.weights, heads(spec), longest)) };
}
