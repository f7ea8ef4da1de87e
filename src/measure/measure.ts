/**
 * A measurement from end to end: model and text → plan → one pass of windows through the engine, observed by the probes →
 * profile (DESIGN, 'The way of the data'). What it takes in memory and on the disk is said in `open-run.ts`.
 */

import { count, counted, figure } from "../numeric/amounts.ts";
import type { ProgressSink } from "../ports/progress.ts";
import type { Profile } from "../profile/profile.ts";
import { conceptsOf } from "./concepts/concepts.ts";
import { factsOf } from "./facts/facts.ts";
import { type Findings, finish, type Measurement } from "./finish.ts";
import { measureLockstep } from "./lockstep/lockstep.ts";
import { observe } from "./observe.ts";
import { openRun, type RunRequest } from "./open-run.ts";
import { preferenceOf } from "./pairs/pairs.ts";
import { measurePrecision, type Settled, settlePrecision } from "./precision.ts";
import { type Prepared, prepare } from "./prepare.ts";
import { recallOf } from "./recall/recall.ts";
import { READING_REFERENCE } from "./stages.ts";
import { besideStatic } from "./static/static-figures.ts";

export type { Measurement } from "./finish.ts";

export interface MeasureRequest extends RunRequest {
  /** where runs keep what they need while they go on */
  readonly work: string;
  /** how it is computed, where that is decided: model and plan are as it says; decided here where not given */
  readonly settled?: Settled["settled"];
  /** whether a trial decides; so where not given */
  readonly tries?: boolean;
  /** takes the measurement while the run is still there to go on from: where it throws, the text need not be read again */
  readonly deliver?: (measurement: Measurement) => Promise<void>;
}

/**
 * Measures a model on a text.
 * @throws LossyscopeError by what is wrong with model, text, options, machine; `interrupted` when stopped, after which
 * the same request with `resume` goes on
 */
export async function measure(given: MeasureRequest): Promise<Measurement> {
  try {
    const { settled, ...computed } = given.settled === undefined ? await settlePrecision(given) : given;
    const asked = { streaming: "if needed", ...given, ...computed } as const;
    const prepared = await prepare(asked);
    const request = { ...asked, model: prepared.model };
    const { subject } = prepared;
    const place = { root: request.work, name: subject.id, option: "--work", shard: null } as const;
    return await openRun(request, prepared, place, (run) =>
      besideStatic(request, prepared, true, async (figures) => {
        const { likeLmEval, likeLlamaCpp, readings, execution } = await observe(run);
        const found = {
          likeLmEval,
          likeLlamaCpp,
          readings,
          static: await figures(),
          recall: await recallOf(request, prepared, run.probes),
          facts: await factsOf(request, prepared),
          concepts: await conceptsOf(request, prepared),
          preference: await preferenceOf(request, prepared),
          precision: await precisionOf(request, prepared, settled),
          lockstep: await lockstepOf(request),
        };
        const measurement = await finish({ subject, probes: run.probes, ...found, executions: [execution()] }, request);
        await request.model.refuseChanges();
        await request.deliver?.(measurement);
        tellSent(measurement.profile, request.progress);
        return measurement;
      }),
    );
  } finally {
    given.progress.finish();
  }
}

/** What the profile says of how it was computed; undefined where nothing but exactly was asked for. */
async function precisionOf(
  request: MeasureRequest,
  prepared: Prepared,
  settled: Settled["settled"] | undefined,
): Promise<Findings["precision"]> {
  const { precision } = request.plan;
  if (precision === undefined) return settled ? { kind: "exact", ...settled } : undefined;
  return { kind: precision, ...settled, difference: await measurePrecision(precision, request, prepared) };
}

/** Beside the reference; undefined where none is named. */
async function lockstepOf({ reference, ...request }: MeasureRequest): Promise<Findings["lockstep"]> {
  return reference && measureLockstep({ ...request, reference, stage: READING_REFERENCE });
}

/** What a served model was sent, and what it cost. */
function tellSent({ provenance: { served } }: Profile, progress: ProgressSink): void {
  if (!served) return;
  const { requests, again, tokens, price } = served;
  const repeated = again > 0 ? `, ${count(again)} of them again` : "";
  const cost = price === null ? "" : `: ${figure(price)} at the price that was given`;
  progress.message(`sent ${counted(tokens, "token")} in ${counted(requests, "request")}${repeated}${cost}`);
}
