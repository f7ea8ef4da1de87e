/** What engines share that run graphs of a decoder: what they give and tell, and the one runtime that each starts and closes. */

import type { Engine, EngineRequest } from "../ports/engine.ts";
import type { Need, Observation } from "../ports/observation.ts";
import type { WindowBatch } from "../text/corpus.ts";
import { type DecoderEngineOptions, givenOf, UNRUN } from "./asking.ts";
import { createRuntime, type Runtime, type RuntimeResult } from "./runtime.ts";

export abstract class DecoderEngine implements Engine {
  readonly name = "onnx";
  readonly runtime = "onnxruntime";
  readonly gives: ReadonlySet<Need>;
  readonly width: number;
  readonly layerCount: number;
  readonly report = { ...UNRUN };
  protected readonly options: DecoderEngineOptions;
  #process: Runtime | undefined;

  constructor(options: DecoderEngineOptions) {
    this.options = options;
    this.gives = givenOf(options.spec);
    this.width = options.spec.width;
    this.layerCount = options.spec.blocks.length + 1;
  }

  abstract run(
    batches: Iterable<WindowBatch>,
    request: EngineRequest,
    signal?: AbortSignal,
  ): AsyncIterable<Observation>;

  /** Starts the runtime, which `close` ends. */
  protected start(): Runtime {
    if (this.#process) throw new Error("an engine runs once");
    this.#process = createRuntime(this.options);
    return this.#process;
  }

  /** Adds what a run took to the report. */
  protected took({
    seconds,
    cpuSeconds,
    peakBytes,
  }: Pick<RuntimeResult, "seconds" | "cpuSeconds" | "peakBytes">): void {
    this.report.runSeconds += seconds;
    this.report.cpuSeconds = cpuSeconds;
    this.report.peakBytes = Math.max(this.report.peakBytes, peakBytes);
  }

  /** of the child, while there is one */
  get processId(): number | undefined {
    return this.#process?.id;
  }

  async close(): Promise<void> {
    await this.#process?.close();
  }
}
