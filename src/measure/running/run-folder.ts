/**
 * The folder a run works in: spilled rows and, from time to time, everything needed to go on (`state`, see `checksummed.ts`). One
 * process at a time; a run that is finished, or that failed before its first snapshot, leaves nothing behind, a stopped one
 * leaves what `--resume` takes up.
 *
 * Disk: the spills (stated before the run) and one snapshot of the probes, twice while it is being replaced.
 */
import { existsSync, mkdirSync, readdirSync, rmSync, statfsSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";
import { cacheFolder } from "../../files/cache.ts";
import { ioFault } from "../../files/faults.ts";
import { named, takeLock } from "../../files/lock.ts";
import { sizeText } from "../../numeric/amounts.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import type { Probe } from "../../ports/probe.ts";
import { count } from "../../profile/figures.ts";
import { readChecksummed, writeChecksummed } from "./checksummed.ts";

/** What is needed to go on. */
const STATE = "state";
/** What to do where it cannot be read. */
export const AFRESH = "start it afresh, without --resume";

export interface RunProgress {
  readonly batches: number;
  /** what each probe said of itself, by the probe's name */
  readonly probes: Readonly<Record<string, unknown>>;
}

const progressSchema: z.ZodType<RunProgress> = z.object({ batches: count, probes: z.record(z.string(), z.unknown()) });

/**
 * How far the run in a folder has come; undefined where it has left nothing to go on from.
 * @param next what to do where that cannot be read
 * @throws LossyscopeError as `readChecksummed` does
 */
export function progressIn(folder: string, next: string): RunProgress | undefined {
  const state = join(folder, STATE);
  return existsSync(state) ? readChecksummed(state, progressSchema, "the run was begun", next) : undefined;
}

/**
 * What probes have seen taken up by them, from the state of a folder, or from those of all parts.
 * @param seen by part, what each probe kept, by the probe's name
 * @param folder that the error names
 * @throws LossyscopeError `io` where it is nothing that these probes can have seen
 */
export function takeUp(
  probes: readonly Probe[],
  seen: readonly RunProgress["probes"][],
  folder: string,
  next: string,
): void {
  for (const probe of probes) {
    try {
      probe.restore(seen.map((part) => part[probe.name]));
    } catch (error) {
      if (!(error instanceof LossyscopeError && error.fault === "io" && error.next === undefined)) throw error;
      throw new LossyscopeError("io", `${join(folder, STATE)} (${probe.name}): ${error.said}`, next);
    }
  }
}

/** Where runs are kept unless `--work` says otherwise. */
export const defaultWorkFolder = (environment?: Readonly<Record<string, string | undefined>>): string =>
  cacheFolder("runs", environment);

/**
 * @param there of the bytes that a run needs in all, those that lie in the folder already
 * @param option that names another place
 * @throws LossyscopeError `io` where the disk has no room for the others
 */
export function refuseSmallDisk(bytes: number, there: number, folder: string, option: string): void {
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  if (bytes - there <= free) return;
  throw new LossyscopeError(
    "io",
    `the run needs ${sizeText(bytes)} of temporary disk space, ${folder} has ${sizeText(free + there)}`,
    `pass a ${option} folder on another disk, less text, or --no-plane`,
  );
}

export class RunFolder {
  readonly path: string;
  /** how far an earlier process came that was stopped; undefined where there is nothing to go on from */
  readonly stopped: RunProgress | undefined;
  readonly #id: string;
  readonly #lock: string;
  readonly #unlock: () => void;
  #mine = true;
  readonly #state: string;

  /**
   * Opens the folder of run `id`, and empties it unless it is to be gone on from.
   * @throws LossyscopeError `usage` when another measurement works in it, `io` where the folder cannot be used or what an
   * earlier process left is damaged
   */
  constructor(root: string, id: string, resume: boolean) {
    this.path = resolve(root, id);
    this.#id = id;
    this.#lock = resolve(root, `${id}.lock`);
    this.#state = join(this.path, STATE);
    try {
      mkdirSync(root, { recursive: true });
      this.#unlock = this.#take();
    } catch (error) {
      throw ioFault(error, `work in the folder ${root}`);
    }
    try {
      this.stopped = resume ? progressIn(this.path, AFRESH) : undefined;
      if (!this.stopped) rmSync(this.path, { recursive: true, force: true });
      mkdirSync(this.path, { recursive: true });
    } catch (error) {
      this.#unlock();
      throw ioFault(error, `work in the folder ${this.path}`);
    }
  }

  #take(): () => void {
    return takeLock(
      this.#lock,
      (holder) =>
        new LossyscopeError(
          "usage",
          `${named(holder)} is making this very measurement (run ${this.#id})`,
          `wait for it, or pass another --work folder; if it does something else, or is no more, remove ${this.#lock}`,
        ),
    );
  }

  /** Whether a later process can go on from what is on the disk. */
  get resumable(): boolean {
    return existsSync(this.#state);
  }

  /**
   * @param bytes that the run will write here in all
   * @param option that names another place
   * @throws LossyscopeError `io` where the disk has no room for what is not there yet
   */
  foresee(bytes: number, option = "--work"): void {
    const there = readdirSync(this.path).reduce((total, name) => total + statSync(join(this.path, name)).size, 0);
    refuseSmallDisk(bytes, there, this.path, option);
  }

  async save(progress: RunProgress): Promise<void> {
    await writeChecksummed(this.#state, progress);
  }

  /** Lets go of the folder and keeps what `--resume` needs, if there is any; nothing once it was removed. */
  release(): void {
    if (!this.#mine) return;
    this.#mine = false;
    if (!this.resumable) rmSync(this.path, { recursive: true, force: true });
    this.#unlock();
  }

  /** Lets go of the folder and removes it. */
  remove(): void {
    this.#mine = false;
    rmSync(this.path, { recursive: true, force: true });
    this.#unlock();
  }
}
