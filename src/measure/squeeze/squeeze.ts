import { sha256 } from "../../files/digest.ts";
import { count, figure } from "../../numeric/amounts.ts";
import { canonicalJson } from "../../numeric/canonical-json.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import { sum } from "../../numeric/sums.ts";
import { requireDecoder } from "../../ports/model.ts";
import type { Plan } from "../../profile/plan.ts";
import { type Point, SQUEEZE_SCHEMA, type Squeezing } from "../../profile/squeeze.ts";
import { VERSION } from "../../profile/version.ts";
import { nameOf } from "../../squeeze/transform.ts";
import { type Course, courseOf } from "../lockstep/course.ts";
import { readPlannedFacts } from "../prepare.ts";
import { corpusDigest, corpusName } from "../preparing/corpus.ts";
import { boundOf } from "./bound.ts";
import { refuseBudget } from "./budget.ts";
import { readCalibration } from "./calibration.ts";
import { enoughOf, frontierOf, orderOfLoss } from "./losses.ts";
import { Measuring } from "./measuring.ts";
import { mixedPlan } from "./mixing.ts";
import { refuseIdle, refuseImpossible } from "./points.ts";
import { storedRate } from "./rates.ts";
import type { SqueezeRequest } from "./request.ts";
import { sensitivityTo } from "./sensitivity.ts";
import { pointPart } from "./stages.ts";
import { type Measured, PointStore } from "./store.ts";
import { refuseUnwritable } from "./write.ts";
import { jobsToWrite, writePoint } from "./written.ts";

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
  const run = new Measuring(request, course, { calibration, facts }, original.parameters, store);
  try {
    const found = await allPoints(run);
    const [{ interval, engine }] = found;
    const text = textOf(plan, course, found[0]);
    const mixed = request.budget == null ? null : await mixedPlan(run, request.budget, found);
    const sorted = [...found, ...(mixed ? [mixed.measured] : [])]
      .map(({ point }) => point)
      .sort((a, b) => b.rate.bitsPerParameter - a.rate.bitsPerParameter);
    const frontier = frontierOf(sorted);
    const sensitivity = request.sensitivity && (await sensitivityTo(run, request.sensitivity));
    const bound = request.bound ? await boundOf(request) : null;
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
    if (request.write) await writePoint(run, request.write, sorted, mixed);
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

/** Every point, in the order in which they were asked for. */
async function allPoints(run: Measuring): Promise<Measured[]> {
  const { points, also, progress, signal } = run.request;
  const total = points.length + also.length;
  const found: Measured[] = [];
  const take = async (name: string, measure: () => Promise<Measured>): Promise<void> => {
    progress.enter(pointPart(found.length, total));
    const isKnown = run.store.get(name) !== undefined;
    found.push(await run.once(name, measure));
    const said = pointSaid(found.map(({ point }) => point));
    progress.message(`${count(found.length)} of ${count(total)}: ${said}${isKnown ? " (from an earlier run)" : ""}`);
  };
  for (const point of points) await take(point.name, () => run.point(point));
  for (const model of also) {
    const { weights } = await model.digests({ signal });
    await take(`file ${weights ?? model.name}`, () => run.file(model));
  }
  return found;
}

/** One line on the last point, with the frontier so far. */
function pointSaid(points: readonly Point[]): string {
  const { name, rate, overall } = points.at(-1)!;
  const frontier = frontierOf(points).map((one) => one.name);
  return `${name}, ${figure(rate.bitsPerParameter)} bits a parameter, KL ${figure(overall.kl?.value)} bits a token, ${figure(overall.bitsPerByte.value)} bits a byte more; frontier ${frontier.join(", ")}`;
}
