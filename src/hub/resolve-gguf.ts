/**
 * From the name of a GGUF file on the Hub (`gguf-name.ts`) to its path in the Hub's own cache, downloaded into it, with
 * all parts of a split one, where it is not there or not as the Hub has it. As with other models, what the cache has is
 * used, and said, where the Hub gives no answer, and a commit is asked for once.
 */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { mapAtMost } from "../files/concurrent.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { COMMIT, FILES_AT_ONCE, fetchFiles, readRef, repositoryFolder, writeRef } from "./cache.ts";
import { type HubClient, hubClient, isUnreachable, type RemoteFile, type RemoteModel } from "./client.ts";
import { type GgufFiles, type GgufName, ggufFilesOf } from "./gguf-name.ts";
import { DEFAULT_REVISION } from "./name.ts";
import type { ResolveOptions } from "./resolve.ts";
import { hubSettings } from "./settings.ts";

export interface ResolvedGguf {
  /** of the file, or the first part of a split one */
  readonly path: string;
  /** `org/name:Q4_K_M`, as it was asked for */
  readonly name: string;
  /** the commit's 40 hex digits */
  readonly revision: string;
}

/** What its model is called: `org/name:Q4_K_M`, of a file its name without folder and ending. */
export const calledOnHub = ({ id, which }: GgufName): string => `${id}:${which.replace(/^.*\/|\.gguf$/gi, "")}`;

/** Folders of a snapshot that are looked into, one in the other. */
const DEEPEST = 3;

/** A file that is there, or one that the Hub has and the cache has not. */
export type FoundGguf =
  | { readonly kind: "file"; readonly file: ResolvedGguf }
  | {
      readonly kind: "remote";
      readonly client: HubClient;
      readonly remote: RemoteModel;
      /** of all its parts */
      readonly files: readonly RemoteFile[];
      readonly name: string;
    };

/**
 * @throws LossyscopeError `input` where the repository has no such file, or several; `network` where the Hub does not give
 *   it, or it is not in the cache and nothing may be fetched; `model` where parts are missing; `io`; `interrupted`
 */
export async function resolveGguf(named: GgufName, options: ResolveOptions): Promise<ResolvedGguf> {
  const found = await findGguf(named, options);
  if (found.kind === "file") return found.file;
  const { client, remote, files, name } = found;
  const folder = await fetchFiles(client, remote, files, options);
  return { path: join(folder, files[0].name), name, revision: remote.commit };
}

/** As `resolveGguf`, but asks the Hub at most what the file is. */
export async function findGguf(
  named: GgufName,
  { offline, onProgress, signal }: Partial<ResolveOptions> = {},
): Promise<FoundGguf> {
  const { id, revision: asked, which } = named;
  const settings = hubSettings();
  const revision = asked ?? DEFAULT_REVISION;
  const repository = repositoryFolder(settings.cache, id);
  const name = calledOnHub(named);
  const at = (commit: string, files: GgufFiles): FoundGguf => ({
    kind: "file",
    file: { path: join(repository, "snapshots", commit, files[0]), name, revision: commit },
  });
  const cached = await inCache(repository, revision, which);
  const instead = (reason: string, { commit, files, isGuess }: Cached): FoundGguf => {
    const why = isGuess ? `${reason}, and only this snapshot is in the cache` : reason;
    onProgress?.({ kind: "cache", model: `${id}@${revision}`, commit, reason: why });
    return at(commit, files);
  };

  const nothing = `${id}@${revision} has no ${which} in the cache ${settings.cache}`;
  if (offline || settings.offline) {
    if (cached) return cached.isGuess ? instead("nothing is downloaded", cached) : at(cached.commit, cached.files);
    throw new LossyscopeError(
      "network",
      `${nothing}, and nothing may be downloaded`,
      `run once ${offline ? "without --offline" : "with HF_HUB_OFFLINE unset"}`,
    );
  }
  // A commit never changes: nothing to ask.
  if (cached?.commit === revision) return at(cached.commit, cached.files);
  const client = hubClient(settings);
  let remote: RemoteModel;
  try {
    remote = await client.model(id, revision, signal, cached ? "once" : "usual");
  } catch (error) {
    if (signal?.aborted || !isUnreachable(error)) throw error;
    const { said, fault, next } = error as LossyscopeError;
    if (cached) return instead(said, cached);
    throw new LossyscopeError(fault, `${said}, and ${nothing}`, next, { cause: error });
  }
  const names = ggufFilesOf(remote.files.keys(), which, id);
  const files = await mapAtMost(FILES_AT_ONCE, names, (file) => client.file(remote, file, signal));
  const snapshot = join(repository, "snapshots", remote.commit);
  const sizes = await Promise.all(names.map((file) => sizeOf(join(snapshot, file))));
  if (!files.every(({ bytes }, index) => sizes[index] === bytes))
    return { kind: "remote", client, remote, files, name };
  await writeRef(repository, remote);
  return at(remote.commit, names);
}

interface Cached {
  readonly commit: string;
  readonly files: GgufFiles;
  /** nothing in the cache says what the revision stands for; it is the only snapshot there */
  readonly isGuess: boolean;
}

/** The files in the snapshot that stands for the revision, as far as the cache alone can tell; null where it has not all. */
async function inCache(repository: string, revision: string, which: string): Promise<Cached | null> {
  const known = COMMIT.test(revision) ? revision : await readRef(repository, revision);
  const snapshots = (await readdir(join(repository, "snapshots")).catch(() => [])).filter((name) => COMMIT.test(name));
  const only = revision === DEFAULT_REVISION && snapshots.length === 1 ? snapshots[0] : undefined;
  const commit = known ?? only;
  if (commit === undefined) return null;
  const snapshot = join(repository, "snapshots", commit);
  try {
    const files = ggufFilesOf(await filesBelow(snapshot), which, "the cache");
    const sizes = await Promise.all(files.map((file) => sizeOf(join(snapshot, file))));
    return sizes.includes(undefined) ? null : { commit, files, isGuess: known === undefined };
  } catch (error) {
    if (error instanceof LossyscopeError) return null;
    throw error;
  }
}

const sizeOf = async (path: string): Promise<number | undefined> => (await stat(path).catch(() => undefined))?.size;

/** Files by their paths in the folder, with `/` between. */
async function filesBelow(folder: string, depth = 1): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const below = await Promise.all(
    entries.map(async (entry) => {
      if (!entry.isDirectory()) return [entry.name];
      const inner = depth < DEEPEST ? await filesBelow(join(folder, entry.name), depth + 1) : [];
      return inner.map((file) => `${entry.name}/${file}`);
    }),
  );
  return below.flat();
}
