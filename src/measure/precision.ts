/**
 * How a pass is computed, and what it costs to compute otherwise than exactly (METHODS §0 Precision): whether products by whole
 * numbers pay here, and the first windows of the text through the model both ways, side by side, as two models are read
 * (`engines/lockstep.ts`), with the plane of either.
 */

import { lockstepBytes, readTogether, scoredIn, type Two } from "../engines/lockstep.ts";
import { PROCESS_BYTES, requireMemory } from "../engines/memory.ts";
import { tryRounding } from "../engines/rounding-trial.ts";
import { batchesFor } from "../engines/score.ts";
import type { DecoderSpec } from "../models/spec.ts";
import { figure } from "../numeric/amounts.ts";
import { mean, sum } from "../numeric/sums.ts";
import { quietContext, type RunContext } from "../ports/context.ts";
import { atPrecision, type Model, requireDecoder } from "../ports/model.ts";
import { shapeOf } from "../ports/probe.ts";
import { withProgress } from "../ports/progress.ts";
import { PlaneProbe } from "../probes/plane/plane.ts";
import { countPositions } from "../probes/plane/plane-needs.ts";
import type { Plan } from "../profile/plan.ts";
import type { Plane, PlaneLayer, PlaneOrder } from "../profile/plane.ts";
import {
  ORDER_FIGURES,
  PLANE_FIGURES,
  type PlaneDifference,
  type Precision,
  type PrecisionKind,
} from "../profile/precision.ts";
import type { TokenizedDocument, WindowBatch } from "../text/corpus.ts";
import { unitsOf } from "../text/units.ts";
import { describeBatch, longestOf, windowsOf } from "../text/windows.ts";
import type { Prepared } from "./prepare.ts";
import { PRECISION } from "./stages.ts";

/** Tokens of the text, from its first on, that are read both ways. */
const TOKENS = 4096;
/** Tokens of a unit of their plane, where documents are too few: enough of them to hold some out. */
const UNIT_TOKENS = 128;

/** How a run is computed, once that is known. */
export interface Settled {
  /** at its precision */
  readonly model: Model;
  /** without a precision where it is exact */
  readonly plan: Plan;
  /** what the trial found; null where there was none, or need be none */
  readonly settled: Pick<Precision, "asked" | "trial"> | null;
}

export interface Unsettled extends RunContext {
  readonly model: Model;
  readonly plan: Plan;
  /** whether whole numbers are taken only where a trial finds that they pay; so where not given */
  readonly tries?: boolean;
}

/**
 * Decides how a run is computed: as its plan says, but exactly where whole numbers are no faster here, or not added right.
 * @throws LossyscopeError as `atPrecision` and `tryRounding` do
 */
export async function settlePrecision(request: Unsettled): Promise<Settled> {
  const { plan, progress, tries = true } = request;
  const { precision } = plan;
  const model = atPrecision(request.model, precision);
  if (precision === undefined || precision === "fast" || !tries) return { model, plan, settled: null };
  const { spec } = requireDecoder(model, `--precision ${precision}`);
  const trial = await tryRounding(precision, { width: spec.width, inner: innerOf(spec) }, quietContext(request));
  if (trial.isRight && trial.speed > 1) return { model, plan, settled: { trial } };
  const why = trial.isRight
    ? `its products are ${figure(trial.speed)} times as fast as exact ones on this machine`
    : "this machine does not add products of 8 bits without loss";
  progress.message(
    `--precision ${precision} does not pay: ${why}; computed exactly (--no-trial takes it all the same)`,
  );
  const { precision: _, ...exact } = plan;
  return { model: request.model, plan: exact, settled: { asked: precision, trial } };
}

/** What an MLP maps down; of experts, one's. */
function innerOf({ blocks, width }: DecoderSpec): number {
  const [{ mlp } = { mlp: undefined }] = blocks;
  if (!mlp) return width;
  return mlp.kind === "experts" ? mlp.experts[0].down.inputs : mlp.down.inputs;
}

/** The beginning of a text, cut as all of it is. */
export interface Beginning {
  readonly documents: readonly TokenizedDocument[];
  readonly batches: readonly WindowBatch[];
}

type Ground = Pick<Prepared, "subject"> & { readonly model: Pick<Model, "runs"> };

export function beginningOf({ subject: { documents: all, prefix, context, overlap, plan }, model }: Ground): Beginning {
  const documents: TokenizedDocument[] = [];
  let left = TOKENS;
  for (const document of all) {
    if (left <= 0) break;
    const tokens = Math.min(left, document.ids.length);
    documents.push({
      ...document,
      ids: document.ids.subarray(0, tokens),
      byteEnds: document.byteEnds.subarray(0, tokens),
    });
    left -= tokens;
  }
  const windows = documents.flatMap(({ index, ids }) => windowsOf(index, ids, prefix, context, overlap));
  return { documents, batches: batchesFor(model, windows, plan.batchTokens) };
}

interface Sides extends RunContext {
  /** as it is measured */
  readonly model: Model;
  readonly plan: Plan;
}

/** @throws LossyscopeError `memory` where both do not fit side by side; `engine`; `interrupted` */
export async function measurePrecision(
  kind: PrecisionKind,
  { model, plan, ...context }: Sides,
  { subject, points }: Pick<Prepared, "subject" | "points">,
): Promise<NonNullable<Precision["difference"]>> {
  const decoder = requireDecoder(model, `--precision ${kind}`);
  const models: Two = [{ ...decoder, precision: undefined }, decoder];
  const { vocabulary } = model;
  const { documents, batches } = beginningOf({ subject, model });
  const longest = longestOf(batches);
  const needed = lockstepBytes(models, vocabulary, { longest, batchTokens: plan.batchTokens });
  requireMemory(PROCESS_BYTES + needed, "leave out --precision, pass a smaller --batch-tokens");
  const planes = planesOf(model, subject, documents);
  const layers = planes &&
    points && {
      // Of several draws the first: what is headlined.
      assignments: {
        points: points.points.subarray(0, points.m * decoder.spec.width),
        m: points.m,
        draws: 1,
        epsilon: points.temperature.epsilon,
      },
      preNorm: plan.preNorm,
    };
  const said = { kl: [] as number[], delta: [] as number[], agreed: [] as number[], bytes: [] as number[] };
  let figures: PlaneDifference | undefined;
  await withProgress(context.progress, PRECISION, "windows", async (update) => {
    const total = batches.reduce((windows, batch) => windows + batch.windows.length, 0);
    let done = 0;
    await readTogether(
      {
        ...{ models, vocabulary, batches, longest, layers: layers ?? undefined },
        describe: (batch) => describeBatch(batch, documents),
        ...quietContext(context),
      },
      ({ batch, kl, delta, topP, topQ, assignments }) => {
        for (const [row, { window, token }] of [...scoredIn(batch)].entries()) {
          const { byteEnds } = documents[window.document];
          said.kl.push(kl[row] / Math.LN2);
          said.delta.push(delta[row] / Math.LN2);
          said.agreed.push(topP[row] === topQ[row] ? 1 : 0);
          said.bytes.push(byteEnds[token] - (token > 0 ? byteEnds[token - 1] : 0));
        }
        const rows = batch.windows.reduce((sum, { ids, fresh }) => sum + ids.length - fresh, 0);
        for (const side of [0, 1] as const)
          if (assignments) planes?.[side].observe({ batch, rows, assignments: assignments[side] });
        update((done += batch.windows.length), total);
      },
    );
    if (!planes || !layers) return;
    const [exact, other] = [await planes[0].finish(context), await planes[1].finish(context)];
    figures = planeDifference(exact, other);
  });
  const tokens = said.delta.length;
  const bytes = sum(said.bytes);
  const share = (total: number, of: number): number => (of > 0 ? total / of : 0);
  return {
    tokens,
    bytes,
    bitsPerByte: share(sum(said.delta), bytes),
    largest: said.delta.reduce((most, one) => Math.max(most, Math.abs(one)), 0),
    // Of the same distribution it is 0 up to rounding, which may fall below.
    kl: Math.max(0, share(sum(said.kl), tokens)),
    agreement: share(sum(said.agreed), tokens),
    ...(figures && { plane: figures }),
  };
}

/** A plane for either way; null where none is asked for, or the beginning has no position. */
function planesOf(
  model: Model,
  { plan, prefix, reference }: Prepared["subject"],
  documents: readonly TokenizedDocument[],
): readonly [PlaneProbe, PlaneProbe] | null {
  if (!plan.plane || !reference) return null;
  const { allPositions } = plan.plane;
  if (countPositions({ documents, prefix, allPositions }) === 0) return null;
  const { layers, width } = shapeOf(model);
  const make = () =>
    new PlaneProbe(
      {
        ...reference,
        ...{ documents, prefix, allPositions, width, layers: layers + 1, draws: 1, frontier: null },
        units: unitsOf(
          documents.map(({ ids }) => ids.length),
          UNIT_TOKENS,
        ),
        preNorm: plan.preNorm,
        seed: plan.seed,
      },
      { folder: "", resumable: false },
    );
  return [make(), make()];
}

/** @internal figure by figure, over all layers that have it both ways */
export function planeDifference(exact: Plane, other: Plane): PlaneDifference {
  const figures: PlaneDifference["figures"] = {};
  const add = (name: string, of: (layer: PlaneLayer) => number | null | undefined): void => {
    const pairs = exact.layers.flatMap((layer, index) => {
      const [before, after] = [of(layer), of(other.layers[index])];
      return before == null || after == null ? [] : [{ layer: layer.layer, by: after - before }];
    });
    if (pairs.length === 0) return;
    const most = pairs.reduce((found, one) => (Math.abs(one.by) > Math.abs(found.by) ? one : found));
    figures[name] = { mean: mean(pairs.map(({ by }) => by)), largest: most.by, layer: most.layer };
  };
  for (const name of PLANE_FIGURES) add(name, (layer) => layer[name]);
  for (const order of Object.keys(exact.layers[0]?.orders ?? {}))
    for (const name of ORDER_FIGURES)
      add(`${name}.${order}`, ({ orders }) => orders[order] && ofOrder(orders[order], name));
  return { positions: exact.positions, figures };
}

function ofOrder(order: PlaneOrder, name: (typeof ORDER_FIGURES)[number]): number | null {
  const { complexity, expressivity, optimality, regularity } = order;
  const values: Record<(typeof ORDER_FIGURES)[number], number | null> = {
    complexity: complexity.heldOut.value,
    expressivity: expressivity.heldOut.value,
    optimality: optimality.heldOut.value,
    complexityPlugin: complexity.plugin,
    expressivityPlugin: expressivity.plugin,
    optimalityPlugin: optimality.plugin,
    regularity,
  };
  return values[name];
}
