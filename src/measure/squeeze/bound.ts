/** The Gaussian yardstick of a model (METHODS §7): what any code of as many bits would lose on matrices of these spectra. */
import { setImmediate } from "node:timers/promises";
import { type ModelMatrix, matricesOf } from "../../models/matrices.ts";
import { symmetricSpectra } from "../../numeric/eigen.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import { requireDecoder } from "../../ports/model.ts";
import type { Squeezing } from "../../profile/squeeze.ts";
import { gaussianBound } from "../../squeeze/frontier.ts";
import { gramOfRows, transposed } from "../../squeeze/low-rank.ts";
import { BOUND } from "../stages.ts";
import type { SqueezeRequest } from "./request.ts";
import { nameIn, valuesOf } from "./weights.ts";

/** The least error of Gaussian matrices of these spectra, by rate. */
export async function boundOf(request: SqueezeRequest): Promise<NonNullable<Squeezing["bound"]>> {
  const { model, progress, signal, spared } = request;
  const { spec, weights } = requireDecoder(model, "squeezing");
  const matrices = matricesOf(spec).filter(({ part }) => !spared.includes(part));
  progress.enter(null);
  progress.start(BOUND, matrices.length, "matrices");
  const variances: { variance: number; components: number }[] = [];
  for (const [index, matrix] of matrices.entries()) {
    if (signal?.aborted) throw new LossyscopeError("interrupted", "stopped while looking at the weights");
    const values = await valuesOf(weights, nameIn(weights, matrix), signal);
    for (let one = 0; one < matrix.stack; one++) {
      const [shorter, longer] = [Math.min(matrix.rows, matrix.columns), Math.max(matrix.rows, matrix.columns)];
      const size = shorter * longer;
      for (const square of squaredSingularValues(values.subarray(one * size, (one + 1) * size), matrix))
        variances.push({ variance: Math.max(square, 0) / longer, components: longer });
    }
    progress.update(index + 1);
    await setImmediate();
  }
  progress.finish();
  return Array.from({ length: 33 }, (_, step) => step / 4).map((bitsPerParameter) => ({
    bitsPerParameter,
    error: gaussianBound(variances, bitsPerParameter),
  }));
}
/** σ² of a matrix: eigenvalues of the Gram matrix of its shorter side. */
function squaredSingularValues(values: Float32Array, { rows, columns, layout }: ModelMatrix): Float64Array {
  const [height, width] = layout === "out-in" ? [rows, columns] : [columns, rows];
  const [shorter, longer] = [Math.min(height, width), Math.max(height, width)];
  const laid = height <= width ? values : transposed(values, height, width);
  return symmetricSpectra(gramOfRows(laid, shorter, longer), new Float64Array(shorter), 0).plain;
}
