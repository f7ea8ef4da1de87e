/**
 * What opens every window (METHODS §0, Prefix): the token that the tokenizer puts before a text, else the model's
 * end-of-text token, else nothing. Whether the tokenizer puts one is what its template says; where there is none, nothing
 * is put: beside a tokenizer.json, `add_bos_token` of tokenizer_config.json has no say in transformers 5 (`loaded.ts`).
 */
import { z } from "zod";
import { LossyscopeError } from "../numeric/errors.ts";
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
const endOfText = z.looseObject({
  eos_token_id: z.union([tokenId, z.array(tokenId)]).nullish(),
});

export interface PrefixSources {
  /** what puts tokens around a text */
  readonly postProcessor: unknown;
  /** config.json and generation_config.json */
  readonly modelConfig: Readonly<Record<string, unknown>>;
  readonly generationConfig: Readonly<Record<string, unknown>>;
  /** the tokenizer's end-of-text token, where it names one */
  readonly endOfText: number | undefined;
  readonly idOf: (token: string) => number | undefined;
}

/** @throws LossyscopeError `unsupported` where the tokenizer puts more than one token before a text */
export function resolvePrefix(sources: PrefixSources): Prefix | null {
  const { modelConfig, generationConfig, idOf } = sources;
  const opening = openingTokens(sources.postProcessor, idOf);
  if (opening.length > 1) {
    throw new LossyscopeError(
      "unsupported",
      `the tokenizer puts ${opening.length} tokens before a text (ids ${opening.join(", ")}); windows open with one`,
    );
  }
  if (opening.length === 1) return { id: opening[0], addedByTokenizer: true };

  const listed = [modelConfig, generationConfig]
    .map((config) => endOfText.safeParse(config).data?.eos_token_id)
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

/** Ids of the tokens that the post-processor puts before a single text. */
function openingTokens(postProcessor: unknown, idOf: PrefixSources["idOf"]): number[] {
  return steps(postProcessor).flatMap((step) => {
    if (step.type === "BertProcessing" || step.type === "RobertaProcessing") {
      return z.looseObject({ cls: z.tuple([z.string(), tokenId]) }).parse(step).cls[1];
    }
    if (step.type !== "TemplateProcessing") return [];
    const { single, special_tokens } = template.parse(step);
    const text = single.findIndex((item) => "Sequence" in item);
    return single.slice(0, text < 0 ? undefined : text).flatMap((item) => {
      if (!("SpecialToken" in item)) return [];
      const name = item.SpecialToken.id;
      const ids = special_tokens[name]?.ids ?? [idOf(name)];
      return ids.map((id) => {
        if (id !== undefined) return id;
        throw new LossyscopeError("model", `the tokenizer opens a text with ${name}, which has no id in it`);
      });
    });
  });
}
