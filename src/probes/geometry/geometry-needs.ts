/**
 * What the geometry takes of a text (METHODS §3): tokens enough, with enough different states among them. Two tokens have one
 * state where all that the model reads up to them is the same; at layer 0 where they are the same token (and, in a model that
 * learns positions, stand at the same place of their windows). States that a model makes equal nevertheless are its own to show.
 *
 * Time: until as many different states are found as are needed.
 */
import { FEWEST_POINTS } from "../../info/twonn.ts";
import { isMet, type Need } from "../../numeric/needs.ts";
import type { TokenizedDocument } from "../../text/corpus.ts";
import { windowStart } from "../../text/windows.ts";
import type { GeometryRows } from "./geometry.ts";

export interface GeometryGround {
  readonly documents: readonly Pick<TokenizedDocument, "ids">[];
  readonly rows: Pick<GeometryRows, "chosen" | "points">;
  /** of the windows: tokens after the prefix, and those read again */
  readonly room: number;
  readonly reread: number;
  /** whether the embedding adds something of the position */
  readonly learnedPositions: boolean;
}

/** A token of the text: `[document, index]`. */
type Place = readonly [number, number];

/** How many of the keys are different, up to `most` of them. */
function distinct(keys: Iterable<string>, most: number): number {
  const seen = new Set<string>();
  for (const key of keys) if (seen.add(key).size >= most) break;
  return seen.size;
}

/** A figure of all layers that takes so many different states, else of those after the embedding, and of layer 0 by itself. */
function statesNeeds(
  { documents, room, reread, learnedPositions }: GeometryGround,
  figure: string,
  places: () => Iterable<Place>,
  needs: number,
  why: (have: number, where: string) => string,
): Need[] {
  const start = (index: number): number => windowStart(index, room, reread);
  const read = function* (): Generator<string> {
    for (const [document, index] of places()) yield String(documents[document].ids.subarray(start(index), index + 1));
  };
  const embedded = function* (): Generator<string> {
    for (const [document, index] of places())
      yield `${documents[document].ids[index]} ${learnedPositions ? index - start(index) : ""}`;
  };
  const need = (name: string, have: number, where: string): Need => ({
    figure: `geometry.${name}.${figure}`,
    have,
    needs,
    bound: "least",
    unit: "state",
    reason: why(have, where),
    remedy: { kind: "tokens" },
  });
  const all = need("layers", distinct(read(), needs), "");
  return isMet(all) ? [need("layers[0]", distinct(embedded(), needs), " at layer 0")] : [all];
}

export function geometryNeeds(ground: GeometryGround): Need[] {
  const { documents, rows } = ground;
  const chosen = function* (): Generator<Place> {
    for (const [document, tokens] of rows.chosen) for (const index of tokens) yield [document, index];
  };
  const all = function* (): Generator<Place> {
    for (const [document, { ids }] of documents.entries()) for (const index of ids.keys()) yield [document, index];
  };
  const tokens = documents.reduce((total, { ids }) => total + ids.length, 0);
  const different = (have: number): string => `${have} different state${have === 1 ? "" : "s"}`;
  return [
    {
      figure: "geometry.layers.anisotropy",
      have: tokens,
      needs: 2,
      bound: "least",
      unit: "token",
      reason: "an angle is between two states, the text has one token",
      remedy: { kind: "tokens" },
    },
    ...statesNeeds(ground, "centred", all, 2, (_, where) => `all states are equal${where}`),
    ...statesNeeds(
      ground,
      "twoNN",
      chosen,
      FEWEST_POINTS,
      (have, where) => `no intrinsic dimension${where}: ${different(have)}, it takes ${FEWEST_POINTS}`,
    ),
  ];
}
