/**
 * The Hub's own cache: `models--org--name/` with `refs/<revision>` (the commit it stands for), `snapshots/<commit>/<file>`
 * (links) and `blobs/` (what they point to); and files of a repository into it, with their size said first.
 */
import { mkdir, readFile, stat, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { writeAtomic } from "../files/atomic.ts";
import { mapAtMost } from "../files/concurrent.ts";
import { ioFault } from "../files/faults.ts";
import { sizeText } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import type { HubClient, RemoteFile, RemoteModel } from "./client.ts";
import { downloadBlob } from "./download.ts";
import type { ResolveEvent } from "./events.ts";
import { linkBlob } from "./link.ts";

export const FILES_AT_ONCE = 4;
export const COMMIT = /^[0-9a-f]{40}$/;

export interface FetchOptions {
  readonly onProgress: (event: ResolveEvent) => void;
  readonly signal?: AbortSignal;
}

export const repositoryFolder = (cache: string, id: string): string => join(cache, `models--${id.replace("/", "--")}`);

/** The commit that a branch or tag stood for when it was last asked for. */
export async function readRef(repository: string, revision: string): Promise<string | undefined> {
  const text = await readFile(join(repository, "refs", revision), "utf8").catch(() => "");
  return COMMIT.test(text.trim()) ? text.trim() : undefined;
}

export async function writeRef(repository: string, { revision, commit }: RemoteModel): Promise<void> {
  if (revision === commit || (await readRef(repository, revision)) === commit) return;
  const ref = join(repository, "refs", revision);
  try {
    await mkdir(dirname(ref), { recursive: true });
  } catch (error) {
    throw ioFault(error, `write to the cache ${repository}`);
  }
  await writeAtomic(ref, commit);
}

/**
 * Files of a repository into the cache, those that are there already among them.
 * @returns folder of the snapshot
 * @throws LossyscopeError `io` where there is no room; as `downloadBlob` does
 */
export async function fetchFiles(
  client: HubClient,
  remote: RemoteModel,
  files: readonly RemoteFile[],
  { onProgress, signal }: FetchOptions,
): Promise<string> {
  const repository = repositoryFolder(client.settings.cache, remote.id);
  const folder = join(repository, "snapshots", remote.commit);
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  let done = 0;
  const progress = {
    kind: "download" as const,
    model: `${remote.id}@${remote.revision}`,
    total,
    files: files.length,
    cache: client.settings.cache,
  };
  await checkRoom(client.settings.cache, repository, files);
  onProgress({ ...progress, done });

  const failed = new AbortController();
  const either = signal ? AbortSignal.any([signal, failed.signal]) : failed.signal;
  const onBytes = (bytes: number): void => onProgress({ ...progress, done: (done += bytes) });
  await mapAtMost(FILES_AT_ONCE, files, async (file) => {
    try {
      await downloadBlob(client, remote, file, repository, { onBytes, signal: either });
      await linkBlob(repository, folder, file);
    } catch (error) {
      failed.abort();
      throw error;
    }
  });
  await writeRef(repository, remote);
  return folder;
}

async function checkRoom(cache: string, repository: string, files: readonly RemoteFile[]): Promise<void> {
  let needed = 0;
  for (const { blob, bytes } of files) {
    const path = join(repository, "blobs", blob);
    const there = await stat(path)
      .catch(() => stat(`${path}.incomplete`))
      .catch(() => undefined);
    needed += Math.max(0, bytes - (there?.size ?? 0));
  }
  const { bavail, bsize } = await mkdir(repository, { recursive: true })
    .then(() => statfs(repository))
    .catch((error) => Promise.reject(ioFault(error, `write to the cache ${repository}`)));
  if (needed <= bavail * bsize) return;
  throw new LossyscopeError(
    "io",
    `the download needs ${sizeText(needed)}, ${sizeText(bavail * bsize)} are free at ${cache}`,
    "free space, or set HF_HOME to a larger disk",
  );
}
