/**
 * A measurement from end to end: model and text → plan → one pass of windows through the engine, observed by the probes →
 * profile (DESIGN, 'The way of the data'). A run that is stopped keeps what it has in its folder and goes on from there.
 *
 * Memory: the text and 8 bytes a token, twice that for windows; the engine's child; each probe as its file says. Disk:
 * the plane's rows (`PlaneProbe.spillBytes`, said before the run).
 */
import { arch, platform } from "node:os";
import { OnnxEngine } from "../engines/onnx.ts";
import { storageLedger } from "../models/ledger.ts";
import { entropyCodedBytes } from "../models/ledger-entropy.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { unionOfRows } from "../observations/observation.ts";
import { CodingProbe } from "../probes/coding.ts";
import { GeometryProbe, geometryRows } from "../probes/geometry.ts";
import { KeptStates } from "../probes/kept-states.ts";
import { PlaneProbe } from "../probes/plane.ts";
import type { Ledger } from "../profile/ledger.ts";
import { PROFILE_SCHEMA, type Profile, profileSchema } from "../profile/profile.ts";
import { VERSION } from "../profile/version.ts";
import type { TokenizedDocument, WindowBatch } from "../text/corpus.ts";
import { type Units, unitsOf } from "../text/units.ts";
import { batchesOf, windowsOf } from "../text/windows.ts";
import { loadTokenizer, type Tokenizer } from "../tokenizer/tokenizer.ts";
import { type Baselines, measureBaselines } from "./baselines.ts";
import { corpusDigest, corpusName, corpusSection, readCorpus, shownText } from "./corpus.ts";
import { geometrySection } from "./geometry.ts";
import { LmEvalTally, lmEvalWindows } from "./lm-eval.ts";
import { foreseeMemory } from "./memory.ts";
import type { OpenModel } from "./model.ts";
import { describeBatch, onePass } from "./pass.ts";
import { passagesOf } from "./passages.ts";
import { contextOf, type Plan, runId } from "./plan.ts";
import { type GivenPoints, type PlanePoints, planePoints } from "./points.ts";
import { type ProgressSink, withProgress } from "./progress.ts";
import { RunFolder } from "./run-folder.ts";

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
  /** between two snapshots of the probes */
  readonly snapshotSeconds?: number;
  /** takes the measurement while the run is still there to go on from: where it throws, the text need not be read again */
  readonly deliver?: (measurement: Measurement) => Promise<void>;
}

export interface Measurement {
  readonly profile: Profile;
  readonly documents: readonly TokenizedDocument[];
  /** nats of every token of the document with that index */
  readonly lossesOf: (document: number) => Float32Array;
  /** what `--keep states` keeps, there until `deliver` has returned */
  readonly keptStates: KeptStates | null;
}

/** Everything that is decided before the model runs. */
interface Prepared {
  readonly tokenizer: Tokenizer;
  readonly documents: readonly TokenizedDocument[];
  readonly units: Units;
  readonly context: number;
  readonly overlap: number;
  readonly batches: readonly WindowBatch[];
  readonly longest: number;
  readonly corpus: Profile["corpus"];
  readonly digests: Profile["provenance"]["digests"];
  readonly refusals: Profile["refusals"];
}

interface Running extends Prepared {
  readonly id: string;
  readonly folder: RunFolder;
  readonly started: Date;
  readonly points: PlanePoints | null;
  readonly plane: PlaneProbe | null;
}

/**
 * @throws LossyscopeError by what is wrong with model, text, options, machine; `interrupted` when stopped, after which
 * the same request with `resume` goes on
 */
export async function measure(request: MeasureRequest): Promise<Measurement> {
  const { plan, progress, signal } = request;
  const started = new Date();
  try {
    const prepared = await prepare(request);
    if (signal?.aborted) {
      throw new LossyscopeError("interrupted", "stopped before the model ran", "the same command begins again");
    }
    const id = runId(plan, { ...prepared.digests, corpus: prepared.corpus.digest });
    const folder = new RunFolder(request.work, id, request.resume);
    try {
      const measurement = await run(request, prepared, id, folder, started);
      await request.deliver?.(measurement);
      measurement.keptStates?.close();
      folder.remove();
      return measurement;
    } catch (error) {
      throw folder.resumable ? withWayOn(error) : error;
    } finally {
      folder.release();
    }
  } finally {
    progress.finish();
  }
}

/** Says of an error that may not come again how the run goes on. */
function withWayOn(error: unknown): unknown {
  if (!(error instanceof LossyscopeError && ["interrupted", "io", "engine"].includes(error.fault))) return error;
  const wayOn = "the same command with --resume goes on from there";
  return new LossyscopeError(error.fault, error.message, wayOn, { cause: error });
}

async function prepare({ model, plan, progress, signal }: MeasureRequest): Promise<Prepared> {
  const { checkpoint, spec } = model;
  const tokenizer = await loadTokenizer(checkpoint.folder, checkpoint.config, { specialTokens: plan.specialTokens });
  const corpus = await readCorpus(plan, tokenizer, progress, signal);
  const { documents } = corpus;
  const units = unitsOf(documents.map(({ ids }) => ids.length));
  const context = contextOf(plan.context, spec.positions);
  const overlap = plan.overlap ?? Math.floor(context / 2);
  const windows = documents.flatMap(({ index, ids }) => windowsOf(index, ids, tokenizer.prefix, context, overlap));
  const name = corpusName(plan);
  if (windows.length === 0) {
    throw new LossyscopeError("text", `${name} has no text to measure`, "give text that is not empty");
  }
  const longest = windows.reduce((most, { ids }) => Math.max(most, ids.length), 0);
  foreseeMemory(spec, checkpoint.weights, { longest, batchTokens: plan.batchTokens });

  let hashed = 0;
  const weightBytes = checkpoint.weightFiles.reduce((total, { bytes }) => total + bytes, 0);
  const digests = await withProgress(progress, "reading the weights for their digest", "bytes", (update) =>
    checkpoint.digests({
      signal,
      onBytes: (bytes) => {
        hashed += bytes;
        update(hashed, weightBytes);
      },
    }),
  );
  return {
    tokenizer,
    documents,
    units,
    context,
    overlap,
    batches: batchesOf(windows, plan.batchTokens),
    longest,
    corpus: corpusSection(name, corpusDigest(corpus), corpus, units),
    digests,
    refusals: corpus.refused.map(({ id, reason }) => ({ figure: `document ${id}`, reason })),
  };
}

async function run(
  request: MeasureRequest,
  prepared: Prepared,
  id: string,
  folder: RunFolder,
  started: Date,
): Promise<Measurement> {
  const { plan, progress, points: given } = request;
  const { width } = request.model.spec;
  const refusals = [...prepared.refusals];
  const points = plan.plane && planePoints({ ...plan.plane, width, seed: plan.seed }, given);
  const plane = points && planeProbe(request, prepared, points, folder.path, refusals);
  try {
    if (request.resume && !folder.earlier) progress.message("there is nothing to go on from: the run begins afresh");
    if (plane) {
      folder.foresee(plane.spillBytes);
      progress.message(`${(plane.spillBytes / 1e6).toFixed(1)} MB of temporary disk space for the plane`);
    }
    return await runProbes(request, { ...prepared, refusals, id, folder, started, points, plane });
  } finally {
    plane?.close();
  }
}

async function runProbes(request: MeasureRequest, running: Running): Promise<Measurement> {
  const { model, plan, progress, signal, threads } = request;
  const { spec } = model;
  const { tokenizer, documents, units, batches, longest, corpus, refusals, id, folder, points, plane } = running;
  const stopwatch = performance.now();
  const coding = new CodingProbe(documents, { vocabulary: spec.vocabulary, prefixed: tokenizer.prefix !== null });
  const rows =
    plan.geometry &&
    geometryRows(
      documents.map(({ ids }) => ids.length),
      spec.width,
      plan.seed,
    );
  const shape = { layers: spec.blocks.length + 1, width: spec.width };
  const geometry = rows && new GeometryProbe(rows, shape);
  const kept = plan.keep.includes("states") ? new KeptStates(documents, shape, plan.seed, folder.path) : null;

  const engine = engineOf(request, documents, longest);
  const pass = await onePass({
    engine,
    batches,
    request: {
      heads: {
        losses: true,
        assignments: plane && points ? { ...points, epsilon: points.temperature.epsilon } : undefined,
        moments: geometry !== false,
        preNorm: plan.preNorm,
      },
      momentRows: rows ? rows.momentRows : undefined,
      stateRows:
        rows || kept
          ? (batch) => unionOfRows([rows ? rows.stateRows(batch) : [], kept?.stateRows(batch) ?? []])
          : undefined,
    },
    probes: { coding, ...(plane && { plane }), ...(geometry && { geometry }), ...(kept && { kept }) },
    folder,
    progress,
    signal,
    snapshotSeconds: request.snapshotSeconds,
  });

  const likeLmEval = plan.likeLmEval ? await asLmEval(request, running) : undefined;
  const baselines = await baselineSizes(request, documents);
  refusals.push(...baselines.refusals);
  const ledger = await ledgerOf(request);
  const coded = coding.finish({ units, weightBytes: ledger.weightBytes, baselines, seed: plan.seed });
  const planeFigures =
    plane &&
    (await withProgress(progress, "information plane", "layers", (onLayer) =>
      plane.finish({ threads, signal, onLayer }),
    ));
  if (planeFigures?.absent) refusals.push({ figure: "plane", reason: planeFigures.absent });
  const geometryFigures =
    geometry && rows
      ? await withProgress(progress, "geometry", "layers", (onLayer) =>
          geometrySection(geometry, rows, { model, documents, tokenizer, seed: plan.seed, signal, onLayer }),
        )
      : null;

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
    plan: { ...plan, context: running.context, overlap: running.overlap, text: shownText(plan) },
    corpus,
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
        engine: `onnxruntime ${engine.report.version}`.trim(),
        platform: `${platform()} ${arch()}`,
        threads,
      },
      digests: running.digests,
      seeds: { everything: plan.seed, ...(points && { referencePoints: points.source }) },
      started: running.started.toISOString(),
      seconds: (performance.now() - stopwatch) / 1000,
      tokensPerSecond: pass.tokens > 0 ? pass.tokens / pass.seconds : null,
      peakMemoryBytes: engine.report.peakBytes + process.resourceUsage().maxRSS * 1024,
    },
    refusals,
  };
  return { profile: profileSchema.parse(profile), documents, lossesOf, keptStates: kept };
}

const engineOf = (
  { model: { spec, checkpoint }, threads }: MeasureRequest,
  documents: readonly TokenizedDocument[],
  longest: number,
): OnnxEngine =>
  new OnnxEngine({
    spec,
    weights: checkpoint.weights,
    threads,
    longest,
    describe: (batch) => describeBatch(batch, documents),
  });

/** The plane, or null with the reason among the refusals where the text has no position for it. */
function planeProbe(
  { model: { spec }, plan }: MeasureRequest,
  { documents, tokenizer, units }: Prepared,
  points: PlanePoints,
  folder: string,
  refusals: Profile["refusals"],
): PlaneProbe | null {
  const { allPositions, frontier } = plan.plane!;
  try {
    return new PlaneProbe(
      {
        ...points,
        documents,
        prefix: tokenizer.prefix,
        units,
        layers: spec.blocks.length + 1,
        width: spec.width,
        allPositions,
        preNorm: plan.preNorm,
        seed: plan.seed,
        frontier,
      },
      { folder, resumable: true },
    );
  } catch (error) {
    if (!(error instanceof LossyscopeError && error.fault === "text")) throw error;
    refusals.push({ figure: "plane", reason: error.message });
    return null;
  }
}

/** What lm-evaluation-harness would say: its own windows through the same model, losses alone. */
async function asLmEval(
  request: MeasureRequest,
  { tokenizer: { prefix }, documents, context }: Prepared,
): Promise<ReturnType<LmEvalTally["finish"]>> {
  if (!prefix) {
    throw new LossyscopeError(
      "unsupported",
      "lm-evaluation-harness opens every document with BOS or end-of-text; this tokenizer has neither",
      "leave out --like lm-eval",
    );
  }
  const windows = documents.flatMap(({ index, ids }) => lmEvalWindows(index, ids, prefix.id, context));
  const batches = batchesOf(windows, request.plan.batchTokens);
  const tally = new LmEvalTally(documents);
  const engine = engineOf(request, documents, context);
  let done = 0;
  await withProgress(request.progress, "as lm-evaluation-harness", "windows", async (update) => {
    const heads = { losses: true, preNorm: false };
    for await (const observation of engine.run(batches, { heads }, request.signal)) {
      tally.observe(observation);
      done += observation.batch.windows.length;
      update(done, windows.length);
    }
  });
  return tally.finish(context);
}

async function baselineSizes(
  { plan, progress, signal }: MeasureRequest,
  documents: readonly TokenizedDocument[],
): Promise<Baselines> {
  if (!plan.baselines) return { overall: [], domains: {}, refusals: [] };
  return withProgress(progress, "other compressors", "bytes", (update) =>
    measureBaselines(documents, {
      signal,
      onProgress: ({ done, total, compressor }) => update(done, total, compressor),
    }),
  );
}

async function ledgerOf({ model: { name, checkpoint }, plan, progress, signal }: MeasureRequest): Promise<Ledger> {
  const coded = plan.entropy
    ? await withProgress(progress, "reading the weights", "bytes", (onProgress) =>
        entropyCodedBytes(checkpoint.weights, { signal, onProgress }),
      )
    : null;
  return storageLedger(checkpoint.config, checkpoint.weights, {
    name,
    training: { tokens: plan.trainingTokens ?? undefined, bytes: plan.trainingBytes ?? undefined },
    entropyCodedBytes: coded,
  });
}
