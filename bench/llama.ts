/**
 * llama.cpp by node-llama-cpp, where `PEERS_LLAMA` names a folder that has it in its node_modules: greedy tokens after prompts
 * of ids, from a GGUF file, on the processor.
 */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

/** What is used of it. */
interface NodeLlama {
  getLlama(options: { gpu: false; build: "never"; maxThreads: number; logLevel: "error" }): Promise<{
    loadModel(options: { modelPath: string; useMmap: boolean }): Promise<{
      createContext(options: {
        contextSize: number;
        batchSize: number;
        sequences: number;
        threads: { ideal: number; min: number };
      }): Promise<{ getSequence(): Sequence; dispose(): Promise<void> }>;
      dispose(): Promise<void>;
    }>;
    dispose(): Promise<void>;
  }>;
}

interface Sequence {
  evaluate(
    tokens: readonly number[],
    options: { temperature: 0; yieldEogToken: true },
  ): AsyncGenerator<number, void, void>;
}

export interface Spoken {
  /** of every prompt, what comes after it */
  readonly tokens: readonly (readonly number[])[];
  /** from the start to the first token, and from there to the last one */
  readonly promptSeconds: number;
  readonly seconds: number;
}

export interface Speaker {
  speak(prompts: readonly (readonly number[])[], tokens: number): Promise<Spoken>;
  close(): Promise<void>;
}

/** @returns undefined, said on standard error, where it is not installed */
export async function llama(gguf: string, threads: number): Promise<Speaker | undefined> {
  const entry = join(resolve(process.env.PEERS_LLAMA ?? "."), "node_modules/node-llama-cpp/dist/index.js");
  if (!existsSync(entry)) {
    console.error("skipped llama.cpp: set PEERS_LLAMA to a folder in which node-llama-cpp is installed");
    return undefined;
  }
  const { getLlama } = (await import(pathToFileURL(entry).href)) as NodeLlama;
  const runtime = await getLlama({ gpu: false, build: "never", maxThreads: threads, logLevel: "error" });
  const model = await runtime.loadModel({ modelPath: gguf, useMmap: false });
  return {
    async speak(prompts, tokens) {
      const contextSize = prompts[0].length + tokens;
      const context = await model.createContext({
        contextSize,
        batchSize: prompts.length * prompts[0].length,
        sequences: prompts.length,
        threads: { ideal: threads, min: threads },
      });
      const sequences = prompts.map(() => context.getSequence());
      const started = performance.now();
      let first = 0;
      let last = 0;
      const spoken = await Promise.all(
        sequences.map(async (sequence, row) => {
          const found: number[] = [];
          for await (const token of sequence.evaluate(prompts[row], { temperature: 0, yieldEogToken: true })) {
            last = performance.now();
            first ||= last;
            found.push(token);
            if (found.length === tokens) break;
          }
          return found;
        }),
      );
      await context.dispose();
      return { tokens: spoken, promptSeconds: (first - started) / 1000, seconds: (last - first) / 1000 };
    },
    async close() {
      await model.dispose();
      await runtime.dispose();
    },
  };
}
