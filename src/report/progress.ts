/**
 * Progress on standard error. On a terminal: a line for the stage under way, redrawn in place each second or when it has
 * something to tell, with a bar, the rate and the time left, and below it one for the run; each stage that has ended leaves a
 * line with its time, each that was left out one that says so. Anywhere else, plain lines: where a stage begins, unless it ends
 * within a second, where it ends, and one every ten seconds. What is redrawn never outgrows the terminal, and is gone when the
 * work is done.
 */
import { type ProgressSink, SILENT } from "../ports/progress.ts";
import { Countdown } from "./countdown.ts";
import { columns, fit, visible } from "./format.ts";
import { Pace } from "./pace.ts";
import {
  closingLine,
  closingPart,
  leftOutLine,
  liveLine,
  openingLine,
  plainLine,
  type Standing,
  type Whole,
  wholeLine,
} from "./progress-lines.ts";
import { Stages } from "./stages.ts";

export type Progress = ProgressSink;

/** What is used of a `tty.WriteStream`. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
  on?(event: "resize", listener: () => void): unknown;
  off?(event: "resize", listener: () => void): unknown;
}

export interface ProgressOptions {
  /** writes nothing at all */
  readonly quiet?: boolean;
  /** milliseconds that only ever grow; only what is shown depends on it */
  readonly clock?: () => number;
  /** of which `TERM` counts */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

const REDRAW = 100;
const TICK = 1000;
const PLAIN = 10_000;

/**
 * Shows how far work is, as the commands do. A terminal whose cursor moves is drawn on; anything else, `TERM=dumb` too, gets
 * lines.
 */
export function createProgress(
  stream: ProgressStream,
  { quiet = false, clock = () => performance.now(), environment = {} }: ProgressOptions = {},
): Progress {
  if (quiet) return SILENT;
  const live = stream.isTTY === true && environment.TERM !== "dumb";
  return stagedProgress(live ? liveSheet(stream) : plainSheet(stream), clock);
}

/** What progress is written on. */
interface Sheet {
  /** whether what it shows can be drawn again: at once, and each second */
  readonly live: boolean;
  /** milliseconds between two that work asks for */
  readonly apart: number;
  /** a stage, or a part, has begun, or ended, where there are several */
  begin(line: string): void;
  /** what has begun is not over at once */
  lasts(): void;
  /** how the work stands, in place of how it stood */
  show(pace: Pace, where: Standing, whole: Whole | null, now: number): void;
  end(line: string): void;
  /** nothing is under way */
  clear(): void;
  message(line: string): void;
}

function stagedProgress(sheet: Sheet, clock: () => number): ProgressSink {
  const stages = new Stages();
  const countdown = new Countdown();
  let runBegan: number | null = null;
  let partBegan: number | null = null;
  let pace: Pace | null = null;
  /** of the part: what goes on when it starts again */
  const waiting = new Map<string, Pace>();
  let shown = -Infinity;
  let timer: NodeJS.Timeout | undefined;

  const where = (): Standing => ({ part: stages.part, place: stages.place() });
  const wholeAt = (now: number): Whole | null => {
    if (!stages.several) return null;
    const taken = pace!.seconds(now);
    const told = pace!.left(now);
    const about = stages.current();
    const left = told ?? (about === null ? null : Math.max(0, about - taken));
    // What tells nothing, and takes longer than it should have, is slower at least by that.
    const ahead = stages.ahead(told !== null ? taken + told : about !== null && taken > about ? taken : null);
    if (left === null || ahead === null) countdown.forget();
    else countdown.aim(left + ahead, now);
    return { seconds: (now - runBegan!) / 1000, left: countdown.left(now) };
  };
  const show = (): void => {
    shown = clock();
    sheet.show(pace!, where(), wholeAt(shown), shown);
  };
  const due = (now: number): boolean => now - shown >= sheet.apart;
  const finish = (): void => {
    if (pace === null) return;
    clearInterval(timer);
    const at = where();
    const seconds = pace.seconds(clock());
    stages.finish(seconds);
    if (stages.several && at.part === null) sheet.end(closingLine(pace, at, seconds));
    else sheet.clear();
    pace = null;
  };
  /** What has a total that is not reached goes on when it starts again. */
  const leave = (): void => {
    if (pace === null) return;
    if (pace.total === null || pace.done >= pace.total) {
      finish();
      return;
    }
    clearInterval(timer);
    const now = clock();
    stages.leave(pace.left(now));
    pace.leave(now);
    waiting.set(pace.label, pace);
    sheet.clear();
    pace = null;
  };

  return {
    announce: (announced, next) =>
      stages.announce(
        announced.map((stage) => ({ ...stage, label: visible(stage.label) })),
        next,
      ),
    expect: (seconds) => stages.expect(seconds),
    enter(part) {
      finish();
      if (partBegan !== null) sheet.end(closingPart(stages.part!, (clock() - partBegan) / 1000));
      partBegan = null;
      countdown.forget();
      waiting.clear();
      stages.enter(part === null ? null : visible(part));
    },
    start(label, total, unit, done = 0) {
      leave();
      const now = clock();
      runBegan ??= now;
      const own = visible(label);
      const { before, first, leftOut } = stages.start(own, done);
      if (stages.part === null) for (const one of leftOut) sheet.end(leftOutLine(one));
      pace = waiting.get(own) ?? null;
      if (pace) pace.resume({ total, done }, now);
      else pace = new Pace({ label: own, total, unit, before, done }, now);
      waiting.delete(own);
      if (first && stages.part === null && stages.several) sheet.begin(openingLine(pace.label, where()));
      if (stages.part !== null && partBegan === null) sheet.begin(stages.part);
      if (stages.part !== null) partBegan ??= now;
      shown = now;
      if (sheet.live) show();
      timer = setInterval(() => {
        sheet.lasts();
        if (sheet.live || due(clock())) show();
      }, TICK);
      timer.unref();
    },
    update(done, note, total) {
      if (pace === null) return;
      const now = clock();
      if (total !== undefined) pace.total = total;
      if (note !== undefined) pace.note = visible(note);
      pace.update(done, now);
      if (pace.seconds(now) >= 1) sheet.lasts();
      if (due(now)) show();
    },
    finish,
    message(line) {
      sheet.message(visible(line));
      if (pace !== null && sheet.live) show();
    },
  };
}

/** Lines that stay. */
function plainSheet(stream: ProgressStream): Sheet {
  /** the beginning of what may be over at once, and then is told with its end alone */
  let begun: string | null = null;
  const write = (line: string): void => void stream.write(`${line}\n`);
  const lasts = (): void => {
    if (begun !== null) write(begun);
    begun = null;
  };
  return {
    live: false,
    apart: PLAIN,
    begin: (line) => void (begun = line),
    lasts,
    show(pace, where, whole, now) {
      lasts();
      write(plainLine(pace, where, whole, now));
    },
    end(line) {
      begun = null;
      write(line);
    },
    clear() {},
    message: write,
  };
}

/** Two lines at the end, which are drawn again and again. */
function liveSheet(stream: ProgressStream): Sheet {
  /** columns of the lines that stand there now */
  let standing: readonly number[] = [];
  let redraw = (): void => {};

  const erasure = (rows: number): string => (rows > 1 ? `\u001b[${rows - 1}A\r\u001b[J` : "\r\u001b[2K");
  const write = (lines: readonly string[]): void => {
    stream.write(erasure(standing.length) + lines.join("\n"));
    standing = lines.map(columns);
  };
  const clear = (): void => {
    if (standing.length === 0) return;
    stream.write(erasure(standing.length));
    standing = [];
    stream.off?.("resize", resized);
  };
  const keep = (line: string): void => {
    clear();
    stream.write(`${line}\n`);
  };
  /** A narrowed terminal has wrapped the lines: all from their first row down is cleared before they are drawn again. */
  const resized = (): void => {
    const width = stream.columns ?? 80;
    const rows = standing.reduce((sum, own) => sum + Math.max(1, Math.ceil(own / width)), 0);
    stream.write(`${rows > 1 ? `\u001b[${rows - 1}A` : ""}\r\u001b[J`);
    standing = [0];
    redraw();
  };

  return {
    live: true,
    apart: REDRAW,
    begin() {},
    lasts() {},
    show(pace, where, whole, now) {
      if (standing.length === 0) stream.on?.("resize", resized);
      redraw = () => {
        // one column short: a line that fills the last one wraps on some terminals
        const width = Math.max(20, (stream.columns ?? 80) - 1);
        write([liveLine(pace, where, now, width), ...(whole === null ? [] : [fit(wholeLine(whole), width).trimEnd()])]);
      };
      redraw();
    },
    end: keep,
    clear,
    message: keep,
  };
}
