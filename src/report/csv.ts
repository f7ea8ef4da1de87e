/**
 * The numbers of a drawing as comma-separated text (RFC 4180), for whoever draws them anew. Numbers stand to the last digit,
 * what is missing is empty. A text that a spreadsheet would take for a formula is preceded by an apostrophe.
 */
import { visible } from "./format.ts";

type Cell = string | number | boolean | null | undefined;

export interface Numbers {
  readonly head: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

/** What spreadsheets take for the beginning of a formula, full-width forms among it. */
const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/;

function field(cell: Cell): string {
  if (cell === null || cell === undefined) return "";
  if (typeof cell === "number") return Number.isFinite(cell) ? String(cell) : "";
  const text = visible(String(cell));
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) || safe !== text ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Lines that end in CRLF, the head first. */
export const csv = ({ head, rows }: Numbers): string =>
  [head, ...rows].map((row) => `${row.map(field).join(",")}\r\n`).join("");
