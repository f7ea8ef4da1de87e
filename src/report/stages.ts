/**
 * The stages of a run: which are to come, which is under way, and about how long the rest will take. What a stage takes is
 * known from its twin in another part where one was measured; else from what it was expected to take, by how much slower or
 * faster than expected the stages before it were.
 */
import type { Stage } from "../ports/progress.ts";

/** Seconds as expected that count with those measured: a moment more or less at the beginning decides nothing. */
const PRIOR_SECONDS = 1;

interface Entry extends Stage {
  began: boolean;
  /** what an earlier run had done of it when it began */
  before: number;
  /** seconds that it still needs where it waits for another one; null where that is not known */
  left: number | null;
}

/** A stage, and its place from 1 among those of its part. */
export interface Placed {
  readonly label: string;
  readonly place: number;
  readonly of: number;
}

const waiting = (stage: Stage): Entry => ({ ...stage, began: false, before: 0, left: 0 });

interface Measured {
  stages: number;
  seconds: number;
}

export class Stages {
  #entries: Entry[] = [];
  #current: Entry | null = null;
  #part: string | undefined;
  #expected = new Map<string, number>();
  #measured = new Map<string, Measured>();

  get part(): string | null {
    return this.#part ?? null;
  }

  /** Whether there is more than one stage to be counted. */
  get several(): boolean {
    return this.#entries.length > 1;
  }

  announce(stages: readonly Stage[], next = false): void {
    const first = this.#entries.findIndex((entry) => !entry.began && entry.part === (stages[0]?.part ?? this.#part));
    const place = next && first >= 0 ? first : this.#entries.length;
    const part = next ? this.#part : undefined;
    this.#entries.splice(place, 0, ...stages.map((stage) => waiting({ part, ...stage })));
  }

  expect(seconds: Readonly<Record<string, number>>): void {
    for (const [label, own] of Object.entries(seconds)) this.#expected.set(label, own);
  }

  /** What the part before has not begun will not come. */
  enter(part: string | null): void {
    if (this.#part !== undefined) this.#leaveOut(({ part: own }) => own === this.#part);
    this.#part = part ?? undefined;
    this.#current = null;
  }

  #leaveOut(which: (entry: Entry) => boolean): void {
    this.#entries = this.#entries.filter((entry) => entry.began || !which(entry));
  }

  /**
   * A stage that was not announced takes its place among the others; one that was left goes on.
   * @returns those before it that were announced and will not come, told once, and whether it begins
   */
  start(label: string, done: number): { readonly before: number; readonly first: boolean; readonly leftOut: Placed[] } {
    const own = this.#own();
    let entry = own.find((one) => one.label === label);
    if (!entry) {
      const next = this.#entries.findIndex((one) => one.part === this.#part && !one.began);
      entry = waiting({ label, part: this.#part });
      this.#entries.splice(next < 0 ? this.#entries.length : next, 0, entry);
    }
    const first = !entry.began;
    if (first) entry.before = done;
    const all = this.#own();
    const skipped = all.slice(0, all.indexOf(entry)).filter((one) => !one.began);
    for (const one of [...skipped, entry]) one.began = true;
    this.#current = entry;
    const leftOut = skipped.map((one) => ({ label: one.label, place: all.indexOf(one) + 1, of: all.length }));
    return { before: entry.before, first, leftOut };
  }

  #own(): Entry[] {
    return this.#entries.filter(({ part }) => part === this.#part);
  }

  /** Another one goes first. @param left seconds that it will still need then */
  leave(left: number | null): void {
    this.#current!.left = left;
    this.#current = null;
  }

  /** @param seconds that were worked at it in all */
  finish(seconds: number): void {
    const current = this.#current!;
    current.left = 0;
    const before = this.#measured.get(current.label) ?? { stages: 0, seconds: 0 };
    this.#measured.set(current.label, { stages: before.stages + 1, seconds: before.seconds + seconds });
    this.#current = null;
  }

  /** Place from 1 of the stage under way among those of its part; null where it is the only one. */
  place(): { readonly place: number; readonly of: number } | null {
    if (!this.#current) return null;
    const own = this.#own();
    return own.length > 1 ? { place: own.indexOf(this.#current) + 1, of: own.length } : null;
  }

  /** Seconds that the stage under way takes in all, as far as can be known without asking it; null: not at all. */
  current(): number | null {
    return this.#current && this.#about(this.#current.label, this.#slowness(null));
  }

  /**
   * Seconds that the stages to come will take; null where that cannot be said of all of them.
   * @param current that the one under way will have taken, as far as it tells
   */
  ahead(current: number | null): number | null {
    const slowness = this.#slowness(current);
    let total = 0;
    for (const entry of this.#entries) {
      if (entry === this.#current) continue;
      const seconds = entry.began ? entry.left : this.#about(entry.label, slowness);
      if (seconds === null) return null;
      total += seconds;
    }
    return total;
  }

  #about(label: string, slowness: number): number | null {
    const measured = this.#measured.get(label);
    if (measured) return measured.seconds / measured.stages;
    const expected = this.#expected.get(label);
    return expected === undefined ? null : expected * slowness;
  }

  /** How much longer stages took than was expected of them. */
  #slowness(current: number | null): number {
    let [taken, expected] = [PRIOR_SECONDS, PRIOR_SECONDS];
    for (const [label, { stages, seconds }] of this.#measured) {
      const own = this.#expected.get(label);
      if (own === undefined) continue;
      taken += seconds;
      expected += own * stages;
    }
    const own = this.#current && this.#expected.get(this.#current.label);
    if (current !== null && own) {
      taken += current;
      expected += own;
    }
    return taken / expected;
  }
}
