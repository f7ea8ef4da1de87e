/**
 * A measurement from end to end: model and text → plan → one pass of windows through the engine, observed by the probes →
 * profile (DESIGN, 'The way of the data'). What it takes in memory and on the disk is said in `open-run.ts`.
 */

import { measureFacts } from "./facts/facts.ts";
import { finish, type Measurement } from "./finish.ts";
import { inRun, type RunRequest } from "./open-run.ts";
import { recallOf } from "./recall/recall.ts";
import { asidesOf } from "./static/static-figures.ts";

export type { Measurement } from "./finish.ts";

export interface MeasureRequest extends RunRequest {
  /** where runs keep what they need while they go on */
  readonly work: string;
  /** takes the measurement while the run is still there to go on from: where it throws, the text need not be read again */
  readonly deliver?: (measurement: Measurement) => Promise<void>;
}

/**
 * Measures a model on a text.
 * @throws LossyscopeError by what is wrong with model, text, options, machine; `interrupted` when stopped, after which
 * the same request with `resume` goes on
 */
export async function measure(request: MeasureRequest): Promise<Measurement> {
  const place = ({ id }: { readonly id: string }) =>
    ({ root: request.work, name: id, option: "--work", shard: null }) as const;
  return inRun(request, place, async ({ prepared, probes, observe }) => {
    const { likeLmEval, ran } = await observe();
    const asides = await asidesOf(request, prepared);
    const recall = await recallOf(request, prepared, probes);
    const facts = request.model.can.has("steps") ? prepared.facts : null;
    const known = facts && (await measureFacts({ ...request, ...request.plan, facts }));
    const { subject } = prepared;
    const measurement = await finish(
      { subject, probes, likeLmEval, asides, recall, facts: known, ran: [ran()] },
      request,
    );
    await request.model.refuseChanges();
    await request.deliver?.(measurement);
    return measurement;
  });
}
