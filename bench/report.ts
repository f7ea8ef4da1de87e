/** What benchmarks share: options, times, memory, lines of a table. */
import { cpuUsage } from "node:process";
import { parseArgs } from "node:util";

/** Whole numbers by name: `--tokens 4096`. */
export function numbers<K extends string>(defaults: Readonly<Record<K, number>>): Record<K, number> {
  const options = Object.fromEntries(Object.keys(defaults).map((name) => [name, { type: "string" as const }]));
  const { values } = parseArgs({ options, args: process.argv.slice(2) });
  return Object.fromEntries(
    (Object.keys(defaults) as K[]).map((name) => [name, Number(values[name] ?? defaults[name])]),
  ) as Record<K, number>;
}

export interface Timed<T> {
  readonly value: T;
  readonly seconds: number;
  /** of all threads of this process */
  readonly cpuSeconds: number;
}

export async function timed<T>(work: () => T | Promise<T>): Promise<Timed<T>> {
  const cpu = cpuUsage();
  const started = performance.now();
  const value = await work();
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = cpuUsage(cpu);
  return { value, seconds, cpuSeconds: (user + system) / 1e6 };
}

const ROUNDS = 5;
const COPIED = 2 ** 28;

/** Bytes read or written a second, of copying 256 MB on one core. */
export function bandwidth(): number {
  const [from, to] = [new Uint8Array(COPIED).fill(1), new Uint8Array(COPIED)];
  const seconds = Array.from({ length: ROUNDS }, () => {
    const started = performance.now();
    to.set(from);
    return (performance.now() - started) / 1000;
  });
  return (2 * COPIED) / Math.min(...seconds);
}

export const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;

export function table(rows: readonly (readonly string[])[]): void {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  for (const row of rows) {
    console.log(row.map((cell, c) => (c === 0 ? cell.padEnd(widths[c]) : cell.padStart(widths[c]))).join("  "));
  }
}
