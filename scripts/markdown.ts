/** Tables as GitHub-flavoured Markdown writes them. */

const row = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;

export const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [row(head), `|${" --- |".repeat(head.length)}`, ...rows.map(row)].join("\n");
