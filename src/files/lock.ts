/**
 * One process at a time in a place: a file that names the process, when it was started, and its machine. What a process left
 * that is no more is taken over; a process number that another one has got since is told by when that one was started, where
 * the system tells. Whether a process of another machine is still there cannot be known from here.
 */
import {
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { LossyscopeError } from "../numeric/errors.ts";
import { ioFault, systemCode } from "./faults.ts";
import { isRunning } from "./processes.ts";

/** A lock is empty for the moment between its making and its writing; one that stays so was left by a process that died. */
const EMPTY = { looks: 20, milliseconds: 25 };
/** What stands for a time that the system does not tell. */
const UNTOLD = "-";
/** Locks of this process. */
const held = new Set<string>();

export interface Holder {
  readonly pid: number;
  /** null: this one */
  readonly machine: string | null;
}

/** When a process was started, in the system's own count. */
function startOf(pid: number): string {
  try {
    // The name, in brackets, may hold anything; the twentieth field behind it is the start.
    return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)!.split(" ")[19] ?? UNTOLD;
  } catch {
    return UNTOLD;
  }
}

const own = (): string => `${process.pid} ${startOf(process.pid)} ${hostname()}`;

/** @returns who has the lock, undefined where nobody has it any more */
function holderOf(content: string, path: string): Holder | undefined {
  const [pid, start, machine] = content.split(" ");
  if (!/^[1-9]\d*$/.test(pid)) return undefined;
  const process_ = Number(pid);
  if (machine && machine !== hostname()) return { pid: process_, machine };
  const here = { pid: process_, machine: null };
  if (process_ === process.pid) return held.has(path) ? here : undefined;
  if (!isRunning(process_)) return undefined;
  const now = startOf(process_);
  return start && start !== UNTOLD && now !== UNTOLD && start !== now ? undefined : here;
}

function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** Takes a lock away that nobody has, unless somebody took it first. */
function discard(path: string, content: string): void {
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
    if (readFileSync(aside, "utf8") !== content) linkSync(aside, path);
  } catch (error) {
    const code = systemCode(error);
    if (code !== "ENOENT" && code !== "EEXIST") throw error;
  }
  rmSync(aside, { force: true });
}

/**
 * @param refusal the error where somebody has the lock
 * @returns a function that lets go of it; idempotent
 * @throws what `refusal` makes; an error of the operating system where the file cannot be made
 */
export function takeLock(path: string, refusal: (holder: Holder) => Error): () => void {
  for (let looks = 0; ; ) {
    try {
      const file = openSync(path, "wx");
      writeSync(file, own());
      closeSync(file);
      held.add(path);
      return () => {
        if (held.delete(path)) rmSync(path, { force: true });
      };
    } catch (error) {
      if (systemCode(error) !== "EEXIST") throw error;
    }
    const content = contentOf(path);
    if (content === undefined) continue;
    if (content === "" && looks++ < EMPTY.looks) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, EMPTY.milliseconds);
      continue;
    }
    const holder = holderOf(content, path);
    if (holder) throw refusal(holder);
    discard(path, content);
  }
}

/** A holder in words: `process 17`, `process 17 on "node-3"`. */
export const named = ({ pid, machine }: Holder): string =>
  machine === null ? `process ${pid}` : `process ${pid} on ${JSON.stringify(machine)}`;

/**
 * Keeps other processes from writing their results among ours. The folder is made where there is none, and goes again if
 * nothing came into it.
 * @param work what is done, after "process 17 is": `training`
 * @returns a function that lets go of the folder
 * @throws LossyscopeError `usage` where somebody is at work there, `io` where the folder cannot be made or written to
 */
export function lockFolder(folder: string, work: string): () => void {
  const path = join(folder, `.${work.replaceAll(" ", "-")}.lock`);
  try {
    const made = mkdirSync(folder, { recursive: true }) !== undefined;
    const unlock = takeLock(
      path,
      (holder) =>
        new LossyscopeError(
          "usage",
          `${named(holder)} is ${work} in ${folder}`,
          `wait for it, or pass another --out; if it does something else, or is no more, remove ${path}`,
        ),
    );
    return () => {
      unlock();
      if (made && isEmpty(folder)) rmdirSync(folder);
    };
  } catch (error) {
    throw ioFault(error, `write to the folder ${folder}`);
  }
}

function isEmpty(folder: string): boolean {
  try {
    return readdirSync(folder).length === 0;
  } catch {
    return false;
  }
}
