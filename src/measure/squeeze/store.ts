/**
 * Points that are measured already, each in a file of its own in the work folder, so that a run that was stopped goes on with
 * the next one. What a file is of stands in its name: another text, model or option is another run.
 */
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { z } from "zod";
import { sha256 } from "../../files/digest.ts";
import { ioFault } from "../../files/faults.ts";
import { named, takeLock } from "../../files/lock.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import { lockstepSchema } from "../../profile/lockstep.ts";
import { pointSchema } from "../../profile/squeeze.ts";
import { readChecksummed, writeChecksummed } from "../running/checksummed.ts";
import { AFRESH } from "../running/run-folder.ts";

const measuredSchema = z.object({
  point: pointSchema,
  interval: lockstepSchema.shape.interval,
  /** what ran it */
  engine: z.string(),
  /** bits that the original needs, by domain */
  bits: z.record(z.string(), z.number()),
  /** [documents] Σ KL in bits, and scored tokens */
  kl: z.array(z.number()),
  tokens: z.array(z.number()),
});
export type Measured = z.infer<typeof measuredSchema>;

export class PointStore {
  readonly #folder: string;
  readonly #unlock: () => void;

  /** @throws LossyscopeError `usage` where another process makes this very run; `io` */
  constructor(root: string, id: string, resume: boolean) {
    this.#folder = resolve(root, `squeeze-${id}`);
    const lock = `${this.#folder}.lock`;
    try {
      mkdirSync(root, { recursive: true });
      this.#unlock = takeLock(
        lock,
        (holder) =>
          new LossyscopeError(
            "usage",
            `${named(holder)} is squeezing this very model on this text`,
            `wait for it, or pass another --work folder; if it does something else, or is no more, remove ${lock}`,
          ),
      );
      if (!resume) rmSync(this.#folder, { recursive: true, force: true });
      mkdirSync(this.#folder, { recursive: true });
    } catch (error) {
      throw ioFault(error, `work in the folder ${this.#folder}`);
    }
  }

  #path(name: string): string {
    return join(this.#folder, `${sha256(name).slice(0, 16)}.point`);
  }

  /** @returns undefined where it is still to be measured. @throws LossyscopeError `io` where the file is damaged */
  get(name: string): Measured | undefined {
    const path = this.#path(name);
    if (!existsSync(path)) return undefined;
    return readChecksummed(path, measuredSchema, "the point was measured", AFRESH);
  }

  async put(name: string, measured: Measured): Promise<void> {
    await writeChecksummed(this.#path(name), measured);
  }

  /** Lets go of the folder; what was measured stays for `--resume`. */
  release(): void {
    this.#unlock();
  }

  /** Lets go of it and removes it. */
  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
    this.#unlock();
  }
}
