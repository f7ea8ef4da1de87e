/** One piece of work as it goes on: how much of it is done, how fast, and how long it will take. Times are milliseconds. */
import { Countdown } from "./countdown.ts";

/** The rate is that of the last half minute, so that it follows a machine that slows down. */
const WINDOW = 30_000;
/** Between two samples. */
const APART = 100;

export class Pace {
  readonly label: string;
  readonly unit: string;
  /** later by as long as it was left */
  #began: number;
  #left = 0;
  /** what an earlier run has done already */
  readonly before: number;
  total: number | null;
  done: number;
  note = "";
  /** (time, done) of the last half minute, oldest first */
  readonly #samples: [time: number, done: number][];
  readonly #countdown = new Countdown();

  constructor(work: Pick<Pace, "label" | "unit" | "total" | "before" | "done">, now: number) {
    this.label = work.label;
    this.unit = work.unit;
    this.total = work.total;
    this.before = work.before;
    this.done = work.done;
    this.#began = now;
    this.#samples = [[now, work.done]];
  }

  update(done: number, now: number): void {
    this.done = done;
    const samples = this.#samples;
    if (now - samples.at(-1)![0] >= APART) samples.push([now, done]);
    if (samples.length === 3) this.#forgetWarmUp();
    while (samples.length > 2 && now - samples[1][0] > WINDOW) samples.shift();
    this.#aim(now);
  }

  /** Work that had to be got ready for goes faster once it is under way. */
  #forgetWarmUp(): void {
    const [[began, before], [first, some], [second, more]] = this.#samples;
    if ((some - before) * (second - first) * 2 >= (more - some) * (first - began)) return;
    this.#samples.shift();
    this.#countdown.forget();
  }

  /** Another piece of work goes first. */
  leave(now: number): void {
    this.#left = now;
  }

  /** Goes on as if nothing had been between: at the rate that it had. */
  resume({ total, done }: Pick<Pace, "total" | "done">, now: number): void {
    const away = now - this.#left;
    this.#began += away;
    for (const sample of this.#samples) sample[0] += away;
    this.#countdown.stand(away);
    this.total = total;
    this.done = done;
  }

  /** Seconds that were worked at it. */
  seconds(now: number): number {
    return (now - this.#began) / 1000;
  }

  /** Units a second over the window; null before there is anything to tell. */
  rate(now: number): number | null {
    const [time, done] = this.#samples[0];
    const seconds = (now - time) / 1000;
    return seconds > 0 && this.done > done ? (this.done - done) / seconds : null;
  }

  /** Seconds, running down between updates; null where they are not known, 0 where they are up. */
  left(now: number): number | null {
    if (this.total !== null && this.done >= this.total) return 0;
    // An update that stays away for much longer than those before it did is late: the work has slowed down.
    const [last] = this.#samples.at(-1)!;
    const [first] = this.#samples[0];
    const apart = (last - first) / Math.max(1, this.#samples.length - 1);
    if (apart > 0 && now - last > 2 * Math.max(apart, APART)) this.#aim(now);
    return this.#countdown.left(now);
  }

  #aim(now: number): void {
    const rate = this.rate(now);
    if (rate !== null && this.total !== null) this.#countdown.aim((this.total - this.done) / rate, now);
  }
}
