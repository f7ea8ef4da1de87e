/**
 * Progress on standard error: on a terminal one line, redrawn in place, with a bar, the rate and the time left; anywhere
 * else a plain line every ten seconds. The line never outgrows the terminal, so a change of its width leaves nothing
 * behind, and it is gone when the work is done.
 */
import { columns, count, duration, fit, si, visible } from "./format.ts";

/** What is used of a `tty.WriteStream`. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
  on?(event: "resize", listener: () => void): unknown;
  off?(event: "resize", listener: () => void): unknown;
}

export interface Progress {
  /**
   * A new piece of work; ends the one before.
   * @param total null where it is not known
   * @param unit `tokens`, `bytes` (in SI units)
   * @param done what an earlier run has done already: it counts to the bar, not to the rate
   */
  start(label: string, total: number | null, unit: string, done?: number): void;
  /** @param done in all so far, not since the last call */
  update(done: number, note?: string): void;
  /** The work is done; its line is taken away. */
  finish(): void;
  /** A line of its own that stays, above the bar. */
  message(line: string): void;
}

const REDRAW_MS = 100;
const PLAIN_MS = 10_000;
/** The rate is that of the last half minute, so that it follows a machine that slows down. */
const WINDOW_MS = 30_000;
const CLEAR = "\r\u001b[2K";

interface Work {
  readonly label: string;
  readonly total: number | null;
  readonly unit: string;
  done: number;
  note: string;
  /** (time, done) of the last half minute, oldest first */
  samples: [time: number, done: number][];
}

/** Units a second over the window; null before there is anything to tell. */
function rateOf(work: Work, now: number): number | null {
  const [time, done] = work.samples[0];
  const seconds = (now - time) / 1000;
  return seconds > 0 && work.done > done ? (work.done - done) / seconds : null;
}

function amount(value: number, unit: string): string {
  return unit === "bytes" ? si(value, "B") : `${count(value)} ${unit}`;
}

function tail(work: Work, now: number): string {
  const { total, done, unit } = work;
  const rate = rateOf(work, now);
  const parts = [
    total === null ? amount(done, unit) : `${unit === "bytes" ? si(done, "B") : count(done)} of ${amount(total, unit)}`,
    ...(rate === null ? [] : [unit === "bytes" ? `${si(rate, "B")}/s` : `${si(rate, "")} ${unit}/s`]),
    ...(rate === null || total === null || done >= total ? [] : [`${duration((total - done) / rate)} left`]),
    ...(work.note === "" ? [] : [work.note]),
  ];
  return parts.join(", ").replaceAll("\u00a0", " ");
}

/** One line of at most `width` columns. */
function drawLine(work: Work, now: number, width: number): string {
  const end = tail(work, now);
  const label = fit(work.label, Math.min(columns(work.label), Math.max(8, width >> 2)));
  const room = Math.min(30, width - columns(label) - columns(end) - 9);
  if (work.total === null || work.total <= 0 || room < 6) return fit(`${label}  ${end}`, width).trimEnd();
  const share = Math.min(1, work.done / work.total);
  const full = Math.floor(share * room);
  return `${label} [${"=".repeat(full)}${" ".repeat(room - full)}] ${String(Math.floor(share * 100)).padStart(3)}% ${end}`;
}

/**
 * @param quiet writes nothing at all
 * @param clock milliseconds that only ever grow; only what is shown depends on it
 */
export function createProgress(
  stream: ProgressStream,
  { quiet = false, clock = () => performance.now() }: { quiet?: boolean; clock?: () => number } = {},
): Progress {
  const live = !quiet && stream.isTTY === true;
  let work: Work | null = null;
  let written = -Infinity;
  let shown = false;
  let timer: NodeJS.Timeout | undefined;

  const draw = (): void => {
    if (work === null) return;
    written = clock();
    // one column short: a line that fills the last one wraps on some terminals
    if (live) stream.write(CLEAR + drawLine(work, written, Math.max(20, (stream.columns ?? 80) - 1)));
    else stream.write(`${work.label}: ${tail(work, written)}\n`);
    shown = live;
  };
  const clear = (): void => {
    if (shown) stream.write(CLEAR);
    shown = false;
  };
  /** A narrowed terminal has wrapped the line: all from its first row down is cleared before it is drawn again. */
  const resized = (): void => {
    if (!shown) return;
    stream.write("\r\u001b[J");
    draw();
  };
  const end = (): void => {
    if (work === null) return;
    clear();
    clearInterval(timer);
    stream.off?.("resize", resized);
    work = null;
  };

  return {
    start(label, total, unit, done = 0) {
      if (quiet) return;
      end();
      const now = clock();
      work = { label: visible(label), total, unit, done, note: "", samples: [[now, done]] };
      written = live ? -Infinity : now;
      if (!live) return;
      stream.on?.("resize", resized);
      timer = setInterval(draw, 1000);
      timer.unref();
      draw();
    },
    update(done, note) {
      if (work === null) return;
      const now = clock();
      work.done = done;
      if (note !== undefined) work.note = visible(note);
      const newest = work.samples.at(-1)!;
      if (now - newest[0] >= REDRAW_MS) work.samples.push([now, done]);
      while (work.samples.length > 2 && now - work.samples[1][0] > WINDOW_MS) work.samples.shift();
      if (now - written >= (live ? REDRAW_MS : PLAIN_MS)) draw();
    },
    finish: end,
    message(line) {
      if (quiet) return;
      clear();
      stream.write(`${visible(line)}\n`);
      if (live) draw();
    },
  };
}
