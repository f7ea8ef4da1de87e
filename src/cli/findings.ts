/** How commands over profiles hand over what they found: for the terminal, as Markdown, as JSON. */
import { writeAtomic } from "../files/atomic.ts";
import { type Block, markdown, plainText } from "../report/findings.ts";
import { terminalOptions } from "../report/terminal-options.ts";

export interface Outputs {
  readonly json?: string | true;
  readonly markdown?: string | true;
}

/**
 * `--json` and `--markdown`, each to a file or, without one, to standard output in place of the text.
 * @param found for machines
 * @param blocks for people
 */
export async function hand(found: unknown, blocks: readonly Block[], outputs: Outputs): Promise<void> {
  const json = (): string => `${JSON.stringify(found, null, 2)}\n`;
  if (typeof outputs.json === "string") await writeAtomic(outputs.json, json());
  if (typeof outputs.markdown === "string") await writeAtomic(outputs.markdown, markdown(blocks));
  const text = (): string => plainText(blocks, terminalOptions(process.stdout, process.env));
  process.stdout.write(outputs.json === true ? json() : outputs.markdown === true ? markdown(blocks) : text());
}
