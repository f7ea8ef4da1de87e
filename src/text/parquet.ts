/**
 * Parquet → records, row after row, the wanted columns alone. Decoding is a process's of its own (`parquet-child.ts`), with
 * limits on its memory and on the time of a row group, because a few hostile bytes can ask for any amount of either.
 * Memory: that of one row group, and a portion of its rows.
 */
import { Apart } from "../files/apart.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import type { FromParquetChild, ParquetColumn, ToParquetChild } from "./parquet-messages.ts";

const LIMITS = { memoryMegabytes: 2048, milliseconds: 120_000 };

export interface ParquetRow {
  /** place from 0 */
  readonly row: number;
  readonly record: Readonly<Record<string, unknown>>;
}

/**
 * @param choose from the file's columns, the top-level ones that are wanted
 * @throws LossyscopeError `text` where the file is damaged or asks for too much; what `choose` throws
 */
export async function* readParquet(
  path: string,
  name: string,
  choose: (columns: readonly ParquetColumn[]) => readonly string[],
): AsyncGenerator<ParquetRow> {
  const child = new Apart<ToParquetChild, FromParquetChild>(import.meta.url, "text", "parquet-child", LIMITS);
  const damaged = (why: string, next: string): LossyscopeError =>
    new LossyscopeError("text", `${name} cannot be read as Parquet (${why})`, next);
  try {
    let columns: readonly string[] = [];
    for (;;) {
      const found = await child.ask({ path, columns });
      if ("failed" in found) throw damaged(found.failed, "write it anew, in smaller row groups");
      const { answer } = found;
      if (answer.kind === "failed") throw damaged(answer.message, "download it again, or write it anew");
      if (answer.kind === "end") return;
      if (answer.kind === "schema") columns = choose(answer.columns);
      else for (const [index, record] of answer.rows.entries()) yield { row: answer.from + index, record };
    }
  } finally {
    child.close();
  }
}
