/**
 * What standard output is given, and what becomes of it. It may be a disk that is full or a reader that has gone. Node tells
 * of it in an event, after the write, which ends the process with a trace of its stack where nobody listens.
 */
import { setImmediate } from "node:timers/promises";
import { ioFault, systemCode } from "../files/faults.ts";
import { visible } from "../numeric/visible.ts";
import { forTerminal, terminalOptions } from "../report/terminal-options.ts";
import { asText, proseLines } from "../report/text-table.ts";

let fault: Error | undefined;

const keep = (error: Error): void => {
  fault ??= error;
};

/** Listens for what goes wrong; once for a process, however often it is called. */
export function watchOutput(): void {
  if (!process.stdout.listeners("error").includes(keep)) process.stdout.on("error", keep);
}

/**
 * To be awaited after the last write.
 * @throws LossyscopeError `io` where the disk refused; a reader that has had enough (`| head`) is no error
 */
export async function printed(): Promise<void> {
  await setImmediate();
  if (fault && systemCode(fault) !== "EPIPE") throw ioFault(fault, "write to standard output");
}

/** A result in one line, which nothing breaks. */
export const oneLine = (text: string): string =>
  `${forTerminal(visible(text), terminalOptions(process.stdout, process.env))}\n`;

/**
 * A result that is one line: broken like other text in a terminal, and elsewhere left whole, so that what reads lines gets
 * one, and a path in it is a path.
 */
export function resultLine(text: string): string {
  if (!process.stdout.isTTY) return `${text.replaceAll("\u00a0", " ")}\n`;
  const terminal = terminalOptions(process.stdout, process.env);
  return asText([proseLines([text], terminal)], terminal);
}
