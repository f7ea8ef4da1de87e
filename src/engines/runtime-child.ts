/**
 * The child process that holds one ONNX Runtime session (DESIGN, 'The way of the data' 5): it loads one graph, runs
 * what its parent sends, one message at a time, and ends when the channel closes. A native call cannot be interrupted:
 * the parent ends this process instead.
 */
import { env, InferenceSession, Tensor } from "onnxruntime-node";
import { put } from "./exchange.ts";
import { KeptTensors } from "./kept-tensors.ts";
import type { Feed, Fetched, FromRuntime, Placed, ToRuntime } from "./runtime-messages.ts";

let session: InferenceSession | undefined;
let kept = new KeptTensors([]);

const send = (message: FromRuntime): void => {
  process.send?.(message);
};

const tensor = (feed: Feed): Tensor =>
  feed.type === "int64" ? new Tensor("int64", feed.data, feed.dims) : new Tensor("float32", feed.data, feed.dims);

async function handle(message: ToRuntime): Promise<void> {
  const started = performance.now();
  if (message.kind === "load") {
    session = await InferenceSession.create(message.model, {
      executionProviders: ["cpu"],
      intraOpNumThreads: message.threads,
      interOpNumThreads: 1,
      logSeverityLevel: 3,
      extra: { session: { model_external_initializers_file_folder_path: message.folder } },
    });
    kept = new KeptTensors(message.kept);
    send({
      kind: "loaded",
      seconds: (performance.now() - started) / 1000,
      version: env.versions.node ?? env.versions.common,
    });
    return;
  }
  if (!session) throw new Error("run before load");
  const feeds = Object.fromEntries(Object.entries(message.feeds).map(([name, feed]) => [name, tensor(feed)]));
  if (message.kept) {
    for (const { name, data, dims } of kept.before(message.kept)) feeds[name] = new Tensor("float32", data, dims);
  }
  const results = await session.run(feeds, [...message.fetches, ...(message.kept ? kept.outputs : [])]);
  if (message.kept) kept.after(message.kept, (name) => results[name] as Fetched);
  const outputs: Record<string, Placed> = {};
  let bytes = 0;
  for (const name of message.fetches) {
    const { data, dims } = results[name];
    outputs[name] = { offset: bytes, dims };
    bytes = put(message.id, data as Float32Array, bytes);
  }
  send({
    kind: "result",
    id: message.id,
    outputs,
    bytes,
    seconds: (performance.now() - started) / 1000,
    peakBytes: process.resourceUsage().maxRSS * 1024,
  });
}

let work: Promise<void> = Promise.resolve();

process.on("message", (message: ToRuntime) => {
  work = work
    .then(() => handle(message))
    .catch((error: unknown) => {
      send({
        kind: "failed",
        id: message.kind === "run" ? message.id : null,
        message: error instanceof Error ? error.message : String(error),
      });
    });
});
process.on("disconnect", () => process.exit(0));
// The parent decides when to stop: a Ctrl-C reaches the whole process group of a terminal.
process.on("SIGINT", () => {});
