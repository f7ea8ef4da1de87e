/**
 * A measurement from end to end: model and text → plan → one pass of windows through the engine, observed by the probes →
 * profile (DESIGN, 'The way of the data'). A run that is stopped keeps what it has in its folder and goes on from there.
 *
 * Memory: what `prepare.ts` says; the engine's child; each probe as its file says. Disk: the plane's rows
 * (`PlaneProbe.spillBytes`, said before the run).
 */
import { LossyscopeError } from "../numeric/errors.ts";
import { asidesOf } from "./asides.ts";
import { finish, type Measurement } from "./finish.ts";
import { type ObserveRequest, observe, ranSince } from "./observe.ts";
import { type Prepared, type PrepareRequest, prepare } from "./prepare.ts";
import { probesOf } from "./probes.ts";
import { recallOf } from "./recall/recall.ts";
import { RunFolder } from "./run-folder.ts";

export type { Measurement } from "./finish.ts";

export interface MeasureRequest extends PrepareRequest, ObserveRequest {
  /** where runs keep what they need while they go on */
  readonly work: string;
  readonly resume: boolean;
  /** takes the measurement while the run is still there to go on from: where it throws, the text need not be read again */
  readonly deliver?: (measurement: Measurement) => Promise<void>;
}

/**
 * @throws LossyscopeError by what is wrong with model, text, options, machine; `interrupted` when stopped, after which
 * the same request with `resume` goes on
 */
export async function measure(request: MeasureRequest): Promise<Measurement> {
  const started = new Date();
  try {
    const prepared = await prepare(request);
    if (request.signal?.aborted) {
      throw new LossyscopeError("interrupted", "stopped before the model ran", "the same command begins again");
    }
    const folder = new RunFolder(request.work, prepared.subject.id, request.resume);
    try {
      const measurement = await run(request, prepared, folder, started);
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
    request.progress.finish();
  }
}

/** Says of an error that may not come again how the run goes on. */
function withWayOn(error: unknown): unknown {
  if (!(error instanceof LossyscopeError && ["interrupted", "io", "engine"].includes(error.fault))) return error;
  const wayOn = "the same command with --resume goes on from there";
  return new LossyscopeError(error.fault, error.message, wayOn, { cause: error });
}

async function run(
  request: MeasureRequest,
  prepared: Prepared,
  folder: RunFolder,
  started: Date,
): Promise<Measurement> {
  const { progress } = request;
  const probes = probesOf(prepared.subject, { folder: folder.path, resumable: true });
  try {
    if (request.resume && !folder.earlier) progress.message("there is nothing to go on from: the run begins afresh");
    if (probes.plane) {
      folder.foresee(probes.plane.spillBytes);
      progress.message(`${(probes.plane.spillBytes / 1e6).toFixed(1)} MB of temporary disk space for the plane`);
    }
    const stopwatch = performance.now();
    const { ran, likeLmEval } = await observe(request, prepared, probes, folder);
    const asides = await asidesOf(request, prepared);
    const recall = await recallOf(request, prepared, probes);
    const findings = {
      subject: prepared.subject,
      probes,
      likeLmEval,
      asides,
      recall,
      ran: [ranSince(ran, started, stopwatch)],
    };
    return await finish(findings, request);
  } finally {
    probes.plane?.close();
  }
}
