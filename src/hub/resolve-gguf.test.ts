import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import type { ResolveEvent } from "./events.ts";
import { parseGgufName } from "./gguf-name.ts";
import { type FakeHub, fakeHub, onlyHub } from "./hub.testing.ts";
import { resolveGguf } from "./resolve-gguf.ts";

const at = temporaryFolder();
const COMMIT = "a".repeat(40);
const large = (content: string) => ({ content: Buffer.from(content), lfs: true });

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
        "config.json": { content: Buffer.from("{}"), lfs: false },
        "model-Q4_0.gguf": large("four bits"),
        "model-Q8_0.gguf": large("eight bits"),
        "F16/model-00001-of-00002.gguf": large("first"),
        "F16/model-00002-of-00002.gguf": large("second"),
      },
    },
  };
});

const resolve = (name: string, { offline = false, events = [] as ResolveEvent[] } = {}) =>
  resolveGguf(parseGgufName(name, hub.url)!, { offline, onProgress: (event) => events.push(event) });
const snapshot = () => at("cache", "models--org--model", "snapshots", COMMIT);
const bytesAsked = () => hub.asked.filter(({ server }) => server === "cdn").length;

it("is downloaded, its size said first, alone of all files, and once", async () => {
  const events: ResolveEvent[] = [];
  const found = await resolve("org/model:Q4_0", { events });
  expect(found).toEqual({ path: join(snapshot(), "model-Q4_0.gguf"), name: "org/model:Q4_0", revision: COMMIT });
  expect(readFileSync(found.path, "utf8")).toBe("four bits");
  expect(events[0]).toMatchObject({ kind: "download", done: 0, total: 9, files: 1 });
  expect(bytesAsked()).toBe(1);
  expect(await resolve("org/model:model-Q4_0.gguf")).toMatchObject({ path: found.path, name: "org/model:model-Q4_0" });
  expect(bytesAsked()).toBe(1);
});

it("in parts is downloaded whole, and opened by the first", async () => {
  const { path } = await resolve("org/model:F16");
  expect(path).toBe(join(snapshot(), "F16", "model-00001-of-00002.gguf"));
  expect(readFileSync(path.replace("00001-of", "00002-of"), "utf8")).toBe("second");
});

it("is found in the cache where nothing may be asked, and where the Hub does not answer, which is said", async () => {
  const { path } = await resolve("org/model:Q4_0");
  hub.asked.length = 0;
  expect((await resolve("org/model:Q4_0", { offline: true })).path).toBe(path);
  expect((await resolve(`org/model@${COMMIT}:Q4_0`)).path).toBe(path);
  expect(hub.asked).toEqual([]);
  const events: ResolveEvent[] = [];
  vi.stubEnv("HF_ENDPOINT", "http://127.0.0.1:1");
  expect((await resolve("org/model:Q4_0", { events })).path).toBe(path);
  expect(events).toMatchObject([{ kind: "cache", commit: COMMIT }]);
});

it("that is not in the cache is refused where nothing may be asked", async () => {
  await resolve("org/model:Q4_0");
  await expect(resolve("org/model:Q8_0", { offline: true })).rejects.toThrow(
    /org\/model@main has no Q8_0 in the cache .*: run once without --offline/,
  );
});

it("that the repository does not have is refused with those it has", async () => {
  await expect(resolve("org/model:Q6_K")).rejects.toThrow(
    /org\/model has no model in GGUF called Q6_K; it has F16\/model/,
  );
});
