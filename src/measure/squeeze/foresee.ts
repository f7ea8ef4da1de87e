/** What squeezing will do, and for about how long, before it does it. */
import type { Rates } from "../../engines/trial.ts";
import { storageLedger } from "../../models/ledger.ts";
import type { ModelMatrix } from "../../models/matrices.ts";
import { runnableBytes } from "../../models/sources/runnable.ts";
import { counted } from "../../numeric/amounts.ts";
import { sum } from "../../numeric/sums.ts";
import { requireDecoder } from "../../ports/model.ts";
import type { ForeseenRun, Foresight } from "../../profile/foresight.ts";
import { isByInputs, type Transform } from "../../squeeze/transform.ts";
import { dryRun, foresightOf } from "../foresight/foresee.ts";
import { withLockstep } from "../lockstep/foresee.ts";
import { CALIBRATION, MAKING } from "../stages.ts";
import { intoOrInstead, refuseBudget, typesAmong } from "./budget.ts";
import { calibrationSeconds, readCalibration } from "./calibration.ts";
import { unitsOf } from "./mixing.ts";
import { type AskedPoint, matricesFor, partsOf } from "./points.ts";
import type { SqueezeRequest } from "./request.ts";
import { askingStages, MIXED_PART, pointPart, WRITTEN_PART } from "./stages.ts";
import { valuesIn } from "./weights.ts";
import { refuseUnwritable } from "./write.ts";
import { jobsToWrite } from "./written.ts";

/** Multiply-adds of a loop that a value takes. */
const COST = { round: 12, blocks: 200, prune: 120 } as const;

/** Multiply-adds of making a point's weights, on one thread. */
function making(request: SqueezeRequest, point: AskedPoint): number {
  if (point.kind !== "transform") return 0;
  const { transform } = point;
  const { spec } = requireDecoder(request.model, "squeezing");
  return sum(matricesFor(spec, transform, request.spared).map((one) => ofMatrix(transform, one)));
}

function ofMatrix(transform: Transform, matrix: ReturnType<typeof matricesFor>[number]): number {
  const { rows, columns, stack } = matrix;
  if (transform.kind === "rank") {
    const shorter = Math.min(rows, columns);
    const whitening = transform.inputs ? rows * columns ** 2 + (rows > columns ? 7 * columns ** 3 : 0) : 0;
    return stack * (7 * shorter ** 3 + 2.5 * rows * columns * shorter + whitening);
  }
  return valuesIn(matrix) * COST[transform.kind === "pattern" ? "prune" : transform.kind];
}

/** What is found out before the first point that goes by the inputs. @throws LossyscopeError as `readCalibration` */
async function calibrating(
  request: SqueezeRequest,
  course: Parameters<typeof readCalibration>[1],
  rates: Rates,
): Promise<ForeseenRun["stages"]> {
  const { calibration, points, model, spared, threads } = request;
  const byInputs = points.flatMap((one) =>
    one.kind === "transform" && isByInputs(one.transform) ? [one.transform] : [],
  );
  if (!calibration || byInputs.length === 0) return [];
  const text = await readCalibration({ ...request, calibration }, course);
  const { spec } = requireDecoder(model, "squeezing");
  const moments = byInputs.some(({ kind }) => kind === "rank");
  const how = { threads, rates, weightBytes: model.weightFileBytes };
  const matrices = matricesFor(spec, byInputs[0], spared);
  return [{ label: CALIBRATION, seconds: calibrationSeconds(spec, matrices, moments, text, how) }];
}

/** @throws LossyscopeError whatever would stop the run before the models run */
export async function foreseeSqueezing(request: SqueezeRequest): Promise<Foresight> {
  const { model, points, also, threads, work } = request;
  const decoder = requireDecoder(model, "squeezing");
  const { run, rates, prepared } = await dryRun({ ...request, points: null, root: work, option: "--work" });
  const looked = { model, prepared };
  const asked = run.stages.filter(({ label }) => askingStages(request.plan).includes(label));
  const beside = withLockstep({ ...run, stages: [], seconds: 0 }, [looked, looked], threads, rates);
  const parameters = storageLedger(model.config, decoder.weights, { name: model.name }).parameters.total;
  if (request.budget) refuseBudget(request.budget, { ...decoder, ...request, parameters });
  if (request.write) await refuseUnwritable(model, request.write, jobsToWrite(request, request.write.point));
  const total = points.length + also.length;
  const all: (AskedPoint | null)[] = [...points, ...also.map(() => null)];
  const found = await calibrating(request, prepared.subject, rates);
  const first = points.findIndex((one) => one.kind === "transform" && isByInputs(one.transform));
  const runs = all.map((point, index): ForeseenRun => {
    const seconds = point ? making(request, point) / rates.loop / threads : 0;
    const stages = [
      ...(index === first ? found : []),
      ...(seconds > 0 ? [{ label: MAKING, seconds }] : []),
      ...beside.stages,
      ...asked,
    ];
    const changed = point?.kind === "transform" ? matricesFor(decoder.spec, point.transform, request.spared) : [];
    return {
      ...beside,
      // What a profile would lack is nothing that is asked for here.
      missing: beside.missing.filter(({ figure }) => /^(?:facts|recall$|coding\.|token by token)/.test(figure)),
      part: pointPart(index, total),
      stages,
      seconds: sum(stages.map((stage) => stage.seconds)),
      diskBytes: runnableBytes(decoder.weights, "windows") + 4 * sum(changed.map(valuesIn)),
    };
  });
  return foresightOf([...runs, ...furtherRuns(request, beside, rates)], rates);
}

/** What is read besides the points: the text once a block, part or plan. */
function furtherRuns(request: SqueezeRequest, beside: ForeseenRun, rates: Rates): ForeseenRun[] {
  const { model, points, mixable = [], spared, sensitivity, budget, write, threads } = request;
  const { spec, weights } = requireDecoder(model, "squeezing");
  const run = (part: string, passes: number, made: number, changed: readonly ModelMatrix[]): ForeseenRun => {
    const stages = [
      ...(made > 0 ? [{ label: MAKING, seconds: made / rates.loop / threads }] : []),
      ...beside.stages.map(({ label, seconds }) => ({ label, seconds: passes * seconds })),
    ];
    return {
      ...{ ...beside, missing: [], part, stages },
      seconds: sum(stages.map(({ seconds }) => seconds)),
      diskBytes: runnableBytes(weights, "windows") + 4 * sum(changed.map(valuesIn)),
    };
  };
  const costOf = (jobs: ReadonlyMap<ModelMatrix, Transform>): number =>
    sum([...jobs].map(([matrix, transform]) => ofMatrix(transform, matrix)));
  const found: ForeseenRun[] = [];
  if (points.some(({ kind }) => kind === "drop"))
    found.push(run(`without each of ${counted(spec.blocks.length, "block")}`, spec.blocks.length, 0, []));
  const types = [...typesAmong(points), ...mixable];
  if (budget && types.length > 0) {
    const all = matricesFor(spec, types[0], spared);
    const parts = unitsOf(all).length;
    const each = types.map((type) => costOf(intoOrInstead(all, type)));
    // Every type once, then the parts in two types each, which are one model together each, and the plan.
    found.push(run(MIXED_PART, 2 * parts + 1, sum(each) + 3 * Math.max(...each), all));
  }
  if (sensitivity) {
    const parts = partsOf(spec, sensitivity, spared);
    const made = sum(parts.map(({ own }) => costOf(intoOrInstead(own, sensitivity))));
    found.push(
      run(
        `${counted(parts.length, "part")} alone`,
        parts.length,
        made,
        parts.flatMap(({ own }) => own),
      ),
    );
  }
  if (write) {
    const [jobs] = jobsToWrite(request, write.point);
    found.push(run(WRITTEN_PART, 1, costOf(jobs), [...jobs.keys()]));
  }
  return found;
}
