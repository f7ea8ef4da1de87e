/** A time left that runs down by itself, and follows what is learned of it without a jump. */

/** A new estimate has settled after about so many seconds, or such a share of what is left; at first it settles sooner. */
const SETTLE_SECONDS = 4;
const SETTLE_SHARE = 1 / 8;

export class Countdown {
  /** when it is expected to be over, when that was first said, and when last: milliseconds */
  #end: number | null = null;
  #first = 0;
  #last = 0;

  /**
   * @param seconds that are left as far as is known now
   * @param better whether more is known than before: what takes less time than was thought need not settle
   */
  aim(seconds: number, now: number, better = false): void {
    const before = this.left(now);
    const shown = better && before !== null && seconds < before ? null : before;
    if (shown === null) this.#first = now;
    const settle = Math.min(Math.max(SETTLE_SECONDS, shown! * SETTLE_SHARE), (now - this.#first) / 1000);
    const followed = settle > 0 ? 1 - Math.exp(-(now - this.#last) / 1000 / settle) : 1;
    const left = shown === null ? seconds : shown + (seconds - shown) * followed;
    this.#end = now + 1000 * left;
    this.#last = now;
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
