import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createProgress, type ProgressStream } from "./progress.ts";

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
    expect(line()).toMatch(/^measuring \[=+ +\] {2}25% 250 of 1,000 tokens, 125 tokens\/s, 6\.0 s left, window 3$/);
    pass(2);
    progress.update(1000);
    expect(line()).toContain("100% ");
    expect(line()).not.toContain("left");
    progress.finish();
    expect(line()).toBe("");
  });

  it("counts what an earlier run did to the bar, not to the rate", () => {
    const { progress, line, pass } = watched({ columns: 120 });
    progress.start("resuming", 1000, "tokens", 500);
    pass(1);
    progress.update(600);
    expect(line()).toContain("60%");
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
    progress.finish();
    expect(written).toEqual([]);
  });
});
