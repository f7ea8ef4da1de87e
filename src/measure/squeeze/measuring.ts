/**
 * One point after the other: its matrices are made anew, and the text is read with it and the original side by side. What was
 * measured is kept until all is.
 */
import { runnable } from "../../engines/runnable.ts";
import { storageLedger } from "../../models/ledger.ts";
import { entropyCodedBytes } from "../../models/ledger-entropy.ts";
import type { ModelMatrix } from "../../models/matrices.ts";
import type { TensorSource } from "../../models/sources/tensor-source.ts";
import type { DecoderSpec } from "../../models/spec.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import { sum } from "../../numeric/sums.ts";
import { type Decoder, type Model, ofDecoder, requireDecoder } from "../../ports/model.ts";
import type { Lockstep } from "../../profile/lockstep.ts";
import type { Plan } from "../../profile/plan.ts";
import type { Point, Squeezing } from "../../profile/squeeze.ts";
import type { Size } from "../../squeeze/matrix.ts";
import { isByInputs, type Transform } from "../../squeeze/transform.ts";
import type { FactSet } from "../../text/facts.ts";
import { sharedVocabulary } from "../../tokenizer/same.ts";
import { answersOf } from "../facts/facts.ts";
import type { Answered } from "../facts/figures.ts";
import { type Course, courseOver } from "../lockstep/course.ts";
import { lockstepSeconds } from "../lockstep/foresee.ts";
import { lockstepOver, type OnSaid } from "../lockstep/lockstep.ts";
import { openTokenizer } from "../prepare.ts";
import { readCorpus } from "../preparing/corpus.ts";
import type { Compared } from "../recall/verbatim.ts";
import { MAKING, READING } from "../stages.ts";
import { Calibration, type CalibrationText } from "./calibration.ts";
import { factsLost } from "./facts.ts";
import { type AskedPoint, allInto, matricesFor } from "./points.ts";
import { namesFor, rateOf, Untouched } from "./rates.ts";
import { broughtBack, type Passages, passagesIn, recallLost } from "./recall.ts";
import type { SqueezeRequest } from "./request.ts";
import type { Measured, PointStore } from "./store.ts";
import { keptRows, tokenSlots, tokensNeeded, withoutTokens } from "./trim.ts";
import { type Made, nameIn, SqueezedWeights } from "./weights.ts";

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

/**
 * The original, its text, and what is at hand to make points of it; what several points need is made for the first of them.
 * To be closed.
 */
export class Measuring {
  readonly refusals: Squeezing["refusals"] = [];
  readonly request: SqueezeRequest;
  readonly course: Course;
  readonly #facts: FactSet | null;
  readonly #calibrationText: CalibrationText | null;
  readonly parameters: number;
  readonly store: PointStore;
  readonly decoder: Decoder;
  readonly untouched: Untouched;
  #weights: SqueezedWeights | undefined;
  #calibration: Calibration | undefined;
  #answered: readonly Answered[] | undefined;
  readonly #passages: Passages | null;
  #brought: readonly Compared[] | undefined;
  #dropOrder: readonly number[] | undefined;
  #kept: Promise<Int32Array> | undefined;

  constructor(
    request: SqueezeRequest,
    course: Course,
    { calibration, facts }: { readonly calibration: CalibrationText | null; readonly facts: FactSet | null },
    parameters: number,
    store: PointStore,
  ) {
    this.request = request;
    this.course = course;
    this.#facts = facts;
    this.#calibrationText = calibration;
    this.parameters = parameters;
    this.store = store;
    this.decoder = requireDecoder(request.model, "squeezing");
    this.untouched = new Untouched(this.decoder.weights);
    const passages = request.plan.with.includes("recall") ? passagesIn(course, request.model, request.plan) : null;
    this.#passages = passages && !("absent" in passages) ? passages : null;
    if (passages && "absent" in passages) this.refusals.push({ figure: "recall", reason: passages.absent });
  }

  async close(): Promise<void> {
    this.#calibration?.close();
    await this.#weights?.close();
  }

  /** What an earlier run has left, or what is measured now and kept. */
  async once(name: string, measure: () => Promise<Measured>): Promise<Measured> {
    const known = this.store.get(name);
    if (known) return known;
    const measured = await measure();
    await this.store.put(name, measured);
    return measured;
  }

  async point(asked: AskedPoint): Promise<Measured> {
    const { name } = asked;
    if (asked.kind === "drop") return this.#dropped(name, asked.blocks);
    if (asked.kind === "trim") return this.#trimmed(name);
    const { transform } = asked;
    const matrices = matricesFor(this.decoder.spec, transform, this.request.spared);
    return this.made(name, transform.kind === "pattern" ? "prune" : transform.kind, allInto(matrices, transform));
  }

  /** A point whose matrices are made anew. */
  async made(
    name: string,
    kind: Point["kind"],
    jobs: ReadonlyMap<ModelMatrix, Transform>,
    more: Partial<Pick<Point, "plan">> & { readonly alone?: boolean } = {},
  ): Promise<Measured> {
    const { spec, weights: original } = this.decoder;
    const { signal } = this.request;
    const { weights, matrices, seconds: making } = await this.make(jobs);
    const changed = [...matrices.values()];
    const left = await this.untouched.size(
      spec,
      new Set([...matrices.keys()].map((one) => nameIn(original, one))),
      signal,
    );
    const size = {
      bytes: left.bytes + sum(changed.map(({ bytes }) => bytes)),
      coded: left.coded + sum(changed.map(({ coded }) => coded)),
    };
    const energy = sum(changed.map((one) => one.energy));
    return this.#measured(variant(this.request.model, name, spec, weights), {
      ...{ name, kind, making },
      size,
      weightError: energy > 0 ? sum(changed.map(({ error }) => error)) / energy : 0,
      ...more,
    });
  }

  /** What the inputs of the blocks' matrices are like, found once. */
  async #calibrated(): Promise<Calibration> {
    if (this.#calibration) return this.#calibration;
    const { model, points, sensitivity, spared } = this.request;
    const asked = points.flatMap((point) => (point.kind === "transform" ? [point.transform] : []));
    const byInputs = [...asked, ...(sensitivity ? [sensitivity] : [])].filter(isByInputs);
    const found = new Calibration(model);
    this.#calibration = found;
    await found.run(
      matricesFor(this.decoder.spec, byInputs[0], spared),
      byInputs.some(({ kind }) => kind === "rank"),
      this.#calibrationText!,
      this.request,
    );
    return found;
  }

  async make(jobs: ReadonlyMap<ModelMatrix, Transform>): Promise<Made & { readonly seconds: number }> {
    const { progress, signal, threads } = this.request;
    const calibration = [...jobs.values()].some(isByInputs) ? await this.#calibrated() : null;
    const began = performance.now();
    this.#weights ??= new SqueezedWeights(
      this.decoder,
      await runnable(this.decoder.weights, "windows", signal),
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
    const { model, signal } = this.request;
    const { spec, weights } = this.decoder;
    this.#dropOrder ??= await this.#blocksByHarm();
    const gone = this.#dropOrder.slice(0, blocks).sort((a, b) => a - b);
    const left = without(spec, new Set(gone));
    const plain = await runnable(weights, "windows", signal);
    return this.#measured(variant(model, name, left, restricted(plain, left)), {
      ...{ name, kind: "drop", making: 0, weightError: null, blocks: gone },
      size: await this.untouched.size(left, new Set(), signal),
    });
  }

  /** Blocks by the KL that leaving each out alone costs, the least first. */
  async #blocksByHarm(): Promise<number[]> {
    const { model, signal } = this.request;
    const { spec, weights } = this.decoder;
    const plain = await runnable(weights, "windows", signal);
    const harm: number[] = [];
    for (const block of spec.blocks.keys()) {
      const name = `without block ${block}`;
      const left = without(spec, new Set([block]));
      const { point } = await this.once(name, async () =>
        this.#measured(variant(model, name, left, restricted(plain, left)), {
          ...{ name, kind: "drop", making: 0, weightError: null, alone: true },
          size: await this.untouched.size(left, new Set(), signal),
        }),
      );
      harm.push(point.overall.kl!.value!);
    }
    return [...harm.keys()].sort((a, b) => harm[a] - harm[b]);
  }

  /** Tokens that the measured text and the one to be kept need, and what else cannot go. */
  keptTokens(): Promise<Int32Array> {
    return (this.#kept ??= this.#findKept());
  }

  async #findKept(): Promise<Int32Array> {
    const { model, plan, keep = [], progress, signal } = this.request;
    const { documents, tokenizer } = this.course;
    const reading = { tokenizer, chat: null, outputs: [], progress, stage: READING, signal };
    const other = keep.length > 0 ? (await readCorpus({ ...plan, text: keep }, reading)).documents : [];
    return tokensNeeded(model, tokenizer, [...documents, ...other]);
  }

  /** A model without the tokens that nothing needs. */
  async #trimmed(name: string): Promise<Measured> {
    const { model, signal } = this.request;
    const { spec, weights } = this.decoder;
    const kept = await this.keptTokens();
    const names = new Set(tokenSlots(spec).map((slot) => slot.names.find((one) => weights.locate(one))!));
    const size = { ...(await this.untouched.size(spec, names, signal)) };
    for (const table of names) {
      const own = await keptRows(weights, table, kept);
      size.bytes += own.bytes;
      size.coded += own.coded;
    }
    const trimmed = await withoutTokens(this.decoder, await runnable(weights, "windows", signal), kept);
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
  async file(model: Model): Promise<Measured> {
    const { signal } = this.request;
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
    const { overall, domains, seconds, ...read } = await this.read(q);
    return {
      ...read,
      point: {
        ...known,
        command: this.request.commandOf(known.name),
        rate: rateOf(size, this.parameters),
        overall,
        domains,
        facts: alone ? null : await this.#factsLost(q),
        recall: alone ? null : await this.#recallLost(q),
        seconds: { making, reading: seconds },
      },
    };
  }

  /** Reads the text with the original and another model side by side. */
  async read(q: Model): Promise<Read> {
    const { model: reference, plan, threads, progress } = this.request;
    const { documents, tokenizer } = this.course;
    const request = { ...this.request, reference, model: q };
    const vocabulary = await sharedWith(q, this.course, reference, plan);
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
    const { model, plan } = this.request;
    const request = { ...this.request, facts: this.#facts };
    this.#answered ??= (await answersOf({ ...request, model })).judged;
    const { judged } = await answersOf({ ...request, model: q });
    return factsLost(this.#facts.facts, this.#answered, judged, plan.seed);
  }

  async #recallLost(q: Model): Promise<Point["recall"]> {
    const passages = this.#passages;
    if (passages === null) return null;
    const { model, plan } = this.request;
    const { tokenizer } = this.course;
    this.#brought ??= await broughtBack(passages, { ...this.request, model, tokenizer });
    return recallLost(
      passages,
      this.#brought,
      await broughtBack(passages, { ...this.request, model: q, tokenizer }),
      plan.seed,
    );
  }
}
/** Where the other gives some tokens nothing, KL from the original is infinite. */
const withoutKl = (figures: Point["overall"]): Point["overall"] => ({ ...figures, kl: null, klQuantiles: null });

const mapped = <T>(record: Readonly<Record<string, T>>, change: (one: T) => T): Record<string, T> =>
  Object.fromEntries(Object.entries(record).map(([key, one]) => [key, change(one)]));

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
