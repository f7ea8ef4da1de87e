/** Where the Hub is, what it is asked with and where its files are kept: the variables that its own tools read. */
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { LossyscopeError } from "../numeric/errors.ts";

export interface HubSettings {
  /** without a slash at the end */
  readonly endpoint: string;
  readonly token: string | undefined;
  /** folder that holds `models--org--name` */
  readonly cache: string;
  readonly offline: boolean;
}

/**
 * `HF_ENDPOINT`; `HF_TOKEN`, else the file at `HF_TOKEN_PATH` or `HF_HOME/token`; `HF_HUB_CACHE`, its older name
 * `HUGGINGFACE_HUB_CACHE`, else `HF_HOME/hub`; `HF_HUB_OFFLINE`.
 * @throws LossyscopeError `usage` where the endpoint is no URL
 */
export function hubSettings(environment: Readonly<Record<string, string | undefined>> = process.env): HubSettings {
  const home = environment.HF_HOME || join(environment.XDG_CACHE_HOME || join(homedir(), ".cache"), "huggingface");
  const endpoint = (environment.HF_ENDPOINT || "https://huggingface.co").replace(/\/+$/, "");
  if (!/^https?:\/\/[^/]/.test(endpoint) || !URL.canParse(endpoint)) {
    throw new LossyscopeError("usage", `HF_ENDPOINT is ${JSON.stringify(endpoint)}, no URL`, "set it to https://host");
  }
  return {
    endpoint,
    token: environment.HF_TOKEN?.trim() || tokenFile(environment.HF_TOKEN_PATH || join(home, "token")),
    cache: environment.HF_HUB_CACHE || environment.HUGGINGFACE_HUB_CACHE || join(home, "hub"),
    offline: /^(1|true|yes|on)$/i.test(environment.HF_HUB_OFFLINE ?? ""),
  };
}

function tokenFile(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim() || undefined;
  } catch {
    return undefined; // no one is logged in here
  }
}
