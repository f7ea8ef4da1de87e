/**
 * A time left that runs down by itself. What takes less than was thought is said at once; what takes longer, without a jump:
 * one slow batch is not yet a slow run, and a time that leaps up and down is believed by nobody.
 */

/** A longer estimate has settled after about so many seconds, or such a share of what is left; at first it settles sooner. */
const SETTLE_SECONDS = 4;
const SETTLE_SHARE = 1 / 8;

export class Countdown {
  /** when it is expected to be over, when that was first said, and when last: milliseconds */
  #end: number | null = null;
  #first = 0;
  #last = 0;

  /** @param seconds that are left as far as is known now */
  aim(seconds: number, now: number): void {
    const shown = this.left(now);
    if (shown === null) this.#first = now;
    this.#end =
      now + 1000 * (shown === null || seconds <= shown ? seconds : shown + this.#risen(seconds - shown, shown, now));
    this.#last = now;
  }

  /** How much of a rise is shown by now. */
  #risen(rise: number, shown: number, now: number): number {
    const settle = Math.min(Math.max(SETTLE_SECONDS, shown * SETTLE_SHARE), (now - this.#first) / 1000);
    return settle > 0 ? rise * (1 - Math.exp(-(now - this.#last) / 1000 / settle)) : rise;
  }

  /** Nothing has happened for so long. */
  stand(milliseconds: number): void {
    if (this.#end !== null) this.#end += milliseconds;
    this.#first += milliseconds;
    this.#last += milliseconds;
  }

  /** What was said holds no longer. */
  forget(): void {
    this.#end = null;
  }

  /** @returns seconds, null before anything is known */
  left(now: number): number | null {
    return this.#end === null ? null : Math.max(0, (this.#end - now) / 1000);
  }
}
