/**
 * The figures of one layer of labelled rows (METHODS §3.1), each beside its null. Pure.
 *
 * Time: n²·d/2 for the inner products, (2·SHUFFLES + P²)·n² for nulls, and the classifiers: five folds of some 40 passes over
 * n²·concepts. Memory: 24·n² bytes.
 */
import { mean } from "../../numeric/sums.ts";
import { ckaOfGrams } from "../cka.ts";
import { type AgainstChance, againstChance } from "./chance.ts";
import { cosinesOf, gramOf, neighbours, purities, silhouettes } from "./clusters.ts";
import { factored, fitLogistic, predictLogistic } from "./logistic.ts";
import { analogies, directionGram, hierarchy, meanSize, type Pair } from "./relations.ts";

/** Neighbours that purity looks at. */
export const NEIGHBOURS = 5;
/** Folds of documents that separability is cross-validated over. */
export const FOLDS = 5;

/** Rows of all layers alike: what they are and how they are shuffled. */
export interface Labelled {
  /** [n] concepts, every one below `count` in use */
  readonly labels: Int32Array;
  readonly count: number;
  /** [n] below `FOLDS`, documents whole */
  readonly folds: Int32Array;
  /** labellings [n] of the null */
  readonly shuffled: readonly Int32Array[];
  /** [count]; below 0: none */
  readonly parents: Int32Array;
  /** the same, shuffled */
  readonly shuffledParents: readonly Int32Array[];
  /** for each relation its pairs, and others in their place */
  readonly relations: readonly { readonly pairs: readonly Pair[]; readonly shuffled: readonly (readonly Pair[])[] }[];
}

export interface LayerConcepts {
  readonly silhouette: AgainstChance;
  readonly purity: AgainstChance;
  readonly alignment: AgainstChance;
  readonly hierarchy: AgainstChance | null;
  /** of each relation */
  readonly analogies: readonly AgainstChance[];
  /** of each relation, linear CKA of its two sides; null where one side's rows are all alike */
  readonly parallel: readonly (AgainstChance | null)[];
  /** of each row: its silhouette, the purity of its neighbours, whether its concept was told rightly */
  readonly silhouettes: Float64Array;
  readonly purities: Float64Array;
  readonly told: Float64Array;
  /** [count, count] inner products of the concepts' directions, of trace 1; all 0 where the concepts are one point */
  readonly configuration: Float64Array;
}

/** @param rows [n, d] */
export function layerConcepts(rows: ArrayLike<number>, width: number, labelled: Labelled): LayerConcepts {
  const { labels, count, shuffled, parents, shuffledParents, relations } = labelled;
  const n = labels.length;
  const gram = gramOf(rows, n, width);
  const cosines = cosinesOf(gram, n);
  const near = neighbours(cosines, n, NEIGHBOURS);
  const under = (figure: (labelling: Int32Array) => number): Float64Array => Float64Array.from(shuffled, figure);
  const aligned = (labelling: Int32Array): number =>
    meanSize(cosinesOf(directionGram(gram, labelling, count), count), count);
  const own = silhouettes(cosines, labels, count);
  const pure = purities(near, labels);
  const directions = directionGram(gram, labels, count);
  const trace = directions.reduce((total, entry, at) => (at % (count + 1) === 0 ? total + entry : total), 0);
  const nested = hierarchy(directions, parents, count);
  return {
    silhouette: againstChance(
      mean(own),
      under((labelling) => mean(silhouettes(cosines, labelling, count))),
    ),
    purity: againstChance(
      mean(pure),
      under((labelling) => mean(purities(near, labelling))),
    ),
    alignment: againstChance(aligned(labels), under(aligned), "less"),
    hierarchy:
      nested === null
        ? null
        : againstChance(
            nested,
            Float64Array.from(shuffledParents, (other) => hierarchy(directions, other, count)!),
          ),
    analogies: relations.map(({ pairs, shuffled: others }) =>
      againstChance(
        analogies(cosines, n, pairs),
        Float64Array.from(others, (other) => analogies(cosines, n, other)),
      ),
    ),
    parallel: relations.map(({ pairs, shuffled: others }) => parallel(gram, n, pairs, others)),
    silhouettes: own,
    purities: pure,
    told: toldRight(gram, labelled),
    configuration: trace > 0 ? directions.map((entry) => entry / trace) : directions.fill(0),
  };
}

/** How alike the two sides of pairs lie: as rows of one text and its translation. */
function parallel(
  gram: Float64Array,
  n: number,
  pairs: readonly Pair[],
  others: readonly (readonly Pair[])[],
): AgainstChance | null {
  const size = pairs.length;
  const side = (rows: readonly number[]): Float64Array =>
    Float64Array.from({ length: size ** 2 }, (_, at) => gram[rows[Math.floor(at / size)] * n + rows[at % size]]);
  const from = side(pairs.map(([one]) => one));
  const cka = (paired: readonly Pair[]): number | null => ckaOfGrams(from, side(paired.map(([, to]) => to)), size);
  const value = cka(pairs);
  return value === null
    ? null
    : againstChance(
        value,
        Float64Array.from(others, (other) => cka(other)!),
      );
}

/** 1 for each row whose concept a classifier tells that was fitted to the other folds, else 0. */
function toldRight(gram: Float64Array, { labels, count, folds }: Labelled): Float64Array {
  const n = labels.length;
  // One scale for all directions, so that they have a variance of 1 in the mean; the intercept takes care of where they lie.
  const { features, width } = factored(gram, n);
  let variance = 0;
  for (let k = 0; k < width; k++) {
    let [sum, squares] = [0, 0];
    for (let i = 0; i < n; i++) {
      const value = features[i * width + k];
      sum += value;
      squares += value * value;
    }
    const middle = sum / n;
    variance += squares / n - middle * middle;
    for (let i = 0; i < n; i++) features[i * width + k] -= middle;
  }
  if (!(variance > 0)) return new Float64Array(n);
  const scale = Math.sqrt(width / variance);
  for (let at = 0; at < features.length; at++) features[at] *= scale;
  const told = new Float64Array(n);
  const all = [...labels.keys()];
  for (let fold = 0; fold < FOLDS; fold++) {
    const fitted = all.filter((row) => folds[row] !== fold);
    const model = fitLogistic(features, width, fitted, labels, count, { tolerance: 1e-4 });
    for (const row of all)
      if (folds[row] === fold) told[row] = Number(predictLogistic(model, features, width, row, count) === labels[row]);
  }
  return told;
}
