/**
 * The Hub's HTTP interface, as much of it as a download takes: what a revision consists of, and the bytes of a file from
 * any offset on. Redirects are followed by hand: the Hub describes a file in the headers of the redirect itself, and the
 * token must not travel to another host. What the Hub refuses becomes an error that says what to do.
 */
import { z } from "zod";
import { timeText } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { checked } from "../numeric/schema-faults.ts";
import { fetchByProxy, Headers, proxyHint, type RequestInit, type Response } from "./network.ts";
import type { HubSettings } from "./settings.ts";

export interface RemoteFile {
  readonly name: string;
  readonly bytes: number;
  /** the file's name in the cache: SHA-256 of large files, else the id that git gives its content */
  readonly blob: string;
}

export interface RemoteModel {
  /** `org/name` */
  readonly id: string;
  /** branch, tag or commit, as asked for */
  readonly revision: string;
  /** the 40 hex digits that the revision stands for now */
  readonly commit: string;
  /** every file by name; bytes and blob are unknown where the Hub did not list them */
  readonly files: ReadonlyMap<string, Partial<RemoteFile>>;
}

/** An answer with the headers of the Hub itself, before it sent us on to where the bytes are. */
export interface Answer {
  readonly response: Response;
  readonly described: Headers;
}

export interface HubClient {
  readonly settings: HubSettings;
  /** @param patience once: a single try with a short wait, where there is something else to turn to */
  model(id: string, revision: string, signal?: AbortSignal, patience?: Patience): Promise<RemoteModel>;
  /** Size and cache name of a file. */
  file(model: RemoteModel, name: string, signal?: AbortSignal): Promise<RemoteFile>;
  /** Asks for the file from byte `begin` on (up to `end`). The answer is 200, 206 or 416; its body is the caller's. */
  bytes(model: RemoteModel, name: string, begin: number, end?: number, signal?: AbortSignal): Promise<Answer>;
}

export type Patience = "once" | "usual";

const PATIENCE: Readonly<Record<Patience, { readonly attempts: number; readonly answerMs: number }>> = {
  once: { attempts: 1, answerMs: 10_000 },
  usual: { attempts: 3, answerMs: 30_000 },
};
/** Pause before the second attempt; it doubles with each further one. */
const RETRY_MS = 500;
const MAX_REDIRECTS = 5;
const BLOB = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

const modelSchema = z.object({
  sha: z.string().regex(/^[0-9a-f]{40}$/),
  siblings: z.array(
    z.object({
      rfilename: z.string(),
      size: z.number().nullish(),
      blobId: z.string().nullish(),
      lfs: z.object({ sha256: z.string().nullish() }).nullish(),
    }),
  ),
});

export function hubClient(settings: HubSettings): HubClient {
  const { endpoint, token } = settings;
  const host = new URL(endpoint).host;

  /** One request, redirects followed, refusals thrown. */
  async function once(
    what: string,
    url: string,
    init: RequestInit,
    answerMs: number,
    signal?: AbortSignal,
  ): Promise<Answer> {
    let target = new URL(url);
    let described: Headers | undefined;
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      const headers = new Headers(init.headers);
      headers.set("accept-encoding", "identity"); // a compressed body has no ranges
      headers.set("user-agent", "lossyscope");
      if (token && target.origin === new URL(endpoint).origin) headers.set("authorization", `Bearer ${token}`);
      const response = await answerInTime(target, { ...init, headers, redirect: "manual" }, answerMs, signal);
      if (!described?.has("x-linked-etag")) described = response.headers;
      const location = response.headers.get("location");
      const isRedirect = response.status >= 300 && response.status < 400 && location !== null;
      if (!isRedirect || (init.method === "HEAD" && described.has("x-linked-etag"))) {
        if (response.ok || isRedirect || response.status === 416) return { response, described };
        throw await refusal(what, response, token !== undefined, endpoint);
      }
      await response.body?.cancel();
      target = new URL(location, target);
    }
    throw new LossyscopeError(
      "network",
      `${host} redirects ${what} more than ${MAX_REDIRECTS} times`,
      "try again later",
    );
  }

  async function request(
    what: string,
    url: string,
    init: RequestInit,
    signal?: AbortSignal,
    patience: Patience = "usual",
  ): Promise<Answer> {
    const { attempts, answerMs } = PATIENCE[patience];
    for (let attempt = 1; ; attempt++) {
      try {
        return await once(what, url, init, answerMs, signal);
      } catch (error) {
        if (signal?.aborted) throw new LossyscopeError("interrupted", `stopped while asking for ${what}`);
        if (attempt === attempts || !isPassing(error))
          throw error instanceof LossyscopeError ? error : unreachableHost(error);
        await pause(RETRY_MS * 2 ** (attempt - 1), signal);
      }
    }
  }

  function unreachableHost(error: unknown): LossyscopeError {
    return new LossyscopeError(
      "network",
      `cannot reach ${host} (${networkReason(error)}${proxyHint()})`,
      "check the connection, or pass the folder of a model",
      { cause: new Unreachable("the Hub gave no answer", { cause: error }) },
    );
  }

  const fileUrl = ({ id, commit }: RemoteModel, name: string): string =>
    `${endpoint}/${id}/resolve/${commit}/${name.split("/").map(encodeURIComponent).join("/")}`;

  return {
    settings,

    async model(id, revision, signal, patience) {
      const url = `${endpoint}/api/models/${id}/revision/${encodeURIComponent(revision)}?blobs=true`;
      const { response } = await request(`${id}@${revision}`, url, {}, signal, patience);
      const described = checked(
        modelSchema,
        jsonOf(await response.text().catch(() => "")),
        (faults) =>
          new LossyscopeError(
            "network",
            `${host} answers for ${id}@${revision} with something that is no description of a model (${faults})`,
            "check HF_ENDPOINT",
          ),
      );
      const files = described.siblings.map(({ rfilename, size, blobId, lfs }) => {
        const blob = lfs?.sha256 ?? (lfs ? undefined : blobId);
        return [rfilename, { name: rfilename, bytes: size ?? undefined, blob: blob ?? undefined }] as const;
      });
      return { id, revision, commit: described.sha, files: new Map(files) };
    },

    async file(model, name, signal) {
      let { bytes, blob } = model.files.get(name) ?? {};
      if (bytes === undefined || blob === undefined) {
        const { described } = await request(`${model.id}/${name}`, fileUrl(model, name), { method: "HEAD" }, signal);
        bytes = Number(described.get("x-linked-size") ?? described.get("content-length") ?? Number.NaN);
        blob = etagOf(described) ?? "";
      }
      if (!Number.isSafeInteger(bytes) || bytes < 0 || !BLOB.test(blob)) {
        throw new LossyscopeError(
          "network",
          `${host} does not say how large ${model.id}/${name} is and what it holds`,
          "check HF_ENDPOINT",
        );
      }
      return { name, bytes, blob };
    },

    async bytes(model, name, begin, end, signal) {
      const range = end !== undefined ? `bytes=${begin}-${end - 1}` : begin > 0 ? `bytes=${begin}-` : undefined;
      return request(`${model.id}/${name}`, fileUrl(model, name), { headers: range ? { range } : {} }, signal);
    },
  };
}

/** JSON of an answer, and of one that is none the text. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** What the Hub calls the content it describes, without quotes and the mark of a weak tag. */
export function etagOf(headers: Headers): string | undefined {
  return (headers.get("x-linked-etag") ?? headers.get("etag") ?? undefined)?.replace(/^W\//, "").replaceAll('"', "");
}

/** Bounds the wait for the head of an answer, not for its body. */
async function answerInTime(
  url: URL,
  init: RequestInit,
  answerMs: number,
  signal: AbortSignal | undefined,
): Promise<Response> {
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(new Error(`no answer in ${timeText(answerMs / 1000)}`)), answerMs);
  try {
    return await fetchByProxy(url, {
      ...init,
      signal: signal ? AbortSignal.any([signal, timeout.signal]) : timeout.signal,
    });
  } finally {
    clearTimeout(timer);
  }
}

/** Whether trying again may help: the network failed, or the server is busy or in trouble. */
function isPassing(error: unknown): boolean {
  if (!(error instanceof LossyscopeError)) return true;
  return error.cause instanceof Unreachable;
}

/** The cause of an error that is the network's or the server's trouble, and no answer to what was asked. */
class Unreachable extends Error {}

/** Whether the Hub could not answer at all, so that nothing is known of what was asked for. */
export const isUnreachable = (error: unknown): boolean => error instanceof LossyscopeError && isPassing(error);

export async function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal?.addEventListener("abort", done);
  });
}

/** The innermost reason of a failed fetch: `ECONNREFUSED`, `getaddrinfo ENOTFOUND host`. */
export function networkReason(error: unknown): string {
  let inner = error;
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause;
  if (inner instanceof AggregateError && inner.errors.length > 0) inner = inner.errors[0];
  return inner instanceof Error ? inner.message || inner.name : String(inner);
}

/** What a status means on the Hub, which answers 401 also for models that do not exist. */
async function refusal(
  what: string,
  response: Response,
  hasToken: boolean,
  endpoint: string,
): Promise<LossyscopeError> {
  const code = response.headers.get("x-error-code") ?? "";
  const text = response.headers.get("x-error-message") ?? (await response.text().catch(() => "")).slice(0, 200);
  const { status } = response;
  const [id] = what.split("@");
  const page = `${endpoint}/${id.split("/").slice(0, 2).join("/")}`;
  const fail = (message: string, next: string, options?: ErrorOptions) =>
    new LossyscopeError("network", `${message} (${status})`, next, options);

  if (code === "RevisionNotFound")
    return fail(`${what}: the model has no such revision`, `choose one listed at ${page}/tree/main`);
  if (code === "EntryNotFound") return fail(`${what}: the model has no such file`, `see ${page}/tree/main`);
  if (code === "GatedRepo" || (status === 403 && /gated|access/i.test(text))) {
    return fail(
      `${id} is gated: its authors want its terms accepted first`,
      `accept them at ${page}, then set HF_TOKEN to a token of that account`,
    );
  }
  if (status === 401 && hasToken && code !== "RepoNotFound") {
    return fail("the Hub does not accept the token", "check HF_TOKEN, or unset it for public models");
  }
  if (status === 401 || status === 404) {
    const hint = hasToken ? "the token's account may not see it" : "if it is private, set HF_TOKEN";
    return fail(
      `${id} is no folder here, and not on the Hub or not for everyone`,
      `check the name at ${page}; ${hint}`,
    );
  }
  if (status === 407)
    return fail("the proxy wants a name and a password", "write them into HTTPS_PROXY: http://name:password@host:port");
  if (status === 403) return fail(`the token may not read ${id}`, "use a token with read access");
  if (status === 429 || status >= 500) {
    return fail(`the Hub cannot answer for ${what} now`, "try again later", {
      cause: new Unreachable("the Hub is in trouble"),
    });
  }
  return fail(`the Hub refuses ${what}: ${text.trim() || response.statusText}`, `see ${page}`);
}
