/**
 * Comma-separated tables as RFC 4180 writes them: fields parted by commas, records by CRLF or LF, quotes around fields
 * that need them and doubled inside. Strict: a stray quote, a row of another length or a header that names a column twice
 * is an error with its line, never a guess. Which columns a table must have is its reader's to say (`tableOf`).
 */
import { LossyscopeError, shown } from "../numeric/errors.ts";

export interface CsvRow {
  /** line of the file that the record starts on, from 1 */
  readonly line: number;
  readonly cells: Readonly<Record<string, string>>;
}

interface CsvRecord {
  readonly line: number;
  readonly fields: readonly string[];
}

/** A quoted field, or a plain one, with what ends it; sticky, so that whatever it does not match is the error. */
const FIELD = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/y;

function records(text: string, name: string): CsvRecord[] {
  const found: CsvRecord[] = [];
  let line = 1;
  let started = 1;
  let fields: string[] = [];
  for (let at = text.startsWith("\ufeff") ? 1 : 0; at < text.length || fields.length > 0; ) {
    FIELD.lastIndex = at;
    const match = FIELD.exec(text);
    if (match === null) {
      throw new LossyscopeError(
        "input",
        `${name}, line ${line}: a quote inside a field or without its end`,
        "write the field in quotes and double those inside it",
      );
    }
    const [whole, quoted, plain, end] = match;
    fields.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    line += whole.split("\n").length - 1;
    at += whole.length;
    if (end === ",") continue;
    if (fields.length > 1 || fields[0] !== "") found.push({ line: started, fields });
    fields = [];
    started = line;
  }
  return found;
}

/**
 * Rows of a table by the names of its header. Empty lines are skipped.
 * @param name of the table in error messages
 * @param required columns that must be there
 * @param optional columns that may be; any other is an error
 * @throws LossyscopeError `input` with the line
 */
export function tableOf(
  text: string,
  name: string,
  required: readonly string[],
  optional: readonly string[],
): CsvRow[] {
  const [header, ...body] = records(text, name);
  const columns = header?.fields ?? [];
  const known = [...required, ...optional];
  const fault = (message: string): never => {
    throw new LossyscopeError(
      "input",
      `${name}${message}`,
      `its columns are ${required.join(", ")}${optional.length > 0 ? `, and where known ${optional.join(", ")}` : ""}`,
    );
  };
  for (const [index, column] of columns.entries()) {
    if (columns.indexOf(column) !== index) fault(`: column ${column} is named twice`);
    if (!known.includes(column)) fault(`: unknown column ${shown(column)}`);
  }
  const missing = required.filter((column) => !columns.includes(column));
  if (missing.length > 0) fault(`: no column ${missing.join(", ")}`);
  return body.map(({ line, fields }) => {
    if (fields.length !== columns.length)
      fault(`, line ${line}: ${fields.length} fields where the header has ${columns.length}`);
    return { line, cells: Object.fromEntries(columns.map((column, index) => [column, fields[index]])) };
  });
}

/**
 * The number in a cell; null for an empty one.
 * @throws LossyscopeError `input` for anything that is no finite decimal number
 */
export function numberIn(row: CsvRow, column: string, name: string): number | null {
  const cell = (row.cells[column] ?? "").trim();
  if (cell === "") return null;
  const value = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(cell) ? Number(cell) : Number.NaN;
  if (!Number.isFinite(value)) {
    throw new LossyscopeError(
      "input",
      `${name}, line ${row.line}: ${column} is ${shown(cell)}`,
      "write a decimal number or leave it empty",
    );
  }
  return value;
}

/** The table as text: LF, quotes where they are needed. */
export function writeCsv(
  columns: readonly string[],
  rows: readonly Readonly<Record<string, string | number | null>>[],
): string {
  const field = (value: string | number | null | undefined): string => {
    const text = value === null || value === undefined ? "" : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines = [columns, ...rows.map((row) => columns.map((column) => row[column]))];
  return lines.map((line) => `${line.map(field).join(",")}\n`).join("");
}
