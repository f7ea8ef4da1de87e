/**
 * Where test data lies. `fixture` is the repository's own; `shared` is data of other people that the tests read where it
 * lies and do without, visibly, where it is absent.
 */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = new URL("../", import.meta.url);

/** A training run that comes with the repository once `npm run specimens` has made it. */
export const specimen = (name: string): string => fileURLToPath(new URL(`specimens/${name}`, root));
export const hasSpecimens = existsSync(specimen("main"));

export const fixture = (path: string): string => fileURLToPath(new URL(`fixtures/${path}`, root));
export const shared = (path: string): string => fileURLToPath(new URL(`../shared/fixtures/${path}`, root));
export const hasShared = existsSync(shared("README.md"));
