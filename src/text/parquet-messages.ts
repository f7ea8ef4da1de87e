/** What goes between the reader of Parquet and the thread that decodes it. */

/** What the thread is started with. */
export interface ParquetThreadData {
  readonly path: string;
}

/** Asks for the next answer: the schema first, then rows of these top-level columns, as far as the file has them. */
export interface ToParquetThread {
  readonly columns: readonly string[];
}

/** A column, flat, as messages name it. */
export interface ParquetColumn {
  /** names from the top, lists and maps with their inner levels */
  readonly path: readonly string[];
  /** `string`, `int64`, `list of string`, … */
  readonly type: string;
}

export type FromParquetThread =
  | { readonly kind: "schema"; readonly columns: readonly ParquetColumn[]; readonly rows: number }
  | { readonly kind: "rows"; readonly from: number; readonly rows: readonly Readonly<Record<string, unknown>>[] }
  | { readonly kind: "end" }
  | { readonly kind: "failed"; readonly message: string };
