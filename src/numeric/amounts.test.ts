import { describe, expect, it } from "vitest";
import { counted, numeral, sizeText, timeText } from "./amounts.ts";

describe("amounts in messages", () => {
  it.each([
    [0, "0 B"],
    [999, "999 B"],
    [12_345, "12.3 kB"],
    [134_217_728, "134 MB"],
    [4_398e9, "4.40 TB"],
  ])("%d bytes", (bytes, text) => expect(sizeText(bytes)).toBe(text));

  it.each([
    [0.42, "0.4 s"],
    [4, "4 s"],
    [30, "30 s"],
    [200, "3 min 20 s"],
    [7_500, "2 h 05 min"],
  ])("%d seconds", (seconds, text) => expect(timeText(seconds)).toBe(text));

  it("exactly, where that is what matters", () => {
    expect(counted(1_234_567, "byte")).toBe("1,234,567 bytes");
    expect(counted(1n, "byte")).toBe("1 byte");
    expect([12_345, -1_234, 0.5, 1e21, 10n ** 12n].map(numeral)).toEqual([
      "12,345",
      "-1,234",
      "0.5",
      "1e+21",
      "1,000,000,000,000",
    ]);
  });
});
