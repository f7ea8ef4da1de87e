/** The options that name facts, for the commands that ask for them. */
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import type { Command, OptionValues } from "@commander-js/extra-typings";
import { ioFault } from "../files/faults.ts";
import { tableOf } from "../formats/csv.ts";
import { validatePlan } from "../measure/plan.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import type { Plan } from "../profile/plan.ts";
import { templatesOf } from "../text/facts.ts";
import { GROUP } from "./groups.ts";
import { atLeast, collect } from "./options.ts";

type FactsPlan = NonNullable<Plan["facts"]>;

/** What the plan takes for an option that is not given; the help shows it. */
const DEFAULT = validatePlan({ text: [{ path: "-" }], with: ["facts"], facts: { path: "-" } }).facts!;

export const withFactOptions = <Args extends unknown[], Opts extends OptionValues, Globals extends OptionValues>(
  command: Command<Args, Opts, Globals>,
) =>
  command
    .optionsGroup(GROUP.facts)
    .option("--facts <file>", "facts: records in .jsonl, or a .csv of subject, relation, value")
    .option(
      "--template <relation=text>",
      "prompt of a relation: born='{subject} was born in' (repeatable)",
      collect,
      [] as string[],
    )
    .option("--templates <file>", "the same from a .csv of relation, template")
    .option(
      "--limit-facts <n>",
      "asks for about so many facts of each number of exposures; 0: all",
      atLeast(0),
      DEFAULT.limit ?? 0,
    )
    .option("--prompts <n>", "prompts of a fact at most, drawn by seed; 0: all", atLeast(0), DEFAULT.prompts ?? 0);

export interface FactOptions {
  readonly facts?: string;
  readonly template: readonly string[];
  readonly templates?: string;
  readonly limitFacts: number;
  readonly prompts: number;
}

/**
 * The part of a plan that says which facts are asked for; null without `--facts`.
 * @throws LossyscopeError `io` or `input` for what is wrong with the templates, `usage` for templates without facts
 */
export async function factsPlan(options: FactOptions): Promise<FactsPlan | null> {
  const { facts: path, template, templates: file, limitFacts, prompts } = options;
  const named = template.map((entry): [string, string] => {
    const cut = entry.indexOf("=");
    return [entry.slice(0, Math.max(0, cut)), entry.slice(cut + 1)];
  });
  if (file !== undefined) {
    const text = await readFile(file, "utf8").catch((error) => Promise.reject(ioFault(error, `read ${file}`)));
    for (const { cells } of tableOf(text, basename(file), ["relation", "template"], []))
      named.push([cells.relation, cells.template]);
  }
  const templates = Object.fromEntries([...templatesOf(named)].map(([relation, own]) => [relation, [...own]]));
  if (path !== undefined) return { path, limit: limitFacts || null, prompts: prompts || null, templates };
  if (named.length === 0) return null;
  throw new LossyscopeError("usage", "templates are for facts, and none were named", "pass --facts FILE");
}
