/** What llama-perplexity would report, in a sentence and in its own form: for people who compare with its figures. */
import { count, counted } from "../numeric/amounts.ts";
import type { Coding } from "../profile/coding.ts";
import type { LlamaCppDivergence, PlusMinus, TokenQuantiles } from "../profile/llama-cpp-divergence.ts";
import { type Block, rows } from "./findings.ts";
import { ABSENT } from "./format.ts";

/** @returns without a full stop; `like.why` says why it differs from our own figures */
export function llamaCppSentence(like: NonNullable<Coding["likeLlamaCpp"]>): string {
  const { version, perplexity, standardError, chunks, context, tokens } = like;
  const own = `PPL = ${perplexity.toFixed(4)} +/- ${standardError.toFixed(5)}`;
  const over = `${counted(chunks, "chunk")} of ${count(context)} tokens, ${count(tokens)} of them scored`;
  return `llama-perplexity of llama.cpp ${version} would report ${own} (${over})`;
}

/** The same of two models, for where its tables have no room; without a full stop. */
export function divergenceSentence({ version, tokens, kl, probability }: LlamaCppDivergence): string {
  const mean = plusMinus(kl.mean, 6);
  return `llama-perplexity --kl-divergence of llama.cpp ${version} would report Mean KLD ${mean} (nats, ${count(tokens)} tokens scored) and Same top p ${inPercent(probability.sameTop)}`;
}

/** Its tables, in its own rows. */
export function divergenceBlocks({ version, perplexity, kl, probability }: LlamaCppDivergence): Block[] {
  const table = (caption: string, cells: readonly (readonly [string, string])[]): Block =>
    rows(
      `${caption}, as llama-perplexity --kl-divergence of llama.cpp ${version} has them`,
      ["statistic", "value"],
      cells,
    );
  const { model, reference, correlation, logRatio, ratio, difference } = perplexity;
  return [
    table("Perplexity statistics", [
      ["Mean PPL(Q)", plusMinus(model, 6)],
      ["Mean PPL(base)", plusMinus(reference, 6)],
      ["Cor(ln(PPL(Q)), ln(PPL(base)))", correlation === null ? ABSENT : `${(100 * correlation).toFixed(2)}%`],
      ["Mean ln(PPL(Q)/PPL(base))", plusMinus(logRatio, 6)],
      ["Mean PPL(Q)/PPL(base)", plusMinus(ratio, 6)],
      ["Mean PPL(Q)-PPL(base)", plusMinus(difference, 6)],
    ]),
    table("KL divergence statistics", [
      ["Mean KLD", plusMinus(kl.mean, 6)],
      ...quantileRows("KLD", kl.quantiles, KLD_ROWS, (nats) => nats.toFixed(6)),
    ]),
    table("Token probability statistics", [
      ["Mean Δp", inPercent(probability.mean)],
      ...quantileRows("Δp", probability.quantiles, PROBABILITY_ROWS, (share) => `${(100 * share).toFixed(3)}%`),
      ["RMS Δp", inPercent(probability.rms)],
      ["Same top p", inPercent(probability.sameTop)],
    ]),
  ];
}

type Row = readonly [name: string, quantile: keyof TokenQuantiles];

const ABOVE: readonly Row[] = [
  ["Maximum", "maximum"],
  ["99.9%", "p999"],
  ["99.0%", "p99"],
  ["95.0%", "p95"],
  ["90.0%", "p90"],
];
const BELOW: readonly Row[] = [
  ["10.0%", "p10"],
  ["5.0%", "p05"],
  ["1.0%", "p01"],
  ["0.1%", "p001"],
  ["Minimum", "minimum"],
];
const KLD_ROWS: readonly Row[] = [...ABOVE, ["Median", "median"], ...BELOW];
const PROBABILITY_ROWS: readonly Row[] = [...ABOVE, ["75.0%", "p75"], ["Median", "median"], ["25.0%", "p25"], ...BELOW];

const quantileRows = (
  of: string,
  quantiles: TokenQuantiles,
  named: readonly Row[],
  write: (value: number) => string,
): (readonly [string, string])[] => named.map(([name, which]) => [`${name} ${of}`, write(quantiles[which])]);

const plusMinus = ({ value, error }: PlusMinus, places: number): string =>
  `${value.toFixed(places)} ± ${error.toFixed(places)}`;
const inPercent = ({ value, error }: PlusMinus): string =>
  `${(100 * value).toFixed(3)} ± ${(100 * error).toFixed(3)} %`;
