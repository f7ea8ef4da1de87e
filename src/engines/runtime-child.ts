/**
 * The child process that holds ONNX Runtime sessions (DESIGN, 'The way of the data' 5): it loads a graph, or several
 * that share vectors, runs what its parent sends, one message at a time, and ends when the channel closes. A native call
 * cannot be interrupted: the parent ends this process instead.
 */

import { liveAsChild } from "../files/lifeline.ts";
import { unreachable } from "../numeric/errors.ts";
import { put } from "./exchange.ts";
import { KeptTensors } from "./kept-tensors.ts";
import { env, InferenceSession, Tensor } from "./onnxruntime.ts";
import type { Feed, Fetched, FromRuntime, Placed, ToRuntime } from "./runtime-messages.ts";

const graphs = new Map<string, { readonly session: InferenceSession; readonly kept: KeptTensors }>();
const held = new Map<string, Tensor>();

const send = (message: FromRuntime): void => {
  process.send?.(message);
};

const tensor = (feed: Feed): Tensor =>
  feed.type === "int64" ? new Tensor("int64", feed.data, feed.dims) : new Tensor("float32", feed.data, feed.dims);

async function load(message: Extract<ToRuntime, { kind: "load" }>): Promise<void> {
  const started = performance.now();
  const session = await InferenceSession.create(message.model, {
    executionProviders: ["cpu"],
    intraOpNumThreads: message.threads,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
    extra: { session: { model_external_initializers_file_folder_path: message.folder } },
  });
  graphs.set(message.graph, { session, kept: new KeptTensors(message.kept) });
  send({
    kind: "loaded",
    seconds: (performance.now() - started) / 1000,
    version: env.versions.node ?? env.versions.common,
  });
}

async function run(message: Extract<ToRuntime, { kind: "run" }>): Promise<void> {
  const started = performance.now();
  const graph = graphs.get(message.graph);
  if (!graph) throw new Error("run before load");
  const { session, kept } = graph;
  const feeds = Object.fromEntries(Object.entries(message.feeds).map(([name, feed]) => [name, tensor(feed)]));
  if (message.kept) {
    for (const { name, data, dims } of kept.before(message.kept)) feeds[name] = new Tensor("float32", data, dims);
  }
  const wanted = [...message.fetches, ...(message.kept ? kept.outputs : [])];
  const fetches: Record<string, Tensor | null> = Object.fromEntries(wanted.map((name) => [name, null]));
  for (const [name, vector] of held) {
    if (session.inputNames.includes(name)) feeds[name] = vector;
    // In place: what a run writes into a vector depends on all that it reads of it.
    if (session.outputNames.includes(`next.${name}`)) fetches[`next.${name}`] = vector;
  }
  const results = await session.run(feeds, fetches);
  if (message.kept) kept.after(message.kept, (name) => results[name] as Fetched);
  answer(message.id, message.fetches, (name) => results[name], started);
}

function answer(id: number, names: readonly string[], output: (name: string) => Tensor, started: number): void {
  const outputs: Record<string, Placed> = {};
  let bytes = 0;
  for (const name of names) {
    const { data, dims } = output(name);
    outputs[name] = { offset: bytes, dims };
    bytes = put(id, data as Float32Array, bytes);
  }
  const { user, system } = process.cpuUsage();
  send({
    kind: "result",
    id,
    outputs,
    bytes,
    seconds: (performance.now() - started) / 1000,
    cpuSeconds: (user + system) / 1e6,
    peakBytes: process.resourceUsage().maxRSS * 1024,
  });
}

async function handle(message: ToRuntime): Promise<void> {
  switch (message.kind) {
    case "load":
      return load(message);
    case "run":
      return run(message);
    case "hold":
      for (const [name, feed] of Object.entries(message.vectors)) held.set(name, tensor(feed));
      return answer(message.id, [], unheld, performance.now());
    case "read":
      return answer(message.id, message.names, (name) => held.get(name) ?? unheld(name), performance.now());
    default:
      return unreachable(message);
  }
}

function unheld(name: string): never {
  throw new Error(`no vector ${name} is held`);
}

let work: Promise<void> = Promise.resolve();

process.on("message", (message: ToRuntime) => {
  work = work
    .then(() => handle(message))
    .catch((error: unknown) => {
      send({
        kind: "failed",
        id: message.kind === "load" ? null : message.id,
        message: error instanceof Error ? error.message : String(error),
      });
    });
});
process.on("disconnect", () => process.exit(0));
liveAsChild();
