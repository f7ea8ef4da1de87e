/** The child process against what may befall it: graphs that are none, memory that is not there, its end, a stop. */
import { writeFileSync } from "node:fs";
import { afterEach, describe, expect, it, vi } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { Graph } from "../graph/graph.ts";
import { add, cast, divide, reshape, sum } from "../graph/ops.ts";
import { failure } from "../ports/engine.testing.ts";
import { isPosix } from "../system.testing.ts";
import type { Feed } from "./runtime-messages.ts";
import { RuntimeProcess } from "./runtime-process.ts";

const at = temporaryFolder();
let runtime: RuntimeProcess;
afterEach(() => runtime.close());

/** Column sums of x_i + x_j: n² numbers on the way to n. */
function squareGraph(): Uint8Array {
  const graph = new Graph();
  const x = cast(graph.input("x", "int64", ["n"]), "float32");
  graph.output("y", sum(add(reshape(x, ["n", 1]), reshape(x, [1, "n"])), 0));
  return graph.encode();
}

async function loaded(): Promise<void> {
  runtime = new RuntimeProcess({ threads: 1 });
  await runtime.load(squareGraph(), ".");
}

const feed = (data: BigInt64Array): Record<string, Feed> => ({ x: { type: "int64", data, dims: [data.length] } });

describe("the runtime's process", () => {
  it("runs what it is sent, in order, and tells what it took", async () => {
    await loaded();
    const [first, second] = await Promise.all([
      runtime.run(feed(BigInt64Array.of(1n, 2n)), ["y"], "first"),
      runtime.run(feed(BigInt64Array.of(5n)), ["y"], "second"),
    ]);
    expect([...first.outputs.y.data, ...second.outputs.y.data]).toEqual([5, 7, 10]);
    expect(first.outputs.y.dims).toEqual([2]);
    expect(second.peakBytes).toBeGreaterThan(1e6);
  });

  it("gives no value that is none, and says which of what it was", async () => {
    const graph = new Graph();
    const x = cast(graph.input("x", "int64", ["n"]), "float32");
    graph.output("losses", divide(x, x));
    graph.output("states.3", reshape(divide(x, cast(graph.input("by", "int64", ["n"]), "float32")), ["n", 1]));
    runtime = new RuntimeProcess({ threads: 1 });
    await runtime.load(graph.encode(), ".");
    const feeds = (x: bigint[], by: bigint[]): Record<string, Feed> => ({
      ...feed(BigInt64Array.from(x)),
      by: { type: "int64", data: BigInt64Array.from(by), dims: [by.length] },
    });
    const names = ["losses", "states.3"];
    const where = (output: string, row: number): string => `${output}[${row}]`;
    const refusals = [
      await failure(runtime.run(feeds([1n, 0n], [1n, 1n]), names, "window 7")),
      // the state comes before what follows from it
      await failure(runtime.run(feeds([0n, 3n], [1n, 0n]), names, "window 8", { where })),
    ];
    expect(refusals.map(({ fault }) => fault)).toEqual(["model", "model"]);
    expect(refusals.map(({ message }) => message.split(": ")[0])).toEqual([
      "a loss is NaN at window 7",
      "a state of layer 3 is Infinity at states.3[1]",
    ]);
    const { outputs } = await runtime.run(feeds([0n], [1n]), ["losses"], "window 9", { nonFinite: true });
    expect(outputs.losses.data).toEqual(Float32Array.of(Number.NaN));
  });

  it("says what a graph that is none makes it say", async () => {
    runtime = new RuntimeProcess({ threads: 1 });
    const { fault, message } = await failure(runtime.load(Uint8Array.of(1, 2, 3), "."));
    expect(fault).toBe("engine");
    expect(message).toMatch(/^the runtime failed at loading the model: .*(protobuf|parse)/i);
  });

  it("says how much memory was not there, where, and goes on", async () => {
    await loaded();
    const { fault, message } = await failure(runtime.run(feed(new BigInt64Array(2 ** 20)), ["y"], "window 3"));
    expect([fault, message]).toEqual([
      "memory",
      "the runtime could not get 4.40 TB of memory at window 3: make the batch or the context smaller",
    ]);
    const { outputs } = await runtime.run(feed(BigInt64Array.of(4n)), ["y"], "window 4");
    expect([...outputs.y.data]).toEqual([8]);
  });

  it.skipIf(!isPosix).each([
    [
      "SIGKILL",
      "memory",
      /^the runtime was ended by SIGKILL at window 7: it probably ran out of memory; make the batch/,
    ],
    ["SIGSEGV", "engine", /^the runtime was ended by SIGSEGV at window 7$/],
  ] as const)(
    "ended by %s fails what waits for it and all that comes after (needs signals)",
    async (signal, fault, message) => {
      await loaded();
      const waiting = failure(runtime.run(feed(new BigInt64Array(2 ** 13)), ["y"], "window 7"));
      process.kill(runtime.id!, signal);
      const error = await waiting;
      expect([error.fault, error.message]).toEqual([fault, expect.stringMatching(message)]);
      expect(await failure(runtime.run(feed(new BigInt64Array(1)), ["y"], "window 8"))).toBe(error);
    },
  );

  it.each([
    [
      "throw new TypeError('no such thing')",
      "engine",
      "ended with code 1 at loading the model (TypeError: no such thing)",
    ],
    [
      "process.stderr.write('terminate called after throwing\\n  what():  std::bad_alloc\\n'); process.exit(134)",
      "memory",
      "ended with code 134 at loading the model (terminate called after throwing): it probably ran out of memory; make the batch or the context smaller",
    ],
  ])("that breaks down says why, not where: %s", async (code, fault, message) => {
    writeFileSync(at("first.cjs"), code);
    vi.stubEnv("NODE_OPTIONS", `--require=${at("first.cjs")}`);
    const error = await failure(loaded());
    vi.unstubAllEnvs();
    expect([error.fault, error.message]).toEqual([fault, `the runtime ${message}`]);
  });

  it("stopped in the middle of a run is gone within a second", async () => {
    await loaded();
    const windows = [1, 2].map((n) => failure(runtime.run(feed(new BigInt64Array(2 ** 14)), ["y"], `window ${n}`)));
    await new Promise((resolve) => setTimeout(resolve, 50));
    const asked = performance.now();
    await runtime.close();
    expect(performance.now() - asked).toBeLessThan(1000);
    expect((await Promise.all(windows)).map(({ fault }) => fault)).toEqual(["interrupted", "interrupted"]);
    expect(() => process.kill(runtime.id!, 0)).toThrow("ESRCH");
    await runtime.close();
  });
});
