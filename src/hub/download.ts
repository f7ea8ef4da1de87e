/**
 * One file of a model into the cache: `blobs/<blob>.incomplete` grows, over interruptions and from any earlier run's end
 * on, until it is whole; it becomes `blobs/<blob>` only when its content is what its name says (SHA-256, or git's SHA-1
 * over `blob <size>\0` and the content). A lock keeps a second process waiting instead of writing into the same file.
 * Memory: one chunk of the body.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, mkdir, open, readFile, rename, rm, stat, truncate, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import { ioFault, systemCode } from "../files/faults.ts";
import { isRunning } from "../files/processes.ts";
import { count, sizeText, timeText } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { etagOf, type HubClient, networkReason, pause, type RemoteFile, type RemoteModel } from "./client.ts";
import type { Headers } from "./network.ts";

export interface DownloadOptions {
  /** called with every number of bytes that the file has more, at first with those it already had; negative where it begins anew */
  readonly onBytes: (bytes: number) => void;
  readonly signal?: AbortSignal;
}

/** Interruptions in a row without a byte in between, after which a download is given up. */
const PATIENCE = 5;
/** Pause before going on after an interruption; it doubles while nothing comes. */
const RETRY_MS = 250;
/** A connection over which nothing comes for so long is dead. */
const SILENCE_MS = 60_000;

/**
 * @param repository folder `models--org--name` of the cache
 * @throws LossyscopeError `network` where the bytes do not come or are not what they should be; `io` for a full disk;
 * `interrupted`. What has come stays for the next run.
 */
export async function downloadBlob(
  client: HubClient,
  model: RemoteModel,
  file: RemoteFile,
  repository: string,
  options: DownloadOptions,
): Promise<void> {
  const blob = join(repository, "blobs", file.blob);
  const lock = join(dirname(repository), ".locks", basename(repository), `${file.blob}.lossyscope`);
  if (await isWhole(blob, file.bytes)) return options.onBytes(file.bytes);
  try {
    await mkdir(dirname(blob), { recursive: true });
    await withLock(lock, options.signal, async () => {
      if (await isWhole(blob, file.bytes)) return options.onBytes(file.bytes); // another process was faster
      const incomplete = `${blob}.incomplete`;
      await complete(client, model, file, incomplete, options);
      await rename(incomplete, blob);
    });
  } catch (error) {
    if (options.signal?.aborted) throw new LossyscopeError("interrupted", `stopped while downloading ${file.name}`);
    throw ioFault(error, `write to the cache ${repository}`);
  }
}

async function isWhole(path: string, bytes: number): Promise<boolean> {
  return (await sizeOf(path)) === bytes;
}

async function sizeOf(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.size;
}

/** Fills the file up and checks it; what an earlier run left may be bad, so a second attempt begins from nothing. */
async function complete(
  client: HubClient,
  model: RemoteModel,
  file: RemoteFile,
  path: string,
  options: DownloadOptions,
): Promise<void> {
  const found = (await sizeOf(path)) ?? 0;
  if (found > file.bytes) await rm(path);
  else options.onBytes(found);
  for (const isLast of found > 0 ? [false, true] : [true]) {
    await fill(client, model, file, path, options);
    const digest = await contentName(path, file, options.signal);
    if (digest === file.blob) return;
    await rm(path, { force: true });
    options.onBytes(-file.bytes);
    if (isLast) {
      throw new LossyscopeError(
        "network",
        `${model.id}/${file.name} came damaged: its digest is ${digest}, should be ${file.blob}`,
        "run again to download it anew",
      );
    }
  }
}

/** Requests what is missing, again and again, as long as something comes. */
async function fill(
  client: HubClient,
  model: RemoteModel,
  file: RemoteFile,
  path: string,
  options: DownloadOptions,
): Promise<void> {
  const { signal } = options;
  const target = await open(path, "a");
  try {
    let failures = 0;
    for (;;) {
      const before = (await target.stat()).size;
      if (before === file.bytes) return await target.sync();
      let reason = "the connection ended early";
      try {
        await append(client, model, file, path, target, before, options);
      } catch (error) {
        if (error instanceof LossyscopeError || systemCode(error) || signal?.aborted) throw error;
        reason = networkReason(error);
      }
      const after = (await target.stat()).size;
      failures = after > before ? 0 : failures + 1;
      if (after === file.bytes) continue;
      if (failures === PATIENCE) {
        throw new LossyscopeError(
          "network",
          `${model.id}/${file.name} stopped at ${sizeText(after)} of ${sizeText(file.bytes)} (${reason})`,
          "run again to go on from there",
        );
      }
      await pause(RETRY_MS * 2 ** failures, signal);
    }
  } finally {
    await target.close();
  }
}

/** One request for the rest of the file, its body appended as it comes. */
async function append(
  client: HubClient,
  model: RemoteModel,
  file: RemoteFile,
  path: string,
  target: FileHandle,
  offset: number,
  { onBytes, signal }: DownloadOptions,
): Promise<void> {
  const dead = new AbortController();
  const either = signal ? AbortSignal.any([signal, dead.signal]) : dead.signal;
  const { response, described } = await client.bytes(model, file.name, offset, undefined, either);
  checkUnchanged(model, file, described);
  let size = offset;
  const isRest = response.status === 206 && response.headers.get("content-range")?.startsWith(`bytes ${offset}-`);
  if (offset > 0 && !isRest) {
    await truncate(path, 0); // the server sends all of it, or has nothing from there on
    onBytes(-offset);
    size = 0;
  }
  if (!response.ok) return void (await response.body?.cancel());
  const silence = setTimeout(
    () => dead.abort(new Error(`nothing came for ${timeText(SILENCE_MS / 1000)}`)),
    SILENCE_MS,
  );
  try {
    for await (const chunk of response.body ?? []) {
      silence.refresh();
      size += chunk.length;
      if (size > file.bytes) {
        throw new LossyscopeError(
          "network",
          `${model.id}/${file.name} is longer than the ${count(file.bytes)} bytes the Hub lists`,
          "run again",
        );
      }
      for (let done = 0; done < chunk.length; ) done += (await target.write(chunk, done)).bytesWritten;
      onBytes(chunk.length);
    }
  } finally {
    clearTimeout(silence);
  }
}

/** The Hub names commit and content with every file; another content than listed must not be glued to what we have. */
function checkUnchanged(model: RemoteModel, file: RemoteFile, described: Headers): void {
  const commit = described.get("x-repo-commit");
  if (commit === null) return;
  const etag = etagOf(described);
  if (commit === model.commit && (etag === undefined || etag === file.blob)) return;
  throw new LossyscopeError(
    "network",
    `${model.id}/${file.name} changed while it was downloaded (${etag ?? commit}, was ${file.blob})`,
    "run again",
  );
}

/** The name the Hub would give this content. */
async function contentName(path: string, { blob, bytes }: RemoteFile, signal?: AbortSignal): Promise<string> {
  const hash = blob.length === 64 ? createHash("sha256") : createHash("sha1").update(`blob ${bytes}\0`);
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20, signal })) hash.update(chunk);
  return hash.digest("hex");
}

const HEARTBEAT_MS = 5_000;
const STALE_MS = 60_000;

/** Runs the work while holding the lock; waits for a living holder, takes over from a dead one. */
async function withLock(path: string, signal: AbortSignal | undefined, work: () => Promise<void>): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  while (!(await takeLock(path))) {
    if (await isStale(path)) await rm(path, { force: true });
    else await pause(250, signal);
    signal?.throwIfAborted();
  }
  const heartbeat = setInterval(() => void utimes(path, new Date(), new Date()).catch(() => undefined), HEARTBEAT_MS);
  try {
    await work();
  } finally {
    clearInterval(heartbeat);
    await rm(path, { force: true });
  }
}

async function takeLock(path: string): Promise<boolean> {
  try {
    const handle = await open(path, "wx");
    await handle.writeFile(`${hostname()}\n${process.pid}\n`);
    await handle.close();
    return true;
  } catch (error) {
    if (systemCode(error) === "EEXIST") return false;
    throw error;
  }
}

/** A lock whose holder has died: not refreshed for a minute, or of a process of this machine that is no more. */
async function isStale(path: string): Promise<boolean> {
  const [about, text] = await Promise.all([stat(path), readFile(path, "utf8")]).catch(() => []);
  if (!about || text === undefined) return false; // just given back
  if (Date.now() - about.mtimeMs > STALE_MS) return true;
  const [host, pid] = text.split("\n");
  return host === hostname() && /^[1-9]\d*$/.test(pid ?? "") && !isRunning(Number(pid));
}
