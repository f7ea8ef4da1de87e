/**
 * What models scored, from the user's own table (`model,benchmark,score[,stderr][,family]`) or from a result file of
 * lm-evaluation-harness, whose every figure with a filter becomes a benchmark `task/metric` (`task/metric,filter` where
 * the filter is not `none`). Nothing is averaged or rescaled.
 */
import { numberIn, tableOf } from "../formats/csv.ts";
import { parseJson } from "../formats/json.ts";
import { LossyscopeError } from "../numeric/errors.ts";

export interface Score {
  readonly model: string;
  readonly benchmark: string;
  readonly score: number;
  readonly stderr: number | null;
  readonly family: string | null;
  /** where it was read, for messages and for the set's `source` */
  readonly source: string;
}

function scoresOfTable(content: string, name: string): Score[] {
  return tableOf(content, name, ["model", "benchmark", "score"], ["stderr", "family"]).map((row) => {
    const { model, benchmark, family } = row.cells;
    const score = numberIn(row, "score", name);
    if (!model || !benchmark || score === null) {
      throw new LossyscopeError(
        "input",
        `${name}, line ${row.line}: model, benchmark or score is empty`,
        "fill them in or delete the line",
      );
    }
    return {
      model,
      benchmark,
      score,
      stderr: numberIn(row, "stderr", name),
      family: family || null,
      source: `${name}, line ${row.line}`,
    };
  });
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** `pretrained=org/name,dtype=…` → `org/name` */
function modelOf(json: Record<string, unknown>): string | null {
  if (typeof json.model_name === "string" && json.model_name !== "") return json.model_name;
  const given = isRecord(json.config) ? json.config.model_args : undefined;
  if (isRecord(given) && typeof given.pretrained === "string") return given.pretrained;
  return typeof given === "string" ? (/(?:^|,)(?:pretrained|model)=([^,]+)/.exec(given)?.[1] ?? null) : null;
}

function scoresOfHarness(content: string, name: string): Score[] {
  const json = parseJson(
    content,
    (why) => new LossyscopeError("input", `${name} ${why}`, "name the results_….json that the harness wrote"),
  );
  if (!isRecord(json) || !isRecord(json.results)) {
    throw new LossyscopeError("input", `${name} has no results`, "name the results_….json that the harness wrote");
  }
  const model = modelOf(json);
  if (model === null) {
    throw new LossyscopeError(
      "input",
      `${name} does not say which model it is of`,
      "write its scores into a CSV: model,benchmark,score",
    );
  }
  const found = Object.entries(json.results).flatMap(([task, metrics]) =>
    Object.entries(isRecord(metrics) ? metrics : {}).flatMap(([key, value]) => {
      const [metric, filter = "none"] = key.split(",");
      if (typeof value !== "number" || !Number.isFinite(value) || metric.endsWith("_stderr") || metric === "sample_len")
        return [];
      const error = (metrics as Record<string, unknown>)[
        [`${metric}_stderr`, ...(key.includes(",") ? [filter] : [])].join(",")
      ];
      return [
        {
          model,
          benchmark: `${task}/${metric}${filter === "none" ? "" : `,${filter}`}`,
          score: value,
          stderr: typeof error === "number" && Number.isFinite(error) ? error : null,
          family: null,
          source: name,
        },
      ];
    }),
  );
  if (found.length === 0) throw new LossyscopeError("input", `${name} holds no figure`, "run the harness to its end");
  return found;
}

/**
 * Reads the scores of models from a table.
 * @param name of the file; `.json` is read as a result file of the harness, anything else as a table
 * @throws LossyscopeError `input` with file and line
 */
export const parseScores = (content: string, name: string): Score[] =>
  name.toLowerCase().endsWith(".json") ? scoresOfHarness(content, name) : scoresOfTable(content, name);
