/** What goes between the reader of Parquet and the process that decodes it. */

/** Asks for the next answer: the schema first, then rows of these top-level columns, as far as the file has them. */
export interface ToParquetChild {
  readonly path: string;
  readonly columns: readonly string[];
}

/** A column, flat, as messages name it. */
export interface ParquetColumn {
  /** names from the top, lists and maps with their inner levels */
  readonly path: readonly string[];
  /** `string`, `int64`, `list of string`, … */
  readonly type: string;
}

export type FromParquetChild =
  | { readonly kind: "schema"; readonly columns: readonly ParquetColumn[]; readonly rows: number }
  | { readonly kind: "rows"; readonly from: number; readonly rows: readonly Readonly<Record<string, unknown>>[] }
  | { readonly kind: "end" }
  | { readonly kind: "failed"; readonly message: string };
