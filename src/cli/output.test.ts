import { afterEach, expect, it } from "vitest";
import { columns } from "../report/format.ts";
import { resultLine } from "./output.ts";

const NAMES = ["isTTY", "columns"] as const;
const before = NAMES.map((name) => [name, Object.getOwnPropertyDescriptor(process.stdout, name)] as const);
afterEach(() => {
  for (const [name, own] of before) {
    if (own) Object.defineProperty(process.stdout, name, own);
    else delete (process.stdout as Partial<Record<typeof name, unknown>>)[name];
  }
});
const standardOutput = (isTTY: boolean, width?: number): void => {
  Object.defineProperty(process.stdout, "isTTY", { value: isTTY, configurable: true });
  Object.defineProperty(process.stdout, "columns", { value: width, configurable: true });
};

it("leaves a result of one line whole where lines are read, and breaks it in a terminal", () => {
  const line = `/${"folder/".repeat(20)}notes.txt.lsz: 2.00\u00a0kB → 1.13\u00a0kB, 4.50 bits a byte`;
  standardOutput(false);
  expect(resultLine(line)).toBe(`${line.replaceAll("\u00a0", " ")}\n`);
  standardOutput(true, 60);
  const lines = resultLine(line).trimEnd().split("\n");
  expect(lines.length).toBeGreaterThan(2);
  for (const one of lines) expect(columns(one)).toBeLessThanOrEqual(60);
  expect(lines.join("").replaceAll(" ", "")).toBe(line.replaceAll(/\s/g, ""));
});
