/**
 * A measurement from end to end: model and text → plan → one pass of windows through the engine, observed by the probes →
 * profile (DESIGN, 'The way of the data'). A run that is stopped keeps what it has in its folder and goes on from there.
 *
 * Memory: the text and 8 bytes a token, twice that for windows; the engine's child; each probe as its file says. Disk:
 * the plane's rows (`PlaneProbe.spillBytes`, said before the run).
 */
import { arch, platform } from "node:os";
import { basename, isAbsolute } from "node:path";
import { OnnxEngine } from "../engines/onnx.ts";
import { sha256 } from "../files/digest.ts";
import { storageLedger } from "../models/ledger.ts";
import { entropyCodedBytes } from "../models/ledger-entropy.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import type { Observation } from "../observations/observation.ts";
import { CodingProbe } from "../probes/coding.ts";
import { GeometryProbe, type GeometrySnapshot, geometryRows } from "../probes/geometry.ts";
import { PlaneProbe, type PlaneSnapshot } from "../probes/plane.ts";
import { PROFILE_SCHEMA, type Profile, profileSchema } from "../profile/profile.ts";
import { VERSION } from "../profile/version.ts";
import type { TokenizedDocument, WindowBatch } from "../text/corpus.ts";
import { readDocuments } from "../text/documents.ts";
import { unitsOf } from "../text/units.ts";
import { batchesOf, windowsOf } from "../text/windows.ts";
import { type TokenizedCorpus, tokenizeCorpus } from "../tokenizer/document.ts";
import { loadTokenizer, type Tokenizer } from "../tokenizer/tokenizer.ts";
import { measureBaselines } from "./baselines.ts";
import { embeddingGeometry } from "./embedding.ts";
import { LmEvalTally, lmEvalWindows } from "./lm-eval.ts";
import { foreseeMemory } from "./memory.ts";
import type { OpenModel } from "./model.ts";
import { passagesOf } from "./passages.ts";
import { type Plan, runId } from "./plan.ts";
import { type GivenPoints, type PlanePoints, planePoints } from "./points.ts";
import type { ProgressSink } from "./progress.ts";
import { RunFolder } from "./run-folder.ts";

/** Seconds of the runtime between two snapshots of the probes. */
const SNAPSHOT_SECONDS = 30;

export interface MeasureRequest {
  readonly model: OpenModel;
  readonly plan: Plan;
  /** the file that `plan.plane.pointsDigest` names */
  readonly points: GivenPoints | null;
  /** a line that the reader of the profile must see first */
  readonly title?: string;
  readonly threads: number;
  /** where runs keep what they need while they go on */
  readonly work: string;
  readonly resume: boolean;
  readonly progress: ProgressSink;
  readonly signal?: AbortSignal;
}

export interface Measurement {
  readonly profile: Profile;
  readonly documents: readonly TokenizedDocument[];
  /** nats of every token of the document with that index */
  readonly lossesOf: (document: number) => Float32Array;
}

/**
 * @throws LossyscopeError by what is wrong with model, text, options, machine; `interrupted` when stopped, after which
 * the same request with `resume` goes on
 */
export async function measure(request: MeasureRequest): Promise<Measurement> {
  const { model, plan, progress, signal, threads } = request;
  const { checkpoint, spec } = model;
  const started = new Date();
  const stopwatch = performance.now();
  const refusals: Profile["refusals"] = [];

  const tokenizer = await loadTokenizer(checkpoint.folder, checkpoint.config, { specialTokens: plan.specialTokens });
  const { corpus, name } = await readCorpus(plan, tokenizer, progress);
  const { documents } = corpus;
  for (const { id, reason } of corpus.refused) refusals.push({ figure: `document ${id}`, reason });
  const tokens = documents.map(({ ids }) => ids.length);
  const units = unitsOf(tokens);

  const context = contextOf(plan, spec.positions);
  const overlap = plan.overlap ?? Math.floor(context / 2);
  const windows = documents.flatMap(({ index, ids }) => windowsOf(index, ids, tokenizer.prefix, context, overlap));
  if (windows.length === 0)
    throw new LossyscopeError("text", `${name} has no text to measure`, "give text that is not empty");
  const batches = batchesOf(windows, plan.batchTokens);
  const longest = windows.reduce((most, { ids }) => Math.max(most, ids.length), 0);
  foreseeMemory(spec, checkpoint.weights, { longest, batchTokens: plan.batchTokens, draws: plan.plane?.draws ?? 0 });

  progress.start("reading the weights for their digest", weightBytesOf(model), "bytes");
  let hashed = 0;
  const digests = await checkpoint.digests({ signal, onBytes: (bytes) => progress.update((hashed += bytes)) });
  progress.finish();
  const corpusDigest = sha256(documents.map(({ domain, sha256 }) => `${domain}\n${sha256}\n`).join(""));
  const id = runId(plan, { ...digests, corpus: corpusDigest });

  const folder = new RunFolder(request.work, id, request.resume);
  let finished = false;
  try {
    const shape = { layers: spec.blocks.length + 1, width: spec.width };
    const coding = new CodingProbe(documents, { vocabulary: spec.vocabulary, prefixed: tokenizer.prefix !== null });
    const points = plan.plane
      ? planePoints(
          { m: plan.plane.points, draws: plan.plane.draws, width: spec.width, seed: plan.seed },
          request.points,
          plan.plane.temperature,
        )
      : null;
    const plane = points && planeProbe(request, corpus, tokenizer, points, units, folder.path, refusals);
    const rows = plan.geometry ? geometryRows(tokens, spec.width, plan.seed) : null;
    const geometry = rows && new GeometryProbe(rows, shape);
    const report = plane && `temporary disk: ${(plane.spillBytes / 1e6).toFixed(1)} MB for ${shape.layers} layers`;
    if (report) progress.message(report);

    const engine = new OnnxEngine({
      spec,
      weights: checkpoint.weights,
      threads,
      longest,
      describe: (batch) => describeBatch(batch, documents),
    });
    const pass = await onePass({
      engine,
      batches,
      request,
      folder,
      probes: { coding, plane, geometry },
      heads: {
        losses: true,
        assignments: plane && points ? { ...points, epsilon: points.temperature.epsilon } : undefined,
        moments: geometry !== null,
        preNorm: plan.preNorm,
      },
      rows: rows ?? undefined,
    });

    const likeLmEval = plan.likeLmEval ? await asLmEval(request, documents, tokenizer, context) : undefined;
    const baselines = plan.baselines
      ? await withProgress(progress, "other compressors", "bytes", (update) =>
          measureBaselines(documents, {
            signal,
            onProgress: ({ done, total, compressor }) => update(done, total, compressor),
          }),
        )
      : { overall: [], domains: {}, refusals: [] };
    refusals.push(...baselines.refusals);

    const ledger = storageLedger(checkpoint.config, checkpoint.weights, {
      name: model.name,
      training: { tokens: plan.trainingTokens ?? undefined, bytes: plan.trainingBytes ?? undefined },
      entropyCodedBytes: plan.entropy
        ? await withProgress(progress, "reading the weights", "bytes", (update) =>
            entropyCodedBytes(checkpoint.weights, { signal, onProgress: update }),
          )
        : null,
    });
    const coded = coding.finish({ units, weightBytes: ledger.weightBytes, baselines, seed: plan.seed });
    const planeFigures = plane
      ? await withProgress(progress, "information plane", "layers", (update) =>
          plane.finish({ signal, onLayer: update }),
        )
      : null;
    if (planeFigures?.absent) refusals.push({ figure: "plane", reason: planeFigures.absent });
    const geometryFigures =
      geometry && rows ? await finishGeometry(request, geometry, rows.states, documents, tokenizer) : null;

    const lossesOf = (document: number): Float32Array => coding.losses(document);
    const profile: Profile = {
      schema: PROFILE_SCHEMA,
      id,
      title: request.title ?? null,
      model: {
        name: model.name,
        revision: model.revision,
        architecture: spec.architecture,
        layers: spec.blocks.length,
        width: spec.width,
        vocabulary: spec.vocabulary,
        positions: spec.positions,
      },
      plan: {
        ...plan,
        context,
        overlap,
        text: plan.text.map(({ path, domain }) => ({ path: shownPath(path), domain })),
      },
      corpus: corpusSection(name, corpusDigest, corpus, units),
      ledger,
      coding: { ...coded.coding, ...(likeLmEval && { likeLmEval }) },
      plane: planeFigures,
      geometry: geometryFigures,
      documents: documents.map(({ id, sha256, domain, bytes, ids, index }) => ({
        id,
        sha256,
        domain,
        bytes,
        tokens: ids.length,
        nats: coded.documentNats[index],
      })),
      passages: plan.keepText ? passagesOf(documents, lossesOf, { seed: plan.seed }) : [],
      provenance: {
        tool: { name: "lossyscope", version: VERSION },
        runtime: {
          node: process.version,
          engine: `onnxruntime ${engine.report.version}`,
          platform: `${platform()} ${arch()}`,
          threads,
        },
        digests,
        seeds: { everything: plan.seed, ...(points && { referencePoints: points.source }) },
        started: started.toISOString(),
        seconds: (performance.now() - stopwatch) / 1000,
        tokensPerSecond: pass.seconds > 0 ? pass.tokens / pass.seconds : null,
        peakMemoryBytes: engine.report.peakBytes + process.resourceUsage().maxRSS * 1024,
      },
      refusals,
    };
    plane?.dispose();
    finished = true;
    return { profile: profileSchema.parse(profile), documents, lossesOf };
  } finally {
    progress.finish();
    if (finished) folder.remove();
    else folder.release();
  }
}

/** Names what is measured without giving away where it lies. */
const shownPath = (path: string): string => (isAbsolute(path) ? basename(path) : path);

async function readCorpus(
  plan: Plan,
  tokenizer: Tokenizer,
  progress: ProgressSink,
): Promise<{ corpus: TokenizedCorpus; name: string }> {
  progress.start("reading and tokenising", null, "bytes");
  let bytes = 0;
  const counted = (async function* () {
    for await (const document of readDocuments(plan)) {
      bytes += Buffer.byteLength(document.text);
      progress.update(bytes);
      yield document;
    }
  })();
  const corpus = await tokenizeCorpus(tokenizer, counted);
  progress.finish();
  const name = plan.text.map(({ path }) => (path === "-" ? "standard input" : basename(path))).join(", ");
  return { corpus, name };
}

/** @throws LossyscopeError `usage` where the model has fewer positions than were asked for on purpose */
function contextOf(plan: Plan, positions: number | null): number {
  if (positions === null || plan.context.tokens <= positions) return plan.context.tokens;
  if (!plan.context.asked) return positions;
  throw new LossyscopeError(
    "usage",
    `the model has ${positions} positions, --context asks ${plan.context.tokens}`,
    `pass --context ${positions}`,
  );
}

const weightBytesOf = ({ checkpoint }: OpenModel): number =>
  checkpoint.weightFiles.reduce((total, { bytes }) => total + bytes, 0);

function describeBatch({ windows }: WindowBatch, documents: readonly TokenizedDocument[]): string {
  const { document, start, ids } = windows[0];
  const more = windows.length > 1 ? ` and ${windows.length - 1} more windows` : "";
  return `tokens ${start} to ${start + ids.length} of "${documents[document].id}"${more}`;
}

/** The plane, or null with the reason among the refusals where the text has no position for it. */
function planeProbe(
  { model: { spec }, plan }: MeasureRequest,
  { documents }: TokenizedCorpus,
  { prefix }: Tokenizer,
  points: PlanePoints,
  units: ReturnType<typeof unitsOf>,
  folder: string,
  refusals: Profile["refusals"],
): PlaneProbe | null {
  try {
    return new PlaneProbe(
      {
        documents,
        prefix,
        units,
        layers: spec.blocks.length + 1,
        width: spec.width,
        m: points.m,
        draws: points.draws,
        source: points.source,
        temperature: points.temperature,
        allPositions: plan.plane!.allPositions,
        preNorm: plan.preNorm,
        seed: plan.seed,
        frontier: plan.plane!.frontier,
      },
      { folder, resumable: true },
    );
  } catch (error) {
    if (!(error instanceof LossyscopeError && error.fault === "text")) throw error;
    refusals.push({ figure: "plane", reason: error.message });
    return null;
  }
}

interface Pass {
  readonly engine: OnnxEngine;
  readonly batches: readonly WindowBatch[];
  readonly request: MeasureRequest;
  readonly folder: RunFolder;
  readonly probes: {
    readonly coding: CodingProbe;
    readonly plane: PlaneProbe | null;
    readonly geometry: GeometryProbe | null;
  };
  readonly heads: Parameters<OnnxEngine["run"]>[1]["heads"];
  readonly rows: { momentRows(batch: WindowBatch): Int32Array; stateRows(batch: WindowBatch): Int32Array } | undefined;
}

const freshSlots = ({ windows }: WindowBatch): number =>
  windows.reduce((total, { ids, fresh, prefixSlots }) => total + ids.length - Math.max(fresh, prefixSlots), 0);

/** The one pass over the text. @returns scored tokens and wall seconds of this process's share of it */
async function onePass({
  engine,
  batches,
  request,
  folder,
  probes,
  heads,
  rows,
}: Pass): Promise<{ tokens: number; seconds: number }> {
  const { progress, signal } = request;
  const { coding, plane, geometry } = probes;
  const earlier = folder.progress();
  if (earlier) {
    coding.restore(earlier.probes.coding as ReturnType<CodingProbe["snapshot"]>);
    plane?.restore(earlier.probes.plane as PlaneSnapshot);
    geometry?.restore(earlier.probes.geometry as GeometrySnapshot);
  }
  const done = earlier?.batches ?? 0;
  const save = (batches: number): Promise<void> =>
    folder.save({
      batches,
      probes: { coding: coding.snapshot(), plane: plane?.snapshot(), geometry: geometry?.snapshot() },
    });
  const before = batches.slice(0, done).reduce((total, batch) => total + freshSlots(batch), 0);
  const total = batches.reduce((sum, batch) => sum + freshSlots(batch), 0);
  progress.start("measuring", total, "tokens", before);
  const started = performance.now();
  let lastSave = started;
  let seen = before;
  let next = done;
  try {
    if (done < batches.length) {
      for await (const observation of engine.run(batches.slice(done), { heads, ...rows }, signal)) {
        observeAll(observation, probes);
        next++;
        seen += freshSlots(observation.batch);
        progress.update(seen);
        if (performance.now() - lastSave > SNAPSHOT_SECONDS * 1000) {
          await save(next);
          lastSave = performance.now();
        }
      }
    }
  } catch (error) {
    if (error instanceof LossyscopeError && error.fault === "interrupted") {
      await save(next);
      plane?.close();
      throw new LossyscopeError(
        "interrupted",
        `stopped after ${Math.floor((100 * seen) / total)} % of the text`,
        "the same command with --resume goes on from there",
      );
    }
    plane?.close();
    throw error;
  }
  if (next > done) await save(next);
  progress.finish();
  return { tokens: seen - before, seconds: (performance.now() - started) / 1000 };
}

function observeAll(observation: Observation, { coding, plane, geometry }: Pass["probes"]): void {
  coding.observe(observation);
  plane?.observe(observation);
  geometry?.observe(observation);
}

async function finishGeometry(
  { model: { spec, checkpoint }, plan, progress }: MeasureRequest,
  probe: GeometryProbe,
  states: "all" | "reservoir",
  documents: readonly TokenizedDocument[],
  tokenizer: Tokenizer,
): Promise<NonNullable<Profile["geometry"]>> {
  return withProgress(progress, "geometry", "layers", async (update) => {
    const layers: NonNullable<Profile["geometry"]>["layers"] = [];
    for (const layer of probe.finish()) {
      layers.push(layer);
      update(layers.length, spec.blocks.length + 1);
      await new Promise(setImmediate);
    }
    const counts = new Int32Array(spec.vocabulary);
    for (const { ids } of documents) for (const id of ids) counts[id]++;
    const textOf = (id: number): string => {
      const text = new TextDecoder().decode(tokenizer.bytesOf(id));
      return text === "" ? (tokenizer.contentOf(id) ?? `id ${id}`) : text;
    };
    const embedding = await embeddingGeometry(spec, checkpoint.weights, counts, textOf, plan.seed);
    return { width: spec.width, states, layers, embedding };
  });
}

/** What lm-evaluation-harness would say: its own windows through the same model, losses alone. */
async function asLmEval(
  { model: { spec, checkpoint }, plan, threads, progress, signal }: MeasureRequest,
  documents: readonly TokenizedDocument[],
  { prefix }: Tokenizer,
  context: number,
): Promise<NonNullable<Profile["coding"]>["likeLmEval"]> {
  if (!prefix) {
    throw new LossyscopeError(
      "unsupported",
      "lm-evaluation-harness opens every document with BOS or end-of-text; this tokenizer has neither",
      "leave out --like lm-eval",
    );
  }
  const windows = documents.flatMap(({ index, ids }) => lmEvalWindows(index, ids, prefix.id, context));
  const tally = new LmEvalTally(documents);
  const engine = new OnnxEngine({
    spec,
    weights: checkpoint.weights,
    threads,
    longest: context,
    describe: (batch) => describeBatch(batch, documents),
  });
  const batches = batchesOf(windows, plan.batchTokens);
  let done = 0;
  await withProgress(progress, "as lm-evaluation-harness", "windows", async (update) => {
    for await (const observation of engine.run(batches, { heads: { losses: true, preNorm: false } }, signal)) {
      tally.observe(observation);
      update((done += observation.batch.windows.length), windows.length);
    }
  });
  return tally.finish(context);
}

function corpusSection(
  name: string,
  digest: string,
  { documents, refused, invalidUtf8 }: TokenizedCorpus,
  units: ReturnType<typeof unitsOf>,
): Profile["corpus"] {
  const domains: Profile["corpus"]["domains"] = {};
  for (const { domain, bytes } of documents) {
    const own = (domains[domain] ??= { documents: 0, bytes: 0 });
    own.documents++;
    own.bytes += bytes;
  }
  const total = (of: (document: TokenizedDocument) => number): number =>
    documents.reduce((sum, one) => sum + of(one), 0);
  return {
    name,
    digest,
    documents: documents.length,
    bytes: total(({ bytes }) => bytes),
    characters: total(({ characters }) => characters),
    tokens: total(({ ids }) => ids.length),
    unit: units.kind,
    units: units.count,
    domains,
    normalised: total(({ normalised }) => Number(normalised)),
    refused: refused.length,
    invalidUtf8,
  };
}

/** Shows work whose total is known only once it has begun. */
async function withProgress<T>(
  progress: ProgressSink,
  label: string,
  unit: string,
  work: (update: (done: number, total: number, note?: string) => void) => Promise<T>,
): Promise<T> {
  let started = false;
  const result = await work((done, total, note) => {
    if (!started) progress.start(label, total, unit);
    started = true;
    progress.update(done, note);
  });
  progress.finish();
  return result;
}
