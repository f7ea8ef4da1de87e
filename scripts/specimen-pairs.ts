/**
 * Pairs of completions for the specimens, `specimens/pairs.jsonl`: facts of the almanac that they were trained on, as it is and
 * with another value of the same relation, as many of each number of exposures. Written by `npm run specimens`.
 */
import { createWorld, facts } from "../src/almanac/index.ts";
import { groupBy } from "../src/numeric/groups.ts";
import { random } from "../src/numeric/random.ts";

const WORLD = { seed: 7, size: "medium" } as const;
/** Facts of a number of exposures. */
const EACH = 24;

/** The file's content: JSON lines of prompt, chosen, rejected, and what they are of. */
export function specimenPairs(): string {
  const levels = groupBy(facts(createWorld(WORLD.seed, WORLD.size)), ({ exposures }) => exposures);
  return [...levels]
    .sort(([a], [b]) => a - b)
    .flatMap(([exposures, level]) => {
      const draw = random(WORLD.seed, "specimen pairs", exposures);
      return draw
        .shuffle([...level])
        .slice(0, EACH)
        .map(({ relation, value, candidates, prompts }) => {
          const [{ text: prompt, terminator }] = draw.shuffle([...prompts]);
          const others = candidates.filter((one) => one !== value);
          const completion = (one: string): string => ` ${one}${terminator}`;
          const rejected = completion(others[draw.below(others.length)]);
          return `${JSON.stringify({ prompt, chosen: completion(value), rejected, relation, exposures })}\n`;
        });
    })
    .join("");
}
