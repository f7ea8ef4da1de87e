/**
 * A training run from the profiles of its checkpoints (METHODS §2.8): the course of every figure over the steps and the phase
 * change, paired over units. Refuses profiles that are not of one run on one text; how they were made is left to
 * `measure/checkpoints/trajectory.ts`.
 */
import { phaseChange, phaseChangeNeed } from "../info/phase-change.ts";
import { canonicalJson } from "../numeric/canonical-json.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { groupBy } from "../numeric/groups.ts";
import { isMet } from "../numeric/needs.ts";
import { mean } from "../numeric/sums.ts";
import type { Interval } from "../profile/figures.ts";
import type { Profile } from "../profile/profile.ts";
import { TRAJECTORY_SCHEMA, type Trajectory, type TrajectoryStep } from "../profile/trajectory.ts";
import { VERSION } from "../profile/version.ts";

/** Points that the training loss is kept in. */
const CURVE = 200;
const UNDEFINED: Interval = { value: null, low: null, high: null };

/** One step of training. */
export interface LoggedStep {
  readonly step: number;
  /** read by then */
  readonly tokens: number;
  /** mean loss for each token of the step */
  readonly nats: number;
}

/** A checkpoint that was measured. */
export interface MeasuredStep {
  readonly step: number;
  /** the folder's own name, or the revision */
  readonly name: string;
  /** without documents and passages */
  readonly profile: Profile;
}

export interface MeasuredRun {
  readonly name: string;
  /** in order, one at least; of the first, the frontier and other compressors are taken for all */
  readonly steps: readonly MeasuredStep[];
  readonly log: readonly LoggedStep[] | null;
}

/**
 * Makes the trajectory of a run from the profiles of its checkpoints.
 * @throws LossyscopeError `input` where two profiles are not of one text, tokenizer, shape and plan
 */
export function trajectoryOf({ name, steps, log }: MeasuredRun): Trajectory {
  const [{ profile: first }] = steps;
  for (const step of steps) refuseOther(steps[0], step);
  const { corpus, plane, coding } = first;
  const trained = new Map(log?.map(({ step, tokens }) => [step, tokens]));
  return {
    schema: TRAJECTORY_SCHEMA,
    run: { name, ...shapeOf(steps[0]) },
    plan: first.plan,
    corpus: {
      name: corpus.name,
      digest: corpus.digest,
      documents: corpus.documents,
      bytes: corpus.bytes,
      tokens: corpus.tokens,
      unit: corpus.unit,
      units: corpus.units,
      tokenizer: first.provenance.digests.tokenizer,
      floors: first.almanac ? { known: first.almanac.floorKnown, unknown: first.almanac.floorUnknown } : null,
      baselines: coding?.overall.baselines ?? [],
    },
    plane: plane && {
      referencePoints: plane.referencePoints,
      source: plane.source,
      lnM: plane.lnM,
      epsilon: plane.temperature.epsilon,
      evaluated: plane.units.evaluated,
      absent: plane.absent,
      frontier: plane.frontier ?? null,
    },
    steps: steps.map((step) => stepFigures(step, step.step === 0 ? 0 : (trained.get(step.step) ?? null))),
    phaseChange: phaseChangeOf(steps),
    training: log && curveOf(log),
    tool: { name: "lossyscope", version: VERSION },
  };
}

/** @throws LossyscopeError `input` where the weights of the model were not at hand */
function shapeOf({ name, profile: { model, ledger } }: MeasuredStep): Omit<Trajectory["run"], "name"> {
  const { architecture, layers: blocks, width } = model;
  if (architecture !== null && blocks !== null && width !== null && ledger !== null)
    return { architecture, blocks, width, parameters: ledger.parameters.total };
  throw new LossyscopeError(
    "input",
    `${name} was measured without its weights, and a run of checkpoints is one of weights`,
    "name checkpoints whose weights are at hand",
  );
}

/** The options of a measurement without those that are the text's alone. */
function common({ plan }: Profile): string {
  const { baselines: _baselines, ...rest } = plan;
  const plane = rest.plane === null ? null : { ...Object(rest.plane), frontier: null };
  return canonicalJson({ ...rest, plane });
}

/** What profiles of one run have in common, by name. */
const shared = (profile: Profile): Readonly<Record<string, unknown>> => ({
  text: profile.corpus.digest,
  tokenizer: profile.provenance.digests.tokenizer,
  architecture: profile.model.architecture,
  blocks: profile.model.layers,
  width: profile.model.width,
  vocabulary: profile.model.vocabulary,
  options: common(profile),
  "reference points": profile.plane?.source,
});

function refuseOther(first: MeasuredStep, step: MeasuredStep): void {
  const [of, other] = [shared(first.profile), shared(step.profile)];
  const differing = Object.keys(of).find((key) => of[key] !== other[key]);
  if (differing === undefined) return;
  throw new LossyscopeError(
    "input",
    `${first.name} and ${step.name} were not measured alike: they differ in ${differing}`,
    "measure the checkpoints of one run on one text, with one tokenizer and one plan",
  );
}

function stepFigures({ step, name, profile }: MeasuredStep, trainedTokens: number | null): TrajectoryStep {
  const { plane, geometry, almanac, coding } = profile;
  const summary = plane?.summary["1"];
  const ranks = geometry?.layers.map(({ centred }) => centred?.effectiveRank ?? null);
  const known = ranks?.slice(1).filter((rank) => rank !== null) ?? [];
  return {
    step,
    name,
    commit: profile.model.revision,
    profile: profile.id,
    trainedTokens,
    bitsPerByte: coding?.overall.bitsPerByte ?? UNDEFINED,
    almanac: almanac
      ? {
          bitsPerByte: almanac.bitsPerByte,
          knowledge: almanac.knowledge?.share ?? null,
          shareOfKnowledge: almanac.shareOfKnowledge,
          shareOfKnowledgeWithoutGap: almanac.shareOfKnowledgeWithoutGap,
        }
      : null,
    plane:
      plane && summary
        ? {
            mean: {
              complexity: summary.complexity,
              expressivity: summary.expressivity,
              optimality: summary.optimality,
            },
            layers: plane.layers.map(({ layer, entropy, orders: { 1: order } }) => ({
              layer,
              complexity: order.complexity.heldOut,
              expressivity: order.expressivity.heldOut,
              optimality: order.optimality.heldOut,
              hollow: order.optimality.hollow,
              entropy,
            })),
          }
        : null,
    effectiveRank: ranks
      ? { mean: known.length > 0 && known.length === ranks.length - 1 ? mean(known) : null, layers: ranks }
      : null,
  };
}

function phaseChangeOf(steps: readonly MeasuredStep[]): Trajectory["phaseChange"] {
  const evaluated = steps.flatMap(({ profile }) => profile.plane?.evaluated ?? []);
  if (evaluated.length < steps.length) return null;
  const { plan, plane } = steps[0].profile;
  const { at, places, fall, found } = phaseChange(
    Float64Array.from(evaluated[0].positions),
    evaluated.map(({ complexity }) => Float64Array.from(complexity)),
    { seed: Number(plan.seed), intervals: plane?.absent === null },
  );
  const interval = places && { low: steps[places[0]].step, high: steps[places[1]].step };
  const last = steps.length - 1;
  const reason = (): string => {
    const few = phaseChangeNeed(steps.length);
    if (!isMet(few)) return few.reason;
    if (at === 0) return "complexity is largest at the first step";
    if (at === last) return "complexity is largest at the last step";
    if (!places) return plane?.absent ?? "there is no interval";
    if (places[0] === 0) return "the largest complexity may be that of the first step";
    if (places[1] === last) return "the largest complexity may be that of the last step";
    return "the fall to the last step may be chance";
  };
  return { found, step: steps[at].step, interval, fall, reason: found ? null : reason() };
}

/** Losses of steps that are near in ln step taken together, each step by itself where there are few. */
function curveOf(log: readonly LoggedStep[]): NonNullable<Trajectory["training"]> {
  const trained = log.filter(({ step }) => step > 0);
  const from = Math.log(trained.at(0)?.step ?? 1);
  const span = Math.log(trained.at(-1)?.step ?? 1) - from;
  const bin = ({ step }: LoggedStep): number => (span > 0 ? Math.floor(((Math.log(step) - from) / span) * CURVE) : 0);
  return Array.from(groupBy(trained, bin).values(), (members) => ({
    step: Math.exp(mean(members.map(({ step }) => Math.log(step)))),
    nats: mean(members.map(({ nats }) => nats)),
  }));
}
