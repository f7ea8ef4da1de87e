/**
 * How many requests are under way together: as many as are allowed, half of that each time the server says that it has too
 * many, and one more for every round that went well. While the server asks for a pause, none begins.
 */
import { pause } from "../hub/client.ts";
import { LossyscopeError } from "../numeric/errors.ts";

export class Gate {
  readonly #most: number;
  #limit: number;
  #running = 0;
  #well = 0;
  #notBefore = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(most: number) {
    this.#most = most;
    this.#limit = most;
  }

  /** how many may be under way just now */
  get limit(): number {
    return this.#limit;
  }

  /** Waits for a place. @throws LossyscopeError `interrupted` */
  async enter(signal: AbortSignal | undefined): Promise<void> {
    for (;;) {
      if (signal?.aborted) throw new LossyscopeError("interrupted", "stopped");
      const early = this.#notBefore - performance.now();
      if (early > 0) await pause(early, signal);
      else if (this.#running < this.#limit) break;
      else await this.#turn(signal);
    }
    this.#running++;
  }

  async #turn(signal: AbortSignal | undefined): Promise<void> {
    await new Promise<void>((resolve) => {
      const go = (): void => {
        signal?.removeEventListener("abort", go);
        resolve();
      };
      signal?.addEventListener("abort", go);
      this.#waiting.push(go);
    });
  }

  /** @param pauseMs that the server asks for where it has too much to do; null where it does not */
  leave(pauseMs: number | null): void {
    this.#running--;
    if (pauseMs === null) {
      if (++this.#well >= this.#limit && this.#limit < this.#most) {
        this.#limit++;
        this.#well = 0;
      }
    } else {
      this.#well = 0;
      this.#limit = Math.max(1, this.#limit >> 1);
      this.#notBefore = Math.max(this.#notBefore, performance.now() + pauseMs);
    }
    // Whoever wakes looks again whether there is a place.
    for (const go of this.#waiting.splice(0)) go();
  }
}
