/** What the plane takes of a text, counted from lengths, against the positions and units that it then has. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { isMet } from "../../numeric/needs.ts";
import type { Prefix, TokenizedDocument } from "../../text/corpus.ts";
import { unitsOf } from "../../text/units.ts";
import { countPlaneUnits, countPositions, planeNeeds, positionNeed } from "./plane-needs.ts";
import { concatenate, ORDERS, Positions } from "./positions.ts";

const PREFIXES: (Prefix | null)[] = [null, { id: 0, addedByTokenizer: true }, { id: 0, addedByTokenizer: false }];
const lengths = fc.oneof(
  fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 30 }),
  fc.array(fc.integer({ min: 0, max: 5000 }), { minLength: 1, maxLength: 6 }),
);

it("counts the units that hold positions, and the orders that have any", () => {
  fc.assert(
    fc.property(lengths, fc.constantFrom(...PREFIXES), fc.boolean(), (tokens, prefix, allPositions) => {
      const documents = tokens.map((count) => ({ ids: new Int32Array(count) }) as TokenizedDocument);
      const units = unitsOf(tokens);
      const counted = prefix?.addedByTokenizer ?? false;
      const positions = new Positions(concatenate(documents, counted ? 0 : null), allPositions);
      const used = new Set<number>();
      positions.forEach((_, document, index) => {
        used.add(units.unitOf(document, Math.max(0, index - Number(counted))));
      });
      const ground = { documents, prefix, units, allPositions };
      expect(countPlaneUnits(ground)).toBe(used.size);
      expect(countPositions(ground)).toBe(positions.count);
      expect(isMet(positionNeed(ground))).toBe(positions.count > 0);
      if (positions.count === 0) return;
      const missing = planeNeeds({ ...ground, frontier: true }).filter((need) => !isMet(need));
      const orders = Array.from({ length: ORDERS }, (_, n) => n + 1).filter(
        (order) => allPositions && positions.rowsOfOrder(order).length === 0,
      );
      expect(missing.map(({ figure }) => figure)).toEqual([
        ...(used.size < 10 ? ["plane"] : []),
        ...(used.size < 5 ? ["plane.frontier"] : []),
        ...orders.map((order) => `plane.summary.${order}`),
      ]);
    }),
    { numRuns: 200 },
  );
});
