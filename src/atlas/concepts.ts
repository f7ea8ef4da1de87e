/**
 * How two models lay out the same concepts (METHODS §12 Concepts): the configurations of the concepts' means, which profiles
 * carry for every layer, laid over each other by turning, mirroring and scaling (Procrustes), and their linear CKA, both
 * beside what the same is where concepts are matched by chance; which concepts, and which relations between two, moved most.
 *
 * Time: SHUFFLES spectral decompositions of K concepts, 40 at most: a second or less.
 */
import { ckaOfGrams } from "../info/cka.ts";
import { type AgainstChance, againstChance, SHUFFLES } from "../info/concepts/chance.ts";
import { centredGram, reordered, type Superposed, superposing } from "../info/concepts/relations.ts";
import { counted } from "../numeric/amounts.ts";
import { random } from "../numeric/random.ts";
import type { Concepts } from "../profile/concepts.ts";
import type { Named } from "./text.ts";

/** Concepts in common that shapes take: five have 120 orders, four too few to tell anything from chance. */
export const FEWEST_CONCEPTS = 5;
/** Relations shown. */
const SHOWN = 10;

/** What is left of something where one configuration is laid over the other. */
export interface Moved {
  /** of a configuration of norm 1, beside concepts matched by chance: small is near */
  readonly left: AgainstChance;
  /** of all that is left: of concepts they add up to 1 */
  readonly share: number;
}

export interface ConceptComparison {
  /** names of the concepts that both have, of the same texts */
  readonly concepts: readonly string[];
  /** how many others each has: the baseline, the model */
  readonly others: readonly [number, number];
  /** whose configurations are laid over each other: of each model the layer of its map */
  readonly layers: readonly [number, number];
  /** Procrustes disparity, 0 where both have one shape; null where the concepts of one are one point */
  readonly disparity: AgainstChance | null;
  /** null where one configuration has no variance */
  readonly cka: AgainstChance | null;
  /** the furthest first */
  readonly moved: readonly (Moved & { readonly concept: string })[];
  /** between two concepts: what is left of the step from one to the other, the most first; ten at most */
  readonly relations: readonly (Moved & { readonly from: string; readonly to: string })[];
  /** of all layers of the baseline, with the layer of the model at the same depth */
  readonly byDepth: readonly {
    readonly baseline: number;
    readonly model: number;
    readonly disparity: number | null;
    readonly cka: number | null;
  }[];
}

/** Why there is none. */
export interface NoConcepts {
  readonly absent: string;
}

/** @returns null where neither profile has concepts */
export function conceptsBeside(baseline: Named, model: Named, seed: number): ConceptComparison | NoConcepts | null {
  const [a, b] = [baseline, model].map(({ profile }) => profile.concepts ?? null);
  if (a === null && b === null) return null;
  if (a === null || b === null) return { absent: lacking(a === null ? baseline : model) };
  const unsound = [baseline, model].map((one, side) => unsoundIn(one.file, side === 0 ? a : b)).find((one) => one);
  if (unsound) return { absent: unsound };
  const shared = a.concepts.flatMap((one, place): Shared[] => {
    const other = b.concepts.findIndex((found) => found.name === one.name && sameTexts([a, b], place, found));
    return other < 0 ? [] : [{ name: one.name, places: [place, other] }];
  });
  const named = a.concepts.filter(({ name }) => b.concepts.some((other) => other.name === name)).length;
  if (shared.length < FEWEST_CONCEPTS)
    return {
      absent: `${baseline.file} has ${counted(a.concepts.length, "concept")} (${a.source.name}), ${model.file} ${counted(b.concepts.length, "concept")} (${b.source.name}): ${shared.length} of one name and the same texts${named > shared.length ? `, ${named - shared.length} more of one name alone` : ""}; shapes take ${FEWEST_CONCEPTS}: measure both with the same --concepts and --seed`,
    };
  return besideEachOther([a, b], shared, seed);
}

function lacking({ file, profile }: Named): string {
  const refused = profile.refusals.find(({ figure }) => figure === "concepts");
  return refused
    ? `${file} has no concepts: ${refused.reason}`
    : `${file} was measured without --concepts: measure it with the set that the other has`;
}

/** What another hand may have left in a profile. */
function unsoundIn(file: string, { concepts, layers, map }: Concepts): string | null {
  const takes = (concepts.length * (concepts.length + 1)) / 2;
  const layer = layers.find(({ configuration }) => configuration.length !== takes);
  if (layer)
    return `${file} has ${counted(layer.configuration.length, "inner product")} of ${counted(concepts.length, "concept")} at layer ${layer.layer}, which are ${takes}`;
  return map.layer < layers.length
    ? null
    : `${file} has ${counted(layers.length, "layer")}, its map is of layer ${map.layer}`;
}

/** A concept that both profiles have, and where. */
interface Shared {
  readonly name: string;
  readonly places: readonly [number, number];
}

/** Digests of concepts say it; of profiles that have none those of whole sets. */
function sameTexts([a, b]: readonly [Concepts, Concepts], place: number, other: Concepts["concepts"][number]): boolean {
  const { digest } = a.concepts[place];
  if (digest !== undefined && other.digest !== undefined) return digest === other.digest;
  return a.source.digest === b.source.digest && a.texts === b.texts;
}

function besideEachOther(
  both: readonly [Concepts, Concepts],
  shared: readonly Shared[],
  seed: number,
): ConceptComparison {
  const [a, b] = both;
  const names = shared.map(({ name }) => name);
  const count = names.length;
  const gram = (side: 0 | 1, layer: number): Float64Array =>
    configurationOf(
      both[side].layers[layer].configuration,
      shared.map(({ places }) => places[side]),
    );
  const layers = [a.map.layer, b.map.layer] as const;
  const [of, onto] = [gram(1, layers[1]), gram(0, layers[0])];
  const orders = Array.from({ length: SHUFFLES }, (_, draw) =>
    random(seed, "concept shapes", draw).shuffle([...names.keys()]),
  );
  const lay = superposing(onto, count);
  const laid = lay?.(of) ?? null;
  const shuffled = laid === null ? [] : orders.map((order) => lay!(reordered(of, order))!);
  const against = (figure: (one: Superposed) => number): AgainstChance =>
    againstChance(figure(laid!), Float64Array.from(shuffled, figure), "less");
  const cka = ckaOfGrams(onto, of, count);
  const moved = (figure: (one: Superposed) => number): Moved => ({
    left: against(figure),
    share: laid!.disparity > 0 ? figure(laid!) / laid!.disparity : 0,
  });
  const step =
    (i: number, j: number) =>
    ({ left }: Superposed): number =>
      Math.max(0, left[i * count + i] + left[j * count + j] - 2 * left[i * count + j]);
  const pairs = names.flatMap((_, j) => Array.from({ length: j }, (_, i) => [i, j] as const));
  const ranked =
    laid === null ? [] : pairs.toSorted(([i, j], [k, l]) => step(k, l)(laid) - step(i, j)(laid)).slice(0, SHOWN);
  return {
    concepts: names,
    others: [a.concepts.length - count, b.concepts.length - count],
    layers,
    disparity: laid && against(({ disparity }) => disparity),
    cka:
      cka === null
        ? null
        : againstChance(
            cka,
            Float64Array.from(orders, (order) => ckaOfGrams(onto, reordered(of, order), count)!),
          ),
    moved:
      laid === null
        ? []
        : names
            .map((concept, i) => ({ concept, ...moved(({ left }) => Math.max(0, left[i * count + i])) }))
            .sort((x, y) => y.share - x.share),
    relations: ranked.map(([i, j]) => ({ from: names[i], to: names[j], ...moved(step(i, j)) })),
    byDepth: a.layers.map((_, baseline) => {
      const model = atDepth(baseline, a.layers.length, b.layers.length);
      const [one, other] = [gram(0, baseline), gram(1, model)];
      return {
        baseline,
        model,
        disparity: superposing(one, count)?.(other)?.disparity ?? null,
        cka: ckaOfGrams(one, other, count),
      };
    }),
  };
}

/** The layer that lies as deep in another model. */
const atDepth = (layer: number, layers: number, others: number): number =>
  layers > 1 ? Math.round((layer * (others - 1)) / (layers - 1)) : 0;

/** Inner products of some concepts' means, less their mean. @param lower triangle of all of them, row by row */
function configurationOf(lower: readonly number[], places: readonly number[]): Float64Array {
  const count = places.length;
  const gram = Float64Array.from({ length: count ** 2 }, (_, at) => {
    const [i, j] = [places[Math.floor(at / count)], places[at % count]];
    const [row, column] = [Math.max(i, j), Math.min(i, j)];
    return lower[(row * (row + 1)) / 2 + column];
  });
  return centredGram(gram, count);
}
