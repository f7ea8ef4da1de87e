/** Where a store is: a folder, in which the database is part of the program, or the address of a PostgreSQL server. */
import { homedir } from "node:os";
import { join } from "node:path";

/** Where the store lies unless `--store` says otherwise. */
export const defaultStore = (environment: Readonly<Record<string, string | undefined>>): string =>
  environment.LOSSYSCOPE_STORE ||
  join(environment.XDG_DATA_HOME || join(homedir(), ".local", "share"), "lossyscope", "store");

export const isServer = (place: string): boolean => /^postgres(?:ql)?:\/\//i.test(place);

/** A place as it may be shown: an address without name and password. */
export function shownPlace(place: string): string {
  if (!isServer(place)) return place;
  if (!URL.canParse(place)) return "postgres://…";
  const { host, pathname } = new URL(place);
  return `postgres://${host}${pathname}`;
}
