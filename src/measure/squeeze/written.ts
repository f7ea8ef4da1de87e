/** The point that was chosen, written, and read back beside the original before it is called written. */
import type { DecoderSpec } from "../../models/spec.ts";
import { count, figure, sizeText } from "../../numeric/amounts.ts";
import { LossyscopeError, shown } from "../../numeric/errors.ts";
import { sum } from "../../numeric/sums.ts";
import { requireDecoder } from "../../ports/model.ts";
import type { Point } from "../../profile/squeeze.ts";
import { courseOf } from "../lockstep/course.ts";
import { lockstepSeconds } from "../lockstep/foresee.ts";
import { lockstepOver } from "../lockstep/lockstep.ts";
import { intoOrInstead, mixedName, typesAmong } from "./budget.ts";
import type { Measuring } from "./measuring.ts";
import type { MixedPlan } from "./mixing.ts";
import { type AskedPoint, allInto, matricesFor, type Spared } from "./points.ts";
import type { SqueezeRequest } from "./request.ts";
import { WRITTEN_PART } from "./stages.ts";
import { layPoint, layTrimmed, TRIMMED, type WriteRequest } from "./write.ts";
import { TORCH_NAMES } from "./writing/chosen.ts";

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

/**
 * Writes a point, and reads the text with what was written beside the original.
 * @throws LossyscopeError as `layPoint`; `engine` where it is not what was measured, and nothing is left then
 */
export async function writePoint(
  run: Measuring,
  write: WriteRequest,
  points: readonly Point[],
  mixed: MixedPlan | null,
): Promise<void> {
  const { model, progress, signal, points: asked, spared } = run.request;
  const { spec, weights: original } = run.decoder;
  const { point, path, format, dtype } = write;
  progress.enter(WRITTEN_PART);
  if (point === TRIMMED) return writeTrimmed(run, write);
  const jobs = mixed?.measured.point.name === point ? mixed.jobs : jobsOf(requireWritten(asked, point), spec, spared);
  const { weights } = await run.make(jobs);
  const texts = run.course.documents.slice(0, SPELT).map(({ text }) => text);
  const laid = await layPoint({ point, model, spec, original, weights, jobs, dtype, signal }, write, texts);
  try {
    // Its tokenizer was held against the original's: padding and all, the two have one vocabulary.
    const { overall } = await run.read({ ...laid.model, tokenizer: model.tokenizer });
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
async function writeTrimmed(run: Measuring, write: WriteRequest): Promise<void> {
  const { model, progress, signal, threads } = run.request;
  const { spec, weights: original } = run.decoder;
  const { documents, tokenizer } = run.course;
  const kept = await run.keptTokens();
  const chosen = { ...write, model, spec, original, weights: original, jobs: new Map(), signal };
  const laid = await layTrimmed(chosen, write, kept, documents);
  try {
    const request = { ...run.request, reference: laid.model, model: laid.model, outputs: [] };
    const course = await courseOf(request);
    if ("absent" in course) throw new Error(course.absent);
    progress.expect(lockstepSeconds([laid.model, laid.model], course, threads));
    let bits = 0;
    await lockstepOver(request, course, (_document, _token, { p }) => {
      bits -= Math.log2(Math.max(p, Number.MIN_VALUE));
    });
    const bytes = sum(documents.map((one) => one.bytes));
    const measured = run.store.get(TRIMMED)!;
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
