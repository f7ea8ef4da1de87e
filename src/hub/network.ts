/**
 * How requests leave the machine: through the proxies that `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` name (either
 * case), as other tools do, which Node's own `fetch` does not on every supported version.
 */
import { EnvHttpProxyAgent, fetch as fetchThrough, type RequestInit, type Response } from "undici";
import { LossyscopeError } from "../numeric/errors.ts";

export { Headers, type RequestInit, type Response } from "undici";

let agent: { readonly of: string; readonly agent: EnvHttpProxyAgent } | undefined;

/** @throws LossyscopeError `usage` where a proxy's variable is no URL; otherwise as `fetch` does */
export async function fetchByProxy(url: URL, init: RequestInit): Promise<Response> {
  return fetchThrough(url, { ...init, dispatcher: dispatcher() });
}

/** One for all requests, made anew where the variables have changed. */
function dispatcher(): EnvHttpProxyAgent {
  const variables = proxies();
  const of = JSON.stringify([variables, process.env.no_proxy ?? process.env.NO_PROXY]);
  if (agent?.of !== of) {
    for (const [name, address] of variables) {
      if (URL.canParse(address) && /^(?:https?|socks5?):$/.test(new URL(address).protocol)) continue;
      throw new LossyscopeError("usage", `${name} is no address of a proxy`, "set it to http://host:port");
    }
    // Plain HTTP goes to the proxy as a request, as other tools send it; HTTPS through a tunnel in any case.
    agent = { of, agent: new EnvHttpProxyAgent({ proxyTunnel: false }) };
  }
  return agent.agent;
}

/** Variables that name proxies, with what they say. */
function proxies(): [name: string, address: string][] {
  return ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"].flatMap((name) => {
    const address = process.env[name];
    return address ? [[name, address] as [string, string]] : [];
  });
}

/** What a failed request may owe to a proxy, as it follows the reason; empty where none is set. */
export function proxyHint(): string {
  const names = proxies().map(([name]) => name);
  return names.length === 0 ? "" : `; ${names.join(" and ")} ${names.length === 1 ? "names a proxy" : "name proxies"}`;
}
