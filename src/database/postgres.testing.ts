/** A PostgreSQL server of a test's own: a cluster in a temporary folder, on a free port of this machine, where one is installed. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const DEBIAN = "/usr/lib/postgresql";

/** Folder of its programs, which Debian keeps off the path; null where there is none. */
function programs(): string | null {
  if (!existsSync(DEBIAN)) return null;
  const versions = readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a));
  return versions.map((one) => join(DEBIAN, one, "bin")).find((bin) => existsSync(join(bin, "initdb"))) ?? null;
}

/** It refuses to run as root: then it runs as the user that its package made. */
function owner(): { readonly uid?: number; readonly gid?: number } | null {
  if (process.getuid?.() !== 0) return {};
  try {
    const id = (flag: string): number => Number(execFileSync("id", [flag, "postgres"], { stdio: "pipe" }).toString());
    return { uid: id("-u"), gid: id("-g") };
  } catch {
    return null;
  }
}

export const hasPostgres = programs() !== null && owner() !== null;

export interface PostgresServer {
  /** `postgres://tester@127.0.0.1:port/postgres` */
  readonly url: string;
  readonly port: number;
  stop(): Promise<void>;
}

const freePort = (): Promise<number> =>
  new Promise((found) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => found(port));
    });
  });

export async function startPostgres(): Promise<PostgresServer> {
  const [bin, as] = [programs()!, owner()!];
  const folder = mkdtempSync(join(tmpdir(), "lossyscope-postgres-"));
  chmodSync(folder, 0o700);
  if (as.uid !== undefined) chownSync(folder, as.uid, as.gid!);
  const data = join(folder, "data");
  const options = { ...as, cwd: folder, env: { PATH: process.env.PATH, LC_ALL: "C.UTF-8" } };
  execFileSync(join(bin, "initdb"), ["-D", data, "-U", "tester", "-A", "trust", "-E", "UTF8", "--no-sync"], {
    ...options,
    stdio: "pipe",
  });
  const port = await freePort();
  const settings = ["-c", "fsync=off", "-c", "shared_buffers=16MB", "-c", "unix_socket_directories="];
  const server = spawn(join(bin, "postgres"), ["-D", data, "-h", "127.0.0.1", "-p", String(port), ...settings], {
    ...options,
    stdio: ["ignore", "ignore", "pipe"],
  });
  await ready(server);
  return {
    url: `postgres://tester@127.0.0.1:${port}/postgres`,
    port,
    async stop() {
      const ended = new Promise((exited) => server.once("exit", exited));
      server.kill("SIGINT");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function ready(server: ChildProcess): Promise<void> {
  let said = "";
  await new Promise<void>((up, down) => {
    server.once("exit", () => down(new Error(`PostgreSQL did not start: ${said}`)));
    server.stderr!.on("data", (chunk) => {
      said += chunk;
      if (said.includes("ready to accept connections")) up();
    });
  });
}
