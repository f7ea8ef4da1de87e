/**
 * Answers of a Hub, mutated by the thousand (`src/mutations.testing.ts`): descriptions of models, headers, statuses, and files
 * that are another one, a pointer, longer or shorter than was said; from a server on loopback.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { temporaryFolder } from "../src/files/folder.testing.ts";
import { fixture } from "../src/fixtures.testing.ts";
import { hold } from "../src/hold.testing.ts";
import { readRemoteHeaders } from "../src/hub/headers.ts";
import { type Asked, type FakeHub, fakeHub, gitId, type Reply, sha256 } from "../src/hub/hub.testing.ts";
import { INDEX } from "../src/hub/layout.ts";
import { findModel, resolveModel } from "../src/hub/resolve.ts";
import { openCheckpoint } from "../src/models/checkpoint.ts";
import { type Mutant, mutatedBytes, mutatedJsonText } from "../src/mutations.testing.ts";

// Tries again at once.
vi.mock("../src/hub/pause.ts", () => ({ pause: () => Promise.resolve() }));

const at = temporaryFolder();
const COMMIT = "a".repeat(40);
const ID = "org/model";
const folder = fixture("models/mistral-sharded");
const files = readdirSync(folder).map((name) => [name, readFileSync(join(folder, name))] as const);
const isLarge = (name: string): boolean => name.endsWith(".safetensors");

let hub: FakeHub;
beforeAll(async () => {
  hub = await fakeHub();
});
afterAll(() => hub.close());

beforeEach(() => {
  vi.stubEnv("HF_ENDPOINT", hub.url);
  vi.stubEnv("HF_HUB_CACHE", at("cache"));
  vi.stubEnv("HF_HOME", at("home"));
  vi.stubEnv("HF_HUB_OFFLINE", "");
  vi.stubEnv("HF_TOKEN", "");
  const contents = Object.fromEntries(files.map(([name, content]) => [name, { content, lfs: isLarge(name) }]));
  hub.models[ID] = { revisions: { main: COMMIT }, commits: { [COMMIT]: contents } };
  hub.intercept = undefined;
});

/** Downloads into an empty cache and opens what came, then asks for the headers alone. */
async function fetchBoth(): Promise<void> {
  rmSync(at("cache"), { recursive: true, force: true });
  const failed: unknown[] = [];
  try {
    await openCheckpoint((await resolveModel(ID, { onProgress: () => undefined })).folder);
  } catch (error) {
    failed.push(error);
  }
  rmSync(at("cache"), { recursive: true, force: true });
  const found = await findModel(ID);
  if (found.kind === "remote") await readRemoteHeaders(found.client, found.remote);
  if (failed.length > 0) throw failed[0];
}
const left = { left: () => [readdirSync(at()).filter((name) => name !== "cache"), locksLeft()] };
const locksLeft = (): number => (existsSync(at("cache", ".locks")) ? readdirSync(at("cache", ".locks"), { recursive: true }).filter((name) => String(name).endsWith(".lossyscope")).length : 0); // biome-ignore format: short

const answer = (response: ServerResponse, { status, headers, body }: Reply, head: boolean): true => {
  for (const [name, value] of Object.entries(headers)) {
    try {
      response.setHeader(name, value);
    } catch {
      // what no server can send
    }
  }
  // Fewer bytes than were said would be waited for.
  const { socket } = response;
  response.on("finish", () => socket?.destroy());
  response.writeHead(status);
  response.end(head ? undefined : body);
  return true;
};

describe("answers of a Hub", () => {
  it("by its description of a model", async () => {
    const siblings = files.map(([rfilename, content]) => ({
      ...{ rfilename, size: content.length, blobId: gitId(content) },
      ...(isLarge(rfilename) && { lfs: { sha256: sha256(content), size: content.length } }),
    }));
    const description = mutatedJsonText([{ id: ID, sha: COMMIT, siblings }]);
    const { sound } = await hold(
      description,
      async (body) => {
        hub.intercept = ({ path, method }, reply, response) =>
          path.startsWith("/api/") && answer(response, { ...reply, body }, method === "HEAD");
        await fetchBoth();
      },
      120,
      left,
    );
    expect(sound).toBeGreaterThan(0);
  });

  const HEADERS = ["etag", "x-linked-etag", "x-linked-size", "x-repo-commit", "location", "content-range", "content-length", "x-error-code", "x-error-message"]; // biome-ignore format: short
  const VALUES = ["", "-1", "0", "1e309", "NaN", "9".repeat(30), "../../x", '"', "W/", "a".repeat(4_000), "bytes 0-", "bytes 5-6/7", "file:///etc/passwd", "http://127.0.0.1:1/", "http://[", "//", "GatedRepo", "\u00ff"]; // biome-ignore format: short
  const aHeader = fc.record({
    name: fc.constantFrom(...HEADERS),
    value: fc.oneof(fc.constantFrom(...VALUES, null), fc.constant("ab".repeat(20)), fc.constant("cd".repeat(32))),
    status: fc.constantFrom(200, 200, 200, 206, 302, 401, 403, 404, 416, 429, 500, 204, 304),
    of: fc.constantFrom("/api/", ".json", ".safetensors", "/", "HEAD"),
  });

  it("by its headers and statuses", async () => {
    const mutants = fc.tuple(fc.array(aHeader, { minLength: 1, maxLength: 2 }), fc.boolean()).map(
      ([changes, terse]): Mutant<{ changes: typeof changes; terse: boolean }> => ({
        content: { changes, terse },
        how: JSON.stringify([changes, terse]),
      }),
    );
    const isOf = ({ path, method }: Asked, of: string): boolean => (of === "HEAD" ? method === of : path.includes(of));
    const { sound } = await hold(
      mutants,
      async ({ changes, terse }) => {
        hub.terse = terse;
        hub.intercept = (asked, reply, response) => {
          const own = changes.filter(({ of }) => isOf(asked, of));
          if (own.length === 0) return false;
          const headers = { ...reply.headers };
          let { status } = reply;
          for (const change of own) {
            if (change.value === null) delete headers[change.name];
            else headers[change.name] = change.value;
            if (change.status !== 200) status = change.status;
          }
          return answer(response, { status, headers, body: reply.body }, asked.method === "HEAD");
        };
        await fetchBoth().finally(() => {
          hub.terse = false;
        });
      },
      120,
      left,
    );
    expect(sound).toBeGreaterThan(0);
  });

  it.each(["config.json", INDEX, "model-00001-of-00002.safetensors"])("by a %s as it sends it", async (name) => {
    const [, content] = files.find(([own]) => own === name)!;
    const mutants = isLarge(name) ? mutatedBytes([content]) : mutatedJsonText([JSON.parse(content.toString())]);
    const own = hub.models[ID].commits[COMMIT];
    const { sound } = await hold(
      fc.tuple(mutants, fc.boolean()).map(([{ content, how }, told]) => ({ content: { content, told }, how })),
      async ({ content: sent, told }) => {
        // The description is of what is sent, or of what should have been.
        hub.intercept = ({ path, method }, reply, response) =>
          !told &&
          reply.body === content &&
          path.endsWith(name) &&
          answer(response, { ...reply, body: sent }, method === "HEAD");
        own[name] = { content: told ? sent : content, lfs: isLarge(name) };
        await fetchBoth();
      },
      60,
      left,
    );
    expect(sound).toBeGreaterThan(0);
  });
});

describe("a cache", () => {
  it("by the files that name what is in it", async () => {
    const snapshot = at("cache", "models--org--model", "snapshots", COMMIT);
    const ref = at("cache", "models--org--model", "refs", "main");
    cpSync(folder, snapshot, { recursive: true });
    mkdirSync(join(ref, ".."), { recursive: true });
    writeFileSync(ref, COMMIT);
    hub.intercept = (_, reply, response) => answer(response, { ...reply, status: 503 }, false);
    const index = readFileSync(join(folder, INDEX));
    const mutants = fc.oneof(
      mutatedBytes([Buffer.from(COMMIT)]).map(({ content, how }) => ({ content: [content, index], how })),
      mutatedJsonText([JSON.parse(index.toString())]).map(({ content, how }) => ({
        content: [Buffer.from(COMMIT), content],
        how,
      })),
    );
    const { sound } = await hold(
      mutants,
      async ([named, placed]) => {
        writeFileSync(ref, named);
        writeFileSync(join(snapshot, INDEX), placed);
        await openCheckpoint((await resolveModel(ID, { onProgress: () => undefined })).folder);
      },
      150,
      left,
    );
    expect(sound).toBeGreaterThan(0);
  });
});
