/**
 * The causal check (METHODS §4): parts of a model that contribute to one domain, or concept, more than to others are taken away, and it
 * is seen what that does to each, beside as many matched parts. Half of each domain's documents choose the parts, the other
 * half shows the effect; values are replaced by their mean over the first half, domains weighing alike. What was seen of every mask is kept, so that a run that
 * was stopped goes on with the next.
 *
 * Memory: as a measurement; 8 bytes a value of the sites and domain; 8 bytes a mask and document.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { ablating, type Mask, seeSites } from "../../engines/ablation.ts";
import { scoredIn } from "../../engines/lockstep.ts";
import { batchesFor } from "../../engines/score.ts";
import { areaBetween, matchedSites, ownSites, verdictOf } from "../../info/concepts/ablation.ts";
import { type SiteKind, type Sites, sitesOf, valuesOf } from "../../models/ablation.ts";
import { counted } from "../../numeric/amounts.ts";
import { bootstrapSums, FEWEST_UNITS, percentileInterval, quantile, RESAMPLES } from "../../numeric/bootstrap.ts";
import { canonicalJson } from "../../numeric/canonical-json.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import { random } from "../../numeric/random.ts";
import { mean, sum } from "../../numeric/sums.ts";
import { requireDecoder } from "../../ports/model.ts";
import type { Pools } from "../../ports/observation.ts";
import { ABLATION_SCHEMA, type Ablation } from "../../profile/ablation.ts";
import type { Interval } from "../../profile/figures.ts";
import type { WindowBatch } from "../../text/corpus.ts";
import { describeBatch, longestOf, windowsOf } from "../../text/windows.ts";
import { type Prepared, type PrepareRequest, prepare } from "../prepare.ts";
import { readChecksummed, writeChecksummed } from "../running/checksummed.ts";
import { ABLATION_MASKS, ABLATION_SITES } from "../stages.ts";
import type { ConceptTexts } from "./concept-texts.ts";
import { type Half, halvesOf, type Unit } from "./halves.ts";

/** Shares of the sites that the curve takes away, over the one of the matrix. */
const LEVELS = [0.25, 0.5, 2, 4, 8];

export interface AblationOptions {
  readonly sites: SiteKind;
  /** of the sites, taken away for the matrix */
  readonly share: number;
  /** of matched sites */
  readonly draws: number;
  /** what stands in the stead of what is taken away */
  readonly fill: Fill;
}

export const FILLS = ["mean", "zero"] as const;
export type Fill = (typeof FILLS)[number];

export interface AblationRequest extends Omit<PrepareRequest, "given"> {
  readonly threads: number;
  readonly ablation: AblationOptions;
  /** in place of the domains of the plan's text; null: those */
  readonly concepts: ConceptTexts | null;
  /** where what was seen of masks is kept */
  readonly work: string;
  readonly resume: boolean;
}

/** Masks that a run feeds, the whole model first. */
export const masksOf = (domains: number, draws: number): number => 1 + domains * (1 + draws + LEVELS.length);

/**
 * @throws LossyscopeError `usage` for a text of one domain or too few documents, `unsupported` for a model without weights at hand
 * or without such sites; else as a measurement; `interrupted`
 */
export async function measureAblation(request: AblationRequest): Promise<Ablation> {
  const { model, plan, ablation, progress } = request;
  const began = performance.now();
  try {
    const decoder = requireDecoder(model, "taking parts away");
    const sites = sitesOf(decoder.spec, ablation.sites);
    refuseFew(sites);
    const { concepts } = request;
    const prepared = await prepare({ ...request, ...(concepts && { given: concepts.sources }) });
    const { subject } = prepared;
    const halves = concepts ? concepts.halves(subject.documents) : halvesOf(subject.documents, plan.seed);
    const seen = await seeHalves(request, prepared, sites, halves);
    const masks = chosenMasks(sites, seen, ablation, plan.seed);
    const id = createHash("sha256")
      .update(canonicalJson({ subject: subject.id, ablation: { ...ablation } }))
      .digest("hex")
      .slice(0, 16);
    const evaluated = halves.flatMap((half) => half.evaluated);
    const nats = await everyMask(request, prepared, sites, { id, masks, evaluated });
    await model.refuseChanges();
    return {
      schema: ABLATION_SCHEMA,
      model: model.name,
      corpus: subject.corpus.name,
      of: concepts ? "concepts" : "domains",
      sites: sites.kind,
      fill: ablation.fill,
      total: sum(sites.counts),
      taken: takenOf(ablation.share, sum(sites.counts)),
      draws: ablation.draws,
      ...figuresOf(halves, masks, nats, plan.seed),
      interval: { level: 0.95, resamples: RESAMPLES },
      left: [...(concepts?.left ?? [])],
      provenance: { id, seed: plan.seed, masks: masks.length, seconds: (performance.now() - began) / 1000 },
    };
  } finally {
    progress.finish();
  }
}

const takenOf = (share: number, total: number): number => Math.max(1, Math.min(total - 1, Math.round(share * total)));

/** @throws LossyscopeError `usage` where there are no others to match */
function refuseFew({ kind, counts }: Sites): void {
  const total = sum(counts);
  if (total > 1) return;
  throw new LossyscopeError(
    "usage",
    `the model has ${counted(total, kind.slice(0, -1))}, and nothing to hold it against`,
    "take away units: --sites units",
  );
}

interface Seen {
  /** [domains][sites] mean contribution a token */
  readonly contributions: readonly Float64Array[];
  /** [values] mean over domains of the mean over tokens */
  readonly means: Float32Array;
}

/** One pass over the halves that choose. */
async function seeHalves(
  { model, plan, threads, progress, signal }: AblationRequest,
  { subject }: Prepared,
  sites: Sites,
  halves: readonly Half[],
): Promise<Seen> {
  const decoder = requireDecoder(model, "taking parts away");
  const { context, overlap, prefix, documents } = subject;
  const read = halves.map(({ chosen }) => chosen.flatMap((unit) => unit.map(({ document }) => document)));
  const domainOf = new Map(read.flatMap((own, domain) => own.map(({ index }) => [index, domain] as const)));
  const windows = read.flatMap((own) =>
    own.flatMap(({ index, ids }) => windowsOf(index, ids, prefix, context, overlap)),
  );
  const batches = batchesFor(model, windows, plan.batchTokens);
  const tokens = read.map((own) => sum(own.map(({ ids }) => ids.length)));
  const total = valuesOf(sites);
  const sums = halves.map(() => new Float64Array(total));
  const sizes = halves.map(() => new Float64Array(total));
  const pools = (batch: WindowBatch): Pools => {
    const rows = sum(batch.windows.map(({ ids, fresh }) => ids.length - fresh));
    const weights = new Float32Array(halves.length * rows);
    let row = 0;
    for (const { document, ids, fresh, prefixSlots } of batch.windows)
      for (let slot = fresh; slot < ids.length; slot++, row++)
        if (slot >= prefixSlots) weights[domainOf.get(document)! * rows + row] = 1;
    return { count: halves.length, weights };
  };
  progress.start(ABLATION_SITES, batches.length, "batches");
  let done = 0;
  await seeSites(
    {
      decoder,
      sites,
      threads,
      signal,
      longest: longestOf(batches),
      describe: (batch) => describeBatch(batch, documents),
    },
    batches,
    pools,
    (one) => {
      let before = 0;
      for (const [block, values] of one.sums.entries()) {
        const width = values.length / halves.length;
        for (const domain of halves.keys())
          for (let j = 0; j < width; j++) {
            sums[domain][before + j] += values[domain * width + j];
            sizes[domain][before + j] += one.sizes[block][domain * width + j];
          }
        before += width;
      }
      progress.update(++done);
    },
  );
  progress.finish();
  const owners = sitesOfValues(sites);
  return {
    contributions: sizes.map((own, domain) => {
      const bySite = new Float64Array(sum(sites.counts));
      for (let value = 0; value < total; value++) bySite[owners[value]] += own[value] / tokens[domain];
      return bySite;
    }),
    means: Float32Array.from({ length: total }, (_, value) =>
      mean(sums.map((own, domain) => own[value] / tokens[domain])),
    ),
  };
}

/** The site of every value. */
function sitesOfValues({ counts, widths }: Sites): Int32Array {
  const owners: number[] = [];
  let site = 0;
  for (const [block, count] of counts.entries())
    for (let own = 0; own < count; own++, site++) for (let k = 0; k < widths[block]; k++) owners.push(site);
  return Int32Array.from(owners);
}

/** What is taken away. */
interface Chosen {
  readonly kind: "whole" | "own" | "matched" | "curve";
  readonly domain: number;
  readonly share: number;
  readonly taken: number;
  readonly mask: Mask;
}

function chosenMasks(
  sites: Sites,
  { contributions, means }: Seen,
  { share, draws, fill }: AblationOptions,
  seed: number,
): Chosen[] {
  const owners = sitesOfValues(sites);
  const total = sum(sites.counts);
  const blocks = sites.counts.flatMap((count, block) => new Array<number>(count).fill(block));
  // Heads and blocks are few: those of other blocks match as well.
  const group = (site: number): number => (sites.kind === "units" ? blocks[site] : 0);
  const average = Float64Array.from({ length: total }, (_, site) => mean(contributions.map((own) => own[site])));
  const without = (taken: Int32Array): Mask => {
    const gone = new Set(taken);
    const mask = Float32Array.from(owners, (site) => Number(!gone.has(site)));
    return { mask, fill: means.map((value, at) => (mask[at] === 0 && fill === "mean" ? value : 0)) };
  };
  const whole: Chosen = { kind: "whole", domain: -1, share: 0, taken: 0, mask: without(new Int32Array()) };
  return [
    whole,
    ...contributions.flatMap((_, domain): Chosen[] => {
      const order = ownSites(contributions, domain);
      const own = order.slice(0, takenOf(share, total));
      const part = (kind: Chosen["kind"], of: number, taken: Int32Array): Chosen => ({
        kind,
        domain,
        share: of,
        taken: taken.length,
        mask: without(taken),
      });
      return [
        part("own", share, own),
        ...Array.from({ length: draws }, (_, draw) =>
          part("matched", share, matchedSites(own, average, group, [seed, "matched sites", domain, draw])),
        ),
        ...LEVELS.map((level) => part("curve", level * share, order.slice(0, takenOf(level * share, total)))),
      ];
    }),
  ];
}

interface Masks {
  readonly id: string;
  readonly masks: readonly Chosen[];
  readonly evaluated: readonly Unit[];
}

/** Milliseconds after which what was seen is written down; where the run is stopped it is so at once. */
const KEEPING = 2000;
const KEPT = z.array(z.instanceof(Float64Array));

/** Nats of what counts of every evaluated unit under every mask, [masks][units]; what an earlier run has seen is taken up. */
async function everyMask(
  { model, plan, threads, progress, signal, work, resume }: AblationRequest,
  { subject }: Prepared,
  sites: Sites,
  { id, masks, evaluated }: Masks,
): Promise<Float64Array[]> {
  const decoder = requireDecoder(model, "taking parts away");
  const { context, overlap, prefix, documents } = subject;
  const path = join(work, `${id}.ablation`);
  const kept =
    resume && existsSync(path)
      ? readChecksummed(path, KEPT, "the run was begun", "start it afresh, without --resume")
      : [];
  const nats = kept.filter((own) => own.length === evaluated.length).slice(0, masks.length);
  const parts = evaluated.flatMap((unit, at) => unit.map(({ document, from }) => ({ document, at, from })));
  const place = new Map(
    parts.map(({ document: { index, byteEnds }, at, from }) => [
      index,
      { at, first: from === 0 ? 0 : byteEnds.findIndex((end) => end > from) },
    ]),
  );
  const windows = parts.flatMap(({ document: { index, ids } }) => windowsOf(index, ids, prefix, context, overlap));
  const batches = batchesFor(model, windows, plan.batchTokens);
  progress.start(ABLATION_MASKS, masks.length, "masks", nats.length);
  if (nats.length < masks.length) {
    mkdirSync(work, { recursive: true });
    const describe = (batch: WindowBatch): string => describeBatch(batch, documents);
    let written = performance.now();
    const keep = async (): Promise<void> => {
      await writeChecksummed(path, nats);
      written = performance.now();
    };
    try {
      await ablating({ decoder, sites, threads, signal, longest: longestOf(batches), describe }, async (graph) => {
        while (nats.length < masks.length) {
          const own = new Float64Array(evaluated.length);
          for (const batch of batches) {
            const losses = await graph.losses(batch, masks[nats.length].mask);
            let row = 0;
            for (const { window, token } of scoredIn(batch)) {
              const { at, first } = place.get(window.document)!;
              if (token >= first) own[at] += losses[row];
              row++;
            }
          }
          nats.push(own);
          if (performance.now() - written > KEEPING) await keep();
          progress.update(nats.length);
        }
      });
    } catch (error) {
      await keep();
      if (!(error instanceof LossyscopeError && error.fault === "interrupted")) throw error;
      throw new LossyscopeError(
        "interrupted",
        `stopped after ${nats.length} of ${counted(masks.length, "mask")}`,
        "the same command with --resume goes on from there",
      );
    }
  }
  progress.finish();
  await rm(path, { force: true });
  return nats;
}

const BITS = 1 / Math.LN2;

/** Bytes of a unit that count. */
const bytesOf = (unit: Unit): number => sum(unit.map(({ document, from }) => document.bytes - from));

function figuresOf(
  halves: readonly Half[],
  masks: readonly Chosen[],
  nats: readonly Float64Array[],
  seed: number,
): Pick<Ablation, "domains" | "matrix" | "curves"> {
  let before = 0;
  const places = halves.map(({ evaluated }) => {
    const from = before;
    before += evaluated.length;
    return { from, to: before, bytes: Float64Array.from(evaluated, bytesOf) };
  });
  const [whole] = nats;
  const bits = (domain: number, own: Float64Array, less: Float64Array | null): Float64Array => {
    const { from, to } = places[domain];
    return Float64Array.from({ length: to - from }, (_, at) => BITS * (own[from + at] - (less?.[from + at] ?? 0)));
  };
  const rate = (domain: number, numerator: Float64Array): Interval => {
    const { bytes } = places[domain];
    const value = sum(numerator) / sum(bytes);
    if (bytes.length < FEWEST_UNITS) return { value, low: null, high: null };
    const [above, below] = bootstrapSums([numerator, bytes], { seed });
    return percentileInterval(
      value,
      above.map((one, r) => one / below[r]),
    );
  };
  const effect = (mask: number, domain: number): number =>
    sum(bits(domain, nats[mask], whole)) / sum(places[domain].bytes);
  const all = [...halves.keys()];
  return {
    domains: halves.map(({ name, chosen, evaluated }, domain) => ({
      name,
      chosen: chosen.length,
      evaluated: evaluated.length,
      bitsPerByte: rate(domain, bits(domain, whole, null)),
    })),
    matrix: halves.map(({ name }, domain) => {
      const own = masks.findIndex((one) => one.kind === "own" && one.domain === domain);
      const draws = masks.flatMap((one, at) => (one.kind === "matched" && one.domain === domain ? [at] : []));
      const effects = all.map((other) => rate(other, bits(other, nats[own], whole)));
      const values = effects.map(({ value }) => value!);
      const size = sum(values.map(Math.abs));
      const matched = all.map((other) => draws.map((at) => effect(at, other)));
      return {
        domain: name,
        effects,
        shares: values.map((value) => (size > 0 ? value / size : 0)),
        matched: matched.map((of) => ({
          mean: mean(of),
          high: quantile(
            of.toSorted((a, b) => a - b),
            0.95,
          ),
        })),
        localised: verdictOf(values, domain, matched[domain]).localised,
      };
    }),
    curves: curvesOf(halves, masks, { places, bits, effect, nats, seed }),
  };
}

interface Effects {
  readonly places: readonly { readonly bytes: Float64Array }[];
  /** Δ bits of every unit of a domain */
  readonly bits: (domain: number, own: Float64Array, less: Float64Array | null) => Float64Array;
  /** Δ bits per byte on a domain */
  readonly effect: (mask: number, domain: number) => number;
  readonly nats: readonly Float64Array[];
  readonly seed: number;
}

/** How a domain and the others fare as more and more of its own sites are taken away; domains are resampled apart. */
function curvesOf(
  halves: readonly Half[],
  masks: readonly Chosen[],
  { places, bits, effect, nats, seed }: Effects,
): Ablation["curves"] {
  const enough = places.every(({ bytes }) => bytes.length >= FEWEST_UNITS);
  const all = [...halves.keys()];
  const along = all.map((domain) =>
    masks
      .flatMap((one, at) =>
        (one.kind === "curve" || one.kind === "own") && one.domain === domain ? [{ one, at }] : [],
      )
      .sort((a, b) => a.one.share - b.one.share),
  );
  const used = along.flat().map(({ at }) => at);
  /** by domain, then mask: resampled Δ bits per byte */
  const samples = all.map((domain) => {
    if (!enough) return new Map<number, Float64Array>();
    const { bytes } = places[domain];
    const own = random(seed, "ablation curves", domain).below(2 ** 31);
    const [below, ...above] = bootstrapSums([bytes, ...used.map((mask) => bits(domain, nats[mask], nats[0]))], {
      seed: own,
    });
    return new Map(used.map((mask, place) => [mask, above[place].map((one, r) => one / below[r])]));
  });
  return halves.map(({ name }, domain) => {
    const rest = all.filter((other) => other !== domain);
    const sampled = along[domain].map(({ at }) => ({
      own: samples[domain].get(at) ?? new Float64Array(),
      others: (samples[rest[0]].get(at) ?? new Float64Array()).map((_, r) =>
        mean(rest.map((other) => samples[other].get(at)![r])),
      ),
    }));
    const points = along[domain].map(({ one, at }, place) => {
      const own = effect(at, domain);
      const others = mean(rest.map((other) => effect(at, other)));
      return {
        share: one.share,
        taken: one.taken,
        own,
        others,
        ownInterval: percentileInterval(own, sampled[place].own),
        othersInterval: percentileInterval(others, sampled[place].others),
      };
    });
    const shares = points.map(({ share }) => share);
    const area = areaBetween(
      shares,
      points.map(({ own }) => own),
      points.map(({ others }) => others),
    );
    const areas = (sampled[0]?.own ?? new Float64Array()).map((_, r) =>
      areaBetween(
        shares,
        sampled.map(({ own }) => own[r]),
        sampled.map(({ others }) => others[r]),
      ),
    );
    return { domain: name, points, area, areaInterval: percentileInterval(area, areas) };
  });
}
