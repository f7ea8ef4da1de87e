/**
 * Requests to the server of a model: JSON there and back, in bounds of number (`gate.ts`), size and time, tried again where
 * that may help, and what they come to counted. Redirects are not followed: a key must not travel on, and a POST would not
 * arrive as one. What a server says in its errors is shown without the key.
 */
import { networkReason } from "../hub/client.ts";
import { fetchByProxy, proxyHint, type RequestInit, type Response } from "../hub/network.ts";
import { count, counted, sizeText, timeText } from "../numeric/amounts.ts";
import { LossyscopeError, shown } from "../numeric/errors.ts";
import type { EndpointAddress } from "./address.ts";
import { Gate } from "./gate.ts";

export interface Patience {
  /** how often a request is made at most */
  readonly attempts: number;
  /** pause before the second attempt; it doubles with each further one, to the longest */
  readonly firstMs: number;
  readonly longestMs: number;
  /** how long an answer may take, its last byte included */
  readonly answerMs: number;
}

/** A server that has much to do is waited for, some minutes in all. */
export const PATIENCE: Patience = { attempts: 8, firstMs: 500, longestMs: 60_000, answerMs: 300_000 };
/** A pause that the server asks for is kept to, up to here. */
const LONGEST_ASKED_MS = 600_000;

export interface Asking {
  /** after `base` or `root`: `/completions` */
  readonly path: string;
  readonly of?: "base" | "root";
  /** absent: a GET */
  readonly body?: unknown;
  /** bytes of the answer at most */
  readonly mostBytes?: number;
  /** tokens of the prompt, for what is counted */
  readonly tokens?: number;
  /** what errors name: `tokens 0 to 511 of "notes.txt"` */
  readonly what: string;
  readonly signal?: AbortSignal;
  /** tries once unless the server has merely too much to do: another way of asking is at hand */
  readonly once?: boolean;
}

/** What requests have come to. */
export interface Sent {
  requests: number;
  /** of them, those that were made again */
  again: number;
  /** tokens of prompts, of every attempt */
  tokens: number;
}

/** What the server answered in place of what was asked for. */
export class Refusal extends LossyscopeError {
  constructor(
    readonly status: number,
    message: string,
    next: string,
  ) {
    super("network", message, next);
  }
}

const SMALL = 4_000_000;

export class EndpointClient {
  readonly address: EndpointAddress;
  readonly sent: Sent = { requests: 0, again: 0, tokens: 0 };
  readonly concurrency: number;
  readonly #gate: Gate;
  readonly #patience: Patience;

  constructor(address: EndpointAddress, concurrency: number, patience: Patience = PATIENCE) {
    this.address = address;
    this.concurrency = concurrency;
    this.#patience = patience;
    this.#gate = new Gate(concurrency);
  }

  get host(): string {
    return new URL(this.address.base).host;
  }

  /**
   * @returns the answer's JSON
   * @throws Refusal where the server refuses; LossyscopeError `network` where it cannot be reached, or gives no answer in as
   * many attempts; `interrupted`
   */
  async ask(asking: Asking): Promise<unknown> {
    const { signal, what, tokens = 0, once = false } = asking;
    for (let attempt = 1; ; attempt++) {
      await this.#gate.enter(signal);
      let pauseMs: number | null = null;
      try {
        this.sent.requests++;
        this.sent.tokens += tokens;
        if (attempt > 1) this.sent.again++;
        return await this.#once(asking);
      } catch (error) {
        if (signal?.aborted) throw new LossyscopeError("interrupted", "stopped");
        if (!(error instanceof Passing)) throw error;
        const attempts = once && !error.busy ? 1 : this.#patience.attempts;
        pauseMs = error.pauseMs ?? this.#backOff(attempt);
        if (attempt === attempts || pauseMs > LONGEST_ASKED_MS) {
          const tried = attempts === 1 ? "" : ` in ${counted(attempt, "attempt")}`;
          const later = pauseMs > LONGEST_ASKED_MS ? `, and asks for ${timeText(pauseMs / 1000)}` : "";
          throw new LossyscopeError(
            "network",
            `${this.host} gave no answer for ${what}${tried} (${error.message}${later})`,
            "look at the server's log, or try again later",
            { cause: error },
          );
        }
      } finally {
        this.#gate.leave(pauseMs);
      }
    }
  }

  /** Spread by the golden ratio, so that those who failed together do not come back together. */
  #backOff(attempt: number): number {
    const { firstMs, longestMs } = this.#patience;
    const spread = (this.sent.requests * 0.618034) % 1;
    return Math.min(longestMs, firstMs * 2 ** (attempt - 1)) * (0.75 + spread / 2);
  }

  async #once({ path, of = "base", body, mostBytes = SMALL, what, signal }: Asking): Promise<unknown> {
    const timeout = new AbortController();
    const { answerMs } = this.#patience;
    const late = new Passing(`no answer in ${timeText(answerMs / 1000)}`);
    const timer = setTimeout(() => timeout.abort(late), answerMs);
    const { key } = this.address;
    const init: RequestInit = {
      method: body === undefined ? "GET" : "POST",
      redirect: "manual",
      headers: {
        accept: "application/json",
        "user-agent": "lossyscope",
        ...(body !== undefined && { "content-type": "application/json" }),
        ...(key !== undefined && { authorization: `Bearer ${key}` }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: signal ? AbortSignal.any([signal, timeout.signal]) : timeout.signal,
    };
    try {
      const response = await fetchByProxy(new URL(`${this.address[of]}${path}`), init);
      const text = await bounded(response, response.ok ? mostBytes : SMALL, what);
      if (response.ok) return parsed(text);
      throw this.#refusal(response, text, what);
    } catch (error) {
      if (timeout.signal.aborted && !signal?.aborted) throw late;
      if (error instanceof LossyscopeError || error instanceof Passing) throw error;
      throw new Passing(`${this.#without(networkReason(error))}${proxyHint()}`);
    } finally {
      clearTimeout(timer);
    }
  }

  /** What a status means that is none of an answer. */
  #refusal(response: Response, text: string, what: string): Error {
    const { status, headers } = response;
    const said = this.#without(saidIn(text)) || response.statusText;
    const passes = status === 408 || status === 425 || status === 429 || status >= 500;
    const busy = status === 429 || status === 503;
    if (passes) return new Passing(`${status}: ${said}`, askedPause(headers.get("retry-after")), busy);
    if (status >= 300 && status < 400)
      return new Refusal(
        status,
        `${this.host} sends ${what} on to ${shown(placeOf(headers.get("location"), this.address.base))} (${status})`,
        "pass the address that the server itself has",
      );
    if (status === 401 || status === 403)
      return new Refusal(
        status,
        `${this.host} does not accept ${this.address.key === undefined ? "requests without a key" : "the key"} (${status}: ${said})`,
        "set LOSSYSCOPE_API_KEY to a key of that server",
      );
    if (status === 407)
      return new Refusal(
        status,
        "the proxy wants a name and a password (407)",
        "write them into HTTPS_PROXY: http://name:password@host:port",
      );
    return new Refusal(status, `${this.host} refuses ${what} (${status}: ${said})`, "look at what it says");
  }

  #without(text: string): string {
    const { key } = this.address;
    return key === undefined ? text : text.replaceAll(key, "…");
  }
}

/** A failure that another attempt may not meet. */
class Passing extends Error {
  /** @param pauseMs that the server asks for, or null @param busy whether it merely has too much to do */
  constructor(
    message: string,
    readonly pauseMs: number | null = null,
    readonly busy = false,
  ) {
    super(message);
  }
}

/** Milliseconds that `Retry-After` asks for, in seconds or until a date; null where it does not. */
export function askedPause(header: string | null, now = Date.now()): number | null {
  if (header === null) return null;
  const asked = /^\d+(?:\.\d+)?$/.test(header.trim()) ? 1000 * Number(header) : Date.parse(header) - now;
  return Number.isFinite(asked) ? Math.max(0, asked) : null;
}

/** Where a redirect leads, without what an address may carry of secrets. */
function placeOf(location: string | null, base: string): string {
  if (location === null || !URL.canParse(location, base)) return "nowhere";
  const { origin, pathname } = new URL(location, base);
  return `${origin}${pathname}`;
}

/** The message of an error as servers write it, else the text itself; clipped. */
function saidIn(text: string): string {
  const found = messageIn(text);
  const line = (found ?? text.replace(/<[^>]*>/g, " ")).replace(/\s+/g, " ").trim();
  return line.length > 240 ? `${line.slice(0, 239)}…` : line;
}

/** `{error: {message}}`, `{error: "…"}`, `{message}` or `{detail}` */
function messageIn(text: string): string | undefined {
  try {
    const json: unknown = JSON.parse(text);
    if (typeof json !== "object" || json === null) return undefined;
    const { error, message, detail } = json as Record<string, unknown>;
    const inner = typeof error === "object" && error !== null && "message" in error ? error.message : error;
    return [inner, message, detail].find((one) => typeof one === "string");
  } catch {
    return undefined;
  }
}

/** The whole of an answer. @throws LossyscopeError `network` past the bound */
async function bounded(response: Response, most: number, what: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  if (response.body === null) return "";
  for await (const chunk of response.body) {
    const part = chunk as Uint8Array;
    bytes += part.length;
    if (bytes > most)
      throw new LossyscopeError(
        "network",
        `the answer for ${what} is larger than ${sizeText(most)}, which none is`,
        "look at what serves that address",
      );
    chunks.push(part);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** What is no JSON was cut off, or comes from something that stands before the server: another attempt may do better. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const naN = /[:[,]\s*-?(?:NaN|Infinity)\b/.exec(text);
    const why = naN ? `${naN[0].replace(/^[:[,]\s*/, "")} among its numbers` : `${count(text.length)} characters`;
    throw new Passing(`an answer that is no JSON: ${why}`);
  }
}
