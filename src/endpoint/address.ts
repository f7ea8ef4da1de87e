/**
 * Where a served model is, and the key that it is asked with. A key comes from the environment alone: what stands in an
 * address ends in shells' histories, in logs and in other people's sight.
 */
import { LossyscopeError } from "../numeric/errors.ts";

export interface EndpointAddress {
  /** where the OpenAI-compatible routes begin, without a slash at the end: `http://host:8000/v1` */
  readonly base: string;
  /** where the server's own routes begin: `http://host:8000` */
  readonly root: string;
  readonly key: string | undefined;
}

/** Routes that people copy together with the base. */
const ROUTE = /\/(?:completions|chat\/completions|models)$/;
const KEYS = ["LOSSYSCOPE_API_KEY", "OPENAI_API_KEY"] as const;

/** Whether a reference can be the address of a served model: no path, or one in which `v1` stands. */
export function isEndpoint(reference: string): boolean {
  if (!/^https?:\/\//i.test(reference) || !URL.canParse(reference)) return false;
  const { pathname } = new URL(reference);
  return pathname === "/" || pathname.split("/").includes("v1");
}

/**
 * @param environment `LOSSYSCOPE_API_KEY`, else `OPENAI_API_KEY`; the second is sent by TLS or to this machine alone
 * @throws LossyscopeError `usage` where the address carries a name, a password, a query or a fragment
 */
export function endpointAddress(
  reference: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): EndpointAddress {
  const url = new URL(reference);
  if (url.username !== "" || url.password !== "")
    throw new LossyscopeError(
      "usage",
      `the address of ${url.host} carries a name or a password`,
      "leave it out, and set LOSSYSCOPE_API_KEY",
    );
  if (url.search !== "" || url.hash !== "")
    throw new LossyscopeError(
      "usage",
      `the address of ${url.host} carries a query`,
      "pass it as far as its /v1, and set LOSSYSCOPE_API_KEY where the query held a key",
    );
  const path = url.pathname.replace(/\/+$/, "").replace(ROUTE, "");
  const base = `${url.origin}${path === "" ? "/v1" : path}`;
  return { base, root: base.replace(/\/v1$/, ""), key: keyFor(url, environment) };
}

function keyFor(url: URL, environment: Readonly<Record<string, string | undefined>>): string | undefined {
  const [own, general] = KEYS.map((name) => keyIn(environment, name));
  return own ?? (url.protocol === "https:" || isLoopback(url.hostname) ? general : undefined);
}

function keyIn(environment: Readonly<Record<string, string | undefined>>, name: string): string | undefined {
  const key = environment[name]?.trim();
  if (!key) return undefined;
  if (/^[\x21-\x7e]+$/.test(key)) return key;
  throw new LossyscopeError("usage", `${name} holds what no header can carry`, "set it to the key alone");
}

const isLoopback = (host: string): boolean => /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(host);
