/**
 * What `llama-perplexity --kl-divergence` of llama.cpp 0.5 prints of two models, the base P and Q (METHODS §1.6): its chunks, its
 * statistics. Followed from its source (tools/perplexity, `kl_divergence`): a mean is ± √((mean of squares − mean²)/(n − 1)), as
 * if tokens were independent; ln(PPL(Q)/PPL(base)) and PPL(Q) − PPL(base) are ± the root of both variances less twice the
 * covariance; what is made of another figure, e^x or √x, is ± its slope times that one's; percentiles are linear between order
 * statistics. Divergences are in nats. It takes the base's log-probabilities from a file that keeps them in 16 bits, over the 16
 * nats below the largest, and leaves out of the sum what the base holds for less likely than e^−16; none of that is done here.
 *
 * Memory: 33 bytes a scored token, and 16 more at the end.
 */
import type { Together } from "../../engines/lockstep.ts";
import { count, counted } from "../../numeric/amounts.ts";
import { quantile } from "../../numeric/bootstrap.ts";
import { mean } from "../../numeric/sums.ts";
import type { LlamaCppDivergence, PlusMinus, TokenQuantiles } from "../../profile/llama-cpp-divergence.ts";
import { chunksOf, LLAMA_CPP_VERSION, type LlamaCppCorpus, scoredTokens } from "./llama-cpp.ts";

/** Of fewer tokens it prints no statistics. */
export const FEWEST_TOKENS = 100;

/** Gathers what two models said of the tokens that it scores; their order is no part of any figure. */
export class DivergenceTally {
  readonly #corpus: LlamaCppCorpus;
  readonly #nats: { readonly p: Float64Array; readonly q: Float64Array };
  readonly #kl: Float64Array;
  readonly #probability: Float64Array;
  readonly #same: Uint8Array;
  #seen = 0;

  constructor(corpus: LlamaCppCorpus) {
    const tokens = scoredTokens(corpus);
    const column = () => new Float64Array(tokens);
    this.#corpus = corpus;
    this.#nats = { p: column(), q: column() };
    [this.#kl, this.#probability, this.#same] = [column(), column(), new Uint8Array(tokens)];
  }

  /** Takes what came of a batch of its chunks. */
  take({ kl, natsP, natsQ, probability, topP, topQ }: Omit<Together, "batch" | "delta">): void {
    this.#nats.p.set(natsP, this.#seen);
    this.#nats.q.set(natsQ, this.#seen);
    this.#kl.set(kl, this.#seen);
    this.#probability.set(probability, this.#seen);
    this.#same.set(
      Array.from(topP, (top, row) => Number(top === topQ[row])),
      this.#seen,
    );
    this.#seen += kl.length;
  }

  /** @returns its figures, and in a line why they differ from ours */
  finish(): LlamaCppDivergence {
    const corpus = this.#corpus;
    const { bos, context } = corpus;
    const tokens = scoredTokens(corpus);
    if (this.#seen !== tokens) throw new Error(`${count(this.#seen)} rows for ${counted(tokens, "token")}`);
    const { p, q } = this.#nats;
    const [base, own] = [plusMinus(p), plusMinus(q)];
    const apart = mean(q.map((nats, row) => (nats - own.value) * (p[row] - base.value))) / (tokens - 1);
    const logRatio = { value: own.value - base.value, error: together(own.error, base.error, apart) };
    const [model, reference] = [exponential(own), exponential(base)];
    const squares = plusMinus(this.#probability.map((delta) => delta ** 2));
    const rms = Math.sqrt(squares.value);
    const same = mean(this.#same);
    return {
      version: LLAMA_CPP_VERSION,
      tokens,
      chunks: chunksOf(corpus),
      context,
      bos: bos?.token ?? null,
      perplexity: {
        model,
        reference,
        correlation: own.error * base.error > 0 ? apart / (own.error * base.error) : null,
        logRatio,
        ratio: exponential(logRatio),
        difference: {
          value: model.value - reference.value,
          error: together(model.error, reference.error, model.value * reference.value * apart),
        },
      },
      kl: { mean: plusMinus(this.#kl), quantiles: quantilesOf(this.#kl) },
      probability: {
        mean: plusMinus(this.#probability),
        rms: { value: rms, error: rms > 0 ? (0.5 / rms) * squares.error : 0 },
        quantiles: quantilesOf(this.#probability),
        sameTop: { value: same, error: Math.sqrt((same * (1 - same)) / (tokens - 1)) },
      },
      why: `llama-perplexity reads chunks of ${count(context)} tokens, scores ${counted(tokens, "token")} of them, gives nats where we give bits, and takes tokens for independent in its ±. It keeps what the base says in 16 bits, over the 16 nats below the likeliest token, which is not done here, and multiplies quantised weights with activations rounded to 8 bits, so its own figures move a little further`,
    };
  }
}

/** A mean and its standard error. */
function plusMinus(values: Float64Array): PlusMinus {
  const value = mean(values);
  return { value, error: Math.sqrt(mean(values.map((one) => (one - value) ** 2)) / (values.length - 1)) };
}

const exponential = ({ value, error }: PlusMinus): PlusMinus => ({
  value: Math.exp(value),
  error: Math.exp(value) * error,
});

/** The error of a difference. @param covariance of both; rounding may take what is left below 0 */
const together = (a: number, b: number, covariance: number): number =>
  Math.sqrt(Math.max(0, a * a + b * b - 2 * covariance));

function quantilesOf(values: Float64Array): TokenQuantiles {
  const sorted = values.slice().sort();
  const at = (q: number): number => quantile(sorted, q);
  return {
    minimum: at(0),
    ...{ p001: at(0.001), p01: at(0.01), p05: at(0.05), p10: at(0.1), p25: at(0.25) },
    median: at(0.5),
    ...{ p75: at(0.75), p90: at(0.9), p95: at(0.95), p99: at(0.99), p999: at(0.999) },
    maximum: at(1),
  };
}
