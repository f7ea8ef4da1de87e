/**
 * From the name of a model to a folder with its files: a local folder as it is, or a repository (`name.ts`) in the Hub's
 * own cache (`cache.ts`), downloaded into it where it is not there, or not as the Hub has it. Where the Hub gives no answer,
 * what the cache has is used, and said. Weights in safetensors, config and tokenizer are fetched, nothing else.
 */
import { readdir, readFile, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { mapAtMost } from "../files/concurrent.ts";
import { openSafetensors } from "../files/safetensors.ts";
import { count } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { COMMIT, type FetchOptions, FILES_AT_ONCE, fetchFiles, readRef, repositoryFolder, writeRef } from "./cache.ts";
import { type HubClient, hubClient, isUnreachable, type RemoteFile, type RemoteModel } from "./client.ts";
import { downloadBlob } from "./download.ts";
import {
  CHAT_FILES,
  CHAT_FOLDER,
  INDEX,
  indexOf,
  noWeights,
  SINGLE,
  shardsOfIndex,
  TOKENIZER_FILES,
} from "./layout.ts";
import { DEFAULT_REVISION, modelOfPath, parseRepositoryName } from "./name.ts";
import { hubSettings } from "./settings.ts";

const TOKENIZER = "tokenizer.json";

export interface ResolvedModel {
  readonly folder: string;
  /** `org/name`, or the folder's own name */
  readonly name: string;
  /** the commit's 40 hex digits; null for a folder */
  readonly revision: string | null;
}

/** Downloads are never silent: progress is told before the first byte and with every chunk, and what stands in for the Hub. */
export interface ResolveOptions extends FetchOptions {
  /** fetch nothing; `HF_HUB_OFFLINE` says the same */
  readonly offline?: boolean;
}

/** A model that is there, or one that the Hub has and the cache has not. */
export type FoundModel =
  | { readonly kind: "folder"; readonly model: ResolvedModel }
  | { readonly kind: "remote"; readonly client: HubClient; readonly remote: RemoteModel };

/**
 * @param name a folder, or `org/name[@revision]` with a branch, tag or commit
 * @throws LossyscopeError `input` where the name is neither; `network` where the Hub does not give it, or it is not in
 * the cache and nothing may be fetched; `model` where it has no safetensors; `io`; `interrupted`
 */
export async function resolveModel(name: string, options: ResolveOptions): Promise<ResolvedModel> {
  const found = await findModel(name, options);
  if (found.kind === "folder") return found.model;
  const { client, remote } = found;
  const repository = repositoryFolder(client.settings.cache, remote.id);
  const files = await filesToFetch(client, remote, repository, options.signal);
  return { folder: await fetchFiles(client, remote, files, options), name: remote.id, revision: remote.commit };
}

/**
 * As `resolveModel`, of the tokenizer alone: config, tokenizer and templates are fetched, no weights.
 * @throws LossyscopeError as `resolveModel`; `model` where the repository has no tokenizer.json
 */
export async function resolveTokenizer(
  name: string,
  { offline, onProgress, signal }: ResolveOptions,
): Promise<ResolvedModel> {
  const settings = hubSettings();
  const { id, revision: asked } = parseRepositoryName(name, settings.endpoint);
  const revision = asked ?? DEFAULT_REVISION;
  const repository = repositoryFolder(settings.cache, id);
  const known = COMMIT.test(revision) ? revision : await readRef(repository, revision);
  const inCache = async (commit: string): Promise<ResolvedModel | null> => {
    const folder = join(repository, "snapshots", commit);
    const there = await stat(join(folder, TOKENIZER)).catch(() => undefined);
    return there ? { folder, name: id, revision: commit } : null;
  };
  const cached = known === undefined ? null : await inCache(known);
  if (cached && (offline || settings.offline || known === revision)) return cached;
  if (offline || settings.offline)
    throw new LossyscopeError(
      "network",
      `the tokenizer of ${id}@${revision} is not in the cache ${settings.cache}, and nothing may be downloaded`,
      `run once ${offline ? "without --offline" : "with HF_HUB_OFFLINE unset"}`,
    );
  const client = hubClient(settings);
  let remote: RemoteModel;
  try {
    remote = await client.model(id, revision, signal, cached ? "once" : "usual");
  } catch (error) {
    if (signal?.aborted || !isUnreachable(error) || !cached) throw error;
    const reason = (error as LossyscopeError).said;
    onProgress({ kind: "cache", model: `${id}@${revision}`, commit: cached.revision!, reason });
    return cached;
  }
  if (!remote.files.has(TOKENIZER))
    throw new LossyscopeError("model", `${id}@${revision} has no ${TOKENIZER}`, "name a model that has one");
  const there = await inCache(remote.commit);
  if (there) return there;
  const files = await mapAtMost(FILES_AT_ONCE, namesToFetch(remote, []), (file) => client.file(remote, file, signal));
  return { folder: await fetchFiles(client, remote, files, { onProgress, signal }), name: id, revision: remote.commit };
}

/** As `resolveModel`, but asks the Hub at most what the model consists of. */
export async function findModel(
  name: string,
  { offline, onProgress, signal }: Partial<ResolveOptions> = {},
): Promise<FoundModel> {
  const local = await stat(name).catch(() => undefined);
  if (local?.isDirectory()) {
    return { kind: "folder", model: { folder: name, name: modelOfPath(resolve(name)), revision: null } };
  }
  if (local) {
    throw new LossyscopeError(
      "input",
      `${name} is a file`,
      "pass the folder it is in, with config.json and tokenizer.json",
    );
  }
  const settings = hubSettings();
  const { id, revision: asked } = parseRepositoryName(name, settings.endpoint);
  const revision = asked ?? DEFAULT_REVISION;
  const repository = repositoryFolder(settings.cache, id);
  const inCache = (commit: string): FoundModel => ({
    kind: "folder",
    model: { folder: join(repository, "snapshots", commit), name: id, revision: commit },
  });
  const instead = (reason: string, { commit, guessed }: CachedCommit): FoundModel => {
    const which = guessed ? `${reason}, and only this snapshot is in the cache` : reason;
    onProgress?.({ kind: "cache", model: `${id}@${revision}`, commit, reason: which });
    return inCache(commit);
  };

  if (offline || settings.offline) {
    const found = await commitInCache(repository, revision, []);
    if (found.kind === "commit") return found.guessed ? instead("nothing is downloaded", found) : inCache(found.commit);
    throw new LossyscopeError(
      "network",
      `${id}@${revision} is not in the cache ${settings.cache}${found.why}, and nothing may be downloaded`,
      `run once ${offline ? "without --offline" : "with HF_HUB_OFFLINE unset"}${found.others}`,
    );
  }
  const before = await commitInCache(repository, revision, ["tokenizer.json"]);
  // A commit never changes: nothing to ask.
  if (before.kind === "commit" && before.commit === revision) return inCache(revision);
  const client = hubClient(settings);
  const fallback = before.kind === "commit" ? before : await commitInCache(repository, revision, []);
  let remote: RemoteModel;
  try {
    remote = await client.model(id, revision, signal, fallback.kind === "commit" ? "once" : "usual");
  } catch (error) {
    if (signal?.aborted || !isUnreachable(error)) throw error;
    if (fallback.kind === "commit") return instead((error as LossyscopeError).said, fallback);
    const { said, fault, next } = error as LossyscopeError;
    throw new LossyscopeError(
      fault,
      `${said}, and ${id}@${revision} is not in the cache ${settings.cache}${fallback.why}`,
      `${next}${fallback.others}`,
      { cause: error },
    );
  }
  const snapshot = join(repository, "snapshots", remote.commit);
  const sizes = (file: string): number | undefined => remote.files.get(file)?.bytes;
  if ((await lackOf(snapshot, namesToFetch(remote, []), sizes)) !== null) return { kind: "remote", client, remote };
  await writeRef(repository, remote);
  return inCache(remote.commit);
}

interface CachedCommit {
  readonly kind: "commit";
  readonly commit: string;
  /** nothing in the cache says what the revision stands for; it is the only snapshot there */
  readonly guessed: boolean;
}

interface NotCached {
  readonly kind: "none";
  /** what is lacking, in parentheses, as it follows "is not in the cache"; or empty */
  readonly why: string;
  /** what can be had instead, as it follows a next step; or empty */
  readonly others: string;
}

/** The commit whose snapshot is whole and stands for the revision, as far as the cache alone can tell. */
async function commitInCache(
  repository: string,
  revision: string,
  besides: readonly string[],
): Promise<CachedCommit | NotCached> {
  const snapshots = (await readdir(join(repository, "snapshots")).catch(() => [])).filter((name) => COMMIT.test(name));
  const lacks = new Map<string, string | null>();
  for (const commit of snapshots) lacks.set(commit, await lackOf(join(repository, "snapshots", commit), besides));
  const known = COMMIT.test(revision) ? revision : await readRef(repository, revision);
  if (known !== undefined) {
    const lack = lacks.get(known);
    if (lack === null) return { kind: "commit", commit: known, guessed: false };
    return { kind: "none", why: lack === undefined ? "" : ` (${lack})`, others: othersOf(lacks) };
  }
  const [only, ...more] = snapshots;
  if (revision === DEFAULT_REVISION && only !== undefined && more.length === 0) {
    const lack = lacks.get(only);
    if (lack === null) return { kind: "commit", commit: only, guessed: true };
    return { kind: "none", why: ` (${lack})`, others: "" };
  }
  return { kind: "none", why: "", others: othersOf(lacks) };
}

const LISTED_COMMITS = 3;

function othersOf(lacks: ReadonlyMap<string, string | null>): string {
  const whole = [...lacks].filter(([, lack]) => lack === null).map(([commit]) => commit);
  if (whole.length === 0) return "";
  const listed = whole.slice(0, LISTED_COMMITS).map((commit) => `@${commit}`);
  return `, or name what is in the cache: ${listed.join(", ")}${whole.length > LISTED_COMMITS ? ", …" : ""}`;
}

/** Whether the tensors that the header lists fill the file to its last byte. */
const isSound = (path: string): Promise<boolean> =>
  openSafetensors(path).then(
    (file) => file.close().then(() => true),
    () => false,
  );

/**
 * What keeps a snapshot from being a model with these files besides: a file that is not there, or not of the size that
 * the Hub lists, or, where that is not known, unsound by its own header.
 * @returns one clause with the numbers, or null where nothing does
 */
async function lackOf(
  snapshot: string,
  besides: readonly string[],
  sizes: (name: string) => number | undefined = () => undefined,
): Promise<string | null> {
  const lacking = async (name: string): Promise<string | null> => {
    const path = join(snapshot, name);
    const found = await stat(path).catch(() => undefined);
    if (!found) return `${name} is missing`;
    const bytes = sizes(name);
    if (bytes !== undefined && found.size !== bytes) return `${name} has ${count(found.size)} of ${count(bytes)} bytes`;
    if (bytes === undefined && name.endsWith(".safetensors") && !(await isSound(path)))
      return `${name} is damaged, at ${count(found.size)} bytes`;
    return null;
  };
  for (const name of new Set(["config.json", ...besides])) {
    const lack = await lacking(name);
    if (lack !== null) return lack;
  }
  const [single, index] = await Promise.all([SINGLE, INDEX].map(lacking));
  if (single === null) return null;
  if (index !== null) return single;
  let shards: Iterable<string>;
  try {
    shards = shardsOfIndex(indexOf(await readFile(join(snapshot, INDEX), "utf8"), INDEX), INDEX).keys();
  } catch (error) {
    if (error instanceof LossyscopeError) return error.said;
    return `${INDEX} cannot be read`;
  }
  for (const shard of shards) {
    const lack = await lacking(shard);
    if (lack !== null) return lack;
  }
  return null;
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
  const templates = [...CHAT_FILES, ...[...remote.files.keys()].filter((name) => CHAT_FOLDER.test(name))];
  const names = ["config.json", "generation_config.json", ...TOKENIZER_FILES, ...templates, ...weightFiles];
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
    if (listed.some((name) => /\.gguf$/i.test(name))) throw noWeights(where, listed, false);
    throw new LossyscopeError(
      "model",
      `${where} has no config.json`,
      "name a model in the layout that transformers reads",
    );
  }
  if (remote.files.has(SINGLE)) return [SINGLE];
  if (!remote.files.has(INDEX)) throw noWeights(where, listed, false);
  const shards = [...shardsOfIndex(indexOf(await readIndex(), `${where}/${INDEX}`), `${where}/${INDEX}`).keys()];
  const absent = shards.find((shard) => !remote.files.has(shard));
  if (absent)
    throw new LossyscopeError("model", `${where} lacks ${absent}, which its index names`, "choose another revision");
  return [INDEX, ...shards];
}
