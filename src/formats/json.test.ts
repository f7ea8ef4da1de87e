import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LossyscopeError } from "../numeric/errors.ts";
import { parseJson, parseJsonObject } from "./json.ts";

const fault = (why: string): LossyscopeError => new LossyscopeError("input", `f.json ${why}`);
const refusal = (text: string): string => {
  try {
    parseJson(text, fault);
  } catch (error) {
    expect(error).toBeInstanceOf(LossyscopeError);
    return (error as Error).message;
  }
  throw new Error(`${text} was read`);
};

describe("JSON", () => {
  it("is what JSON.parse reads, behind a byte order mark too", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.boolean(), (value, marked) => {
        const text = JSON.stringify(value, null, 1);
        expect(parseJson(marked ? `\ufeff${text}` : text, fault)).toEqual(JSON.parse(text));
      }),
    );
  });

  it.each([
    ["", "it ends too early, at character 1"],
    ['{"a": 1,}', 'unexpected "}" at character 9'],
    ['{"a": undefined}', 'unexpected "u" at character 7'],
    ['{"a" 1}', 'unexpected "1" at character 6'],
    ["{'a': 1}", 'unexpected "\'" at character 2'],
    ['{\n "a": [1, 2,\n  NaN]\n}', 'unexpected "N" at line 3, column 3'],
    ["[1 2]", 'unexpected "2" at character 4'],
    ["[1,", "it ends too early, at character 4"],
    ['["a\nb"]', 'unexpected "\\n" at line 1, column 4'],
    ['["\\x"]', 'unexpected "\\\\" at character 3'],
    ['["\\u12"]', 'unexpected "\\\\" at character 3'],
    ['["a', "it ends too early, at character 4"],
    ['["a\\', "it ends too early, at character 5"],
    ["[01]", 'unexpected "1" at character 3'],
    ["[1.]", 'unexpected "." at character 3'],
    ["[-]", 'unexpected "-" at character 2'],
    ["[] []", 'unexpected "[" at character 4'],
    ['{"a":1}\n{"a":2}', 'unexpected "{" at line 2, column 1'],
    ["[1]\u00a0", 'unexpected "\u00a0" at character 4'],
    ["😀", 'unexpected "😀" at character 1'],
  ])("that is none is told where: %j", (text, why) => expect(refusal(text)).toBe(`f.json is not JSON (${why})`));

  it("that is cut or changed anywhere has a place in it", () => {
    const change = fc.tuple(
      fc.jsonValue(),
      fc.nat(),
      fc.constantFrom("", '"', "\\", "{", "]", ",", ":", "-", "\u0001"),
    );
    fc.assert(
      fc.property(change, ([value, at, put]) => {
        const text = JSON.stringify(value);
        const place = at % (text.length + 1);
        const changed = text.slice(0, place) + put + (put === "" ? "" : text.slice(place));
        let sound = true;
        try {
          JSON.parse(changed);
        } catch {
          sound = false;
        }
        if (sound) return;
        const found = /\((?:unexpected .+|it ends too early,) at character ([\d,]+)\)$/su.exec(refusal(changed));
        expect(found, refusal(changed)).not.toBeNull();
        const reached = Number(found![1].replaceAll(",", ""));
        expect(reached).toBeLessThanOrEqual(changed.length + 1);
      }),
      { numRuns: 2000 },
    );
  });

  it("nests a thousand levels and no more, whatever is written in strings", () => {
    const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
    expect(parseJson(nested(1000), fault)).toBeInstanceOf(Array);
    expect(refusal(nested(1001))).toBe("f.json nests deeper than 1,000 levels");
    expect(refusal('{"a":'.repeat(100_000) + "1" + "}".repeat(100_000))).toBe("f.json nests deeper than 1,000 levels");
    const text = `\\"${"[".repeat(2000)}\\\\`;
    expect(parseJson(JSON.stringify([text, text]), fault)).toEqual([text, text]);
  });

  it("that is none takes no square of its length to be told", () => {
    const started = performance.now();
    for (const text of [`${'{"a":'.repeat(200_000)}x`, `[${'"",'.repeat(300_000)}x`, `"${"\\\\".repeat(500_000)}`])
      expect(refusal(text)).toContain("is not JSON (");
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  it("may have to be an object", () => {
    expect(parseJsonObject('{"a":1}', fault)).toEqual({ a: 1 });
    for (const text of ["[]", "null", "1", '"a"'])
      expect(() => parseJsonObject(text, fault)).toThrow("f.json is JSON but not an object");
  });
});
