/**
 * What opens every window (METHODS §0, Prefix): the token that the tokenizer puts before a text, else the model's
 * end-of-text token, else nothing. Whether the tokenizer puts one is what its template says; where there is none, nothing
 * is put: beside a tokenizer.json, `add_bos_token` of tokenizer_config.json has no say in transformers 5 (`loaded.ts`).
 */
import { z } from "zod";
import { count } from "../numeric/amounts.ts";
import { LossyscopeError, shown } from "../numeric/errors.ts";
import { checked, fitting } from "../numeric/schema-faults.ts";
import type { Prefix } from "../text/corpus.ts";

const template = z.looseObject({
  single: z.array(
    z.union([
      z.object({ SpecialToken: z.looseObject({ id: z.string() }) }),
      z.object({ Sequence: z.looseObject({ id: z.string() }) }),
    ]),
  ),
  special_tokens: z.record(z.string(), z.looseObject({ ids: z.array(z.number().int().nonnegative()) })).default({}),
});

const tokenId = z.number().int().nonnegative();
const token = z.tuple([z.string(), tokenId]);
const classified = z.looseObject({ cls: token, sep: token });
const endOfText = z.looseObject({
  eos_token_id: z.union([tokenId, z.array(tokenId)]).nullish(),
});

export interface PrefixSources {
  /** config.json and generation_config.json */
  readonly modelConfig: Readonly<Record<string, unknown>>;
  readonly generationConfig: Readonly<Record<string, unknown>>;
  /** the tokenizer's end-of-text token, where it names one */
  readonly endOfText: number | undefined;
}

/** Ids of the tokens that a tokenizer puts around a text. */
export interface Around {
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/** @throws LossyscopeError `unsupported` where the tokenizer puts more than one token before a text */
export function resolvePrefix({ before }: Around, sources: PrefixSources): Prefix | null {
  if (before.length > 1) {
    throw new LossyscopeError(
      "unsupported",
      `the tokenizer puts ${count(before.length)} tokens before a text (ids ${before.join(", ")}); windows open with one`,
    );
  }
  if (before.length === 1) return { id: before[0], addedByTokenizer: true };
  const listed = [sources.modelConfig, sources.generationConfig]
    .map((config) => fitting(endOfText, config)?.eos_token_id)
    .find((eos) => eos !== null && eos !== undefined);
  const eos = (Array.isArray(listed) ? listed[0] : listed) ?? sources.endOfText;
  return eos === undefined ? null : { id: eos, addedByTokenizer: false };
}

type Step = { readonly type?: unknown; readonly processors?: unknown };

function steps(postProcessor: unknown): Step[] {
  if (typeof postProcessor !== "object" || postProcessor === null) return [];
  const step = postProcessor as Step;
  return step.type === "Sequence" && Array.isArray(step.processors) ? step.processors.flatMap(steps) : [step];
}

/** What the post-processor puts around a single text: each step around what the ones before it left. */
export function tokensAround(postProcessor: unknown, idOf: (token: string) => number | undefined): Around {
  return steps(postProcessor).reduce<Around>(
    (inner, step) => {
      const own = aroundOf(step, idOf);
      return { before: [...own.before, ...inner.before], after: [...inner.after, ...own.after] };
    },
    { before: [], after: [] },
  );
}

const malformed =
  ({ type }: Step) =>
  (faults: string): LossyscopeError =>
    new LossyscopeError(
      "model",
      `tokenizer.json is malformed in its post-processor ${shown(type)}: ${faults}`,
      "download tokenizer.json again",
    );

function aroundOf(step: Step, idOf: (token: string) => number | undefined): Around {
  if (step.type === "BertProcessing" || step.type === "RobertaProcessing") {
    const { cls, sep } = checked(classified, step, malformed(step));
    return { before: [cls[1]], after: [sep[1]] };
  }
  if (step.type !== "TemplateProcessing") return { before: [], after: [] };
  const { single, special_tokens } = checked(template, step, malformed(step));
  const idsOf = (items: typeof single): number[] =>
    items.flatMap((item) => {
      if (!("SpecialToken" in item)) return [];
      const name = item.SpecialToken.id;
      const ids = special_tokens[name]?.ids ?? [idOf(name)];
      return ids.map((id) => {
        if (id !== undefined) return id;
        throw new LossyscopeError("model", `the tokenizer puts ${name} around a text, which has no id in it`);
      });
    });
  const text = single.findIndex((item) => "Sequence" in item);
  return text < 0
    ? { before: idsOf(single), after: [] }
    : { before: idsOf(single.slice(0, text)), after: idsOf(single.slice(text)) };
}
