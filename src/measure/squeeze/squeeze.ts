/**
 * A model squeezed in several ways, each held against the original on one text (METHODS §7): the text is read once, the
 * original's weights are where they were, and for every point only the matrices that it changes are made anew before both
 * run side by side. A point that was measured is kept in the work folder until all are.
 *
 * Memory: as `lockstep/`, and what `weights.ts` states. Disk: 4 bytes a parameter for what is changed.
 */
import { setImmediate } from "node:timers/promises";
import { runnable } from "../../engines/runnable.ts";
import { sha256 } from "../../files/digest.ts";
import { storageLedger } from "../../models/ledger.ts";
import { entropyCodedBytes } from "../../models/ledger-entropy.ts";
import { MATRIX_KINDS, type ModelMatrix, matricesOf } from "../../models/matrices.ts";
import type { TensorSource } from "../../models/sources/tensor-source.ts";
import type { DecoderSpec } from "../../models/spec.ts";
import { count, figure, sizeText } from "../../numeric/amounts.ts";
import { bootstrapSums, FEWEST_UNITS, percentileInterval } from "../../numeric/bootstrap.ts";
import { canonicalJson } from "../../numeric/canonical-json.ts";
import { symmetricSpectra } from "../../numeric/eigen.ts";
import { LossyscopeError, shown } from "../../numeric/errors.ts";
import { groupBy } from "../../numeric/groups.ts";
import { sum } from "../../numeric/sums.ts";
import type { RunContext } from "../../ports/context.ts";
import { type Decoder, type Model, ofDecoder, requireDecoder } from "../../ports/model.ts";
import type { Interval } from "../../profile/figures.ts";
import type { Lockstep } from "../../profile/lockstep.ts";
import type { Plan } from "../../profile/plan.ts";
import { type Point, SQUEEZE_SCHEMA, type Squeezing } from "../../profile/squeeze.ts";
import { VERSION } from "../../profile/version.ts";
import { gaussianBound } from "../../squeeze/frontier.ts";
import { gramOfRows, transposed } from "../../squeeze/low-rank.ts";
import type { Size } from "../../squeeze/matrix.ts";
import { allot, costAt, nearest } from "../../squeeze/mixed.ts";
import { isByInputs, nameOf, type Transform } from "../../squeeze/transform.ts";
import type { FactSet } from "../../text/facts.ts";
import { sharedVocabulary } from "../../tokenizer/same.ts";
import { answersOf } from "../facts/facts.ts";
import type { Answered } from "../facts/figures.ts";
import { type Course, courseOf, courseOver } from "../lockstep/course.ts";
import { lockstepSeconds } from "../lockstep/foresee.ts";
import { lockstepOver, type OnSaid } from "../lockstep/lockstep.ts";
import { openTokenizer, readPlannedFacts } from "../prepare.ts";
import { corpusDigest, corpusName, readCorpus } from "../preparing/corpus.ts";
import type { Compared } from "../recall/verbatim.ts";
import { ANSWERS, BOUND, CANDIDATES, MAKING, PASSAGES, READING, stagesOfSqueezing } from "../stages.ts";
import { type Budget, bitsWithin, intoOrInstead, mixedName, refuseBudget, typesAmong } from "./budget.ts";
import { Calibration, type CalibrationText, readCalibration } from "./calibration.ts";
import { factsLost } from "./facts.ts";
import { enoughOf, frontierOf, orderOfLoss } from "./losses.ts";
import { type AskedPoint, matricesFor, refuseIdle, refuseImpossible, type Spared } from "./points.ts";
import { namesFor, rateOf, storedRate, Untouched } from "./rates.ts";
import { broughtBack, type Passages, passagesIn, recallLost } from "./recall.ts";
import { type Measured, PointStore } from "./store.ts";
import { keptRows, tokenSlots, tokensNeeded, withoutTokens } from "./trim.ts";
import { type Made, nameIn, SqueezedWeights, valuesIn, valuesOf } from "./weights.ts";
import { layPoint, layTrimmed, refuseUnwritable, TRIMMED, type WriteRequest } from "./write.ts";
import { TORCH_NAMES } from "./writing/chosen.ts";

export interface SqueezeRequest extends RunContext {
  readonly model: Model;
  readonly plan: Plan;
  readonly points: readonly AskedPoint[];
  /** made by somebody else, of the same vocabulary */
  readonly also: readonly Model[];
  /** what is left as it is at every point */
  readonly spared: readonly Spared[];
  /** what one part at a time is made into; null: not asked for */
  readonly sensitivity: Transform | null;
  /** whether the Gaussian yardstick is taken */
  readonly bound: boolean;
  /** where points are kept until all are measured */
  readonly work: string;
  readonly resume: boolean;
  /** files and folders that the run writes */
  readonly outputs?: readonly string[];
  /** text that says what the inputs of the matrices are like, other than the plan's; null: none */
  readonly calibration?: Plan["text"] | null;
  /** what a plan of several types may take; null: none is made */
  readonly budget?: Budget | null;
  /** types that such a plan may have besides, whose blocks do not divide the rows of all matrices */
  readonly mixable?: readonly Transform[];
  /** text besides the measured one whose tokens a trimmed vocabulary keeps */
  readonly keep?: Plan["text"];
  /** the point that is written, where and as what; null: none */
  readonly write?: WriteRequest | null;
  /** what measures a point again */
  readonly commandOf: (point: string) => string;
  /** hands the result over: what was measured is kept until that is done */
  readonly deliver?: (found: Squeezing) => Promise<void>;
}

/**
 * Measures every point, and says what goes first.
 * @throws LossyscopeError `usage` for points that cannot be made, before anything runs; as `measureLockstep` and
 * `SqueezedWeights.make` do; `interrupted`, after which `resume` goes on
 */
export async function measureSqueezing(request: SqueezeRequest): Promise<Squeezing> {
  const { model, plan, points, spared, progress, signal } = request;
  const began = performance.now();
  const decoder = requireDecoder(model, "squeezing");
  const { calibration: calibrating = null, sensitivity: alone } = request;
  const tried = [...points, ...(alone ? [{ kind: "transform", name: nameOf(alone), transform: alone } as const] : [])];
  refuseImpossible(tried, decoder.spec, spared, calibrating !== null);
  if (calibrating) refuseIdle(tried);
  if (request.write) {
    await refuseUnwritable(model, request.write, jobsToWrite(request, request.write.point));
  }
  if (points.length + request.also.length === 0)
    throw new LossyscopeError("usage", "nothing is to be tried", "pass --try, --prune, --rank or --also");
  const course = await courseOf({ ...request, reference: model, model });
  if ("absent" in course) throw new Error(course.absent);
  const calibration = calibrating && (await readCalibration({ ...request, calibration: calibrating }, course));
  const facts = plan.facts && (await readPlannedFacts(plan.facts, plan.seed));
  const original = await storedRate(model, signal);
  if (request.budget) refuseBudget(request.budget, { ...decoder, ...request, parameters: original.parameters });
  const id = sha256(
    canonicalJson({
      ...{ version: VERSION, digests: { ...(await model.digests({ signal })) }, text: corpusDigest(course) },
      ...{ context: course.context, overlap: course.overlap, batchTokens: plan.batchTokens, seed: plan.seed },
      ...{ spared: [...spared].sort(), facts: facts?.digest ?? null, threads: request.threads },
      ...(calibration && { calibration: calibration.described.digest }),
      ...(plan.with.includes("recall") && { recall: plan.recall }),
    }),
  ).slice(0, 16);
  const store = new PointStore(request.work, id, request.resume);
  const run = new Run(request, course, { calibration, facts }, original.parameters, store);
  try {
    const found = await run.all();
    const [{ interval, engine }] = found;
    const text = textOf(plan, course, found[0]);
    const mixed = request.budget == null ? null : await run.mixed(request.budget, found);
    const sorted = [...found, ...(mixed ? [mixed.measured] : [])]
      .map(({ point }) => point)
      .sort((a, b) => b.rate.bitsPerParameter - a.rate.bitsPerParameter);
    const frontier = frontierOf(sorted);
    const sensitivity = request.sensitivity && (await run.sensitivityTo(request.sensitivity));
    const bound = request.bound ? await run.bound() : null;
    const result: Squeezing = {
      schema: SQUEEZE_SCHEMA,
      model: { name: model.name, revision: model.revision, ...original },
      text,
      facts: facts && { name: facts.name, digest: facts.digest },
      calibration: calibration?.described ?? null,
      context: course.context,
      overlap: course.overlap,
      points: sorted,
      frontier: frontier.map(({ name }) => name),
      enough: enoughOf(frontier, text.bitsPerByte),
      losses: orderOfLoss(frontier),
      sensitivity,
      budget: mixed?.budget ?? null,
      bound,
      interval,
      refusals: [...run.refusals, ...refusalsOf(sorted, facts !== null)],
      notes: notesOf(request, sorted),
      provenance: {
        engine,
        threads: request.threads,
        seed: plan.seed,
        seconds: (performance.now() - began) / 1000,
      },
    };
    if (request.write) await run.write(request.write, sorted);
    await model.refuseChanges();
    progress.enter(null);
    await request.deliver?.(result);
    store.remove();
    return result;
  } catch (error) {
    store.release();
    throw error;
  } finally {
    progress.enter(null);
    await run.close();
  }
}

/** What the text is, and what the original needs for it. */
function textOf(plan: Plan, { documents }: Course, { bits }: Measured): Squeezing["text"] {
  const bytesOf = (domain: string | null): number =>
    sum(documents.filter((one) => domain === null || one.domain === domain).map(({ bytes }) => bytes));
  const domains = [...new Set(documents.map(({ domain }) => domain))].filter((domain) => bytesOf(domain) > 0);
  return {
    name: corpusName(plan),
    digest: corpusDigest({ documents }),
    documents: documents.length,
    bytes: bytesOf(null),
    tokens: sum(documents.map(({ ids }) => ids.length)),
    bitsPerByte: sum(domains.map((domain) => bits[domain])) / bytesOf(null),
    domains: Object.fromEntries(domains.map((domain) => [domain, bits[domain] / bytesOf(domain)])),
  };
}

/** What a trimmed vocabulary has no figure for. */
function refusalsOf(points: readonly Point[], asked: boolean): Squeezing["refusals"] {
  const trimmed = points.filter(({ kind }) => kind === "trim");
  return trimmed.flatMap(({ name }) => [
    {
      figure: `KL of ${name}`,
      reason:
        "the original gives tokens that are gone some probability, so that KL from it is infinite; what they had goes to the others, and bits per byte say how much that was",
    },
    ...(asked ? [{ figure: `facts of ${name}`, reason: "answers may need tokens that are gone" }] : []),
  ]);
}

function notesOf({ spared, model }: SqueezeRequest, points: readonly Point[]): string[] {
  return [
    ...model.notes,
    ...(spared.length > 0 ? [`left as they are at every point: ${spared.join(", ")}`] : []),
    ...(points.some(({ kind }) => kind === "drop")
      ? [
          "which blocks are the least harmful was found on this very text, so that dropping them looks a little too cheap",
        ]
      : []),
  ];
}

/** What is asked of every point. */
export const askingStages = (plan: Pick<Plan, "facts" | "with">): readonly string[] => [
  ...(plan.facts === null ? [] : [CANDIDATES, ANSWERS]),
  ...(plan.with.includes("recall") ? [PASSAGES] : []),
];

/** Says which stages a run will go through. @param files that are written at the end */
export function announceSqueezing(request: SqueezeRequest, files: readonly string[]): void {
  const { model, points, also, sensitivity, bound, plan, spared, progress } = request;
  const { spec } = requireDecoder(model, "squeezing");
  const total = points.length + also.length;
  const parts = sensitivity ? partsOf(spec, sensitivity, spared).length : 0;
  const asks = askingStages(plan);
  // What the inputs are like is found out before the first point that goes by it.
  const first = points.findIndex((point) => point.kind === "transform" && isByInputs(point.transform));
  const kinds = [...points.map(({ kind }) => kind), ...also.map(() => "file" as const)];
  const made = kinds.map((kind, index) => ({
    ...{ part: pointPart(index, total), makes: kind === "transform", asks: kind === "trim" ? [] : asks },
    reads: kind === "trim" && (request.keep ?? []).length > 0,
    calibrates: index === first,
  }));
  const alone = Array.from({ length: parts }, (_, index) => ({
    part: sensitivityPart(index, parts),
    ...{ makes: true, asks: [] },
  }));
  const mixed = request.budget == null ? [] : [{ part: MIXED_PART, makes: true, asks }];
  const trims = request.write?.point === TRIMMED;
  const written = request.write ? [{ part: WRITTEN_PART, makes: !trims, asks: [], reads: trims }] : [];
  const calibrated = (request.calibration ?? null) !== null;
  progress.announce(stagesOfSqueezing([...made, ...mixed, ...alone, ...written], { calibrated, bound, files }));
}

/** What is squeezed alone to find out what costs most: blocks, kinds of matrices, and all of them. */
export function partsOf(spec: DecoderSpec, transform: Transform, spared: readonly Spared[]) {
  const all = matricesFor(spec, transform, spared);
  const blocks = [...spec.blocks.keys()].map((block) => ({
    group: "blocks" as const,
    name: `block ${block}`,
    own: all.filter((one) => one.block === block),
  }));
  const kinds = MATRIX_KINDS.map((kind) => ({
    group: "kinds" as const,
    name: kind as string,
    own: all.filter((one) => one.kind === kind),
  }));
  return [...blocks, ...kinds, { group: "joint" as const, name: "all", own: all }].filter(({ own }) => own.length > 0);
}

/** What progress calls a point. */
export const pointPart = (index: number, of: number): string => `point ${index + 1} of ${of}`;

/** A model with other weights, or with fewer blocks, that is the original in everything else. */
const variant = (model: Model, name: string, spec: DecoderSpec, weights: TensorSource): Model => ({
  ...model,
  ...ofDecoder(spec, weights),
  name,
});

/** Those tensors of a source alone that a spec has a place for. */
function restricted(source: TensorSource, spec: DecoderSpec): TensorSource {
  const names = namesFor(spec, source);
  return {
    names: () => names,
    locate: (name) => (names.has(name) ? source.locate(name) : undefined),
    read: (name, from, to) => source.read(name, from, to),
  };
}

const without = (spec: DecoderSpec, gone: ReadonlySet<number>): DecoderSpec => ({
  ...spec,
  blocks: spec.blocks.filter((_, block) => !gone.has(block)),
});

/** What reading the text with a variant found. */
type Read = Omit<Measured, "point"> & Pick<Lockstep, "overall" | "domains"> & { readonly seconds: number };

class Run {
  readonly refusals: Squeezing["refusals"] = [];
  readonly #request: SqueezeRequest;
  readonly #course: Course;
  readonly #facts: FactSet | null;
  readonly #calibrationText: CalibrationText | null;
  readonly #parameters: number;
  readonly #store: PointStore;
  readonly #decoder: Decoder;
  readonly #untouched: Untouched;
  #weights: SqueezedWeights | undefined;
  #calibration: Calibration | undefined;
  #answered: readonly Answered[] | undefined;
  readonly #passages: Passages | null;
  #brought: readonly Compared[] | undefined;
  #dropOrder: readonly number[] | undefined;
  #kept: Promise<Int32Array> | undefined;
  /** what becomes of every matrix, by the names of plans of several types */
  readonly #plans = new Map<string, ReadonlyMap<ModelMatrix, Transform>>();

  constructor(
    request: SqueezeRequest,
    course: Course,
    { calibration, facts }: { readonly calibration: CalibrationText | null; readonly facts: FactSet | null },
    parameters: number,
    store: PointStore,
  ) {
    this.#request = request;
    this.#course = course;
    this.#facts = facts;
    this.#calibrationText = calibration;
    this.#parameters = parameters;
    this.#store = store;
    this.#decoder = requireDecoder(request.model, "squeezing");
    this.#untouched = new Untouched(this.#decoder.weights);
    const passages = request.plan.with.includes("recall") ? passagesIn(course, request.model, request.plan) : null;
    this.#passages = passages && !("absent" in passages) ? passages : null;
    if (passages && "absent" in passages) this.refusals.push({ figure: "recall", reason: passages.absent });
  }

  async close(): Promise<void> {
    this.#calibration?.close();
    await this.#weights?.close();
  }

  /** Every point, in the order in which they were asked for. */
  async all(): Promise<Measured[]> {
    const { points, also, progress, signal } = this.#request;
    const total = points.length + also.length;
    const found: Measured[] = [];
    const take = async (name: string, measure: () => Promise<Measured>): Promise<void> => {
      progress.enter(pointPart(found.length, total));
      const isKnown = this.#store.get(name) !== undefined;
      found.push(await this.#once(name, measure));
      const said = pointSaid(found.map(({ point }) => point));
      progress.message(`${count(found.length)} of ${count(total)}: ${said}${isKnown ? " (from an earlier run)" : ""}`);
    };
    for (const point of points) await take(point.name, () => this.#point(point));
    for (const model of also) {
      const { weights } = await model.digests({ signal });
      await take(`file ${weights ?? model.name}`, () => this.#file(model));
    }
    return found;
  }

  /** What an earlier run has left, or what is measured now and kept. */
  async #once(name: string, measure: () => Promise<Measured>): Promise<Measured> {
    const known = this.#store.get(name);
    if (known) return known;
    const measured = await measure();
    await this.#store.put(name, measured);
    return measured;
  }

  async #point(asked: AskedPoint): Promise<Measured> {
    const { name } = asked;
    if (asked.kind === "drop") return this.#dropped(name, asked.blocks);
    if (asked.kind === "trim") return this.#trimmed(name);
    const { transform } = asked;
    const matrices = matricesFor(this.#decoder.spec, transform, this.#request.spared);
    return this.#made(name, transform.kind === "pattern" ? "prune" : transform.kind, allInto(matrices, transform));
  }

  /** A point whose matrices are made anew. */
  async #made(
    name: string,
    kind: Point["kind"],
    jobs: ReadonlyMap<ModelMatrix, Transform>,
    more: Partial<Pick<Point, "plan">> & { readonly alone?: boolean } = {},
  ): Promise<Measured> {
    const { spec, weights: original } = this.#decoder;
    const { signal } = this.#request;
    const { weights, matrices, seconds: making } = await this.#make(jobs);
    const changed = [...matrices.values()];
    const left = await this.#untouched.size(
      spec,
      new Set([...matrices.keys()].map((one) => nameIn(original, one))),
      signal,
    );
    const size = {
      bytes: left.bytes + sum(changed.map(({ bytes }) => bytes)),
      coded: left.coded + sum(changed.map(({ coded }) => coded)),
    };
    const energy = sum(changed.map((one) => one.energy));
    return this.#measured(variant(this.#request.model, name, spec, weights), {
      ...{ name, kind, making },
      size,
      weightError: energy > 0 ? sum(changed.map(({ error }) => error)) / energy : 0,
      ...more,
    });
  }

  /** What the inputs of the blocks' matrices are like, found once. */
  async #calibrated(): Promise<Calibration> {
    if (this.#calibration) return this.#calibration;
    const { model, points, sensitivity, spared } = this.#request;
    const asked = points.flatMap((point) => (point.kind === "transform" ? [point.transform] : []));
    const byInputs = [...asked, ...(sensitivity ? [sensitivity] : [])].filter(isByInputs);
    const found = new Calibration(model);
    this.#calibration = found;
    await found.run(
      matricesFor(this.#decoder.spec, byInputs[0], spared),
      byInputs.some(({ kind }) => kind === "rank"),
      this.#calibrationText!,
      this.#request,
    );
    return found;
  }

  async #make(jobs: ReadonlyMap<ModelMatrix, Transform>): Promise<Made & { readonly seconds: number }> {
    const { progress, signal, threads } = this.#request;
    const calibration = [...jobs.values()].some(isByInputs) ? await this.#calibrated() : null;
    const began = performance.now();
    this.#weights ??= new SqueezedWeights(
      this.#decoder,
      await runnable(this.#decoder.weights, "windows", signal),
      threads,
    );
    progress.start(MAKING, null, "weights");
    const made = await this.#weights.make({
      jobs,
      ...(calibration && { inputsOf: (matrix) => calibration.inputsOf(matrix) }),
      onProgress: (done, total) => progress.update(done, undefined, total),
      signal,
    });
    progress.finish();
    return { ...made, seconds: (performance.now() - began) / 1000 };
  }

  /** A model without its least harmful blocks. */
  async #dropped(name: string, blocks: number): Promise<Measured> {
    const { model, signal } = this.#request;
    const { spec, weights } = this.#decoder;
    this.#dropOrder ??= await this.#blocksByHarm();
    const gone = this.#dropOrder.slice(0, blocks).sort((a, b) => a - b);
    const left = without(spec, new Set(gone));
    const plain = await runnable(weights, "windows", signal);
    return this.#measured(variant(model, name, left, restricted(plain, left)), {
      ...{ name, kind: "drop", making: 0, weightError: null, blocks: gone },
      size: await this.#untouched.size(left, new Set(), signal),
    });
  }

  /** Blocks by the KL that leaving each out alone costs, the least first. */
  async #blocksByHarm(): Promise<number[]> {
    const { model, signal } = this.#request;
    const { spec, weights } = this.#decoder;
    const plain = await runnable(weights, "windows", signal);
    const harm: number[] = [];
    for (const block of spec.blocks.keys()) {
      const name = `without block ${block}`;
      const left = without(spec, new Set([block]));
      const { point } = await this.#once(name, async () =>
        this.#measured(variant(model, name, left, restricted(plain, left)), {
          ...{ name, kind: "drop", making: 0, weightError: null, alone: true },
          size: await this.#untouched.size(left, new Set(), signal),
        }),
      );
      harm.push(point.overall.kl!.value!);
    }
    return [...harm.keys()].sort((a, b) => harm[a] - harm[b]);
  }

  /** Tokens that the measured text and the one to be kept need, and what else cannot go. */
  #keptTokens(): Promise<Int32Array> {
    return (this.#kept ??= this.#findKept());
  }

  async #findKept(): Promise<Int32Array> {
    const { model, plan, keep = [], progress, signal } = this.#request;
    const { documents, tokenizer } = this.#course;
    const reading = { tokenizer, chat: null, outputs: [], progress, stage: READING, signal };
    const other = keep.length > 0 ? (await readCorpus({ ...plan, text: keep }, reading)).documents : [];
    return tokensNeeded(model, tokenizer, [...documents, ...other]);
  }

  /** A model without the tokens that nothing needs. */
  async #trimmed(name: string): Promise<Measured> {
    const { model, signal } = this.#request;
    const { spec, weights } = this.#decoder;
    const kept = await this.#keptTokens();
    const names = new Set(tokenSlots(spec).map((slot) => slot.names.find((one) => weights.locate(one))!));
    const size = { ...(await this.#untouched.size(spec, names, signal)) };
    for (const table of names) {
      const own = await keptRows(weights, table, kept);
      size.bytes += own.bytes;
      size.coded += own.coded;
    }
    const trimmed = await withoutTokens(this.#decoder, await runnable(weights, "windows", signal), kept);
    try {
      const { point, ...read } = await this.#measured(variant(model, name, trimmed.spec, trimmed.weights), {
        ...{ name, kind: "trim", making: 0, weightError: null, size, tokens: kept.length, alone: true },
      });
      return {
        ...read,
        kl: read.kl.map(() => 0),
        point: { ...point, overall: withoutKl(point.overall), domains: mapped(point.domains, withoutKl) },
      };
    } finally {
      await trimmed.close();
    }
  }

  /** A file somebody else made. */
  async #file(model: Model): Promise<Measured> {
    const { signal } = this.#request;
    const { weights } = requireDecoder(model, "squeezing");
    const { weightBytes } = storageLedger(model.config, weights, { name: model.name });
    const size = { bytes: weightBytes, coded: await entropyCodedBytes(weights, { signal }) };
    return this.#measured(model, { name: model.name, kind: "file", making: 0, weightError: null, size });
  }

  async #measured(
    q: Model,
    {
      making,
      size,
      alone = false,
      ...known
    }: Pick<Point, "name" | "kind" | "weightError"> &
      Partial<Pick<Point, "blocks" | "plan" | "tokens">> & {
        readonly making: number;
        readonly size: Size;
        /** whether it is no point but part of finding something out: nothing is asked of it but its divergence */
        readonly alone?: boolean;
      },
  ): Promise<Measured> {
    const { overall, domains, seconds, ...read } = await this.#read(q);
    return {
      ...read,
      point: {
        ...known,
        command: this.#request.commandOf(known.name),
        rate: rateOf(size, this.#parameters),
        overall,
        domains,
        facts: alone ? null : await this.#factsLost(q),
        recall: alone ? null : await this.#recallLost(q),
        seconds: { making, reading: seconds },
      },
    };
  }

  /** Reads the text with the original and another model side by side. */
  async #read(q: Model): Promise<Read> {
    const { model: reference, plan, threads, progress } = this.#request;
    const { documents, tokenizer } = this.#course;
    const request = { ...this.#request, reference, model: q };
    const vocabulary = await sharedWith(q, this.#course, reference, plan);
    const course = courseOver(request, { documents, tokenizer, vocabulary, likeLlamaCpp: null });
    progress.expect(lockstepSeconds([reference, q], course, threads));
    // A first token that nothing comes before costs log2 V (METHODS §0); repairs are the same for all.
    const first = tokenizer.prefix === null ? Math.log2(reference.vocabulary) : 0;
    const bits = new Map<string, number>();
    for (const { domain, ids, repairs } of documents)
      bits.set(domain, (bits.get(domain) ?? 0) + repairs.bits + (ids.length > 0 ? first : 0));
    const kl = documents.map(() => 0);
    const tokens = documents.map(() => 0);
    const add: OnSaid = (document, _token, { p, both }) => {
      const { domain } = documents[document];
      kl[document] += both?.kl ?? 0;
      tokens[document]++;
      bits.set(domain, bits.get(domain)! - Math.log2(Math.max(p, Number.MIN_VALUE)));
    };
    const { overall, domains, interval, provenance } = await lockstepOver(request, course, add);
    const { engine, seconds } = provenance;
    return { overall, domains, interval, engine, seconds, bits: Object.fromEntries(bits), kl, tokens };
  }

  async #factsLost(q: Model): Promise<Point["facts"]> {
    if (!this.#facts) return null;
    const { model, plan } = this.#request;
    const request = { ...this.#request, facts: this.#facts };
    this.#answered ??= (await answersOf({ ...request, model })).judged;
    const { judged } = await answersOf({ ...request, model: q });
    return factsLost(this.#facts.facts, this.#answered, judged, plan.seed);
  }

  async #recallLost(q: Model): Promise<Point["recall"]> {
    const passages = this.#passages;
    if (passages === null) return null;
    const { model, plan } = this.#request;
    const { tokenizer } = this.#course;
    this.#brought ??= await broughtBack(passages, { ...this.#request, model, tokenizer });
    return recallLost(
      passages,
      this.#brought,
      await broughtBack(passages, { ...this.#request, model: q, tokenizer }),
      plan.seed,
    );
  }

  /**
   * A plan of several types within a budget, judged by documents that it was not made from (METHODS §7.5).
   * @param found points measured so far: their roundings and blocks are what a part may become
   */
  async mixed(
    budget: Budget,
    found: readonly Measured[],
  ): Promise<{ readonly measured: Measured; readonly budget: NonNullable<Squeezing["budget"]> }> {
    const { points, mixable = [], progress, spared, signal, plan } = this.#request;
    const { spec, weights } = this.#decoder;
    const bitsPerParameter = bitsWithin(budget, this.#parameters);
    const types = [...typesAmong(points), ...mixable];
    const parts = unitsOf(matricesFor(spec, types[0], spared));
    const all = parts.flatMap(({ own }) => own);
    progress.enter(MIXED_PART);
    const made: Made["matrices"][] = [];
    for (const type of types) made.push((await this.#make(intoOrInstead(all, type))).matrices);
    const isFor = (type: number, own: readonly ModelMatrix[]): boolean => own.every((matrix) => made[type].has(matrix));
    const total = (type: number, own: readonly ModelMatrix[], of: "bytes" | "error"): number =>
      sum(own.map((matrix) => made[type].get(matrix)![of]));
    const halves = this.#course.documents.map(({ sha256: own }) => Number.parseInt(own.slice(0, 8), 16) % 2 === 0);
    const klOf = ({ kl, tokens }: Measured, half: boolean): number => {
      const within = (values: readonly number[]): number => sum(values.filter((_, index) => halves[index] === half));
      return within(kl) / Math.max(1, within(tokens));
    };
    const left = await this.#untouched.size(spec, new Set(all.map((one) => nameIn(weights, one))), signal);
    const bytes = (bitsPerParameter * this.#parameters) / 8 - left.bytes;
    const choices = [];
    for (const { name, own } of parts) {
      const fitting = [...types.keys()].filter((type) => isFor(type, own));
      // What a part costs is measured on either side of the budget: with the best type of its share of it, and with the next.
      const near = nearest(
        fitting.map((type) => ({ type, bytes: total(type, own, "bytes"), error: total(type, own, "error") })),
        (bytes * sum(own.map(valuesIn))) / sum(all.map(valuesIn)),
      );
      const measured: { error: number; kl: number }[] = [];
      for (const { type, error } of near) {
        const key = `${nameOf(types[type])} in ${name}`;
        const jobs = intoOrInstead(own, types[type]);
        const one = await this.#once(key, () => this.#made(key, "round", jobs, { alone: true }));
        measured.push({ error, kl: klOf(one, true) });
      }
      choices.push(
        fitting.map((type) => ({
          ...{ jobs: intoOrInstead(own, types[type]), own, name, bytes: total(type, own, "bytes") },
          cost: costAt(total(type, own, "error"), measured),
        })),
      );
    }
    const chosen = allot(choices, bytes);
    if (!chosen) throw new Error("the smallest types are larger than they were foreseen to be");
    const name = mixedName(budget);
    const jobs = new Map(chosen.flatMap((one) => [...one.jobs]));
    this.#plans.set(name, jobs);
    const measured = await this.#made(name, "mixed", jobs, {
      plan: chosen.map((one) => ({
        ...{ unit: one.name, transform: [...new Set([...one.jobs.values()].map(nameOf))].join(", ") },
        parameters: sum(one.own.map(valuesIn)),
      })),
    });
    const fitting = found.filter(
      ({ point }) =>
        types.some((type) => nameOf(type) === point.name) && point.rate.bitsPerParameter <= bitsPerParameter + 1e-9,
    );
    const uniform = fitting.reduce<Measured | null>(
      (best, one) => (best === null || klOf(one, false) < klOf(best, false) ? one : best),
      null,
    );
    const held = (values: readonly number[]): Float64Array =>
      Float64Array.from(values.filter((_, index) => !halves[index]));
    const columns = uniform ? [held(measured.kl), held(uniform.kl), held(measured.tokens)] : [];
    const enough = columns.length > 0 && columns[0].length >= FEWEST_UNITS;
    const samples = enough ? bootstrapSums(columns, { seed: plan.seed }) : null;
    const value = uniform ? klOf(measured, false) - klOf(uniform, false) : Number.NaN;
    return {
      measured,
      budget: {
        ...{ bitsPerParameter, point: name, uniform: uniform?.point.name ?? null },
        documents: held(measured.kl).length,
        kl: klOf(measured, false),
        uniformKl: uniform && klOf(uniform, false),
        difference: percentileInterval(
          value,
          samples ? samples[0].map((kl, r) => (kl - samples[1][r]) / samples[2][r]) : new Float64Array(),
        ),
      },
    };
  }

  /**
   * Writes a point, and reads the text with what was written beside the original.
   * @throws LossyscopeError as `layPoint`; `engine` where it is not what was measured, and nothing is left then
   */
  async write(write: WriteRequest, points: readonly Point[]): Promise<void> {
    const { model, progress, signal, points: asked, spared } = this.#request;
    const { spec, weights: original } = this.#decoder;
    const { point, path, format, dtype } = write;
    progress.enter(WRITTEN_PART);
    if (point === TRIMMED) return this.#writeTrimmed(write);
    const jobs = this.#plans.get(point) ?? jobsOf(requireWritten(asked, point), spec, spared);
    const { weights } = await this.#make(jobs);
    const texts = this.#course.documents.slice(0, SPELT).map(({ text }) => text);
    const laid = await layPoint({ point, model, spec, original, weights, jobs, dtype, signal }, write, texts);
    try {
      // Its tokenizer was held against the original's: padding and all, the two have one vocabulary.
      const { overall } = await this.#read({ ...laid.model, tokenizer: model.tokenizer });
      const measured = points.find(({ name }) => name === point)!.overall;
      const isValues = format === "safetensors" && (dtype === null || dtype === "F32");
      if (isValues ? JSON.stringify(overall) !== JSON.stringify(measured) : !isNear(overall, measured, dtype))
        throw new LossyscopeError(
          "engine",
          `${point} as it was written has KL ${overall.kl?.value} bits a token, as it was measured ${measured.kl?.value}`,
          "lossyscope reads or writes wrongly: report it with the model",
        );
      await laid.keep();
      const rounding = dtype === null || dtype === "F32" ? "" : ` in ${TORCH_NAMES[dtype]}`;
      progress.message(
        `${path} holds ${point}${rounding}, ${sizeText(laid.bytes)}, read back: KL ${figure(overall.kl?.value)} bits a token, ${isValues ? "as measured" : `measured ${figure(measured.kl?.value)}`}`,
      );
    } catch (error) {
      await laid.drop();
      throw error;
    }
  }

  /** Writes the model without the tokens that nothing needs, and reads the text with it alone. */
  async #writeTrimmed(write: WriteRequest): Promise<void> {
    const { model, progress, signal, threads } = this.#request;
    const { spec, weights: original } = this.#decoder;
    const { documents, tokenizer } = this.#course;
    const kept = await this.#keptTokens();
    const chosen = { ...write, model, spec, original, weights: original, jobs: new Map(), signal };
    const laid = await layTrimmed(chosen, write, kept, documents);
    try {
      const request = { ...this.#request, reference: laid.model, model: laid.model, outputs: [] };
      const course = await courseOf(request);
      if ("absent" in course) throw new Error(course.absent);
      progress.expect(lockstepSeconds([laid.model, laid.model], course, threads));
      let bits = 0;
      await lockstepOver(request, course, (_document, _token, { p }) => {
        bits -= Math.log2(Math.max(p, Number.MIN_VALUE));
      });
      const bytes = sum(documents.map((one) => one.bytes));
      const measured = this.#store.get(TRIMMED)!;
      // Repairs, and first tokens that nothing comes before, are no part of what the models are asked.
      const first = tokenizer.prefix === null ? Math.log2(model.vocabulary) : 0;
      const aside = sum(documents.map(({ ids, repairs }) => repairs.bits + (ids.length > 0 ? first : 0)));
      const before = sum(Object.values(measured.bits)) - aside;
      const [wanted, found] = [before / bytes + (measured.point.overall.bitsPerByte.value ?? 0), bits / bytes];
      if (write.dtype === null && Math.abs(found - wanted) > 1e-4)
        throw new LossyscopeError(
          "engine",
          `${TRIMMED} as it was written needs ${found} bits per byte, as it was measured ${wanted}`,
          "lossyscope reads or writes wrongly: report it with the model",
        );
      await laid.keep();
      progress.message(
        `${write.path} holds ${count(kept.length)} of ${count(spec.vocabulary)} tokens, ${sizeText(laid.bytes)}, read back: ${figure(found)} bits per byte, measured ${figure(wanted)}`,
      );
    } catch (error) {
      await laid.drop();
      throw error;
    }
  }

  /** KL where each block, and each kind of matrix, is squeezed alone. */
  async sensitivityTo(transform: Transform): Promise<NonNullable<Squeezing["sensitivity"]>> {
    const { progress, spared } = this.#request;
    const parts = partsOf(this.#decoder.spec, transform, spared);
    const found = { blocks: [], kinds: [], joint: [] } as Record<
      (typeof parts)[number]["group"],
      { name: string; parameters: number; kl: Interval }[]
    >;
    for (const [index, { group, name, own }] of parts.entries()) {
      progress.enter(sensitivityPart(index, parts.length));
      const key = `${nameOf(transform)} in ${name}`;
      const { point } = await this.#once(key, () => this.#made(key, "round", allInto(own, transform), { alone: true }));
      found[group].push({ name, parameters: sum(own.map(valuesIn)), kl: point.overall.kl! });
    }
    return {
      transform: nameOf(transform),
      blocks: found.blocks,
      kinds: found.kinds,
      sum: sum(found.kinds.map(({ kl }) => kl.value ?? 0)),
      joint: found.joint[0].kl.value ?? 0,
    };
  }

  /** The least error of Gaussian matrices of these spectra, by rate. */
  async bound(): Promise<NonNullable<Squeezing["bound"]>> {
    const { progress, signal, spared } = this.#request;
    const matrices = matricesOf(this.#decoder.spec).filter(({ part }) => !spared.includes(part));
    progress.enter(null);
    progress.start(BOUND, matrices.length, "matrices");
    const variances: { variance: number; components: number }[] = [];
    for (const [index, matrix] of matrices.entries()) {
      if (signal?.aborted) throw new LossyscopeError("interrupted", "stopped while looking at the weights");
      const values = await valuesOf(this.#decoder.weights, nameIn(this.#decoder.weights, matrix), signal);
      for (let one = 0; one < matrix.stack; one++) {
        const [shorter, longer] = [Math.min(matrix.rows, matrix.columns), Math.max(matrix.rows, matrix.columns)];
        const size = shorter * longer;
        for (const square of squaredSingularValues(values.subarray(one * size, (one + 1) * size), matrix))
          variances.push({ variance: Math.max(square, 0) / longer, components: longer });
      }
      progress.update(index + 1);
      await setImmediate();
    }
    progress.finish();
    return Array.from({ length: 33 }, (_, step) => step / 4).map((bitsPerParameter) => ({
      bitsPerParameter,
      error: gaussianBound(variances, bitsPerParameter),
    }));
  }
}

/** Where the other gives some tokens nothing, KL from the original is infinite. */
const withoutKl = (figures: Point["overall"]): Point["overall"] => ({ ...figures, kl: null, klQuantiles: null });

const mapped = <T>(record: Readonly<Record<string, T>>, change: (one: T) => T): Record<string, T> =>
  Object.fromEntries(Object.entries(record).map(([key, one]) => [key, change(one)]));

/** What progress calls making a plan of several types. */
export const MIXED_PART = "a plan of several types";

/** Parts of a model that a plan gives one type each: the embedding, the head, attention and MLP of every block. */
export function unitsOf(
  matrices: readonly ModelMatrix[],
): { readonly name: string; readonly own: readonly ModelMatrix[] }[] {
  const units = groupBy(matrices, ({ block, part }) => (block === null ? part : `block ${block} ${part}`));
  return [...units].map(([name, own]) => ({ name, own }));
}

/** What progress calls reading back what was written. */
export const WRITTEN_PART = "what was written";

/** Documents whose ids the tokenizer of a file is held to. */
const SPELT = 8;
/** Bits a token that sums in another order may move KL by, as a share of it and at all. */
const REORDERED = { share: 1e-3, bits: 1e-5 };

/** Whether figures of the same values are those, sums having been made in another order; of values in 16 bits not much worse. */
function isNear(one: Point["overall"], other: Point["overall"], dtype: WriteRequest["dtype"]): boolean {
  const [a, b] = [one.kl?.value ?? 0, other.kl?.value ?? 0];
  if (dtype !== null && dtype !== "F32") return Number.isFinite(a);
  return Math.abs(a - b) <= REORDERED.share * b + REORDERED.bits;
}

/** @throws LossyscopeError `usage` where there is no such point, or none that can be written */
function requireWritten(points: readonly AskedPoint[], name: string): Extract<AskedPoint, { kind: "transform" }> {
  const point = points.find((one) => one.name === name);
  if (point?.kind === "transform") return point;
  const named = points.flatMap((one) => (one.kind === "transform" ? [one.name] : []));
  throw new LossyscopeError(
    "usage",
    point
      ? `${name} leaves out ${point.kind === "trim" ? "tokens" : "blocks"}, which is not written`
      : `no point is called ${shown(name)}`,
    named.length > 0 ? `name one of ${named.join(", ")}` : "try one with --try",
  );
}

const jobsOf = (
  { transform }: Extract<AskedPoint, { kind: "transform" }>,
  spec: DecoderSpec,
  spared: readonly Spared[],
) => allInto(matricesFor(spec, transform, spared), transform);

/**
 * What would be made of the matrices: of a plan that is not made yet, each of its types in turn.
 * @throws LossyscopeError `usage` where no such point is written
 */
export function jobsToWrite({ model, points, mixable = [], spared, budget }: SqueezeRequest, name: string) {
  const { spec } = requireDecoder(model, "squeezing");
  if (points.some((point) => point.kind === "trim" && point.name === name)) return [new Map()];
  if (!budget || name !== mixedName(budget)) return [jobsOf(requireWritten(points, name), spec, spared)];
  return [...typesAmong(points), ...mixable].map((type) => intoOrInstead(matricesFor(spec, type, spared), type));
}

/** What progress calls a part that is squeezed alone. */
export const sensitivityPart = (index: number, of: number): string => `part ${index + 1} of ${of} alone`;

const allInto = (matrices: readonly ModelMatrix[], transform: Transform): ReadonlyMap<ModelMatrix, Transform> =>
  new Map(matrices.map((matrix) => [matrix, transform]));

/** One line on the last point, with the frontier so far. */
function pointSaid(points: readonly Point[]): string {
  const { name, rate, overall } = points.at(-1)!;
  const frontier = frontierOf(points).map((one) => one.name);
  return `${name}, ${figure(rate.bitsPerParameter)} bits a parameter, KL ${figure(overall.kl?.value)} bits a token, ${figure(overall.bitsPerByte.value)} bits a byte more; frontier ${frontier.join(", ")}`;
}

/** Tokens that another model has in common with the original. @throws LossyscopeError `unsupported` where it has others */
async function sharedWith(q: Model, { tokenizer }: Course, reference: Model, plan: Plan): Promise<number> {
  if (q.tokenizer === reference.tokenizer) return reference.vocabulary;
  const { tokenizer: other, chat } = await openTokenizer(q, plan);
  chat?.close();
  const shared = sharedVocabulary([tokenizer, other], [reference.vocabulary, q.vocabulary]);
  if (!("absent" in shared)) return shared.vocabulary;
  throw new LossyscopeError(
    "unsupported",
    `${q.name}: ${shared.absent}`,
    "name files made of this very model with --also",
  );
}

/** σ² of a matrix: eigenvalues of the Gram matrix of its shorter side. */
function squaredSingularValues(values: Float32Array, { rows, columns, layout }: ModelMatrix): Float64Array {
  const [height, width] = layout === "out-in" ? [rows, columns] : [columns, rows];
  const [shorter, longer] = [Math.min(height, width), Math.max(height, width)];
  const laid = height <= width ? values : transposed(values, height, width);
  return symmetricSpectra(gramOfRows(laid, shorter, longer), new Float64Array(shorter), 0).plain;
}
