/**
 * Calibration sets: models with what was measured of them and what they scored, from which a score is predicted
 * (METHODS §10). A set is a folder: `set.json` says what its columns mean, `rows.csv` has one row for every model in every
 * area (a benchmark, or a mean of some), with source, status and licence. The package carries published ones under
 * `data/atlas`; the user's own lie in the data folder and come first in nothing: a name is a set's once.
 *
 * Memory: the rows of one set.
 */
import { z } from "zod";
import { type CsvRow, numberIn, tableOf } from "../formats/csv.ts";
import { parseJson } from "../formats/json.ts";
import { LossyscopeError, shown } from "../numeric/errors.ts";
import { checked } from "../numeric/schema-faults.ts";

export const SET_SCHEMA = "lossyscope.atlas/1";

const predictorSchema = z.strictObject({
  figure: z.string().nullable().describe("path of the figure in a profile; null: no profile has it"),
  unit: z.string(),
  scale: z.enum(["linear", "ln"]).describe("what of it enters the fit"),
  ofText: z.boolean().describe("whether it depends on the text it was measured on"),
  about: z.string(),
});

const setSchema = z.strictObject({
  schema: z.literal(SET_SCHEMA),
  name: z.string(),
  title: z.string(),
  about: z.string(),
  text: z
    .strictObject({ name: z.string(), digest: z.string() })
    .nullable()
    .describe("the text its profiles were measured on; null where that is not to be had"),
  pairs: z
    .strictObject({ name: z.string(), digest: z.string() })
    .optional()
    .describe("the pairs of completions that figures of preference are of; absent where it has none"),
  predictors: z.record(z.string(), predictorSchema),
  fit: z.array(z.string()).min(1).describe("predictors of the fit, chosen in advance"),
  ridge: z.number().nonnegative(),
  areas: z.record(z.string(), z.strictObject({ score: z.string(), text: z.string().nullable() })),
});
export type SetDescription = z.infer<typeof setSchema>;
export type Predictor = z.infer<typeof predictorSchema>;

/** Whether a predictor depends on the pairs of completions that it was measured on. */
export const isOfPairs = ({ figure }: Predictor): boolean => figure?.startsWith("preference.") ?? false;

/** A model in one area. Values as published, before the predictor's scale; null where they are not known. */
export interface CalibrationRow {
  readonly area: string;
  readonly model: string;
  readonly family: string;
  readonly tokenizer: string | null;
  readonly parameters: number | null;
  readonly predictors: Readonly<Record<string, number | null>>;
  readonly score: number | null;
  readonly stderr: number | null;
  /** why it takes no part in the fit; null: it does */
  readonly excluded: string | null;
  readonly note: string | null;
  readonly source: string;
  readonly status: string;
  readonly licence: string;
}

export interface CalibrationSet extends SetDescription {
  readonly origin: "published" | "own";
  readonly rows: readonly CalibrationRow[];
}

const REQUIRED = ["area", "model", "family", "tokenizer", "parameters", "score", "stderr", "excluded"] as const;
const PROVENANCE = ["note", "source", "status", "licence"] as const;

/** Columns of `rows.csv`, in order. */
export const columnsOf = (predictors: readonly string[]): string[] => [
  ...REQUIRED.slice(0, 5),
  ...predictors.filter((name) => name !== "parameters"),
  ...REQUIRED.slice(5),
  ...PROVENANCE,
];

function rowOf(row: CsvRow, set: SetDescription, name: string): CalibrationRow {
  const { cells } = row;
  const text = (column: string): string | null => cells[column] || null;
  const fault = (message: string): never => {
    throw new LossyscopeError("input", `${name}, line ${row.line}: ${message}`, "correct the row");
  };
  if (!Object.hasOwn(set.areas, cells.area)) fault(`area ${shown(cells.area)} is not in set.json`);
  const predictors = Object.fromEntries(
    Object.keys(set.predictors).map((predictor) => [predictor, numberIn(row, predictor, name)]),
  );
  const parameters = numberIn(row, "parameters", name);
  for (const [predictor, value] of Object.entries({ parameters, ...predictors })) {
    const scale = predictor === "parameters" ? "ln" : set.predictors[predictor].scale;
    if (scale === "ln" && value !== null && value <= 0) fault(`${predictor} is ${value} and has no logarithm`);
  }
  return {
    area: cells.area,
    model: text("model") ?? fault("no model"),
    family: text("family") ?? fault("no family"),
    tokenizer: text("tokenizer"),
    parameters,
    predictors,
    score: numberIn(row, "score", name),
    stderr: numberIn(row, "stderr", name),
    excluded: text("excluded"),
    note: text("note"),
    source: text("source") ?? "",
    status: text("status") ?? "",
    licence: text("licence") ?? "",
  };
}

/**
 * A set from the text of its two files.
 * @throws LossyscopeError `input` naming file and line
 */
export function parseSet(description: string, rows: string, name: string): Omit<CalibrationSet, "origin"> {
  const json = parseJson(
    description,
    (why) => new LossyscopeError("input", `${name}/set.json ${why}`, "restore the file"),
  );
  const set = checked(
    setSchema,
    json,
    (faults) => new LossyscopeError("input", `${name}/set.json: ${faults}`, `it has to be of the form ${SET_SCHEMA}`),
  );
  const strange = set.fit.find((predictor) => !Object.hasOwn(set.predictors, predictor));
  if (strange !== undefined) {
    throw new LossyscopeError(
      "input",
      `${name}/set.json fits ${strange}, which is none of its predictors`,
      "correct the file",
    );
  }
  const table = `${name}/rows.csv`;
  const predictors = Object.keys(set.predictors).filter((predictor) => predictor !== "parameters");
  const found_rows = tableOf(rows, table, [...REQUIRED, ...predictors], PROVENANCE);
  const lines = new Map<string, number>();
  return {
    ...set,
    rows: found_rows.map((row) => {
      const key = JSON.stringify([row.cells.area, row.cells.model]);
      const before = lines.get(key);
      if (before !== undefined) {
        throw new LossyscopeError(
          "input",
          `${table}: ${row.cells.model} stands twice in area ${row.cells.area}, on lines ${before} and ${row.line}`,
          "keep one of them",
        );
      }
      lines.set(key, row.line);
      return rowOf(row, set, table);
    }),
  };
}
