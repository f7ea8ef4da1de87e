/**
 * The temperature of the soft assignment (METHODS §2.2): ε* at which a von Mises-Fisher density of concentration
 * κ = 1/ε on the sphere S^{d−1} stands ln m nats away from the uniform one, KL(vMF(κ) ‖ uniform) = κ·A(κ) − Φ(κ) with
 * Φ(κ) = ln Γ(ν+1)(2/κ)^ν I_ν(κ), ν = d/2 − 1, and A = Φ′ = I_{ν+1}/I_ν. Three rules for the left side: Amos' lower
 * bound, the exact value in the log domain, and its leading order.
 */
import { LossyscopeError } from "../numeric/errors.ts";

export type TemperatureRule = "bound" | "exact" | "leading-order";

/** Where the series of the exact rule is scaled down; any large power of two serves. */
const SCALE = 2 ** 900;
const LN_SCALE = 900 * Math.LN2;
/** Beyond it the series of the exact rule has more terms than anybody waits for. */
const MOST_KAPPA = 1e7;

/**
 * ∫₀^κ t/(a + √(t² + a²)) dt, an Amos bound on Φ: lower for a = ν + 1, upper for a = ν.
 * Written so that it keeps its digits where κ ≪ a and where κ ≫ a.
 */
function amosIntegral(kappa: number, a: number): number {
  const rise = kappa * (kappa / (Math.hypot(kappa, a) + a));
  return rise - a * Math.log1p(rise / (2 * a));
}

/** Where κ is so much larger than d, the two halves of the bounded divergence cancel in double precision. */
const CANCELLING = 1e3;

/** Lower bound on KL(vMF(κ) ‖ uniform): Amos' lower bound on A, upper bound on Φ. Needs d ≥ 3. */
function boundedDivergence(kappa: number, d: number): number {
  const b = d / 2;
  const a = b - 1;
  if (kappa > CANCELLING * d) {
    // √(κ²+b²) − √(κ²+a²) = (b² − a²)/(√ + √), with b − a = 1
    const rise = Math.hypot(kappa, a) - a;
    return (a + b) / (Math.hypot(kappa, b) + Math.hypot(kappa, a)) - 1 + a * Math.log1p(rise / (2 * a));
  }
  const ratio = kappa / (b + Math.hypot(kappa, b));
  return kappa * ratio - amosIntegral(kappa, a);
}

/**
 * KL(vMF(κ) ‖ uniform) from the power series e^Φ = Σ_k t_k, t_{k+1}/t_k = (κ/2)²/((k+1)(ν+1+k)): all terms are
 * positive, κ·A = 2·Σ k t_k / Σ t_k, and scaling as it grows keeps it from overflowing. Some κ/2 + 10√κ terms.
 */
function exactDivergence(kappa: number, d: number): number {
  if (!(kappa <= MOST_KAPPA)) {
    throw new LossyscopeError(
      "usage",
      `the exact temperature of so many points in ${d} dimensions needs a κ of ${kappa.toPrecision(2)}, above ${MOST_KAPPA.toExponential()}`,
      "take the rule bound, or give the temperature as a number",
    );
  }
  const quarter = (kappa / 2) ** 2;
  let term = 1;
  let total = 1;
  let weighted = 0;
  let scaled = 0;
  for (let k = 0; ; k++) {
    const ratio = quarter / ((k + 1) * (d / 2 + k));
    term *= ratio;
    total += term;
    weighted += (k + 1) * term;
    if (total > SCALE) {
      term /= SCALE;
      total /= SCALE;
      weighted /= SCALE;
      scaled++;
    }
    if (ratio < 1 && term * (k + 1) <= 1e-18 * weighted) break;
  }
  return (2 * weighted) / total - Math.log(total) - scaled * LN_SCALE;
}

/** ln of the largest double: a κ past it is no number. */
const MOST_LOG_KAPPA = Math.log(Number.MAX_VALUE);

/**
 * The κ at which an increasing function reaches the target: bracketed by doubling, then false position (Illinois).
 * Infinity where it is past the largest double.
 */
function solveIncreasing(divergence: (kappa: number) => number, target: number, start: number): number {
  let low = Math.log(start);
  let high = low;
  const excess = (logKappa: number) => divergence(Math.exp(logKappa)) - target;
  let below = excess(low);
  let above = below;
  while (above < 0) {
    low = high;
    below = above;
    high += Math.LN2;
    if (high > MOST_LOG_KAPPA) return Infinity;
    above = excess(high);
  }
  while (below > 0) {
    high = low;
    above = below;
    low -= Math.LN2;
    below = excess(low);
  }
  let last = 0;
  for (let step = 0; step < 200 && high - low > 1e-15 * Math.max(1, Math.abs(high)); step++) {
    const middle = above === below ? (low + high) / 2 : high - (above * (high - low)) / (above - below);
    const value = excess(middle);
    if (value === 0) return Math.exp(middle);
    if (value > 0) {
      if (high - middle === 0) break;
      high = middle;
      above = value;
      if (last > 0) below /= 2;
      last = 1;
    } else {
      if (middle - low === 0) break;
      low = middle;
      below = value;
      if (last < 0) above /= 2;
      last = -1;
    }
  }
  return Math.exp(Math.abs(above) < Math.abs(below) ? high : low);
}

/**
 * ε for m reference points in d dimensions.
 * @throws LossyscopeError `usage` where the rule has no solution: the bound needs d ≥ 3, the exact rule d ≥ 2, and a κ that
 * is a number
 * @see hcoxec/soft_h `soft_entropy/temp_calibration.py`, whose `find_eps` is the rule `bound`
 */
export function temperature(m: number, d: number, rule: TemperatureRule): number {
  if (!(m > 1 && m < Infinity && d >= 1 && d < Infinity)) {
    throw new LossyscopeError(
      "usage",
      `there is no temperature for ${m} points in ${d} dimensions`,
      "take two points or more",
    );
  }
  const leading = 1 / Math.sqrt(2 * d * Math.log(m));
  if (rule === "leading-order") return leading;
  const least = rule === "bound" ? 3 : 2;
  if (d < least) {
    throw new LossyscopeError(
      "usage",
      `the ${rule} temperature needs states of width ${least} or more, these have ${d}`,
      "give the temperature as a number",
    );
  }
  const divergence = rule === "bound" ? boundedDivergence : exactDivergence;
  const kappa = solveIncreasing((kappa) => divergence(kappa, d), Math.log(m), 1 / leading);
  if (kappa < Infinity) return 1 / kappa;
  throw new LossyscopeError(
    "usage",
    `the ${rule} temperature of ${m} points in ${d} dimensions is below the least number there is`,
    "take fewer points, or give the temperature as a number",
  );
}
