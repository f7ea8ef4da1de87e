/**
 * The headers of a remote model's weights, without the weights: a few byte ranges tell what a model of any size consists
 * of. Memory: the headers.
 */
import { mapAtMost } from "../files/concurrent.ts";
import { parseJsonObject } from "../formats/json.ts";
import { headerEnd, parseHeader, type SafetensorsHeader } from "../formats/safetensors.ts";
import { count } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import type { HubClient, RemoteFile, RemoteModel } from "./client.ts";
import { INDEX, indexOf, shardsOfIndex } from "./layout.ts";
import { weightFilesOf } from "./resolve.ts";

export interface RemoteWeights {
  readonly name: string;
  /** size of the file on the Hub */
  readonly bytes: number;
  readonly header: SafetensorsHeader;
  /** tensors that the index places in it */
  readonly expected: readonly string[];
}

/** How much of a file is asked for at first: most headers fit. */
const FIRST_BYTES = 1 << 17;
const FILES_AT_ONCE = 8;

/**
 * @returns the config and every weight file's header
 * @throws LossyscopeError `network`, and `model` where a file is not sound or not read
 */
export async function readRemoteHeaders(
  client: HubClient,
  remote: RemoteModel,
  signal?: AbortSignal,
): Promise<{ config: Readonly<Record<string, unknown>>; weights: RemoteWeights[] }> {
  const text = async (name: string): Promise<string> => {
    const { response } = await client.bytes(remote, name, 0, undefined, signal);
    return response.text();
  };
  let index = "";
  const names = await weightFilesOf(remote, async () => (index = await text(INDEX)));
  const placed = index === "" ? undefined : shardsOfIndex(indexOf(index, INDEX), INDEX);
  const files = names.filter((name) => name !== INDEX);
  const weights = await mapAtMost(FILES_AT_ONCE, files, async (name) => ({
    ...(await remoteHeader(client, remote, name, signal)),
    expected: placed?.get(name) ?? [],
  }));
  const config = parseJsonObject(
    await text("config.json"),
    (why) => new LossyscopeError("model", `${remote.id}/config.json ${why}`, "choose another revision"),
  );
  return { config, weights };
}

/**
 * Reads stretches of a file on the Hub.
 * @throws LossyscopeError `network`, also where the server gives it only whole
 */
export function remoteRanges(
  client: HubClient,
  remote: RemoteModel,
  { name, bytes }: Pick<RemoteFile, "name" | "bytes">,
  signal?: AbortSignal,
): (offset: number, length: number) => Promise<Uint8Array<ArrayBuffer>> {
  return async (offset, length) => {
    const end = Math.min(offset + length, bytes);
    const { response } = await client.bytes(remote, name, offset, end, signal);
    if (response.status !== 206 && (offset > 0 || bytes > end)) {
      await response.body?.cancel();
      throw new LossyscopeError(
        "network",
        `the server gives ${name} only whole`,
        "download the model and inspect its folder",
      );
    }
    const found = new Uint8Array(await response.arrayBuffer());
    if (found.length === end - offset) return found;
    throw new LossyscopeError(
      "network",
      `the server gives ${count(found.length)} of ${count(end - offset)} bytes of ${name}`,
      "try again later",
    );
  };
}

async function remoteHeader(client: HubClient, remote: RemoteModel, name: string, signal?: AbortSignal) {
  const { bytes } = await client.file(remote, name, signal);
  const read = remoteRanges(client, remote, { name, bytes }, signal);
  let prefix = await read(0, FIRST_BYTES);
  const end = headerEnd(prefix, bytes);
  if (end > prefix.length) prefix = await read(0, end);
  return { name, bytes, header: parseHeader(prefix, bytes) };
}
