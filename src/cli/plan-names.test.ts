import { describe, expect, it } from "vitest";
import { validatePlan } from "../measure/plan.ts";
import { type Plan, planSchema } from "../profile/plan.ts";
import { measureCommand } from "./measure.ts";
import { OPTION_OF, optionOf } from "./plan-names.ts";
import { recallCommand } from "./recall.ts";

/** Of the names in `OPTION_OF` and of the schema: `plane.frontier.vocabulary`. */
function* paths(value: unknown, before = ""): Generator<string> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    yield before.slice(1);
    return;
  }
  for (const [key, inner] of Object.entries(value)) yield* paths(inner, `${before}.${key}`);
}

/** What the command line leaves at its default. */
const NO_OPTION = ["plane.frontier.clusters", "plane.frontier.kappa"];

describe("names of options", () => {
  // `precision` and `facts`, `chat` and `pairs` are options of which a command takes one at a time.
  const plan: Plan = {
    ...validatePlan({
      text: [{ path: "x" }],
      chat: true,
      with: ["facts"],
      facts: { path: "facts.csv", templates: { born: ["{subject} was born in"] } },
      concepts: ["all"],
    }),
    precision: "fast",
    pairs: { path: "pairs.jsonl", limit: 1024 },
  };

  it("every option of a plan has one", () => {
    const all = [...paths(plan)];
    expect(all.map((path) => path.split(".")[0])).toEqual(expect.arrayContaining(Object.keys(planSchema.shape)));
    expect(all.filter((path) => optionOf(path.split(".")) === undefined)).toEqual(NO_OPTION);
  });

  it("every name is an option of measure or of recall", () => {
    const options = [measureCommand(), recallCommand()].flatMap((command) => command.options.map(({ long }) => long));
    expect(Object.values(OPTION_OF).filter((name) => !options.includes(name))).toEqual([]);
  });

  it("every path is one of the plan", () => {
    const all = [...paths(plan)];
    expect(Object.keys(OPTION_OF).filter((name) => !all.some((path) => `${path}.`.startsWith(`${name}.`)))).toEqual([]);
  });

  it.each([
    [{ plane: { points: -3 } }, "--points: expected a whole number of at least 2, found -3"],
    [{ plane: { temperature: 0 } }, "--temperature: expected a number above 0, found 0"],
    [
      { plane: { temperature: "warm" } },
      '--temperature: expected "bound", "exact", "leading-order" or a number above 0, found "warm"',
    ],
    [{ recall: { prefixes: [8, 0] } }, "--prefix: expected a whole number of at least 1, found 0"],
    [{ keep: ["everything"] }, '--keep: expected "losses" or "states", found "everything"'],
  ])("%j", (options, said) => {
    expect(() => validatePlan({ text: [{ path: "x" }], ...options }, optionOf)).toThrow(said);
  });

  it("what is no option keeps its path", () =>
    expect(() => validatePlan({ text: [{ path: "x" }], poins: 1 }, optionOf)).toThrow('unknown key "poins"'));
});
