/**
 * What a command over profiles has to say, as blocks (headings, sentences, tables) that are written once and printed as
 * text for a terminal, as Markdown for a pull request, or as markup for a page. Cells are plain text; foreign text is made
 * visible here and nowhere before.
 */
import { visible } from "./format.ts";
import { markup } from "./marks/svg.ts";
import { paragraph, table } from "./sections/parts.ts";
import type { TerminalOptions } from "./terminal-options.ts";
import { asText, proseLines, shownTable, type TextTable } from "./text-table.ts";

/** How a table stands in a terminal, where its cells do not tell. */
type Layout = Pick<TextTable, "keys" | "kinds">;

export interface Table extends Layout {
  readonly kind: "table";
  readonly caption: string;
  /** the first column stands left, the others right unless `words` */
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly content: "figures" | "words";
}

export type Block =
  | { readonly kind: "heading"; readonly text: string }
  | { readonly kind: "text"; readonly text: string }
  | Table;

export const heading = (text: string): Block => ({ kind: "heading", text });
export const text = (content: string): Block => ({ kind: "text", text: content });
export const rows = (
  caption: string,
  head: readonly string[],
  cells: Table["rows"],
  content: Table["content"] = "figures",
  layout: Layout = {},
): Block => ({
  kind: "table",
  caption,
  head,
  rows: cells,
  content,
  ...layout,
});

/** Blocks as lines for a terminal: sentences no wider than can be read, tables as wide as it is. */
export function plainText(blocks: readonly Block[], terminal: Pick<TerminalOptions, "width" | "unicode">): string {
  const groups = blocks.map((block) =>
    block.kind === "table"
      ? [...proseLines([block.caption], terminal), ...shownTable(block, terminal)]
      : proseLines([block.text], terminal),
  );
  return asText(groups, terminal);
}

/** What Markdown would read as markup, taken literally; a table's own bars among it. */
const literal = (content: string): string => visible(content).replace(/[\\`*_{}[\]<>|#~]/g, "\\$&");

/** Blocks as GitHub-flavoured Markdown. */
export function markdown(blocks: readonly Block[]): string {
  const written = blocks.map((block) => {
    if (block.kind === "heading") return `### ${literal(block.text)}`;
    if (block.kind === "text") return literal(block.text);
    const line = (cells: readonly string[]): string => `| ${cells.map(literal).join(" | ")} |`;
    const rule = block.head.map((_, column) => (column === 0 || block.content === "words" ? "---" : "---:"));
    return [
      `**${literal(block.caption)}**`,
      "",
      line(block.head),
      `| ${rule.join(" | ")} |`,
      ...block.rows.map(line),
    ].join("\n");
  });
  return `${written.join("\n\n")}\n`;
}

/** Blocks as markup for a section of a page. */
export function blocksMarkup(blocks: readonly Block[]): string {
  return blocks
    .map((block) => {
      if (block.kind === "heading") return `<h3>${markup(block.text)}</h3>`;
      if (block.kind === "text") return paragraph(block.text);
      return table(
        block.caption,
        block.head,
        block.rows.map((row) => row.map((cell) => markup(cell))),
        block.content,
      );
    })
    .join("");
}
