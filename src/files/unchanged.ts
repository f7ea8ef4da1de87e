/**
 * Files that must stay as they were while something is made of them: looked at before they are read, and again before what was
 * made of them is handed over. What counts is that it is the same file, of the same size, last written at the same time.
 */
import { stat } from "node:fs/promises";
import { type Fault, LossyscopeError } from "../numeric/errors.ts";
import { ioFault, systemCode } from "./faults.ts";

const ABSENT = "absent";

async function identity(path: string): Promise<string> {
  try {
    const { size, ino, mtimeNs } = await stat(path, { bigint: true });
    return [size, ino, mtimeNs].join(" ");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return ABSENT;
    throw ioFault(error, `read ${path}`);
  }
}

export class Unchanged {
  readonly #seen = new Map<string, string>();
  readonly #fault: Fault;
  readonly #files: string;
  readonly #use: string;

  /**
   * @param fault of an error about them
   * @param files what they are together: `the model`
   * @param use what was done meanwhile: `was used`
   */
  constructor(fault: Fault, files: string, use: string) {
    this.#fault = fault;
    this.#files = files;
    this.#use = use;
  }

  /** Looks at a file that is about to be read for the first time. */
  async watch(path: string): Promise<void> {
    this.#seen.set(path, await identity(path));
  }

  /** @throws LossyscopeError naming a file that is not the one that was watched */
  async check(): Promise<void> {
    for (const [path, before] of this.#seen) {
      const now = await identity(path);
      if (now === before) continue;
      throw new LossyscopeError(
        this.#fault,
        `${path} ${now === ABSENT ? "was removed" : "was replaced or written to"} while ${this.#files} ${this.#use}`,
        `run again, and leave ${this.#files} alone meanwhile`,
      );
    }
  }
}
