/**
 * From the name of a model to a folder with its files: a local folder as it is, or `org/name[@revision]` in the Hub's
 * own cache, downloaded into it where it is not there. Layout of the cache: `models--org--name/` with `refs/<revision>`
 * (the commit it stands for), `snapshots/<commit>/<file>` (links) and `blobs/` (what they point to). Weights in
 * safetensors, config and tokenizer are fetched, nothing else.
 */
import { mkdir, readFile, readlink, rm, stat, statfs, symlink } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import { writeAtomic } from "../files/atomic.ts";
import { mapAtMost } from "../files/concurrent.ts";
import { ioFault, systemCode } from "../files/faults.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { type HubClient, hubClient, type RemoteFile, type RemoteModel } from "./client.ts";
import { downloadBlob } from "./download.ts";
import { INDEX, noWeights, SINGLE, shardsOfIndex, TOKENIZER_FILES } from "./layout.ts";
import { hubSettings } from "./settings.ts";

export interface ResolvedModel {
  readonly folder: string;
  /** `org/name`, or the folder's own name */
  readonly name: string;
  /** the commit's 40 hex digits; null for a folder */
  readonly revision: string | null;
}

export interface DownloadProgress {
  /** `org/name@revision` */
  readonly model: string;
  /** bytes there, of all the bytes of the model's files; the first call comes before anything is fetched */
  readonly done: number;
  readonly total: number;
  /** files to fetch, and the cache they go to */
  readonly files: number;
  readonly cache: string;
}

export interface ResolveOptions {
  /** fetch nothing; `HF_HUB_OFFLINE` says the same */
  readonly offline?: boolean;
  /** Downloads are never silent: called before the first byte and with every chunk. */
  readonly onProgress: (progress: DownloadProgress) => void;
  readonly signal?: AbortSignal;
}

/** A model that is there, or one that the Hub has and the cache has not. */
export type FoundModel =
  | { readonly kind: "folder"; readonly model: ResolvedModel }
  | { readonly kind: "remote"; readonly client: HubClient; readonly remote: RemoteModel };

const FILES_AT_ONCE = 4;
const COMMIT = /^[0-9a-f]{40}$/;
const PART = /^(?![.-])(?!.*(?:--|\.\.))[\w.-]+(?<![.-])$/;

/**
 * @param name a folder, or `org/name[@revision]` with a branch, tag or commit
 * @throws LossyscopeError `input` where the name is neither; `network` where the Hub does not give it, or it is not in
 * the cache and nothing may be fetched; `model` where it has no safetensors; `io`; `interrupted`
 */
export async function resolveModel(name: string, options: ResolveOptions): Promise<ResolvedModel> {
  const found = await findModel(name, options);
  return found.kind === "folder" ? found.model : download(found.client, found.remote, options);
}

/** The folder's own name, behind that of its run where it is a checkpoint (`main/step-1000`). */
function nameOfFolder(folder: string): string {
  const path = resolve(folder);
  const own = basename(path);
  return /^(?:step|checkpoint)[-_]?\d+$/.test(own) ? `${basename(dirname(path))}/${own}` : own;
}

/** As `resolveModel`, but asks the Hub at most what the model consists of. */
export async function findModel(
  name: string,
  { offline, signal }: Pick<ResolveOptions, "offline" | "signal"> = {},
): Promise<FoundModel> {
  const local = await stat(name).catch(() => undefined);
  if (local?.isDirectory()) {
    return { kind: "folder", model: { folder: name, name: nameOfFolder(name), revision: null } };
  }
  if (local) {
    throw new LossyscopeError(
      "input",
      `${name} is a file`,
      "pass the folder it is in, with config.json and tokenizer.json",
    );
  }
  const { id, revision } = parseName(name);
  const settings = hubSettings();
  const repository = repositoryFolder(settings.cache, id);
  const cached = async (commit: string | undefined, besides: readonly string[]): Promise<FoundModel | undefined> => {
    const folder = commit && join(repository, "snapshots", commit);
    if (!folder || (await missingFrom(folder, besides)) !== undefined) return undefined;
    return { kind: "folder", model: { folder, name: id, revision: commit } };
  };
  const known = COMMIT.test(revision) ? revision : await readRef(repository, revision);

  if (offline || settings.offline) {
    const found = await cached(known, []);
    if (found) return found;
    const lack = known ? ` (${await missingFrom(join(repository, "snapshots", known), [])} is missing)` : "";
    throw new LossyscopeError(
      "network",
      `${id}@${revision} is not in the cache ${settings.cache}${lack}, and nothing may be downloaded`,
      `run once ${offline ? "without --offline" : "with HF_HUB_OFFLINE unset"}`,
    );
  }
  if (COMMIT.test(revision)) {
    const found = await cached(revision, ["tokenizer.json"]); // a commit never changes: nothing to ask
    if (found) return found;
  }
  const client = hubClient(settings);
  const remote = await client.model(id, revision, signal);
  const found = await cached(remote.commit, namesToFetch(remote, []));
  if (!found) return { kind: "remote", client, remote };
  await writeRef(repository, remote);
  return found;
}

function parseName(name: string): { id: string; revision: string } {
  const [, id, revision = "main"] = /^([^@]*)(?:@(.*))?$/s.exec(name)!;
  const parts = id.split("/");
  if (parts.length !== 2 || !parts.every((part) => PART.test(part))) {
    throw new LossyscopeError(
      "input",
      `there is no folder ${name}`,
      parts.length === 1 ? "models of the Hub are named org/name[@revision]" : "check the path",
    );
  }
  const segments = revision.split("/");
  if (!/^[\w./+-]+$/.test(revision) || segments.some((segment) => segment === "" || /^\.+$/.test(segment))) {
    throw new LossyscopeError(
      "input",
      `${JSON.stringify(revision)} is no revision`,
      "name a branch, a tag or a commit",
    );
  }
  return { id, revision };
}

const repositoryFolder = (cache: string, id: string): string => join(cache, `models--${id.replace("/", "--")}`);

async function readRef(repository: string, revision: string): Promise<string | undefined> {
  const text = await readFile(join(repository, "refs", revision), "utf8").catch(() => "");
  return COMMIT.test(text.trim()) ? text.trim() : undefined;
}

async function writeRef(repository: string, { revision, commit }: RemoteModel): Promise<void> {
  if (revision === commit || (await readRef(repository, revision)) === commit) return;
  const ref = join(repository, "refs", revision);
  try {
    await mkdir(dirname(ref), { recursive: true });
  } catch (error) {
    throw ioFault(error, `write to the cache ${repository}`);
  }
  await writeAtomic(ref, commit);
}

/** The first file that a snapshot lacks to be a model with these files besides, or undefined where it lacks none. */
async function missingFrom(snapshot: string, besides: readonly string[]): Promise<string | undefined> {
  const has = (name: string) =>
    stat(join(snapshot, name)).then(
      () => true,
      () => false,
    );
  for (const name of ["config.json", ...besides]) if (!(await has(name))) return name;
  if (await has(SINGLE)) return undefined;
  if (!(await has(INDEX))) return SINGLE;
  const index: unknown = await readFile(join(snapshot, INDEX), "utf8")
    .then(JSON.parse)
    .catch(() => undefined);
  if (typeof index !== "object" || index === null) return INDEX;
  for (const shard of shardsOfIndex(index as Record<string, unknown>, INDEX).keys())
    if (!(await has(shard))) return shard;
  return undefined;
}

async function download(
  client: HubClient,
  remote: RemoteModel,
  { onProgress, signal }: ResolveOptions,
): Promise<ResolvedModel> {
  const repository = repositoryFolder(client.settings.cache, remote.id);
  const folder = join(repository, "snapshots", remote.commit);
  const files = await filesToFetch(client, remote, repository, signal);
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  let done = 0;
  const progress = {
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
      await link(repository, folder, file);
    } catch (error) {
      failed.abort();
      throw error;
    }
  });
  await writeRef(repository, remote);
  return { folder, name: remote.id, revision: remote.commit };
}

/** The files that make the model; for a sharded one the index is fetched first, because it names the others. */
async function filesToFetch(
  client: HubClient,
  remote: RemoteModel,
  repository: string,
  signal: AbortSignal | undefined,
): Promise<RemoteFile[]> {
  const names = await weightFilesOf(remote, async () => {
    const file = await client.file(remote, INDEX, signal);
    await downloadBlob(client, remote, file, repository, { onBytes: () => undefined, signal });
    return readFile(join(repository, "blobs", file.blob), "utf8");
  });
  return mapAtMost(FILES_AT_ONCE, namesToFetch(remote, names), (name) => client.file(remote, name, signal));
}

/** What is fetched of a model with these weight files: names the Hub lists, so none that leaves the folder. */
function namesToFetch(remote: RemoteModel, weightFiles: readonly string[]): string[] {
  const names = ["config.json", "generation_config.json", ...TOKENIZER_FILES, ...weightFiles];
  return names.filter((name) => remote.files.has(name));
}

/**
 * Names of a remote model's weight files, the index among them.
 * @throws LossyscopeError `model` where it has none that are read
 */
export async function weightFilesOf(remote: RemoteModel, readIndex: () => Promise<string>): Promise<string[]> {
  const where = `${remote.id}@${remote.revision}`;
  const listed = [...remote.files.keys()];
  if (!remote.files.has("config.json")) {
    throw new LossyscopeError(
      "model",
      `${where} has no config.json`,
      "name a model in the layout that transformers reads",
    );
  }
  if (remote.files.has(SINGLE)) return [SINGLE];
  if (!remote.files.has(INDEX)) throw noWeights(where, listed);
  let index: unknown;
  try {
    index = JSON.parse(await readIndex());
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  const shards = [...shardsOfIndex((index ?? {}) as Record<string, unknown>, `${where}/${INDEX}`).keys()];
  const absent = shards.find((shard) => !remote.files.has(shard));
  if (absent)
    throw new LossyscopeError("model", `${where} lacks ${absent}, which its index names`, "choose another revision");
  return [INDEX, ...shards];
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
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(2)} GB`;
  throw new LossyscopeError(
    "io",
    `the download needs ${gigabytes(needed)}, ${gigabytes(bavail * bsize)} are free at ${cache}`,
    "free space, or set HF_HOME to a larger disk",
  );
}

/** The snapshot's name for a blob: a relative link, as the Hub's own tools make it. */
async function link(repository: string, snapshot: string, { name, blob }: RemoteFile): Promise<void> {
  const path = join(snapshot, name);
  const target = relative(dirname(path), join(repository, "blobs", blob));
  try {
    await mkdir(dirname(path), { recursive: true });
    if ((await readlink(path).catch(() => undefined)) === target) return;
    await rm(path, { force: true });
    await symlink(target, path);
  } catch (error) {
    if (systemCode(error) === "EEXIST") return; // another process has just made it
    throw ioFault(error, `write to the cache ${repository}`);
  }
}
