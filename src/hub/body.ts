/** Bodies that are held in memory, no longer than what they are read for can be. */
import { sizeText } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { networkReason, type Response } from "./network.ts";

/** Of what is JSON: descriptions of models, configs and indices have megabytes at most. */
export const MOST_JSON_BYTES = 2 ** 26;

/**
 * @param what it is, for the error
 * @throws LossyscopeError `network` where there are more bytes than that, or they break off; `interrupted`
 */
export async function bodyOf({ body }: Response, most: number, what: string, signal?: AbortSignal): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body ?? []) {
      chunks.push(chunk);
      bytes += chunk.length;
      // Leaving the loop cancels what has not come.
      if (bytes > most)
        throw new LossyscopeError("network", `${what} has more than ${sizeText(most)}`, "check HF_ENDPOINT");
    }
  } catch (error) {
    if (error instanceof LossyscopeError) throw error;
    if (signal?.aborted) throw new LossyscopeError("interrupted", `stopped while reading ${what}`);
    throw new LossyscopeError("network", `${what} broke off (${networkReason(error)})`, "try again", { cause: error });
  }
  return Buffer.concat(chunks);
}

/** The beginning of a body. */
export async function beginningOf({ body }: Response, bytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body ?? []) {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= bytes) break;
  }
  return Buffer.concat(chunks).subarray(0, bytes).toString("utf8");
}
