import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { open } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { encodeHeader } from "../formats/safetensors.ts";
import type { ResolveEvent } from "./events.ts";
import { readRemoteHeaders } from "./headers.ts";
import { type Asked, type FakeHub, fakeHub, fakeProxy, gitId, onlyHub, type Reply, sha256 } from "./hub.testing.ts";
import { findModel, type ResolveOptions, resolveModel } from "./resolve.ts";

const at = temporaryFolder();
const COMMIT = "a".repeat(40);
const NEWER = "b".repeat(40);

const header = Buffer.from(encodeHeader([{ name: "w", dtype: "U8", shape: [300_000] }]));
const weights = Buffer.concat([header, Buffer.from(Uint8Array.from({ length: 300_000 }, (_, i) => i * 7))]);
const config = Buffer.from('{"model_type":"gpt2"}');
const small = (content: string | Buffer) => ({ content: Buffer.from(content), lfs: false });
const large = (content: Buffer) => ({ content, lfs: true });

let hub: FakeHub;
beforeAll(async () => {
  hub = await fakeHub();
});
afterAll(() => hub.close());

beforeEach(() => {
  onlyHub(hub, at);
  hub.models["org/model"] = {
    revisions: { main: COMMIT },
    commits: {
      [COMMIT]: {
        "config.json": small(config),
        "tokenizer.json": small("{}"),
        "model.safetensors": large(weights),
        "pytorch_model.bin": large(Buffer.from("pickle")),
        "onnx/model.onnx": large(Buffer.from("graph")),
        "README.md": small("# A model"),
      },
    },
  };
});
afterEach(() => vi.unstubAllEnvs());

const resolve = (name = "org/model", options: Partial<ResolveOptions> = {}) =>
  resolveModel(name, { onProgress: () => undefined, ...options });
/** Sees what is said of the download alone. */
const downloads =
  (see: (progress: Extract<ResolveEvent, { kind: "download" }>) => void) =>
  (event: ResolveEvent): void => {
    if (event.kind === "download") see(event);
  };
const repository = (...parts: string[]) => at("cache", "models--org--model", ...parts);
const snapshot = (name: string, commit = COMMIT) => readFileSync(repository("snapshots", commit, name));
const blob = sha256(weights);

describe("a fresh download", () => {
  it("lays the cache out as the Hub's own tools do, with what is needed and no more", async () => {
    const seen: ResolveEvent[] = [];
    const model = await resolve("org/model", { onProgress: (progress) => seen.push(progress) });
    expect(model).toEqual({ folder: repository("snapshots", COMMIT), name: "org/model", revision: COMMIT });
    expect(readdirSync(model.folder).sort()).toEqual(["config.json", "model.safetensors", "tokenizer.json"]);
    expect(readlinkSync(join(model.folder, "model.safetensors"))).toBe(join("..", "..", "blobs", blob));
    expect(readlinkSync(join(model.folder, "config.json"))).toBe(join("..", "..", "blobs", gitId(config)));
    expect(snapshot("model.safetensors").equals(weights)).toBe(true);
    expect(readFileSync(repository("refs", "main"), "utf8")).toBe(COMMIT);
    expect(readdirSync(repository("blobs")).sort()).toEqual([blob, gitId(config), gitId(Buffer.from("{}"))].sort());
    const total = weights.length + config.length + 2;
    expect(seen[0]).toEqual({
      kind: "download",
      model: "org/model@main",
      done: 0,
      total,
      files: 3,
      cache: at("cache"),
    });
    expect(seen.at(-1)).toMatchObject({ done: total });
  });

  it("asks once, then finds it in the cache; a commit it has it does not ask for at all", async () => {
    await resolve();
    hub.asked.length = 0;
    await resolve();
    expect(hub.asked.map(({ path }) => path)).toEqual(["/api/models/org/model/revision/main"]);
    await resolve(`org/model@${COMMIT}`);
    expect(hub.asked.length).toBe(1);
  });

  it("fetches shards by their index", async () => {
    const shard = Buffer.from(encodeHeader([{ name: "b", dtype: "U8", shape: [0] }]));
    const index = JSON.stringify({ weight_map: { w: "model-1.safetensors", b: "model-2.safetensors" } });
    hub.models["org/model"].commits[COMMIT] = {
      "config.json": small(config),
      "model.safetensors.index.json": small(index),
      "model-1.safetensors": large(weights),
      "model-2.safetensors": large(shard),
      "model-9.safetensors": large(Buffer.from("of no use")),
    };
    await resolve();
    expect(readdirSync(repository("snapshots", COMMIT)).sort()).toEqual([
      "config.json",
      "model-1.safetensors",
      "model-2.safetensors",
      "model.safetensors.index.json",
    ]);
  });

  it("asks for each file where the Hub's description is terse", async () => {
    hub.terse = true;
    await resolve();
    expect(snapshot("model.safetensors").equals(weights)).toBe(true);
    expect(hub.asked.filter(({ method }) => method === "HEAD").length).toBe(3);
  });

  it("keeps the token to the Hub", async () => {
    vi.stubEnv("HF_TOKEN", "right");
    hub.models["org/model"].token = "right";
    await resolve();
    expect(hub.asked.filter(({ server }) => server === "cdn").length).toBe(1);
    for (const { server, authorization } of hub.asked)
      expect(authorization).toBe(server === "hub" ? "Bearer right" : undefined);
  });

  it("reads the token of a person who is logged in", async () => {
    mkdirSync(at("home"));
    writeFileSync(at("home", "token"), "right\n");
    hub.models["org/model"].token = "right";
    await resolve();
  });
});

describe("a download that does not go smoothly", () => {
  const isWeights = ({ server }: Asked) => server === "cdn";
  const part = (response: ServerResponse, { status, headers, body }: Reply, bytes: number): true => {
    response.writeHead(status, headers).write(body!.subarray(0, bytes), () => response.destroy());
    return true;
  };

  it("goes on where a connection broke", async () => {
    let breaks = 3;
    hub.intercept = (asked, reply, response) => isWeights(asked) && breaks-- > 0 && part(response, reply, 70_000);
    let done = 0;
    await resolve("org/model", { onProgress: downloads((progress) => (done = progress.done)) });
    expect(snapshot("model.safetensors").equals(weights)).toBe(true);
    const ranges = hub.asked.filter(isWeights).map(({ range }) => range);
    expect(ranges.length).toBe(4);
    expect(ranges.slice(1).every((range) => /^bytes=[1-9]\d+-$/.test(range!))).toBe(true);
    expect(done).toBe(weights.length + config.length + 2);
  });

  it("goes on where an earlier run was stopped, and says what it already has", async () => {
    const controller = new AbortController();
    hub.intercept = (asked, reply, response) => {
      if (!isWeights(asked)) return false;
      response.writeHead(reply.status, reply.headers).write(reply.body!.subarray(0, 100_000));
      setTimeout(() => controller.abort(), 100);
      return true;
    };
    await expect(resolve("org/model", { signal: controller.signal })).rejects.toMatchObject({ fault: "interrupted" });
    const there = readFileSync(repository("blobs", `${blob}.incomplete`)).length;
    expect(there).toBe(100_000);
    expect(existsSync(repository("blobs", blob))).toBe(false);
    expect(existsSync(repository("refs", "main"))).toBe(false);
    await expect(resolve("org/model", { offline: true })).rejects.toThrow("not in the cache");

    hub.intercept = undefined;
    hub.asked.length = 0;
    const seen: number[] = [];
    await resolve("org/model", { onProgress: downloads(({ done }) => seen.push(done)) });
    expect(hub.asked.filter(isWeights).map(({ range }) => range)).toEqual([`bytes=${there}-`]);
    expect(snapshot("model.safetensors").equals(weights)).toBe(true);
    expect(seen.at(-1)).toBe(weights.length + config.length + 2);
  });

  it("begins anew where the server knows no ranges", async () => {
    mkdirSync(repository("blobs"), { recursive: true });
    writeFileSync(repository("blobs", `${blob}.incomplete`), weights.subarray(0, 50_000));
    hub.intercept = (asked, _, response) => {
      if (!isWeights(asked)) return false;
      response.writeHead(200, { "content-length": weights.length }).end(weights);
      return true;
    };
    const seen: number[] = [];
    await resolve("org/model", { onProgress: downloads(({ done }) => seen.push(done)) });
    expect(snapshot("model.safetensors").equals(weights)).toBe(true);
    expect(seen.at(-1)).toBe(weights.length + config.length + 2);
  });

  it.each([
    ["bad from the start", Buffer.alloc(50_000, 1)],
    ["as long as the file but not it", Buffer.alloc(weights.length, 1)],
    ["longer than the file", Buffer.alloc(weights.length + 5, 1)],
  ])("does not trust what an earlier run left: %s", async (_, left) => {
    mkdirSync(repository("blobs"), { recursive: true });
    writeFileSync(repository("blobs", `${blob}.incomplete`), left);
    const seen: number[] = [];
    await resolve("org/model", { onProgress: downloads(({ done }) => seen.push(done)) });
    expect(snapshot("model.safetensors").equals(weights)).toBe(true);
    expect(seen.at(-1)).toBe(weights.length + config.length + 2);
  });

  it("refuses a damaged file and leaves nothing of it", async () => {
    const damaged = Buffer.from(weights);
    damaged[1000] ^= 1;
    hub.intercept = (asked, _, response) => {
      if (!isWeights(asked)) return false;
      response.writeHead(200).end(damaged);
      return true;
    };
    await expect(resolve()).rejects.toThrow(/came damaged: its digest is .*, should be .*run again/);
    expect(readdirSync(repository("blobs")).filter((name) => name.startsWith(blob))).toEqual([]);
  });

  it("refuses a file that changed in between, and takes the new one on the next run", async () => {
    hub.intercept = (asked, reply, response) => {
      if (!asked.path.endsWith("model.safetensors")) return false;
      response.writeHead(302, { ...reply.headers, "x-linked-etag": `"${"0".repeat(64)}"` }).end();
      return true;
    };
    await expect(resolve()).rejects.toThrow(/model.safetensors changed while it was downloaded/);
    hub.intercept = undefined;
    const changed = Buffer.concat([weights, Buffer.from("more")]);
    const files = hub.models["org/model"].commits[COMMIT];
    hub.models["org/model"].commits[NEWER] = { ...files, "model.safetensors": large(changed) };
    hub.models["org/model"].revisions.main = NEWER;
    await resolve();
    expect(snapshot("model.safetensors", NEWER).equals(changed)).toBe(true);
    expect(readFileSync(repository("refs", "main"), "utf8")).toBe(NEWER);
  });

  it("gives up on a body that never comes whole, and keeps what came", async () => {
    hub.intercept = (asked, reply, response) => isWeights(asked) && part(response, reply, asked.range ? 0 : 1000);
    vi.useFakeTimers({ toFake: ["setTimeout"], advanceTimeDelta: 1000, shouldAdvanceTime: true });
    const failure = resolve().catch((error) => error);
    await vi.waitFor(async () => {
      await vi.advanceTimersByTimeAsync(20_000);
      expect(hub.asked.filter(isWeights).length).toBeGreaterThan(5);
    }, 10_000);
    vi.useRealTimers();
    expect((await failure).message).toMatch(/stopped at [\d.]+ kB of 300 kB .*run again to go on from there/);
    expect(existsSync(repository("blobs", `${blob}.incomplete`))).toBe(true);
  });

  it("tries again where the server is in trouble", async () => {
    let trouble = 2;
    hub.intercept = (_, __, response) => {
      if (trouble-- <= 0) return false;
      response.writeHead(503).end();
      return true;
    };
    await resolve();
  });

  it("waits for another process that is downloading the same", async () => {
    let sent = 0;
    hub.intercept = (asked, reply, response) => {
      if (!isWeights(asked)) return false;
      sent++;
      setTimeout(() => response.writeHead(reply.status, reply.headers).end(reply.body), 300);
      return true;
    };
    const [first, second] = await Promise.all([resolve(), resolve()]);
    expect(first).toEqual(second);
    expect(sent).toBe(1);
    expect(snapshot("model.safetensors").equals(weights)).toBe(true);
    expect(readdirSync(at("cache", ".locks", "models--org--model"))).toEqual([]);
  });

  it("takes over from a process that died", async () => {
    const dead = spawnSync(process.execPath, ["-e", ""]).pid;
    const { hostname } = await import("node:os");
    mkdirSync(at("cache", ".locks", "models--org--model"), { recursive: true });
    const lock = (name: string) => at("cache", ".locks", "models--org--model", `${name}.lossyscope`);
    writeFileSync(lock(blob), `${hostname()}\n${dead}\n`);
    writeFileSync(lock(gitId(config)), "elsewhere\n1\n");
    utimesSync(lock(gitId(config)), new Date(0), new Date(0));
    await resolve();
  });

  it("says when there is no room, before it fetches a byte", async () => {
    const listed = hub.models["org/model"].commits[COMMIT];
    hub.intercept = (asked, _, response) => {
      if (!asked.path.startsWith("/api/")) return false;
      const siblings = Object.keys(listed).map((rfilename) => ({ rfilename, size: 1e15, blobId: "1".repeat(40) }));
      response.end(JSON.stringify({ sha: COMMIT, siblings }));
      return true;
    };
    await expect(resolve()).rejects.toThrow(/needs 3\.00 PB, .* are free .*HF_HOME/);
    expect(hub.asked.length).toBe(1);
  });

  it("says when the disk is full on the way, and goes on when there is room again", async () => {
    const probe = await open(at("probe"), "w");
    const prototype = Object.getPrototypeOf(probe);
    await probe.close();
    const full = Object.assign(new Error("ENOSPC: no space left on device, write"), {
      code: "ENOSPC",
      syscall: "write",
    });
    const spy = vi.spyOn(prototype, "write").mockRejectedValue(full);
    await expect(resolve()).rejects.toThrow(/cannot write to the cache .*the disk is full\): free space/);
    spy.mockRestore();
    await resolve();
  });

  it("says when the cache cannot be written to", async () => {
    writeFileSync(at("cache"), "a file where the folder should be");
    await expect(resolve()).rejects.toThrow(/cannot write to the cache/);
  });
});

describe("a Hub that gives no answer", () => {
  const unreachableHub = async (): Promise<void> => {
    const gone = await fakeHub();
    await gone.close();
    vi.stubEnv("HF_ENDPOINT", gone.url);
  };
  const told = async (name: string, options: Partial<ResolveOptions> = {}) => {
    const events: ResolveEvent[] = [];
    const model = await resolve(name, { ...options, onProgress: (event) => events.push(event) });
    return { revision: model.revision, events };
  };

  it("leaves the cache, and says so", async () => {
    await resolve();
    await unreachableHub();
    expect(await told("org/model")).toEqual({
      revision: COMMIT,
      events: [
        {
          kind: "cache",
          model: "org/model@main",
          commit: COMMIT,
          reason: expect.stringMatching(/^cannot reach 127.0.0.1:\d+ \(.*ECONNREFUSED.*\)$/),
        },
      ],
    });
    vi.stubEnv("HF_HUB_OFFLINE", "1");
    expect(await told("org/model")).toEqual({ revision: COMMIT, events: [] });
  });

  it("in trouble, is one that gives none; one that refuses is not", async () => {
    await resolve();
    hub.intercept = (_, __, response) => {
      response.writeHead(502).end();
      return true;
    };
    hub.asked.length = 0;
    expect((await told("org/model")).events).toMatchObject([{ kind: "cache", reason: /cannot answer/ }]);
    expect(hub.asked.length).toBe(1);
    hub.intercept = undefined;
    hub.models["org/model"].gated = true;
    await expect(resolve()).rejects.toThrow("org/model is gated");
  });

  it("says what is lacking where the cache has nothing whole", async () => {
    await unreachableHub();
    await expect(resolve()).rejects.toThrow(
      /cannot reach .*, and org\/model@main is not in the cache .*: check the connection, or pass the folder of a model$/,
    );
    vi.stubEnv("HF_ENDPOINT", hub.url);
    await resolve();
    rmSync(repository("snapshots", COMMIT, "config.json"));
    await unreachableHub();
    await expect(resolve()).rejects.toThrow("not in the cache " + at("cache") + " (config.json is missing)");
  });

  it.each(["offline", "unreachable"])("leaves the only snapshot where the reference is gone: %s", async (how) => {
    await resolve();
    rmSync(repository("refs"), { recursive: true });
    if (how === "offline") vi.stubEnv("HF_HUB_OFFLINE", "1");
    else await unreachableHub();
    const { revision, events } = await told("org/model");
    expect(revision).toBe(COMMIT);
    expect(events).toMatchObject([{ kind: "cache", reason: /only this snapshot is in the cache/ }]);
    await expect(resolve("org/model@v2")).rejects.toThrow(`name what is in the cache: @${COMMIT}`);
  });

  it("does not choose among snapshots without a reference", async () => {
    await resolve();
    hub.models["org/model"].commits[NEWER] = hub.models["org/model"].commits[COMMIT];
    hub.models["org/model"].revisions.main = NEWER;
    await resolve();
    rmSync(repository("refs"), { recursive: true });
    vi.stubEnv("HF_HUB_OFFLINE", "1");
    await expect(resolve()).rejects.toThrow(`name what is in the cache: @${COMMIT}, @${NEWER}`);
    expect((await resolve(`org/model@${NEWER}`)).revision).toBe(NEWER);
  });
});

describe("a cache that is damaged", () => {
  const cut = (name: string, bytes: number): void =>
    writeFileSync(repository("blobs", name), readFileSync(repository("blobs", name)).subarray(0, bytes));

  it.each([
    ["weights, cut", blob, 1000],
    ["weights, empty", blob, 0],
    ["config, cut", gitId(config), 5],
  ])("is mended by what the Hub lists: %s", async (_, name, bytes) => {
    await resolve();
    cut(name, bytes);
    await resolve();
    expect(snapshot("model.safetensors").equals(weights)).toBe(true);
    expect(snapshot("config.json").equals(config)).toBe(true);
  });

  it("is mended where a blob is too long, and where the snapshot holds files instead of links", async () => {
    await resolve();
    writeFileSync(repository("blobs", blob), Buffer.concat([weights, Buffer.from("more")]));
    rmSync(repository("snapshots", COMMIT, "config.json"));
    writeFileSync(repository("snapshots", COMMIT, "config.json"), "{");
    await resolve();
    expect(snapshot("model.safetensors").equals(weights)).toBe(true);
    expect(snapshot("config.json").equals(config)).toBe(true);
  });

  it("is not taken for whole because a commit is named or the Hub is terse", async () => {
    await resolve();
    cut(blob, 1000);
    hub.terse = true;
    await resolve(`org/model@${COMMIT}`);
    expect(snapshot("model.safetensors").equals(weights)).toBe(true);
  });

  it("is said, with the numbers, where nothing may be fetched", async () => {
    await resolve();
    cut(blob, 1000);
    await expect(resolve("org/model", { offline: true })).rejects.toThrow(
      "(model.safetensors is damaged, at 1,000 bytes)",
    );
  });
});

describe("proxies", () => {
  it("are gone through where the environment names them, and passed by where it spares a host", async () => {
    const proxy = await fakeProxy(hub.url);
    vi.stubEnv("HTTP_PROXY", proxy.url.replace("://", "://name:password@"));
    vi.stubEnv("http_proxy", "");
    delete process.env.http_proxy;
    try {
      vi.stubEnv("NO_PROXY", "");
      vi.stubEnv("HF_ENDPOINT", "http://hub.invalid");
      await expect(resolve("org/nothing")).rejects.toThrow("org/nothing is no folder here");
      expect(proxy.seen).toEqual([
        {
          url: "http://hub.invalid/api/models/org/nothing/revision/main?blobs=true",
          authorization: `Basic ${Buffer.from("name:password").toString("base64")}`,
        },
      ]);
      vi.stubEnv("HF_ENDPOINT", hub.url);
      vi.stubEnv("NO_PROXY", "127.0.0.1");
      await resolve();
      expect(proxy.seen.length).toBe(1);
    } finally {
      await proxy.close();
    }
    vi.stubEnv("HF_ENDPOINT", "http://hub.invalid");
    await expect(resolve("org/other")).rejects.toThrow(/cannot reach hub.invalid \(.*; HTTP_PROXY names a proxy\)/);
    vi.stubEnv("HTTP_PROXY", "proxy:secret@host");
    await expect(resolve("org/other")).rejects.toThrow(
      /^HTTP_PROXY is no address of a proxy: set it to http:\/\/host:port$/,
    );
  });

  it("carry TLS through a tunnel", async () => {
    const proxy = await fakeProxy(hub.url);
    vi.stubEnv("HTTPS_PROXY", proxy.url);
    vi.stubEnv("HF_ENDPOINT", "https://hub.invalid");
    await expect(resolve("org/nothing")).rejects.toThrow(/cannot reach hub.invalid/);
    await proxy.close();
    expect(proxy.tunnels[0]).toBe("hub.invalid:443");
  });
});

describe("what the Hub refuses", () => {
  it("says that a model is not there", async () => {
    await expect(resolve("org/nothing")).rejects.toThrow(
      /org\/nothing is no folder here, and not on the Hub .*set HF_TOKEN/,
    );
  });

  it("says that the token is wrong", async () => {
    vi.stubEnv("HF_TOKEN", "wrong");
    await expect(resolve()).rejects.toThrow("the Hub does not accept the token (401): check HF_TOKEN");
  });

  it("says how to get at a gated model", async () => {
    hub.models["org/model"].gated = true;
    await expect(resolve()).rejects.toThrow(
      /org\/model is gated.*\(403\): accept them at .*org\/model, then set HF_TOKEN/,
    );
  });

  it("says that there is no such revision", async () => {
    await expect(resolve("org/model@v9")).rejects.toThrow(/org\/model@v9: the model has no such revision \(404\)/);
  });

  it("says that the endpoint is no Hub", async () => {
    hub.intercept = (_, __, response) => {
      response.end("<html>");
      return true;
    };
    await expect(resolve()).rejects.toThrow(
      'no description of a model (expected an object, found "<html>"): check HF_ENDPOINT',
    );
    vi.stubEnv("HF_ENDPOINT", "hub.example");
    await expect(resolve()).rejects.toMatchObject({ fault: "usage" });
  });

  it.each<[string, Record<string, string>, string]>([
    ["pickles", { "config.json": "{}", "pytorch_model.bin": "" }, "Python pickles, which run code"],
    [
      "GGUF",
      { "config.json": "{}", "model.gguf": "" },
      "only in GGUF, as model.gguf: name the file that is meant: org/model@main:model.gguf",
    ],
    ["no config", { "model.safetensors": "" }, "has no config.json"],
    [
      "an index that leaves the folder",
      { "config.json": "{}", "model.safetensors.index.json": '{"weight_map":{"w":"../../../evil.safetensors"}}' },
      "no safetensors file beside it",
    ],
    [
      "an index that names what is not there",
      { "config.json": "{}", "model.safetensors.index.json": '{"weight_map":{"w":"a.safetensors"}}' },
      "lacks a.safetensors",
    ],
    ["an index that is no JSON", { "config.json": "{}", "model.safetensors.index.json": "{" }, "is not JSON"],
  ])("refuses %s before it downloads weights", async (_, files, message) => {
    hub.models["org/model"].commits[COMMIT] = Object.fromEntries(
      Object.entries(files).map(([name, content]) => [name, small(content)]),
    );
    await expect(resolve()).rejects.toThrow(message);
    expect(existsSync(repository("snapshots"))).toBe(false);
  });
});

describe("names", () => {
  it("takes a folder as it is", async () => {
    mkdirSync(at("some", "model"), { recursive: true });
    expect(await resolve(at("some", "model"))).toEqual({ folder: at("some", "model"), name: "model", revision: null });
    writeFileSync(at("model.gguf"), "");
    await expect(resolve(at("model.gguf"))).rejects.toThrow("is a file: pass the folder");
    expect(hub.asked).toEqual([]);
    mkdirSync(at("some", "run", "step-30"), { recursive: true });
    expect((await resolve(at("some", "run", "step-30"))).name).toBe("run/step-30");
  });

  it.each(["gpt2", "a/b/c", "../b", "org/..", "org/-x", "/absent/model", "org/mo del", ""])(
    "does not ask the Hub for %j",
    async (name) => {
      await expect(resolve(name)).rejects.toMatchObject({ fault: "input" });
      expect(hub.asked).toEqual([]);
    },
  );

  it.each(["org/model@", "org/model@../x", "org/model@a//b", "org/model@a b"])(
    "does not take %j for a revision",
    async (name) => {
      await expect(resolve(name)).rejects.toThrow("is no revision");
    },
  );

  it("takes the address of a page, and asks the endpoint that is set", async () => {
    expect((await resolve("https://huggingface.co/org/model/tree/main")).revision).toBe(COMMIT);
    expect((await resolve("hf.co/org/model")).name).toBe("org/model");
  });

  it("keeps revisions apart, branches with slashes too", async () => {
    const files = hub.models["org/model"].commits[COMMIT];
    hub.models["org/model"].commits[NEWER] = { ...files, "config.json": small('{"model_type":"llama"}') };
    hub.models["org/model"].revisions["refs/pr/1"] = NEWER;
    await resolve();
    expect((await resolve("org/model@refs/pr/1")).revision).toBe(NEWER);
    expect(snapshot("config.json", NEWER).toString()).toContain("llama");
    expect(snapshot("config.json").toString()).toContain("gpt2");
    expect(readFileSync(repository("refs", "refs", "pr", "1"), "utf8")).toBe(NEWER);
    hub.asked.length = 0;
    expect((await resolve("org/model@refs/pr/1", { offline: true })).revision).toBe(NEWER);
    expect(hub.asked).toEqual([]);
  });
});

describe("offline", () => {
  it("uses the cache that other tools filled, and only that", async () => {
    vi.stubEnv("HF_HUB_OFFLINE", "1");
    await expect(resolve()).rejects.toThrow(/org\/model@main is not in the cache .*HF_HUB_OFFLINE unset/);
    mkdirSync(repository("snapshots", COMMIT), { recursive: true });
    mkdirSync(repository("refs"));
    writeFileSync(repository("refs", "main"), `${COMMIT}\n`);
    writeFileSync(repository("snapshots", COMMIT, "config.json"), config);
    await expect(resolve()).rejects.toThrow("(model.safetensors is missing)");
    writeFileSync(repository("snapshots", COMMIT, "model.safetensors"), weights);
    expect(await resolve()).toEqual({ folder: repository("snapshots", COMMIT), name: "org/model", revision: COMMIT });
    rmSync(repository("snapshots", COMMIT, "model.safetensors"));
    const index = { weight_map: { w: "model-1.safetensors" } };
    writeFileSync(repository("snapshots", COMMIT, "model.safetensors.index.json"), JSON.stringify(index));
    await expect(resolve()).rejects.toThrow("(model-1.safetensors is missing)");
    expect(hub.asked).toEqual([]);
  });

  it("finds the cache where each of the Hub's variables puts it", async () => {
    vi.stubEnv("HF_HUB_OFFLINE", "true");
    const told = () => resolve().catch((error) => error.message);
    vi.stubEnv("HF_HUB_CACHE", "");
    expect(await told()).toContain(`the cache ${at("home", "hub")},`);
    vi.stubEnv("HUGGINGFACE_HUB_CACHE", at("older"));
    expect(await told()).toContain(`the cache ${at("older")},`);
    vi.stubEnv("HF_HOME", "");
    vi.stubEnv("HUGGINGFACE_HUB_CACHE", "");
    vi.stubEnv("XDG_CACHE_HOME", at("xdg"));
    expect(await told()).toContain(`the cache ${at("xdg", "huggingface", "hub")},`);
  });
});

describe("headers from afar", () => {
  it("reads what a model consists of, and next to nothing of its bytes", async () => {
    const found = await findModel("org/model");
    if (found.kind !== "remote") expect.fail("it is in the cache");
    hub.intercept = (asked, reply) => {
      if (asked.server === "cdn") expect(reply.body!.length).toBeLessThan(weights.length);
      return false;
    };
    const { config: read, weights: files } = await readRemoteHeaders(found.client, found.remote);
    expect(read).toEqual({ model_type: "gpt2" });
    expect(files.map(({ name, bytes, expected }) => ({ name, bytes, expected }))).toEqual([
      { name: "model.safetensors", bytes: weights.length, expected: [] },
    ]);
    expect(files[0].header.tensors.get("w")).toMatchObject({ begin: header.length, end: weights.length });
    expect(existsSync(at("cache"))).toBe(false);
  });

  it("refuses a config that is no object, and a server that gives files only whole", async () => {
    hub.models["org/model"].commits[COMMIT]["config.json"] = small("[]");
    const found = await findModel("org/model");
    if (found.kind !== "remote") expect.fail("it is in the cache");
    await expect(readRemoteHeaders(found.client, found.remote)).rejects.toThrow(
      "config.json is JSON but not an object",
    );
    hub.intercept = (asked, _, response) => {
      if (asked.server !== "cdn") return false;
      response.writeHead(200).end(weights);
      return true;
    };
    await expect(readRemoteHeaders(found.client, found.remote)).rejects.toThrow("gives model.safetensors only whole");
  });

  it("asks again for a header that is longer than the first piece, shards and all", async () => {
    const names = Array.from(
      { length: 3000 },
      (_, i) => ({ name: `tensor.${i}`.padEnd(40, "x"), dtype: "U8", shape: [0] }) as const,
    );
    const long = Buffer.concat([Buffer.from(encodeHeader(names))]);
    expect(long.length).toBeGreaterThan(1 << 17);
    const index = JSON.stringify({ weight_map: { w: "1.safetensors", [names[0].name]: "2.safetensors" } });
    hub.models["org/model"].commits[COMMIT] = {
      "config.json": small(config),
      "model.safetensors.index.json": small(index),
      "1.safetensors": large(weights),
      "2.safetensors": large(long),
    };
    const found = await findModel("org/model");
    if (found.kind !== "remote") expect.fail("it is in the cache");
    const { weights: files } = await readRemoteHeaders(found.client, found.remote);
    expect(files.map(({ header }) => header.tensors.size)).toEqual([1, 3000]);
    expect(files[1].expected).toEqual([names[0].name]);
  });
});
