/**
 * The child process that holds ONNX Runtime sessions (DESIGN, 'The way of the data' 5): it loads a graph, or several
 * that share vectors, runs what its parent sends, one message at a time, and ends when the channel closes. A native call
 * cannot be interrupted: the parent ends this process instead.
 */

import { liveAsChild } from "../files/lifeline.ts";
import { unreachable } from "../numeric/errors.ts";
import { put } from "./exchange.ts";
import { Graphs } from "./graphs.ts";
import type { Fetched, FromRuntime, Placed, ToRuntime } from "./runtime-messages.ts";

const graphs = new Graphs();

const send = (message: FromRuntime): void => {
  process.send?.(message);
};

function answer(id: number, names: readonly string[], output: (name: string) => Fetched, started: number): void {
  const outputs: Record<string, Placed> = {};
  let bytes = 0;
  for (const name of names) {
    const { data, dims } = output(name);
    outputs[name] = { offset: bytes, dims };
    bytes = put(id, data, bytes);
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
  const started = performance.now();
  switch (message.kind) {
    case "load": {
      const version = await graphs.load(message);
      return send({ kind: "loaded", seconds: (performance.now() - started) / 1000, version });
    }
    case "run":
      return answer(message.id, message.fetches, await graphs.run(message), started);
    case "hold":
      graphs.hold(message.vectors);
      return answer(message.id, [], (name) => graphs.read(name), started);
    case "read":
      return answer(message.id, message.names, (name) => graphs.read(name), started);
    default:
      return unreachable(message);
  }
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
