/** The forms of what commands over profiles find: for the terminal, as Markdown, as a page, as JSON. */
import { type Block, markdown, plainText } from "../report/findings.ts";
import { terminalOptions } from "../report/terminal-options.ts";
import { document as asJson, type Forms } from "./outputs.ts";

export interface Findings<Found> {
  /** for machines; the result itself where not given */
  readonly document?: (found: Found) => unknown;
  /** for people */
  readonly blocks: (found: Found) => readonly Block[];
  readonly page?: (found: Found) => string;
  /** in one line */
  readonly line?: (found: Found) => string;
}

export const formsOf = <Found>({ document, blocks, page, line }: Findings<Found>): Forms<Found> => ({
  text: (found) => plainText(blocks(found), terminalOptions(process.stdout, process.env)),
  markdown: (found) => markdown(blocks(found)),
  json: (found) => asJson(document ? document(found) : found),
  page,
  line,
});
