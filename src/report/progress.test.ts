import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createProgress, type ProgressStream } from "./progress.ts";
import { Screen } from "./screen.testing.ts";

// biome-ignore lint/suspicious/noControlCharactersInRegex: what clears a line
const CLEARED = /\r\u001b\[(?:2K|J)/;

/** A stream that remembers, a clock that is set by hand. */
function watched(stream: Partial<ProgressStream> = {}) {
  let time = 0;
  const written: string[] = [];
  const listeners = new Set<() => void>();
  const sink = {
    isTTY: true,
    columns: 80,
    write: (text: string) => written.push(text),
    on: (_: "resize", listener: () => void) => listeners.add(listener),
    off: (_: "resize", listener: () => void) => listeners.delete(listener),
    ...stream,
  };
  const progress = createProgress(sink, { clock: () => time });
  return {
    progress,
    sink,
    written,
    listeners,
    /** what the terminal's line shows now */
    line: () => written.join("").split(CLEARED).at(-1)!,
    pass: (seconds: number) => {
      time += seconds * 1000;
    },
  };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("on a terminal", () => {
  it("draws a bar with rate and time left, and takes it away", () => {
    const { progress, line, pass } = watched({ columns: 100 });
    progress.start("measuring", 1000, "tokens");
    pass(2);
    progress.update(250, "window 3");
    expect(line()).toMatch(/^measuring \[=+ +\] {2}25 % 250 of 1,000 tokens, 125 tokens\/s, 6\.0 s left, window 3$/);
    pass(2);
    progress.update(1000);
    expect(line()).toContain("100 % ");
    expect(line()).not.toContain("left");
    progress.finish();
    expect(line()).toBe("");
  });

  it("counts what an earlier run did to the bar, not to the rate", () => {
    const { progress, line, pass } = watched({ columns: 120 });
    progress.start("resuming", 1000, "tokens", 500);
    pass(1);
    progress.update(600);
    expect(line()).toContain("60 %");
    expect(line()).toContain("100 tokens/s, 4.0 s left");
  });

  it("follows a machine that slows down", () => {
    const { progress, line, pass } = watched({ columns: 120 });
    progress.start("work", 100_000, "tokens");
    for (let second = 1; second <= 60; second++) {
      pass(1);
      progress.update(second <= 20 ? second * 1000 : 20_000 + (second - 20) * 10);
    }
    expect(line()).toContain(", 10 tokens/s");
  });

  it("never outgrows the terminal, before and after it is resized", () => {
    const { progress, sink, line, pass, listeners } = watched();
    progress.start("a label that is quite a bit longer than one would like it to be", 5e9, "bytes");
    for (const width of [200, 80, 40, 25]) {
      sink.columns = width;
      for (const listener of listeners) listener();
      pass(1);
      progress.update(1e9, "a note that is long as well");
      expect(line().length).toBeLessThan(width);
      expect(line()).not.toBe("");
    }
    progress.finish();
    expect(listeners.size).toBe(0);
  });

  it("redraws ten times a second at most, and once a second when nothing comes", () => {
    const { progress, written, pass } = watched();
    progress.start("work", 1e6, "tokens");
    const before = written.length;
    for (let step = 0; step < 1000; step++) {
      pass(0.001);
      progress.update(step);
    }
    expect(written.length - before).toBeLessThanOrEqual(10);
    const after = written.length;
    vi.advanceTimersByTime(3000);
    expect(written.length - after).toBe(3);
    progress.finish();
    vi.advanceTimersByTime(3000);
    expect(written.length - after).toBe(4);
  });

  it("keeps messages above the bar, and neutralises them", () => {
    const { progress, written, line } = watched();
    progress.start("work", 10, "tokens");
    progress.message("careful\u001b[2J");
    expect(written.join("")).toContain("\r\u001b[2Kcareful␛[2J\n");
    expect(line()).toContain("work");
  });

  it("does without a total", () => {
    const { progress, line, pass } = watched();
    progress.start("reading", null, "bytes");
    pass(1);
    progress.update(2_000_000);
    expect(line()).toBe("reading  2.00 MB, 2.00 MB/s");
  });
});

describe("elsewhere", () => {
  it("writes a plain line every ten seconds", () => {
    const { progress, written, pass } = watched({ isTTY: false });
    progress.start("measuring", 1000, "tokens");
    for (let second = 1; second <= 25; second++) {
      pass(1);
      progress.update(second * 10);
    }
    progress.message("done");
    progress.finish();
    expect(written).toEqual([
      "measuring: 100 of 1,000 tokens, 10 tokens/s, 1 min 30 s left\n",
      "measuring: 200 of 1,000 tokens, 10 tokens/s, 1 min 20 s left\n",
      "done\n",
    ]);
  });

  it("is silent when quiet", () => {
    const written: string[] = [];
    const progress = createProgress({ isTTY: true, write: (text) => written.push(text) }, { quiet: true });
    progress.start("work", 10, "tokens");
    progress.update(5);
    progress.message("hello");
    progress.enter("checkpoint 1 of 2");
    progress.finish();
    vi.advanceTimersByTime(60_000);
    expect(written).toEqual([]);
  });
});

/** One clock for what is shown and for the timers, and the screen that it is shown on. */
function staged({ columns = 80, ...stream }: Partial<ProgressStream> & { columns?: number } = {}) {
  let time = 0;
  const screen = new Screen(columns);
  const listeners = new Set<() => void>();
  const written: string[] = [];
  const sink = {
    isTTY: true,
    columns,
    write(text: string) {
      written.push(text);
      screen.write(text);
    },
    on: (_: "resize", listener: () => void) => listeners.add(listener),
    off: (_: "resize", listener: () => void) => listeners.delete(listener),
    ...stream,
  };
  return {
    progress: createProgress(sink, { clock: () => time, environment: {} }),
    screen,
    written,
    pass(seconds: number) {
      for (let step = 0; step < 10 * seconds; step++) {
        time += 100;
        vi.advanceTimersByTime(100);
      }
    },
    resize(to: number) {
      sink.columns = to;
      screen.resize(to);
      for (const listener of listeners) listener();
    },
  };
}

const labels = (...names: readonly string[]) => names.map((label) => ({ label }));

describe("stages", () => {
  it("are counted, leave a line each, and have a line for all of them", () => {
    const { progress, screen, pass } = staged();
    progress.announce(labels("reading", "model pass", "writing"));
    progress.start("reading", null, "bytes");
    pass(1);
    progress.update(2_000_000);
    pass(1);
    expect(screen.rows).toEqual(["1 of 3  reading  2.00 MB, 1.00 MB/s", "in all 2 s so far"]);
    progress.finish();
    expect(screen.rows).toEqual(["1 of 3  reading: 2.00 MB in 2.0 s"]);
    progress.start("model pass", 28_000, "tokens");
    pass(4.5);
    progress.update(12_000);
    expect(screen.rows).toEqual([
      "1 of 3  reading: 2.00 MB in 2.0 s",
      expect.stringMatching(/^2 of 3 {2}model pass \[=+ +\] {2}42 % 12,000 of 28,000 tokens, 6\.0 s left$/),
      "in all 7 s so far",
    ]);
    pass(3.5);
    progress.update(28_000);
    progress.start("writing", null, "");
    progress.finish();
    expect(screen.rows).toEqual([
      "1 of 3  reading: 2.00 MB in 2.0 s",
      "2 of 3  model pass: 28,000 tokens in 8.0 s",
      "3 of 3  writing: less than 0.1 s",
    ]);
  });

  it("that come unannounced, and those announced late, are counted in their place", () => {
    const { progress, screen, pass } = staged();
    progress.announce(labels("reading", "model pass"));
    progress.announce(labels("download"), true);
    for (const label of ["download", "reading", "surprise", "model pass"]) {
      progress.start(label, null, "");
      pass(1);
    }
    expect(screen.rows.slice(0, 4).map((row) => row.split(":")[0])).toEqual([
      "1 of 3  download",
      "2 of 3  reading",
      "3 of 4  surprise",
      "4 of 4  model pass",
    ]);
  });

  it("that were not done to their end say how far they came", () => {
    const { progress, screen, pass } = staged();
    progress.announce(labels("model pass", "writing"));
    progress.start("model pass", 1000, "tokens", 300);
    pass(2);
    progress.update(500);
    progress.finish();
    expect(screen.rows).toEqual(["1 of 2  model pass: 500 of 1,000 tokens in 2.0 s, 300 tokens of them before"]);
  });

  it("count down by themselves between updates, and never to nothing", () => {
    const { progress, screen, pass } = staged();
    progress.start("model pass", 1000, "tokens");
    pass(9.5);
    progress.update(200);
    const left = (): string => /, ([^,]*) left$/.exec(screen.rows[0])![1];
    expect(left()).toBe("38 s");
    const seen: string[] = [];
    for (let second = 0; second < 12; second++) {
      pass(1);
      seen.push(left());
    }
    expect(seen.slice(0, 3)).toEqual(["38 s", "37 s", "36 s"]);
    expect(new Set(seen).size).toBe(12);
    expect(seen.at(-1)).toBe("27 s");
    progress.update(999);
    for (let second = 0; second < 60; second++) {
      pass(1);
      expect(left()).toMatch(/^(\d+ min \d\d s|\d+ s|\d\.\d s|a moment)$/);
    }
  });

  it("do not jump when the work goes by fits and starts", () => {
    const { progress, screen, pass } = staged({ columns: 120 });
    progress.start("model pass", 100_000, "tokens");
    const seconds = (): number => {
      const [, minutes, rest] = /, (?:(\d+) min )?([\d.]+) s left$/.exec(screen.rows[0])!;
      return 60 * Number(minutes ?? 0) + Number(rest);
    };
    let before: number | null = null;
    for (let batch = 1; batch <= 60; batch++) {
      // batches of one, three or five seconds
      pass(1.1 + 2 * (batch % 3));
      progress.update(batch * 1000);
      const now = seconds();
      if (before !== null && batch > 6) expect(now).toBeLessThan(1.05 * before);
      before = now;
    }
    expect(before).toBeGreaterThan(100);
    expect(before).toBeLessThan(140);
  });

  it("do not reckon with the time that work took to get ready", () => {
    const { progress, screen, pass } = staged({ columns: 120 });
    progress.start("model pass", 10_000, "tokens");
    for (let batch = 1; batch <= 3; batch++) {
      pass(batch === 1 ? 20.1 : 1.1);
      progress.update(batch * 100);
    }
    expect(screen.rows[0]).toMatch(/, 1 min 4\d s left$/);
  });

  it("that are late say that it takes longer", () => {
    const { progress, screen, pass } = staged({ columns: 120 });
    progress.start("layers", 10, "layers");
    for (let layer = 1; layer <= 5; layer++) {
      pass(1);
      progress.update(layer);
    }
    pass(60);
    expect(screen.rows[0]).toMatch(/, (1 min \d\d|5\d) s left$/);
  });

  it("that have told nothing say how long they have been at work", () => {
    const { progress, screen, pass } = staged();
    progress.start("geometry", 31, "layers");
    pass(12);
    expect(screen.rows[0]).toMatch(/\] {3}0 % 0 of 31 layers, 12 s so far$/);
  });

  it("to come are foretold by what was expected of them and how that held", () => {
    const { progress, screen, pass } = staged();
    progress.announce(labels("reading", "model pass", "geometry"));
    progress.expect({ "model pass": 100, geometry: 50 });
    progress.start("reading", null, "");
    pass(1);
    expect(screen.rows[1]).toBe("in all 1 s so far");
    progress.start("model pass", 1000, "tokens");
    pass(1);
    // nothing told yet: as was expected
    expect(screen.rows.at(-1)).toBe("in all 2 s so far, about 2 min 30 s left");
    for (let second = 2; second <= 200; second++) {
      pass(1);
      progress.update(5 * second);
    }
    // the pass took twice as long as expected, and so will the geometry
    progress.start("geometry", 31, "layers");
    pass(1);
    expect(screen.rows.at(-1)).toMatch(/^in all 3 min 2\d s so far, about 1 min 30 s left$/);
    pass(9);
    expect(screen.rows.at(-1)).toMatch(/about 1 min 30 s left$/);
  });

  it("that tell nothing and are late make what is to come later", () => {
    const { progress, screen, pass } = staged();
    progress.announce(labels("model pass", "geometry"));
    progress.expect({ "model pass": 20, geometry: 20 });
    progress.start("model pass", 1, "windows");
    pass(20);
    expect(screen.rows[1]).toBe("in all 20 s so far, about 20 s left");
    pass(40);
    expect(screen.rows[1]).toBe("in all 1 min 00 s so far, about 50 s left");
  });

  it("that take turns go on where they were left, and both are foretold", () => {
    const { progress, screen, pass } = staged();
    progress.announce(labels("compressing", "verifying"));
    progress.expect({ compressing: 100, verifying: 100 });
    progress.start("compressing", 400, "bytes");
    pass(9.9);
    progress.update(100);
    pass(0.1);
    expect(screen.rows[1]).toBe("in all 10 s so far, about 1 min left");
    for (let turn = 1; turn <= 4; turn++) {
      if (turn > 1) {
        progress.start("compressing", 400, "bytes", 100 * (turn - 1));
        pass(9.9);
        progress.update(100 * turn);
        pass(0.1);
        expect(screen.rows[0]).toMatch(/^1 of 2 {2}compressing \[/);
      }
      progress.start("verifying", 400, "bytes", 100 * (turn - 1));
      pass(9.9);
      progress.update(100 * turn);
      pass(0.1);
      const left = 80 - 20 * turn;
      if (left > 0) {
        expect(screen.rows[0]).toMatch(/^2 of 2 {2}verifying \[/);
        expect(screen.rows[1]).toMatch(new RegExp(`, about (${left - 5} s|${left} s|${left + 5} s|1 min) left$`));
      }
    }
    progress.finish();
    expect(screen.rows).toEqual(["1 of 2  compressing: 400 B in 40 s", "2 of 2  verifying: 400 B in 40 s"]);
  });

  it("that take turns keep their rate, and make no guess anew", () => {
    const { progress, screen, pass } = staged({ columns: 120 });
    progress.announce(labels("compressing", "verifying"));
    const turn = (label: string, before: number): void => {
      progress.start(label, 1000, "bytes", before);
      for (let batch = 1; batch <= 10; batch++) {
        pass(1);
        progress.update(before + 10 * batch);
      }
    };
    for (const before of [0, 100]) {
      turn("compressing", before);
      turn("verifying", before);
    }
    progress.start("compressing", 1000, "bytes", 200);
    // before it has told anything, and after a moment in which it did a great deal
    expect(screen.rows[0]).toMatch(/\] {2}20 % 200 B of 1\.00 kB, 10 B\/s, 1 min 20 s left$/);
    pass(0.2);
    progress.update(220);
    expect(screen.rows[0]).toMatch(/22 % 220 B of 1\.00 kB, 10\.\d B\/s, (1 min 1\d|[67]\d) s left$/);
    const [, left] = /about (\d) min( 30 s)? left$/.exec(screen.rows[1])!;
    expect(Number(left)).toBe(2);
    pass(0.8);
    expect(screen.rows[1]).toMatch(/^in all 41 s so far/);
  });

  it("of parts are counted within them, learn from the part before, and leave one line a part", () => {
    const { progress, screen, pass } = staged();
    const part = (n: number): string => `checkpoint ${n} of 3`;
    for (const n of [1, 2, 3])
      progress.announce(labels("reading", "model pass").map((stage) => ({ ...stage, part: part(n) })));
    const run = (n: number): void => {
      progress.enter(part(n));
      progress.start("reading", null, "");
      pass(2);
      progress.start("model pass", 100, "tokens");
      pass(5);
      progress.update(50);
      pass(5);
    };
    run(1);
    expect(screen.rows[0]).toMatch(/^checkpoint 1 of 3, 2 of 2 {2}model pass \[/);
    expect(screen.rows[1]).toBe("in all 12 s so far");
    progress.enter(part(2));
    progress.start("reading", null, "");
    expect(screen.rows).toEqual([
      "checkpoint 1 of 3: 12 s",
      "checkpoint 2 of 3, 1 of 2  reading",
      "in all 12 s so far, about 25 s left",
    ]);
    // the second was measured before: it has nothing to do
    progress.enter(part(3));
    progress.start("reading", null, "");
    pass(1);
    expect(screen.rows.at(-1)).toMatch(/^in all 13 s so far, about (10|15) s left$/);
    progress.enter(null);
    expect(screen.rows.at(-1)).toBe("checkpoint 3 of 3: 1.0 s");
  });

  it("stay whole when the terminal is made narrower and wider", () => {
    const { progress, screen, pass, resize } = staged({ columns: 100 });
    progress.announce(labels("reading", "model pass"));
    progress.start("reading", null, "bytes");
    pass(1);
    progress.start("model pass", 1000, "tokens");
    pass(30);
    progress.update(10);
    for (const columns of [60, 40, 25, 120, 30]) {
      resize(columns);
      pass(2);
      const kept = screen.rows.findIndex((row) => row.startsWith("2 of 2"));
      expect(screen.rows.slice(0, kept).join("")).toBe("1 of 2  reading: 0 B in 1.0 s");
      expect(screen.rows.slice(kept)).toEqual([
        expect.stringMatching(/^2 of 2 {2}model pass/),
        expect.stringMatching(/^in all /),
      ]);
    }
  });

  it("elsewhere, and on a terminal that cannot redraw, are told of at their beginning and end", () => {
    const { progress, written, pass } = staged({ isTTY: false });
    progress.announce(labels("reading", "model pass"));
    progress.start("reading", null, "bytes");
    progress.update(1000);
    progress.start("model pass", 1000, "tokens");
    pass(11);
    progress.update(500);
    pass(11);
    progress.update(1000);
    progress.finish();
    expect(written).toEqual([
      "1 of 2  reading: 1.00 kB in less than 0.1 s\n",
      "2 of 2  model pass\n",
      "2 of 2  model pass: 0 of 1,000 tokens, 10 s so far; in all 10 s so far\n",
      "2 of 2  model pass: 500 of 1,000 tokens, 25 tokens/s, 2.0 s left; in all 20 s so far, about 2 s left\n",
      "2 of 2  model pass: 1,000 tokens in 22 s\n",
    ]);
    const dumb: string[] = [];
    const other = createProgress(
      { isTTY: true, write: (text) => dumb.push(text) },
      { environment: { TERM: "dumb", NO_COLOR: "1" } },
    );
    other.announce(labels("work", "more"));
    other.start("work", 10, "tokens");
    other.update(5);
    other.finish();
    expect(dumb).toEqual(["1 of 2  work: 5 of 10 tokens in less than 0.1 s\n"]);
  });

  it("elsewhere are told of when they last for a second, whether they tell something meanwhile or not", () => {
    const { progress, written, pass } = staged({ isTTY: false });
    progress.announce(labels("quiet", "talking", "short"));
    progress.start("quiet", null, "");
    pass(0.9);
    expect(written).toEqual([]);
    pass(0.1);
    expect(written).toEqual(["1 of 3  quiet\n"]);
    pass(2);
    progress.start("talking", 100, "tokens");
    pass(1.5);
    progress.update(10);
    progress.update(100);
    progress.start("short", null, "");
    progress.finish();
    expect(written).toEqual([
      "1 of 3  quiet\n",
      "1 of 3  quiet: 3.0 s\n",
      "2 of 3  talking\n",
      "2 of 3  talking: 100 tokens in 1.5 s\n",
      "3 of 3  short: less than 0.1 s\n",
    ]);
  });

  it.each([true, false])("that were announced and do not come are told to be left out (terminal: %s)", (isTTY) => {
    const { progress, screen, written, pass } = staged({ isTTY });
    progress.announce(labels("reading", "entropy", "geometry", "plane", "writing"));
    progress.start("reading", null, "");
    progress.start("plane", 5, "layers");
    pass(0.5);
    progress.update(5);
    progress.start("writing", null, "");
    progress.finish();
    expect(isTTY ? screen.rows : written.map((line) => line.trimEnd())).toEqual([
      "1 of 5  reading: less than 0.1 s",
      "2 of 5  entropy: left out",
      "3 of 5  geometry: left out",
      "4 of 5  plane: 5 layers in 0.5 s",
      "5 of 5  writing: less than 0.1 s",
    ]);
  });
});
