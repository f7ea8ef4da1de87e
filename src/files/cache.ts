/** Where what may be made again is kept: `$XDG_CACHE_HOME/lossyscope`, or `~/.cache/lossyscope`. */
import { homedir } from "node:os";
import { join } from "node:path";

/** @param room of it: one kind of thing */
export const cacheFolder = (room: string, environment: NodeJS.ProcessEnv = process.env): string =>
  join(environment.XDG_CACHE_HOME || join(homedir(), ".cache"), "lossyscope", room);
