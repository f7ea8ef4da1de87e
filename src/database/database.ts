/**
 * A PostgreSQL, whatever runs it: PGlite in this process over a folder, or a server by its address. Both are spoken to in one
 * dialect with numbered parameters; what is loaded is the one that is used, when it is used.
 *
 * Memory: PGlite's, some 200 MB; of a server its answers.
 */
import { existsSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ioFault } from "../files/faults.ts";
import { named, takeLock } from "../files/lock.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { migrate } from "./migrations.ts";
import { isServer, shownPlace } from "./place.ts";
import type { Database, Row, Session } from "./session.ts";

/**
 * Opens a store, lets the work use it, and closes it; makes it, or brings it up to date, where that is due.
 * @param place a folder or `postgres://…`
 * @throws LossyscopeError `usage` where another process has the folder, `io` where it cannot be used; `network` where the
 * server cannot be reached; as `migrate`; whatever the work throws
 */
export async function withDatabase<T>(place: string, work: (database: Database) => Promise<T>): Promise<T> {
  const database = isServer(place) ? await serverAt(place) : await folderAt(place);
  try {
    await migrate(database);
    return await work(database);
  } finally {
    await database.close();
  }
}

async function folderAt(folder: string): Promise<Database> {
  const lock = join(folder, "lock");
  let unlock: () => void;
  try {
    await mkdir(folder, { recursive: true });
    unlock = takeLock(
      lock,
      (holder) =>
        new LossyscopeError(
          "usage",
          `${named(holder)} has the store in ${folder} open, which is one process's at a time`,
          `wait for it, or use a PostgreSQL server, which is for many: --store postgres://…; if it does something else, or is no more, remove ${lock}`,
        ),
    );
  } catch (error) {
    throw ioFault(error, `open the store in ${folder}`);
  }
  try {
    return await pglite(folder, unlock);
  } catch (error) {
    unlock();
    throw error;
  }
}

async function pglite(folder: string, unlock: () => void): Promise<Database> {
  const { PGlite } = await import("@electric-sql/pglite");
  const called = `the store in ${folder}`;
  const [data, made] = [join(folder, "data"), join(folder, "made")];
  // One that was cut off while it was made would not open: what has no mark is made anew.
  if (!existsSync(made)) await rm(data, { recursive: true, force: true });
  const own = await PGlite.create({ dataDir: data }).catch((error: Error) => {
    throw new LossyscopeError("io", `${called} does not open (${error.message})`, "name another folder with --store", {
      cause: error,
    });
  });
  await writeFile(made, "");
  type Own = Pick<typeof own, "query" | "exec">;
  const session = (of: Own): Session => ({
    query: async (statement, values = []) => (await asked(called, of.query(statement, [...values]))).rows as Row[],
    script: async (statements) => void (await asked(called, of.exec(statements))),
  });
  return {
    called,
    ...session(own),
    transaction: (work) => own.transaction((of) => work(session(of))),
    async close() {
      await own.close();
      unlock();
    },
  };
}

/** Seconds until a server that does not answer is given up. */
const PATIENCE = 15;

async function serverAt(place: string): Promise<Database> {
  const { default: postgres } = await import("postgres");
  const called = `the store at ${shownPlace(place)}`;
  if (!URL.canParse(place))
    throw new LossyscopeError("usage", "--store is no address of a server", "write postgres://host:5432/database");
  const sql = postgres(place, {
    max: 1,
    onnotice: () => {},
    connect_timeout: PATIENCE,
    connection: { application_name: "lossyscope" },
  });
  type Own = Pick<typeof sql, "unsafe">;
  const session = (of: Own): Session => ({
    query: async (statement, values = []) => (await asked(called, of.unsafe(statement, [...values]))) as Row[],
    script: async (statements) => void (await asked(called, of.unsafe(statements))),
  });
  const close = (): Promise<void> => sql.end({ timeout: 5 });
  const own = session(sql);
  await own.query("select 1").catch((error) => close().then(() => Promise.reject(error)));
  return {
    called,
    ...own,
    transaction: async <T>(work: (of: Session) => Promise<T>): Promise<T> =>
      (await asked(
        called,
        sql.begin((of) => work(session(of))),
      )) as T,
    close,
  };
}

/** Codes of PostgreSQL and of the network, and what they mean for who asked. */
const MEANINGS: Readonly<Record<string, readonly ["network" | "usage" | "io", string, string]>> = {
  ECONNREFUSED: ["network", "nobody listens there", "start the server, or check host and port"],
  ENOTFOUND: ["network", "there is no such host", "check the address"],
  CONNECT_TIMEOUT: ["network", "there was no answer", "check host and port"],
  CONNECTION_CLOSED: ["network", "the connection was closed", "try again"],
  CONNECTION_ENDED: ["network", "the connection was closed", "try again"],
  CONNECTION_DESTROYED: ["network", "the connection was closed", "try again"],
  ECONNRESET: ["network", "the connection was closed", "try again"],
  "28000": ["usage", "the server does not know the user", "put the name into the address, or set PGUSER"],
  "28P01": ["usage", "the server does not accept the password", "put it into PGPASSWORD, or into the address"],
  "3D000": ["usage", "the server has no such database", "make it with createdb, or name another"],
  "42501": ["usage", "the user may not do that", "grant CREATE on the database"],
  "53100": ["io", "the disk is full", "make room"],
};

async function asked<T>(called: string, answer: PromiseLike<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof LossyscopeError) throw error;
    const { code, message } = error as { readonly code?: string; readonly message?: string };
    const [fault, why, next] = MEANINGS[code ?? ""] ?? ["io", `${message} (${code ?? "no code"})`, "look at its log"];
    throw new LossyscopeError(fault, `${called} cannot be used: ${why}`, next, { cause: error });
  }
}
