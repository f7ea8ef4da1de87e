/** How far a served model moves from call to call, in a sentence: it stands beside the interval, which does not know of it. */
import { counted, figure } from "../numeric/amounts.ts";
import type { Coding } from "../profile/coding.ts";

/** @returns without a full stop */
export function repeatabilitySentence(of: NonNullable<Coding["repeatability"]>): string {
  const { bitsPerByte, largestNats, readings, windows } = of;
  if (largestNats === 0) return `The server says the same of ${counted(windows, "window")} read ${readings} times`;
  return `The server's values move from call to call: ${counted(windows, "window")} read ${readings} times within ${figure(bitsPerByte)} bits per byte, one token by ${figure(largestNats)} nats`;
}
