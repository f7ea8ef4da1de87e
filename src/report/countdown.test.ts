import { describe, expect, it } from "vitest";
import { Countdown } from "./countdown.ts";

/** A clock of seconds. */
function told() {
  const countdown = new Countdown();
  return {
    aim: (seconds: number, at: number): number => {
      countdown.aim(seconds, 1000 * at);
      return countdown.left(1000 * at)!;
    },
    left: (at: number) => countdown.left(1000 * at),
    stand: (seconds: number) => countdown.stand(1000 * seconds),
    forget: () => countdown.forget(),
  };
}

describe("a time left", () => {
  it("runs down by itself, to nothing and no further", () => {
    const { aim, left, forget } = told();
    expect(left(0)).toBeNull();
    aim(10, 0);
    expect([left(1), left(9.5), left(30)]).toEqual([9, 0.5, 0]);
    forget();
    expect(left(2)).toBeNull();
  });

  it("falls at once", () => {
    const { aim } = told();
    aim(1000, 0);
    expect(aim(1000, 60)).toBeLessThan(1000);
    expect(aim(200, 61)).toBe(200);
  });

  it("rises a little at a time, and all the way where it has to", () => {
    const { aim } = told();
    aim(100, 0);
    for (let at = 1; at <= 60; at++) aim(100 - at, at);
    // and as long again
    let before = 40;
    for (let at = 61; at <= 100; at++) {
      const now = aim(140 - at, at);
      expect(now).toBeGreaterThan(before - 1);
      expect(now - before).toBeLessThan(7);
      before = now;
    }
    expect(before).toBeGreaterThan(38);
    expect(before).toBeLessThanOrEqual(40);
  });

  it("is not moved far by one slow batch", () => {
    const { aim } = told();
    aim(100, 0);
    for (let at = 1; at <= 20; at++) aim(100 - at, at);
    expect(aim(160, 21)).toBeLessThan(90);
    expect(aim(78, 22)).toBe(78);
  });

  it("finds its place soon at the beginning, when it is a guess", () => {
    const { aim } = told();
    aim(5, 0);
    expect(aim(100, 0.5)).toBeGreaterThan(60);
  });

  it("stands where the work does", () => {
    const { aim, left, stand } = told();
    aim(20, 0);
    stand(100);
    expect(left(105)).toBe(15);
  });
});
