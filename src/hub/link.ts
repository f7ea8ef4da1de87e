/** A snapshot's name for a blob of the cache: a relative link, as the Hub's own tools make it. */
import { link, mkdir, readlink, rm, symlink } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { ioFault, systemCode } from "../files/faults.ts";
import type { RemoteFile } from "./client.ts";

/**
 * @param repository folder `models--org--name` of the cache
 * @param snapshot folder of a commit in it
 * @throws LossyscopeError `io` where the cache cannot be written to
 */
export async function linkBlob(repository: string, snapshot: string, { name, blob }: RemoteFile): Promise<void> {
  const path = join(snapshot, name);
  const place = join(repository, "blobs", blob);
  const target = relative(dirname(path), place);
  try {
    await mkdir(dirname(path), { recursive: true });
    if ((await readlink(path).catch(() => undefined)) === target) return;
    await rm(path, { force: true });
    await symlink(target, path).catch((error) => {
      // Windows lets few users make such links; a second name of the file itself is anybody's.
      if (systemCode(error) !== "EPERM") throw error;
      return link(place, path);
    });
  } catch (error) {
    if (systemCode(error) === "EEXIST") return; // another process has just made it
    throw ioFault(error, `write to the cache ${repository}`);
  }
}
