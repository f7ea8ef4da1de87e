/** What a run of squeezing says it will go through, and what progress calls its parts. */
import { requireDecoder } from "../../ports/model.ts";
import type { Plan } from "../../profile/plan.ts";
import { isByInputs } from "../../squeeze/transform.ts";
import { ANSWERS, CANDIDATES, PASSAGES, stagesOfSqueezing } from "../stages.ts";
import { partsOf } from "./points.ts";
import type { SqueezeRequest } from "./request.ts";
import { TRIMMED } from "./write.ts";

/** What is asked of every point. */
export const askingStages = (plan: Pick<Plan, "facts" | "with">): readonly string[] => [
  ...(plan.facts === null ? [] : [CANDIDATES, ANSWERS]),
  ...(plan.with.includes("recall") ? [PASSAGES] : []),
];

/** Says which stages a run will go through. @param files that are written at the end */
export function announceSqueezing(request: SqueezeRequest, files: readonly string[]): void {
  const { model, points, also, sensitivity, bound, plan, spared, progress } = request;
  const { spec } = requireDecoder(model, "squeezing");
  const total = points.length + also.length;
  const parts = sensitivity ? partsOf(spec, sensitivity, spared).length : 0;
  const asks = askingStages(plan);
  // What the inputs are like is found out before the first point that goes by it.
  const first = points.findIndex((point) => point.kind === "transform" && isByInputs(point.transform));
  const kinds = [...points.map(({ kind }) => kind), ...also.map(() => "file" as const)];
  const made = kinds.map((kind, index) => ({
    ...{ part: pointPart(index, total), makes: kind === "transform", asks: kind === "trim" ? [] : asks },
    reads: kind === "trim" && (request.keep ?? []).length > 0,
    calibrates: index === first,
  }));
  const alone = Array.from({ length: parts }, (_, index) => ({
    part: sensitivityPart(index, parts),
    ...{ makes: true, asks: [] },
  }));
  const mixed = request.budget == null ? [] : [{ part: MIXED_PART, makes: true, asks }];
  const trims = request.write?.point === TRIMMED;
  const written = request.write ? [{ part: WRITTEN_PART, makes: !trims, asks: [], reads: trims }] : [];
  const calibrated = (request.calibration ?? null) !== null;
  progress.announce(stagesOfSqueezing([...made, ...mixed, ...alone, ...written], { calibrated, bound, files }));
}

/** What progress calls a point. */
export const pointPart = (index: number, of: number): string => `point ${index + 1} of ${of}`;

/** What progress calls a part that is squeezed alone. */
export const sensitivityPart = (index: number, of: number): string => `part ${index + 1} of ${of} alone`;

/** What progress calls making a plan of several types. */
export const MIXED_PART = "a plan of several types";

/** What progress calls reading back what was written. */
export const WRITTEN_PART = "what was written";
