import { existsSync, readdirSync, truncateSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "./folder.testing.ts";
import { createSpill, spillAt } from "./spill.ts";

const at = temporaryFolder();

describe("createSpill", () => {
  it("gives back what was appended, wherever it is read", () => {
    const rows = fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 20 });
    fc.assert(
      fc.property(rows, fc.nat(), fc.nat(), (pieces, from, to) => {
        const spill = createSpill(at(), "rows");
        const whole: number[] = [];
        for (const piece of pieces) {
          expect(spill.append(piece)).toBe(whole.length);
          whole.push(...piece);
        }
        const [begin, end] = [from % (whole.length + 1), to % (whole.length + 1)].sort((a, b) => a - b);
        expect([...spill.read(begin, end - begin)]).toEqual(whole.slice(begin, end));
        expect(spill.bytes).toBe(whole.length);
        spill.dispose();
      }),
      { numRuns: 50 },
    );
  });

  it("keeps typed rows over more than it holds in memory", () => {
    const spill = createSpill(at("deep", "folder"), "rows");
    const rows = Float32Array.from({ length: 100_000 }, (_, i) => i / 3);
    for (let i = 0; i < 7; i++) spill.append(rows.subarray(i * 10_000));
    spill.append(Float32Array.of(42));
    const bytes = spill.read(rows.byteLength, 4 * 90_000);
    expect(new Float32Array(bytes.buffer)).toEqual(rows.subarray(10_000));
    expect(new Float32Array(spill.read(spill.bytes - 4, 4).buffer)[0]).toBe(42);
    spill.dispose();
    spill.dispose();
    expect(readdirSync(at("deep", "folder"))).toEqual([]);
  });

  it("outlasts an interruption where it should, and goes back to a known point", () => {
    const first = createSpill(at(), "rows", { resume: true });
    first.append(Uint8Array.of(1, 2, 3, 4, 5));
    first.close();
    const second = createSpill(at(), "rows", { resume: true });
    expect(second.bytes).toBe(5);
    second.truncate(3);
    expect(second.append(Uint8Array.of(9))).toBe(3);
    expect([...second.read(0, 4)]).toEqual([1, 2, 3, 9]);
    expect(() => second.truncate(5)).toThrow("has 4 bytes, 5 are wanted: start the run afresh");
    second.dispose();
    expect(existsSync(second.path)).toBe(false);
  });

  it("refuses to read what is not there", () => {
    const spill = createSpill(at(), "rows");
    spill.append(Uint8Array.of(1, 2, 3));
    expect(() => spill.read(2, 2)).toThrow(RangeError);
    spill.flush();
    truncateSync(spill.path, 1);
    expect(() => spill.read(0, 3)).toThrow("ends at byte 1 of 3");
    spill.dispose();
  });

  it("is read with those of other processes as one", () => {
    const pieces = fc.array(fc.uint8Array({ maxLength: 9 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(pieces, fc.nat(), fc.nat(), (given, from, to) => {
        const folders = given.map((bytes, place) => {
          const spill = createSpill(at(String(place)), "rows", { resume: true });
          spill.truncate(0);
          spill.append(bytes);
          spill.close();
          return at(String(place));
        });
        const whole = given.flatMap((bytes) => [...bytes]);
        const joined = spillAt({ folders }, "rows");
        expect(joined.bytes).toBe(whole.length);
        const [begin, end] = [from % (whole.length + 1), to % (whole.length + 1)].sort((a, b) => a - b);
        expect([...joined.read(begin, end - begin)]).toEqual(whole.slice(begin, end));
        expect(() => joined.read(0, whole.length + 1)).toThrow(RangeError);
        expect(() => joined.append(Uint8Array.of(1))).toThrow("only read");
        joined.truncate(whole.length);
        expect(() => joined.truncate(whole.length + 1)).toThrow(`have ${whole.length} bytes of ${whole.length + 1}`);
        joined.dispose();
        expect(folders.every((folder) => existsSync(folder))).toBe(true);
      }),
      { numRuns: 30 },
    );
    expect(() => spillAt({ folders: [at("none")] }, "rows")).toThrow(/cannot read .*none/);
  });

  it("is gone when the process exits", () => {
    const before = process.listeners("exit");
    const spill = createSpill(at(), "rows");
    const added = process.listeners("exit").filter((listener) => !before.includes(listener));
    expect(existsSync(spill.path)).toBe(true);
    for (const listener of added) listener(0);
    expect(existsSync(spill.path)).toBe(false);
    spill.dispose();
    expect(process.listeners("exit")).toEqual(before);
  });

  it.skipIf(!existsSync("/dev/full"))("says when the disk is full", () => {
    const spill = createSpill("/dev", "full", { resume: true });
    expect(() => spill.append(new Uint8Array(2 ** 21))).toThrow(/temporary file \/dev\/full.*the disk is full/);
    spill.close();
  });
});
