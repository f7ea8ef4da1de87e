/** Two models over one text at a time, as blocks (METHODS §12.1). Figures come from `measure/lockstep/`. */
import type { Lockstep, LockstepFigures } from "../../profile/lockstep.ts";
import type { PrecisionKind } from "../../profile/precision.ts";
import { type Block, rows, text } from "../findings.ts";
import { ABSENT, count, figure, interval, percent, shareOf, shorten } from "../format.ts";
import { divergenceBlocks } from "../llama-cpp.ts";

/** Letters of a stretch in a table, of a token, and of what stands before it. */
const STRETCH = 160;
const TOKEN = 32;
const BEFORE = 30;

/** What the whole comes to, in two sentences. */
export function lockstepText(model: string, baseline: string, { overall }: Lockstep): string {
  const { kl, klQuantiles, agreement, probability, tokens } = overall;
  const over = `over ${count(tokens)} ${tokens === 1 ? "token" : "tokens"}`;
  const moved = `the probability of the token that came differs by ${percent(probability.value)} (root mean square)`;
  if (kl === null || klQuantiles === null || agreement === null)
    return `${model} beside ${baseline} ${over}: ${moved}.`;
  if (klQuantiles.maximum === 0 && kl.value === 0)
    return `${model} and ${baseline} give every token of the vocabulary the same probability, to the last bit, ${over}.`;
  return `${model} diverges from ${baseline} by ${interval(kl)} bits a token (KL, ${over}; median ${figure(klQuantiles.median)}, most ${figure(klQuantiles.maximum)}). Both hold the same token for likeliest in ${shareOf(agreement)} of places; ${moved}.`;
}

/** The same with what it comes to in bits, for where nothing else says so. */
export const besideText = (model: string, found: Lockstep): string =>
  `${lockstepText(model, found.reference, found)} The difference in bits per byte, its own less those of ${found.reference}, is ${interval(found.overall.bitsPerByte)}.`;

/** How they were computed, where one was not exactly; null where both were. */
export function precisionText(model: string, baseline: string, { precision }: Lockstep): string | null {
  if (!precision) return null;
  const said = (name: string, kind: PrecisionKind | null): string =>
    kind === null ? `${name} was computed exactly` : `${name} with --precision ${kind}`;
  return `${said(baseline, precision.reference)}, ${said(model, precision.model)}: what that rounds is part of the divergence.`;
}

const quantiles = (of: LockstepFigures["klQuantiles"]): string[] =>
  of === null ? Array(5).fill(ABSENT) : [of.median, of.p90, of.p99, of.p999, of.maximum].map((bits) => figure(bits));

const cells = (name: string, { kl, klQuantiles, bitsPerByte, agreement, probability }: LockstepFigures): string[] => [
  name,
  kl ? interval(kl) : ABSENT,
  ...quantiles(klQuantiles),
  interval(bitsPerByte),
  agreement ? percent(agreement.value) : ABSENT,
  percent(probability.value),
];

const HEAD = [
  "domain",
  "KL, bits a token",
  "median",
  "90 %",
  "99 %",
  "99.9 %",
  "most",
  "bits per byte",
  "same likeliest",
  "RMS Δp",
];

export function lockstepBlocks(model: string, baseline: string, found: Lockstep): Block[] {
  const { overall, domains, stretches, interval: how, vocabulary } = found;
  const named = Object.entries(domains);
  const precision = precisionText(model, baseline, found);
  return [
    text(lockstepText(model, baseline, found)),
    rows(`Token by token: ${model} beside ${baseline}`, HEAD, [
      cells("all of it", overall),
      ...(named.length > 1 ? named.map(([name, one]) => cells(name, one)) : []),
    ]),
    ...tokenBlocks(found, model, baseline),
    ...(stretches.length === 0
      ? []
      : [
          rows(
            "Stretches that lost most",
            ["where", "text", "KL, bits", "more bits"],
            stretches.map((one) => [
              `${one.document}, byte ${count(one.start)}`,
              one.text === null ? ABSENT : shorten(one.text, STRETCH),
              one.kl === null ? ABSENT : figure(one.kl),
              figure(one.delta),
            ]),
            "figures",
            { kinds: ["words", "words"] },
          ),
        ]),
    ...(found.likeLlamaCpp ? divergenceBlocks(found.likeLlamaCpp) : []),
    ...(precision === null ? [] : [text(precision)]),
    ...(masked(vocabulary) ? [text(maskedText(found, model, baseline))] : []),
    ...(how.absent === null ? [] : [text(`Token by token, ${how.absent}.`)]),
  ];
}

function tokenBlocks({ tokens, overall }: Lockstep, model: string, baseline: string): Block[] {
  if (tokens.length === 0) return [];
  const likeliest = tokens.some((one) => one.likeliest !== null);
  return [
    rows(
      `Tokens that lost most${overall.kl ? "" : ", by the bits that each takes more"}; p of ${baseline}, q of ${model}`,
      [
        "where",
        "before it",
        "token",
        "KL, bits",
        "more bits",
        "p",
        "q",
        ...(likeliest ? ["likeliest of p and q"] : []),
      ],
      tokens.map((one) => [
        `${one.document}, byte ${count(one.start)}`,
        one.before === null ? ABSENT : one.before.slice(-BEFORE),
        one.text === null ? ABSENT : shorten(one.text, TOKEN),
        one.kl === null ? ABSENT : figure(one.kl),
        figure(one.delta),
        percent(one.p),
        percent(one.q),
        ...(likeliest ? [likeliestText(one.likeliest)] : []),
      ]),
      "figures",
      { kinds: ["words", "words", "words", "figures", "figures", "figures", "figures", "words"] },
    ),
  ];
}

function likeliestText(found: Lockstep["tokens"][number]["likeliest"]): string {
  if (found === null) return ABSENT;
  const [p, q] = [shorten(found.p, TOKEN), shorten(found.q, TOKEN)];
  return found.p === found.q ? p : `${p} → ${q}`;
}

const masked = ({ shared, reference, model }: Lockstep["vocabulary"]): boolean => shared < Math.max(reference, model);

function maskedText({ vocabulary }: Lockstep, model: string, baseline: string): string {
  const { shared, reference, model: own } = vocabulary;
  return `Over the ${count(shared)} tokens that both have; ${baseline} has ${count(reference)} rows, ${model} ${count(own)}.`;
}
