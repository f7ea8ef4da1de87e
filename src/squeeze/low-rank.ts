/**
 * Matrices of lower rank (METHODS §7.1). By Eckart and Young the nearest matrix of rank r is U_r U_rᵀ W = W V_r V_rᵀ; where
 * the second moments H = Σ x xᵀ of the inputs are known, the nearest by what it does to them, min ‖(W − W_r) H^½‖, is
 * U_r U_rᵀ W with U_r the first left singular vectors of W H^½ (SVD-LLM, arXiv 2403.07378, without its Cholesky factor:
 * any root of H has these vectors). Vectors come from the Gram matrix of the shorter side in float64; singular values below
 * 1e−8 of the largest are rounding.
 *
 * A decomposition is made once for all ranks. Time about 7·min(m,n)³; memory 16·min(m,n)² bytes.
 */
import { fromFloat32, toFloat32 } from "../formats/tensor-types.ts";
import { count } from "../numeric/amounts.ts";
import { symmetricEigen } from "../numeric/eigen.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { sum } from "../numeric/sums.ts";
import { type Kept, type Matrix, type Squeezed, sizeOf } from "./matrix.ts";

/** Left singular vectors of a matrix (or right ones, whichever are fewer), and its singular values, largest first. */
export interface Decomposition {
  readonly side: "left" | "right";
  /** [rank, rows] or [rank, columns], one a row */
  readonly vectors: Float32Array;
  /** σ [min(rows, columns)] */
  readonly values: Float64Array;
}

/** Lower triangle of A Aᵀ for A [n, k] row-major. */
export function gramOfRows(a: ArrayLike<number>, n: number, k: number): Float64Array {
  const gram = new Float64Array((n * (n + 1)) / 2);
  for (let i = 0, at = 0; i < n; i++)
    for (let j = 0; j <= i; j++) {
      let dot = 0;
      for (let x = i * k, y = j * k; x < (i + 1) * k; x++, y++) dot += a[x] * a[y];
      gram[at++] = dot;
    }
  return gram;
}

/** A H, [n, k], for A [n, k] and the lower triangle of H [k, k]. */
function timesSymmetric(a: Float32Array, n: number, triangle: Float64Array, k: number): Float64Array {
  const result = new Float64Array(n * k);
  for (let row = 0; row < n; row++) {
    const from = row * k;
    for (let i = 0, at = 0; i < k; i++) {
      const own = a[from + i];
      let dot = 0;
      for (let j = 0; j < i; j++, at++) {
        dot += a[from + j] * triangle[at];
        result[from + j] += own * triangle[at];
      }
      result[from + i] += dot + own * triangle[at++];
    }
  }
  return result;
}

/** Lower triangle of A Bᵀ, which is symmetric, for A and B [n, k]. */
function productRows(a: Float64Array, b: Float32Array, n: number, k: number): Float64Array {
  const result = new Float64Array((n * (n + 1)) / 2);
  for (let i = 0, at = 0; i < n; i++)
    for (let j = 0; j <= i; j++) {
      let dot = 0;
      for (let x = i * k, y = j * k; x < (i + 1) * k; x++, y++) dot += a[x] * b[y];
      result[at++] = dot;
    }
  return result;
}

/** [rows, columns] → [columns, rows] */
export function transposed(values: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(values.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) result[column * rows + row] = values[row * columns + column];
  return result;
}

const roots = (squares: Float64Array): Float64Array => squares.map((square) => Math.sqrt(Math.max(square, 0)));

/** By what the matrix is. */
export function decompose({ rows, columns, values }: Matrix): Decomposition {
  const isLeft = rows <= columns;
  const shorter = Math.min(rows, columns);
  const laid = isLeft ? values : transposed(values, rows, columns);
  const eigen = symmetricEigen(gramOfRows(laid, shorter, Math.max(rows, columns)), shorter);
  return {
    side: isLeft ? "left" : "right",
    vectors: Float32Array.from(eigen.vectors),
    values: roots(eigen.values),
  };
}

/** By what the matrix does to its inputs. @param moments lower triangle of H, [columns (columns + 1) / 2] */
export function decomposeWhitened({ rows, columns, values }: Matrix, moments: Float64Array): Decomposition {
  if (rows <= columns) {
    // U is of W H^½ (W H^½)ᵀ = W H Wᵀ, and no root of H is needed.
    const weighed = timesSymmetric(values, rows, moments, columns);
    const eigen = symmetricEigen(productRows(weighed, values, rows, columns), rows);
    return { side: "left", vectors: Float32Array.from(eigen.vectors), values: roots(eigen.values) };
  }
  const inputs = symmetricEigen(moments, columns);
  // W H^½ up to a rotation of its columns: W · vᵢ √λᵢ.
  const scale = roots(inputs.values);
  const turned = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++)
    for (let i = 0; i < columns; i++) {
      let dot = 0;
      for (let k = 0; k < columns; k++) dot += values[row * columns + k] * inputs.vectors[i * columns + k];
      turned[row * columns + i] = dot * scale[i];
    }
  const across = new Float64Array(turned.length);
  for (let row = 0; row < rows; row++)
    for (let i = 0; i < columns; i++) across[i * rows + row] = turned[row * columns + i];
  const eigen = symmetricEigen(gramOfRows(across, columns, rows), columns);
  const sigma = roots(eigen.values);
  // u = A v / σ
  const vectors = new Float32Array(columns * rows);
  for (let i = 0; i < columns; i++) {
    if (!(sigma[i] > 1e-8 * sigma[0])) continue;
    for (let row = 0; row < rows; row++) {
      let dot = 0;
      for (let k = 0; k < columns; k++) dot += turned[row * columns + k] * eigen.vectors[i * columns + k];
      vectors[i * rows + row] = dot / sigma[i];
    }
  }
  return { side: "left", vectors, values: sigma };
}

export type Rank =
  /** the same for every matrix */
  | { readonly rank: number }
  /** the least whose singular values have this share of Σ σ² */
  | { readonly energy: number };

/** @throws LossyscopeError `usage` where the matrix has not that many */
export function rankOf(values: Float64Array, asked: Rank): number {
  if ("rank" in asked) {
    if (asked.rank <= values.length) return asked.rank;
    throw new LossyscopeError(
      "usage",
      `a matrix of full rank ${count(values.length)} has no rank ${count(asked.rank)}`,
      `ask for at most ${count(values.length)}, or for a share of each matrix's energy such as 0.9`,
    );
  }
  const energies = values.map((value) => value * value);
  const wanted = asked.energy * sum(energies);
  let had = 0;
  for (const [index, energy] of energies.entries()) {
    had += energy;
    if (had >= wanted) return index + 1;
  }
  return values.length;
}

/** The product of two factors, each rounded to the type that it is kept in; the matrix itself where the two are no smaller. */
export function lowRank(
  matrix: Matrix,
  { side, vectors, values: sigma }: Decomposition,
  asked: Rank,
  kept: Kept,
): Squeezed {
  const { rows, columns, values } = matrix;
  const rank = rankOf(sigma, asked);
  if (rank * (rows + columns) >= rows * columns) {
    const bytes = Uint8Array.from(fromFloat32(kept, values));
    return { values: toFloat32(kept, bytes), ...sizeOf([{ kind: "values", dtype: kept, bytes }]) };
  }
  const width = side === "left" ? rows : columns;
  const first = vectors.subarray(0, rank * width);
  const second =
    side === "left" ? applied(first, rank, rows, values, columns) : projected(values, rows, columns, first, rank);
  const factors = [first, second].map((factor) => Uint8Array.from(fromFloat32(kept, factor)));
  const [a, b] = factors.map((bytes) => toFloat32(kept, bytes));
  const result =
    side === "left"
      ? recombined(a, rank, rows, b, columns)
      : recombined(transposed(b, rows, rank), rank, rows, a, columns);
  return { values: result, ...sizeOf(factors.map((bytes) => ({ kind: "values", dtype: kept, bytes }))) };
}

/** Uᵀ W: [rank, rows] · [rows, columns] → [rank, columns], with float64 sums. */
function applied(u: Float32Array, rank: number, rows: number, w: Float32Array, columns: number): Float32Array {
  const result = new Float32Array(rank * columns);
  const line = new Float64Array(columns);
  for (let k = 0; k < rank; k++) {
    line.fill(0);
    for (let row = 0; row < rows; row++) {
      const factor = u[k * rows + row];
      const from = row * columns;
      for (let j = 0; j < columns; j++) line[j] += factor * w[from + j];
    }
    result.set(line, k * columns);
  }
  return result;
}

/** W V: [rows, columns] · [rank, columns]ᵀ → [rows, rank] */
function projected(w: Float32Array, rows: number, columns: number, v: Float32Array, rank: number): Float32Array {
  const result = new Float32Array(rows * rank);
  for (let row = 0; row < rows; row++)
    for (let k = 0; k < rank; k++) {
      let dot = 0;
      for (let x = row * columns, y = k * columns; y < (k + 1) * columns; x++, y++) dot += w[x] * v[y];
      result[row * rank + k] = dot;
    }
  return result;
}

/** Aᵀ B: [rank, rows]ᵀ · [rank, columns] → [rows, columns] */
function recombined(a: Float32Array, rank: number, rows: number, b: Float32Array, columns: number): Float32Array {
  const result = new Float32Array(rows * columns);
  const line = new Float64Array(columns);
  for (let row = 0; row < rows; row++) {
    line.fill(0);
    for (let k = 0; k < rank; k++) {
      const factor = a[k * rows + row];
      const from = k * columns;
      for (let j = 0; j < columns; j++) line[j] += factor * b[from + j];
    }
    result.set(line, row * columns);
  }
  return result;
}
