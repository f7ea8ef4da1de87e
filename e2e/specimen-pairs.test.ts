/** The specimens' pairs are of the world that they were trained on: prompts and values of its relations, as many of each exposure. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { KINDS, kindOf } from "../src/almanac/relations.ts";

it("specimens/pairs.jsonl sets true values beside others of the same relation", () => {
  const lines = readFileSync(join(import.meta.dirname, "../specimens/pairs.jsonl"), "utf8")
    .trim()
    .split("\n");
  const values = new Map(
    KINDS.flatMap((kind) => kindOf(kind).relations.map((one) => [`${kind}.${one.name}`, one.values] as const)),
  );
  const byExposure = new Map<number, number>();
  for (const line of lines) {
    const { prompt, chosen, rejected, relation, exposures } = JSON.parse(line);
    byExposure.set(exposures, (byExposure.get(exposures) ?? 0) + 1);
    expect(prompt).toMatch(/\S$/);
    expect(chosen).not.toBe(rejected);
    expect(chosen.at(-1)).toBe(rejected.at(-1));
    for (const completion of [chosen, rejected]) {
      expect(completion[0]).toBe(" ");
      expect(values.get(relation)).toContain(completion.slice(1, -1));
    }
  }
  expect([...byExposure.keys()]).toEqual([0, ...Array.from({ length: 11 }, (_, k) => 2 ** k)]);
  expect([...byExposure.values()].every((count) => count <= 24 && count >= 20)).toBe(true);
});
