/**
 * How long work tells how far it is; `report/` shows it, tests count it. A run announces its stages before they begin, in
 * order, so that whoever waits knows how many there are.
 */

/** A stage of a run, before it begins. */
export interface Stage {
  /** that it starts under; none twice within a part */
  readonly label: string;
  /** what has the same stages as others of its kind: `checkpoint 3 of 12`; they are counted within it */
  readonly part?: string;
}

export interface ProgressSink {
  /** Stages to come, after those announced before, or at once with `next`. */
  announce(stages: readonly Stage[], next?: boolean): void;
  /**
   * About how long stages take that have not begun, by label: seconds, of which only the ratios count once a stage of the
   * run has ended.
   */
  expect(seconds: Readonly<Record<string, number>>): void;
  /** Stages that start from here on are those of this part; what it leaves out of those announced will not come. */
  enter(part: string | null): void;
  /**
   * A new piece of work, announced or not; ends the one before.
   * @param total null where it is not known
   * @param unit `tokens`, `bytes` (in SI units)
   * @param done what an earlier run has done already: it counts to the bar, not to the rate
   */
  start(label: string, total: number | null, unit: string, done?: number): void;
  /**
   * @param done in all so far, not since the last call
   * @param total where it has become known meanwhile
   */
  update(done: number, note?: string, total?: number): void;
  /** The work is done. */
  finish(): void;
  /** A line of its own that stays. */
  message(line: string): void;
}

/** Tells nobody. */
export const SILENT: ProgressSink = {
  announce() {},
  expect() {},
  enter() {},
  start() {},
  update() {},
  finish() {},
  message() {},
};

/** Shows work whose total is known only once it has begun. */
export async function withProgress<T>(
  progress: ProgressSink,
  label: string,
  unit: string,
  work: (update: (done: number, total: number, note?: string) => void) => Promise<T>,
): Promise<T> {
  progress.start(label, null, unit);
  const result = await work((done, total, note) => progress.update(done, note, total));
  progress.finish();
  return result;
}
