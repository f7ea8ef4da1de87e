/**
 * The folder a run works in: spilled rows and, from time to time, everything needed to go on (`state`). One process at a
 * time; a finished run leaves nothing behind, a stopped one leaves what `--resume` takes up.
 *
 * Disk: the spills (stated before the run) and one snapshot of the probes, twice while it is being replaced.
 */
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { deserialize, serialize } from "node:v8";
import { writeAtomic } from "../files/atomic.ts";
import { LossyscopeError } from "../numeric/errors.ts";

export interface RunProgress {
  readonly batches: number;
  /** what each probe said of itself, by the probe's name */
  readonly probes: Readonly<Record<string, unknown>>;
}

/** Where runs are kept unless `--work` says otherwise. */
export function defaultWorkFolder(environment: NodeJS.ProcessEnv = process.env): string {
  return join(environment.XDG_CACHE_HOME || join(homedir(), ".cache"), "lossyscope", "runs");
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

export class RunFolder {
  readonly path: string;
  readonly #id: string;
  readonly #lock: string;
  readonly #state: string;

  /**
   * Opens (and with `resume: false` empties) the folder of run `id`.
   * @throws LossyscopeError `usage` when another process works in it
   */
  constructor(root: string, id: string, resume: boolean) {
    this.path = join(root, id);
    this.#id = id;
    this.#lock = join(root, `${id}.lock`);
    this.#state = join(this.path, "state");
    mkdirSync(root, { recursive: true });
    this.#take();
    if (!resume) rmSync(this.path, { recursive: true, force: true });
    mkdirSync(this.path, { recursive: true });
  }

  #take(): void {
    for (let attempt = 0; attempt < 2; attempt++) {
      try {
        const file = openSync(this.#lock, "wx");
        writeSync(file, String(process.pid));
        closeSync(file);
        return;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
        const holder = Number(readFileSync(this.#lock, "utf8"));
        if (holder > 0 && holder !== process.pid && alive(holder)) {
          throw new LossyscopeError(
            "usage",
            `process ${holder} is making this very measurement (run ${this.#id})`,
            "wait for it, or pass another --work folder",
          );
        }
        rmSync(this.#lock, { force: true });
      }
    }
    throw new LossyscopeError("io", `the lock ${this.#id}.lock cannot be taken`, "pass another --work folder");
  }

  /** @returns how far an earlier, stopped process came, or undefined where there is nothing to go on from */
  progress(): RunProgress | undefined {
    if (!existsSync(this.#state)) return undefined;
    const kept = deserialize(readFileSync(this.#state)) as RunProgress & { id: string };
    return kept.id === this.#id ? kept : undefined;
  }

  async save(progress: RunProgress): Promise<void> {
    await writeAtomic(this.#state, serialize({ id: this.#id, ...progress }));
  }

  /** Lets go of the folder and keeps what is in it, for `--resume`. */
  release(): void {
    rmSync(this.#lock, { force: true });
  }

  /** Lets go of the folder and removes it. */
  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
    this.release();
  }
}
