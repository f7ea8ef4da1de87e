/**
 * What training a model will do, before it does it: so many steps over so many tokens, for about how long, on how much memory,
 * and how much it leaves on the disk. A run tells it when its text is prepared; a dry run ends there, having written nothing.
 */
import { PROCESS_BYTES } from "../../engines/memory.ts";
import type { Rates } from "../../engines/trial.ts";
import { layoutOf } from "../../lab/parameters.ts";
import type { Prepared } from "../../lab/prepare.ts";
import { shapeOf, type TrainingSettings } from "../../lab/trainer.ts";
import { scoresOf } from "../../models/operations.ts";
import type { DecoderSpec, MlpSpec } from "../../models/spec.ts";
import type { StoredDtype } from "../../models/untrained.ts";
import { sum } from "../../numeric/sums.ts";
import type { ForeseenRun } from "../../profile/foresight.ts";
import type { TokenizedDocument } from "../../text/corpus.ts";
import { unitsOf } from "../../text/units.ts";
import { passSeconds, REFERENCE } from "./work.ts";

const LOSSES = { losses: true, shares: 0, moments: false };

/** A step's gradients take twice what its losses do. */
const TRAINED = 3;

/** Of the state that a stopped run goes on from, a parameter: itself and two moments, twice while it is replaced. */
const STATE_BYTES = 24;

/** What learns, on what machine; a usual one where it was not tried. */
interface Learner {
  readonly spec: DecoderSpec;
  readonly threads: number;
  readonly rates?: Rates;
}

/** How tokens go through a model: in rows of so many, so many tokens together. */
interface Rows {
  readonly tokens: number;
  readonly positions: number;
  readonly runTokens: number;
}

const oncePassed = ({ spec, threads, rates = REFERENCE }: Learner, { tokens, positions, runTokens }: Rows): number => {
  const one = scoresOf(spec, positions, positions);
  const windows = tokens / positions;
  const counts = {
    slots: tokens,
    rows: tokens,
    scores: windows * one.scores,
    scoreProducts: windows * one.products,
    batches: Math.ceil(tokens / Math.max(runTokens, positions)),
  };
  return passSeconds({ rates, threads, spec, weightBytes: 0 }, counts, LOSSES);
};

/** About how long a model takes to learn from so many tokens. */
export const trainingSeconds = (learner: Learner, rows: Rows): number => TRAINED * oncePassed(learner, rows);

/** About how long text takes that a checkpoint is tried on, in a runtime of its own. */
export const tryingSeconds = (learner: Learner, rows: Rows): number =>
  rows.tokens > 0 ? oncePassed(learner, rows) : 0;

/** What the widest of a block's products give, every expert's among them. */
function mlpWidth(mlp: MlpSpec): number {
  if (mlp.kind !== "experts") return mlp.down.inputs;
  return sum(mlp.experts.map(mlpWidth)) + (mlp.shared ? mlpWidth(mlp.shared.mlp) : 0);
}

/** Bytes that a run of so many rows takes in the runtime, as `lab/training-graph.ts` has it. */
export function trainingBytes(
  spec: DecoderSpec,
  { rows, positions }: { readonly rows: number; readonly positions: number },
): number {
  const kept = sum(
    spec.blocks.map(({ attention, mlp }) => 16 * spec.width + 5 * mlpWidth(mlp) + 5 * attention.heads * positions),
  );
  return 4 * rows * positions * (kept + 3 * spec.vocabulary) + 40 * layoutOf(spec).size;
}

export interface Learning extends Learner {
  /** of the model, as the foresight has it */
  readonly name: string;
  readonly part?: string;
  readonly settings: Pick<TrainingSettings, "steps" | "batch" | "positions" | "runTokens">;
  /** that are learned from in all */
  readonly tokens: number;
  readonly settles?: boolean;
  readonly checkpoints: number;
  readonly dtype: StoredDtype;
  /** whether a state is kept that a stopped run goes on from */
  readonly state?: boolean;
  readonly heldOutTokens?: number;
  /** by label, in order */
  readonly stages: ForeseenRun["stages"];
  readonly text?: ForeseenRun["text"];
}

/** One model that learns. */
export function foreseenLearning(learning: Learning): ForeseenRun {
  const { spec, name, part = null, settings, tokens, stages } = learning;
  const { steps, batch, positions } = settings;
  const parameters = layoutOf(spec).size;
  return {
    part,
    model: {
      name,
      revision: null,
      architecture: spec.architecture,
      layers: spec.blocks.length,
      width: spec.width,
      vocabulary: spec.vocabulary,
      parameters,
    },
    text: learning.text ?? null,
    facts: null,
    pass: null,
    training: {
      steps,
      settles: learning.settles ?? false,
      rows: batch,
      positions,
      tokens,
      heldOutTokens: learning.heldOutTokens ?? 0,
      checkpoints: learning.checkpoints,
      checkpointBytes: (learning.dtype === "float32" ? 4 : 2) * parameters,
    },
    stages,
    seconds: sum(stages.map(({ seconds }) => seconds)),
    memoryBytes: PROCESS_BYTES + trainingBytes(spec, shapeOf({ ...settings, clip: null })),
    diskBytes: learning.state ? STATE_BYTES * parameters : 0,
    missing: [],
  };
}

export const tokensIn = (documents: readonly TokenizedDocument[]): number =>
  sum(documents.map(({ ids }) => ids.length));

/** The text that is learned from, by the name that people know it by. */
export function foreseenText(name: string, { train }: Pick<Prepared, "train">): NonNullable<ForeseenRun["text"]> {
  const { kind, count } = unitsOf(train.map(({ ids }) => ids.length));
  return {
    name,
    documents: train.length,
    bytes: sum(train.map(({ bytes }) => bytes)),
    tokens: tokensIn(train),
    unit: kind,
    units: count,
    unseen: null,
  };
}
