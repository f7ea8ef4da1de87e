/**
 * Which profile a score is of. Scores are matched by the model's name as it stands; result files often have the path of
 * a folder instead, which is matched by its last part, or by the repository whose snapshot it is in the Hub's cache. What
 * could be two models is matched with none.
 */
import { modelOfPath } from "../hub/name.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import type { Score } from "./scores.ts";

/** A score's model by another name: what the profile calls it, and what the scores do (a name, a path or their file). */
export interface GivenName {
  readonly name: string;
  readonly written: string;
}

export interface MatchedScores {
  /** under the names that profiles have, where one was found */
  readonly scores: readonly Score[];
  /** names that were not matched as they stand, with what they were taken for */
  readonly taken: readonly GivenName[];
}

/**
 * @param models names that profiles have
 * @throws LossyscopeError `usage` where a given name is no profile's, or what it stands for is in no score
 */
export function matchScores(
  scores: readonly Score[],
  models: readonly string[],
  given: readonly GivenName[] = [],
): MatchedScores {
  for (const { name, written } of given) {
    if (!models.includes(name)) {
      throw new LossyscopeError("usage", `--name: no profile is of ${name}`, `choose from ${models.join(", ")}`);
    }
    if (!scores.some(({ model, source }) => written === model || written === source)) {
      const there = [...new Set(scores.map(({ model }) => model))].slice(0, 8).join(", ");
      throw new LossyscopeError("usage", `--name: no score is of ${written}`, `scores are of ${there}`);
    }
  }
  const taken: GivenName[] = [];
  return {
    scores: scores.map((score) => {
      const model =
        given.find(({ written }) => written === score.model || written === score.source)?.name ??
        modelCalled(score.model, models);
      if (model === score.model) return score;
      if (!taken.some(({ name, written }) => name === model && written === score.model)) {
        taken.push({ name: model, written: score.model });
      }
      return { ...score, model };
    }),
    taken,
  };
}

/** The one model that is meant, or the name as it stands where none is, or several could be. */
function modelCalled(written: string, models: readonly string[]): string {
  if (models.includes(written)) return written;
  const name = modelOfPath(written);
  if (models.includes(name)) return name;
  const meant = models.filter((model) => {
    const isOfOneFolder = model.split("/").at(-1) === name.split("/").at(-1);
    // Two names with organisations of their own are two models.
    return isOfOneFolder && !(model.includes("/") && name.includes("/"));
  });
  return meant.length === 1 ? meant[0] : written;
}
