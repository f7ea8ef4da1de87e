/**
 * What opens every window (METHODS §0, Prefix): the token that the tokenizer puts before a text, else the model's
 * end-of-text token, else nothing. Whether the tokenizer puts one is what tokenizer.json's own template says, which
 * current libraries go by; where it has none, `add_bos_token` of tokenizer_config.json, or the habit of the class it names.
 */
import { z } from "zod";
import { LossyscopeError } from "../numeric/errors.ts";
import type { Prefix } from "../text/corpus.ts";

/** Classes that put BOS before a text unless their configuration says no. */
const OPENS_WITH_BOS = /^(CodeLlama|Cohere|Gemma|Llama)Tokenizer(Fast)?$/;

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
const tokenName = z.union([z.string(), z.looseObject({ content: z.string() }).transform((token) => token.content)]);

export interface PrefixSources {
  /** of tokenizer.json */
  readonly postProcessor: unknown;
  /** tokenizer_config.json and special_tokens_map.json */
  readonly tokenizerConfig: Readonly<Record<string, unknown>>;
  readonly specialTokensMap: Readonly<Record<string, unknown>>;
  /** config.json and generation_config.json */
  readonly modelConfig: Readonly<Record<string, unknown>>;
  readonly generationConfig: Readonly<Record<string, unknown>>;
  readonly idOf: (token: string) => number | undefined;
}

/** @throws LossyscopeError `unsupported` where the tokenizer puts more than one token before a text */
export function resolvePrefix(sources: PrefixSources): Prefix | null {
  const { tokenizerConfig, specialTokensMap, modelConfig, generationConfig, idOf } = sources;
  const opening = openingTokens(sources.postProcessor, idOf);
  if (opening.length > 1) {
    throw new LossyscopeError(
      "unsupported",
      `the tokenizer puts ${opening.length} tokens before a text (ids ${opening.join(", ")}); windows open with one`,
    );
  }
  if (opening.length === 1) return { id: opening[0], addedByTokenizer: true };

  const named = (key: string): number | undefined => {
    const name = tokenName.safeParse(tokenizerConfig[key] ?? specialTokensMap[key]).data;
    return name === undefined ? undefined : idOf(name);
  };
  const addsBos =
    tokenizerConfig.add_bos_token ??
    (opensWithTemplate(sources.postProcessor) ? false : OPENS_WITH_BOS.test(String(tokenizerConfig.tokenizer_class)));
  const bos = addsBos === true ? named("bos_token") : undefined;
  if (bos !== undefined) return { id: bos, addedByTokenizer: true };

  const listed = [modelConfig, generationConfig]
    .map((config) => endOfText.safeParse(config).data?.eos_token_id)
    .find((eos) => eos !== null && eos !== undefined);
  const eos = (Array.isArray(listed) ? listed[0] : listed) ?? named("eos_token");
  return eos === undefined ? null : { id: eos, addedByTokenizer: false };
}

type Step = { readonly type?: unknown; readonly processors?: unknown };

function steps(postProcessor: unknown): Step[] {
  if (typeof postProcessor !== "object" || postProcessor === null) return [];
  const step = postProcessor as Step;
  return step.type === "Sequence" && Array.isArray(step.processors) ? step.processors.flatMap(steps) : [step];
}

const opensWithTemplate = (postProcessor: unknown): boolean =>
  steps(postProcessor).some((step) => step.type === "TemplateProcessing");

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
