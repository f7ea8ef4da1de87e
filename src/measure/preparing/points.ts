/**
 * The reference points of a plane (METHODS §2.1, §2.2): drawn from the seed, further draws from the seeds after it, or
 * taken from a file; with the temperature that belongs to their number and width.
 */
import { openSafetensors } from "../../files/safetensors.ts";
import { referencePoints } from "../../info/assignment.ts";
import { type TemperatureRule, temperature } from "../../info/temperature.ts";
import { count } from "../../numeric/amounts.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import type { Plane } from "../../profile/plane.ts";

/** Points read from a file, with the digest that names them. */
export interface GivenPoints {
  /** [m, d] */
  readonly points: Float64Array;
  readonly m: number;
  readonly d: number;
  readonly digest: string;
}

/** @throws LossyscopeError `input` where there is no finite tensor `W` of two dimensions; `io`, `model` */
export async function readPoints(path: string, digest: (path: string) => Promise<string>): Promise<GivenPoints> {
  const file = await openSafetensors(path);
  try {
    const { shape } = file.entry("W");
    const [m, d] = shape;
    if (shape.length !== 2 || m < 2 || d < 1) {
      throw new LossyscopeError(
        "input",
        `W in ${path} has shape [${shape}]`,
        "give reference points as W [m,d], m ≥ 2",
      );
    }
    const points = Float64Array.from((await file.read("W")) as ArrayLike<number>, Number);
    if (!points.every(Number.isFinite))
      throw new LossyscopeError("input", `W in ${path} has values that are not finite`);
    return { points, m, d, digest: await digest(path) };
  } finally {
    await file.close();
  }
}

export interface PlanePoints {
  /** [draws·m, d], as the engine takes them */
  readonly points: Float32Array;
  readonly m: number;
  readonly draws: number;
  readonly source: string;
  readonly temperature: { readonly rule: Plane["temperature"]["rule"]; readonly epsilon: number };
}

export interface PointsRequest {
  /** m, where the points are drawn */
  readonly points: number;
  readonly draws: number;
  readonly width: number;
  readonly seed: number;
  /** how ε follows from m and d, or ε itself */
  readonly temperature: TemperatureRule | number;
}

/**
 * @param given points of the first draw; drawn from the seed where null
 * @throws LossyscopeError `usage` where given points have another width than the model's states
 */
export function planePoints(request: PointsRequest, given: GivenPoints | null): PlanePoints {
  const { draws, width, seed, temperature: rule } = request;
  if (given && given.d !== width) {
    throw new LossyscopeError(
      "usage",
      `the reference points have width ${count(given.d)}, the model's states ${count(width)}`,
    );
  }
  const m = given?.m ?? request.points;
  const points = new Float32Array(draws * m * width);
  for (let draw = 0; draw < draws; draw++) {
    points.set(draw === 0 && given ? given.points : referencePoints(seed + draw, m, width), draw * m * width);
  }
  return {
    points,
    m,
    draws,
    source: given ? `file ${given.digest}` : `seed ${seed}`,
    temperature:
      typeof rule === "number" ? { rule: "given", epsilon: rule } : { rule, epsilon: temperature(m, width, rule) },
  };
}
