/**
 * A Hub on loopback: the description of a model's revision, and its files; large ones behind a redirect to a second
 * server, as the Hub's CDN is another host; with the headers the Hub sends. It can be made to fail as servers do.
 */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { vi } from "vitest";

export interface FakeModel {
  /** commit, by branch or tag */
  revisions: Record<string, string>;
  /** files by commit; `lfs` ones lie on the CDN */
  commits: Record<string, Record<string, { content: Buffer; lfs: boolean }>>;
  gated?: boolean;
  token?: string;
}

export interface Asked {
  readonly server: "hub" | "cdn";
  readonly method: string;
  readonly path: string;
  readonly range: string | undefined;
  readonly authorization: string | undefined;
}

export interface Reply {
  status: number;
  headers: Record<string, string | number>;
  body?: Buffer;
}

export interface FakeHub {
  readonly url: string;
  readonly asked: Asked[];
  readonly models: Record<string, FakeModel>;
  /** Sees every answer before it is sent; true: it has sent its own. */
  intercept: ((asked: Asked, reply: Reply, response: ServerResponse) => boolean) | undefined;
  /** leaves sizes and contents out of descriptions, as plain mirrors do */
  terse: boolean;
  close(): Promise<void>;
}

export const gitId = (content: Buffer): string =>
  createHash("sha1").update(`blob ${content.length}\0`).update(content).digest("hex");
export const sha256 = (content: Buffer): string => createHash("sha256").update(content).digest("hex");

const refusal = (status: number, code: string, text: string): Reply => ({
  status,
  headers: { "x-error-code": code, "x-error-message": text },
  body: Buffer.from(JSON.stringify({ error: text })),
});

function fileReply(content: Buffer, range: string | undefined, headers: Reply["headers"]): Reply {
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(range ?? "") ?? [];
  if (from === undefined)
    return { status: 200, headers: { ...headers, "content-length": content.length }, body: content };
  const body = content.subarray(Number(from), to ? Number(to) + 1 : undefined);
  if (body.length === 0) return { status: 416, headers };
  const span = `bytes ${from}-${Number(from) + body.length - 1}/${content.length}`;
  return { status: 206, headers: { ...headers, "content-range": span, "content-length": body.length }, body };
}

async function listen(answer: (message: IncomingMessage, response: ServerResponse) => void): Promise<[Server, string]> {
  const server = createServer(answer);
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return [server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`];
}

export async function fakeHub(): Promise<FakeHub> {
  const models: FakeHub["models"] = {};

  const cdnReply = ({ path, range }: Asked): Reply => {
    const files = Object.values(models).flatMap(({ commits }) =>
      Object.values(commits).flatMap((of) => Object.values(of)),
    );
    const found = files.find(({ content }) => `/${sha256(content)}` === path);
    return found ? fileReply(found.content, range, { etag: '"of-the-cdn"' }) : refusal(403, "", "expired");
  };

  const hubReply = ({ path, range, authorization }: Asked): Reply => {
    const api = /^\/api\/models\/([^/]+\/[^/]+)\/revision\/(.+)$/.exec(path);
    const file = /^\/([^/]+\/[^/]+)\/resolve\/([0-9a-f]{40})\/(.+)$/.exec(path);
    const model = models[(api ?? file)?.[1] ?? ""];
    if (authorization === "Bearer wrong") return refusal(401, "", "Invalid credentials in Authorization header");
    if (!model || (model.token && authorization !== `Bearer ${model.token}`)) {
      return refusal(401, "RepoNotFound", "Repository not found");
    }
    if (model.gated) return refusal(403, "GatedRepo", "Access to this model is restricted");
    if (api) return describe(api[1], model, api[2]);
    const [, , commit, name] = file!;
    const found = model.commits[commit]?.[name];
    if (!found) return refusal(404, "EntryNotFound", "Entry not found");
    const { content, lfs } = found;
    if (!lfs) return fileReply(content, range, { etag: `"${gitId(content)}"`, "x-repo-commit": commit });
    const headers = {
      location: `${cdnUrl}/${sha256(content)}`,
      "x-repo-commit": commit,
      "x-linked-etag": `"${sha256(content)}"`,
      "x-linked-size": content.length,
    };
    return { status: 302, headers };
  };

  const describe = (id: string, model: FakeModel, revision: string): Reply => {
    const commit = model.revisions[revision] ?? (revision in model.commits ? revision : undefined);
    if (!commit) return refusal(404, "RevisionNotFound", "Invalid rev id");
    const siblings = Object.entries(model.commits[commit]).map(([rfilename, { content, lfs }]) => ({
      rfilename,
      ...(!hub.terse && { size: content.length, blobId: gitId(content) }),
      ...(!hub.terse && lfs && { lfs: { sha256: sha256(content), size: content.length, pointerSize: 134 } }),
    }));
    return { status: 200, headers: {}, body: Buffer.from(JSON.stringify({ id, sha: commit, siblings })) };
  };

  const answer =
    (server: Asked["server"], reply: (asked: Asked) => Reply) =>
    (message: IncomingMessage, response: ServerResponse): void => {
      const asked: Asked = {
        server,
        method: message.method!,
        path: decodeURIComponent(new URL(message.url!, "http://host").pathname),
        range: message.headers.range,
        authorization: message.headers.authorization,
      };
      hub.asked.push(asked);
      const { status, headers, body } = reply(asked);
      if (hub.intercept?.(asked, { status, headers, body }, response)) return;
      response.writeHead(status, headers).end(asked.method === "HEAD" ? undefined : body);
    };

  const [cdn, cdnUrl] = await listen(answer("cdn", cdnReply));
  const [server, url] = await listen(answer("hub", hubReply));
  const hub: FakeHub = {
    url,
    asked: [],
    models,
    intercept: undefined,
    terse: false,
    async close() {
      for (const each of [cdn, server]) {
        each.closeAllConnections();
        await new Promise((closed) => each.close(closed));
      }
    },
  };
  return hub;
}

/**
 * The Hub as a test finds it: empty and quiet, with a cache that nobody else has.
 * @param at places in a folder of the test's own
 */
export function onlyHub(hub: FakeHub, at: (name: string) => string): void {
  vi.stubEnv("HF_ENDPOINT", hub.url);
  vi.stubEnv("HF_HUB_CACHE", at("cache"));
  vi.stubEnv("HF_HOME", at("home"));
  vi.stubEnv("HF_HUB_OFFLINE", "");
  vi.stubEnv("HF_TOKEN", "");
  hub.asked.length = 0;
  hub.intercept = undefined;
  hub.terse = false;
  for (const name of Object.keys(hub.models)) delete hub.models[name];
}

export interface FakeProxy {
  readonly url: string;
  /** plain requests that came, with what they said of themselves */
  readonly seen: { readonly url: string; readonly authorization: string | undefined }[];
  /** hosts that tunnels were asked for; none is made */
  readonly tunnels: string[];
  close(): Promise<void>;
}

/** A proxy on loopback that sends every plain request on to one server, whatever host it names. */
export async function fakeProxy(server: string): Promise<FakeProxy> {
  const seen: FakeProxy["seen"] = [];
  const tunnels: string[] = [];
  const [proxy, url] = await listen((message, response) => {
    seen.push({ url: message.url!, authorization: message.headers["proxy-authorization"] });
    const { pathname, search } = new URL(message.url!);
    request(`${server}${pathname}${search}`, { method: message.method }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(response);
    }).end();
  });
  proxy.on("connect", (message, socket) => {
    tunnels.push(message.url!);
    socket.end("HTTP/1.1 502 Bad Gateway\r\n\r\n");
  });
  return {
    url,
    seen,
    tunnels,
    async close() {
      proxy.closeAllConnections();
      await new Promise((closed) => proxy.close(closed));
    },
  };
}
