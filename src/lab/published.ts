/** Capacities that others have published, carried with the package (`data/reference/capacity.csv`), to set ours beside. */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { ioFault } from "../files/faults.ts";
import { numberIn, tableOf } from "../formats/csv.ts";

const FILE = "capacity.csv";
const COLUMNS = ["paper", "measure", "bits_per_parameter", "model", "condition", "status", "line"] as const;

export interface PublishedCapacity {
  readonly paper: string;
  readonly measure: string;
  readonly bitsPerParameter: number;
  readonly model: string;
  readonly condition: string;
  /** how far the figure was checked */
  readonly status: string;
  /** what its line is called where it is drawn as one */
  readonly line: string | null;
}

/** @throws LossyscopeError `io`, `input` */
export async function publishedCapacities(): Promise<PublishedCapacity[]> {
  const path = fileURLToPath(new URL(`../../data/reference/${FILE}`, import.meta.url));
  const text = await readFile(path, "utf8").catch((error) => Promise.reject(ioFault(error, `read ${path}`)));
  return tableOf(text, FILE, COLUMNS, []).map((row) => {
    const { paper, measure, model, condition, status, line } = row.cells;
    const bitsPerParameter = numberIn(row, "bits_per_parameter", FILE)!;
    return { paper, measure, bitsPerParameter, model, condition, status, line: line || null };
  });
}
