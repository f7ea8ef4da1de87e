/**
 * Concepts in every layer of a model, beside the measured text (METHODS §3.1, §4): one pass over the sets' words and
 * passages, of which sums alone leave the runtime, then the figures of each layer.
 *
 * Memory: 4·n·d·(L+1) bytes for n texts; of units 8 bytes a pool and unit.
 */
import { setImmediate } from "node:timers/promises";
import { batchesFor, readBatches } from "../../engines/score.ts";
import { sha256 } from "../../files/digest.ts";
import { ckaByChance, linearCka } from "../../info/cka.ts";
import { SHUFFLES, shuffledLabels } from "../../info/concepts/chance.ts";
import { FOLDS, type Labelled, type LayerConcepts, layerConcepts } from "../../info/concepts/layer.ts";
import { type Pair, principalPlaces } from "../../info/concepts/relations.ts";
import { unitSharing } from "../../info/concepts/sharing.ts";
import { count, counted } from "../../numeric/amounts.ts";
import { bootstrapSums, FEWEST_UNITS, percentileInterval, quantile, RESAMPLES } from "../../numeric/bootstrap.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import { groupBy } from "../../numeric/groups.ts";
import { unmet } from "../../numeric/needs.ts";
import { random } from "../../numeric/random.ts";
import { mean, sum } from "../../numeric/sums.ts";
import type { RunContext } from "../../ports/context.ts";
import type { Model } from "../../ports/model.ts";
import type { Concepts, Sharing } from "../../profile/concepts.ts";
import type { Interval } from "../../profile/figures.ts";
import { type ConceptSet, MOST_TEXTS } from "../../text/concepts.ts";
import type { WindowBatch } from "../../text/corpus.ts";
import { longestOf } from "../../text/windows.ts";
import type { Prepared } from "../prepare.ts";
import { CONCEPT_FIGURES, CONCEPTS } from "../stages.ts";
import { type ConceptCorpus, poolSums, TEMPLATES, textSums } from "./corpus.ts";
import { conceptNeeds } from "./needs.ts";
import { sharingSection } from "./sharing.ts";

/** Pairs that analogies take: with fewer there are not two hundred ways to pair others. */
const FEWEST_PAIRS = 6;
const SIGNIFICANT = 0.05;

/**
 * What a measurement's concepts come to.
 * @returns null where none are asked for, or what they take is not there
 * @throws LossyscopeError as `measureConcepts`
 */
export async function conceptsOf(
  request: RunContext & Pick<ConceptsRequest, "model">,
  { subject: { plan }, concepts }: Prepared,
): Promise<Concepts | null> {
  if (!concepts || !request.model.can.has("pooledStates") || unmet(conceptNeeds(concepts.set)).length > 0) return null;
  const { batchTokens, preNorm, seed } = plan;
  return measureConcepts({ ...request, corpus: concepts, batchTokens, preNorm, seed });
}

export interface ConceptsRequest extends RunContext {
  readonly model: Model;
  readonly corpus: ConceptCorpus;
  readonly batchTokens: number;
  readonly preNorm: boolean;
  readonly seed: number;
}

/** Batches of the sets' windows. */
export const conceptBatches = (model: Model, { windows }: ConceptCorpus, batchTokens: number): WindowBatch[] =>
  batchesFor(model, windows, batchTokens);

/** @throws LossyscopeError as `Engine.run`; `interrupted` */
export async function measureConcepts(request: ConceptsRequest): Promise<Concepts> {
  const { corpus, seed, progress } = request;
  const { set } = corpus;
  const { states, pools } = await readSets(request);
  const width = states[0].length / set.texts.length;
  const labelled = labelledOf(set, seed);
  progress.start(CONCEPT_FIGURES, states.length, "layers");
  const layers: LayerConcepts[] = [];
  for (const rows of states) {
    await setImmediate();
    if (request.signal?.aborted)
      throw new LossyscopeError(
        "interrupted",
        `stopped after ${layers.length} of ${states.length} layers of the concepts`,
      );
    layers.push(layerConcepts(rows, width, labelled));
    progress.update(layers.length);
  }
  progress.finish();
  await request.model.refuseChanges();
  return {
    source: { name: set.name, digest: set.digest, sets: [...set.sources] },
    texts: set.texts.length,
    words: set.texts.filter(({ as }) => as === "word").length,
    documents: set.documents,
    concepts: set.concepts.map(({ name, parent }, concept) => ({
      name,
      parent,
      texts: set.texts.filter((text) => text.concept === concept).length,
      digest: digestOf(set, concept),
    })),
    ...figuresOf(layers, set, seed),
    cka: await layersAlike(states, width, request.signal),
    majority: Math.max(...sizesOf(set)) / set.texts.length,
    sharing: pools && sharingOf(corpus, pools, seed),
    notes: notesOf(set, labelled),
  };
}

/** Of what is read of a concept, and how. */
const digestOf = ({ texts }: ConceptSet, concept: number): string =>
  sha256(JSON.stringify(texts.filter((one) => one.concept === concept).map(({ as, text }) => [as, text])));

/** Linear CKA of every two layers over the texts. */
async function layersAlike(
  states: readonly Float32Array[],
  width: number,
  signal?: AbortSignal,
): Promise<Concepts["cka"]> {
  const rows = states[0].length / width;
  const side = {
    layers: states.length,
    width,
    read: async (layer: number, first: number, last: number) => states[layer].slice(first * width, last * width),
  };
  const found = await linearCka(side, side, { rows, signal });
  return {
    byChance: ckaByChance(rows),
    layers: found.flatMap((row, i) => row.slice(0, i).map((one) => one && Number(one.toPrecision(7)))),
  };
}

const sizesOf = ({ concepts, texts }: ConceptSet): number[] =>
  concepts.map((_, concept) => texts.filter((text) => text.concept === concept).length);

interface Sums {
  /** [n, d] of layers 0..L */
  readonly states: readonly Float32Array[];
  /** [units of all blocks] of every pool; null where the model shows none */
  readonly pools: readonly Float64Array[] | null;
}

async function readSets({ model, corpus, batchTokens, preNorm, progress, ...context }: ConceptsRequest): Promise<Sums> {
  const batches = conceptBatches(model, corpus, batchTokens);
  const { set, readings } = corpus;
  const poolCount = sum(corpus.pools);
  const seesUnits = model.can.has("pooledUnits");
  let states: Float32Array[] = [];
  let pools: Float64Array[] = [];
  progress.start(CONCEPTS, corpus.windows.length, "windows");
  await readBatches(
    {
      ...context,
      model,
      batches,
      longest: longestOf(batches),
      describe: ({ windows }) => `the concept text "${readings[windows[0]?.document ?? 0].name}"`,
      onWindows: (done) => progress.update(done),
    },
    {
      heads: { losses: false, preNorm },
      statePools: (batch) => textSums(corpus, batch),
      ...(seesUnits && { unitPools: (batch: WindowBatch) => poolSums(corpus, batch) }),
    },
    ({ batch, pooledStates, pooledUnits }) => {
      if (!pooledStates) throw new Error("the engine gave no sums of states");
      const of = textSums(corpus, batch);
      const width = of.count > 0 ? pooledStates[0].length / of.count : 0;
      if (states.length === 0) states = pooledStates.map(() => new Float32Array(set.texts.length * width));
      for (const [layer, sums] of pooledStates.entries())
        for (const [place, text] of of.of.entries())
          for (let k = 0; k < width; k++) states[layer][text * width + k] += sums[place * width + k];
      if (!pooledUnits) return;
      const own = poolSums(corpus, batch);
      const counts = pooledUnits.map((sums) => sums.length / Math.max(1, own.count));
      if (pools.length === 0) pools = Array.from({ length: poolCount }, () => new Float64Array(sum(counts)));
      let before = 0;
      for (const [block, sums] of pooledUnits.entries()) {
        for (const [place, pool] of own.of.entries())
          for (let j = 0; j < counts[block]; j++) pools[pool][before + j] += sums[place * counts[block] + j];
        before += counts[block];
      }
    },
  );
  progress.finish();
  return { states, pools: seesUnits ? pools : null };
}

/** How the texts are labelled, folded, paired and shuffled: the same in all layers. */
function labelledOf({ texts, concepts }: ConceptSet, seed: number): Labelled {
  const labels = Int32Array.from(texts, ({ concept }) => concept);
  const documents = Int32Array.from(texts, ({ document }) => document);
  const folds = new Int32Array(texts.length);
  for (const concept of concepts.keys()) {
    const own = [...new Set(documents.filter((_, text) => labels[text] === concept))];
    random(seed, "concept folds", concept).shuffle(own);
    // A document of two concepts has the fold that the first of them gave it.
    for (const [place, document] of own.entries())
      for (const [text, of] of documents.entries())
        if (of === document && labels[text] === concept) folds[text] = place % FOLDS;
  }
  for (const [text, document] of documents.entries()) folds[text] = folds[documents.indexOf(document)];
  const families = [...new Set(concepts.map(({ parent }) => parent))].filter((parent) => parent !== null);
  const parents = Int32Array.from(concepts, ({ parent }) => (parent === null ? -1 : families.indexOf(parent)));
  const placed = [...parents.keys()].filter((concept) => parents[concept] >= 0);
  return {
    labels,
    count: concepts.length,
    folds,
    shuffled: shuffledLabels(labels, documents, [seed, "concept labels"]),
    parents,
    shuffledParents: Array.from({ length: SHUFFLES }, (_, draw) => {
      const order = random(seed, "concept parents", draw).shuffle([...placed]);
      const other = parents.slice();
      for (const [place, concept] of placed.entries()) other[concept] = parents[order[place]];
      return other;
    }),
    relations: relationsOf(texts).map((pairs) => ({ pairs, shuffled: otherPairs(pairs, seed) })),
  };
}

/** Texts that share the name of a pair, two of each, by the two concepts that they are of; none of too few. */
function relationsOf(texts: ConceptSet["texts"]): Pair[][] {
  const paired = [...texts.keys()].filter((text) => texts[text].pair !== null);
  const pairs = [...groupBy(paired, (text) => texts[text].pair).values()].flatMap((own): Pair[] => {
    if (own.length !== 2 || texts[own[0]].concept === texts[own[1]].concept) return [];
    const [from, to] = own.toSorted((a, b) => texts[a].concept - texts[b].concept);
    return [[from, to]];
  });
  const relations = groupBy(pairs, ([from, to]) => `${texts[from].concept} ${texts[to].concept}`);
  return [...relations.values()].filter((own) => own.length >= FEWEST_PAIRS);
}

/** The same texts, paired anew. */
const otherPairs = (pairs: readonly Pair[], seed: number): Pair[][] =>
  Array.from({ length: SHUFFLES }, (_, draw) => {
    const order = random(seed, "concept pairs", draw).shuffle([...pairs.keys()]);
    return pairs.map(([from], index) => [from, pairs[order[index]][1]]);
  });

/** What resamples documents, of all layers alike. */
function figuresOf(
  layers: readonly LayerConcepts[],
  { texts, concepts, documents }: ConceptSet,
  seed: number,
): Pick<Concepts, "layers" | "best" | "map" | "relations" | "interval"> {
  const byDocument = (values: ArrayLike<number>): Float64Array => {
    const sums = new Float64Array(documents);
    for (const [text, { document }] of texts.entries()) sums[document] += values[text];
    return sums;
  };
  const enough = documents >= FEWEST_UNITS;
  const figures = ["silhouettes", "purities", "told"] as const;
  const columns = [
    byDocument(new Float64Array(texts.length).fill(1)),
    ...layers.flatMap((layer) => figures.map((figure) => byDocument(layer[figure]))),
  ];
  const [number, ...sums] = enough ? bootstrapSums(columns, { seed }) : [new Float64Array()];
  const sampled = (layer: number, figure: number): Float64Array =>
    enough ? sums[layer * figures.length + figure].map((total, r) => total / number[r]) : new Float64Array();
  const interval = (layer: number, figure: number): Interval =>
    percentileInterval(mean(layers[layer][figures[figure]]), sampled(layer, figure));
  const largest = (values: readonly number[]): number => values.indexOf(Math.max(...values));
  const top = largest(layers.map(({ silhouette }) => silhouette.value));
  const samples = layers.map((_, layer) => sampled(layer, 0));
  const tops = Float64Array.from({ length: enough ? RESAMPLES : 0 }, (_, r) => largest(samples.map((one) => one[r])));
  tops.sort();
  const { places, shares } = principalPlaces(layers[top].configuration, concepts.length);
  return {
    layers: layers.map((one, layer) => ({
      layer,
      silhouette: one.silhouette,
      silhouetteInterval: interval(layer, 0),
      purity: one.purity,
      purityInterval: interval(layer, 1),
      separability: interval(layer, 2),
      alignment: one.alignment,
      hierarchy: one.hierarchy,
      analogies: [...one.analogies],
      parallel: [...one.parallel],
      configuration: lowerTriangle(one.configuration, concepts.length),
    })),
    relations: relationsOf(texts).map((pairs) => ({
      from: concepts[texts[pairs[0][0]].concept].name,
      to: concepts[texts[pairs[0][1]].concept].name,
      pairs: pairs.length,
    })),
    best:
      enough && layers[top].silhouette.p <= SIGNIFICANT
        ? { layer: top, low: Math.floor(quantile(tops, 0.025)), high: Math.ceil(quantile(tops, 0.975)) }
        : null,
    map: { layer: top, places: places.map(([x, y], concept) => ({ name: concepts[concept].name, x, y })), shares },
    interval: {
      level: 0.95,
      resamples: RESAMPLES,
      absent: enough ? null : `no intervals: ${counted(documents, "document")}, it takes ${FEWEST_UNITS}`,
    },
  };
}

/** Entries (i, j ≤ i), row by row; to seven digits, which is what float32 states have. */
const lowerTriangle = (matrix: Float64Array, size: number): number[] =>
  Array.from({ length: size }, (_, i) =>
    Array.from({ length: i + 1 }, (_, j) => Number(matrix[i * size + j].toPrecision(7))),
  ).flat();

function sharingOf({ set, pools: counts }: ConceptCorpus, pools: readonly Float64Array[], seed: number): Sharing {
  let before = 0;
  const things = counts.map((own) => pools.slice(before, (before += own)));
  return sharingSection(
    set.concepts.map(({ name }) => name),
    unitSharing(things, seed),
  );
}

function notesOf({ texts, total, concepts }: ConceptSet, { relations }: Labelled): string[] {
  const words = texts.filter(({ as }) => as === "word").length;
  return [
    ...(words > 0
      ? [
          `words stand at the end of ${counted(TEMPLATES.length, "sentence")} that say nothing of them, and their last token counts`,
        ]
      : []),
    ...(words > 0 && words < texts.length
      ? [
          `${counted(words, "word")} and ${counted(texts.length - words, "passage")} are read in different ways, which tells them apart as well`,
        ]
      : []),
    ...(texts.length < total
      ? [
          `${count(texts.length)} of ${counted(total, "text")}: those that came once, ${count(MOST_TEXTS)} at most, drawn by the seed`,
        ]
      : []),
    ...(relations.length === 0 && concepts.length > 0
      ? [`no analogies: no two concepts have ${FEWEST_PAIRS} pairs between them`]
      : []),
  ];
}
