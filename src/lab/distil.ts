/** What distillation needs beyond training (METHODS §8): a teacher and a student that fit together, and retention. */
import type { DecoderSpec } from "../models/spec.ts";
import { count } from "../numeric/amounts.ts";
import { LossyscopeError, shown } from "../numeric/errors.ts";

/**
 * The student's config with the ids of the teacher's tokenizer, which becomes its own.
 * @param positions of a row
 * @throws LossyscopeError `usage` where distributions over their vocabularies cannot be compared, or rows are too long
 */
export function studentConfig(
  config: Readonly<Record<string, unknown>>,
  teacher: { readonly config: Readonly<Record<string, unknown>>; readonly spec: DecoderSpec },
  positions: number,
): Record<string, unknown> {
  const { vocabulary, positions: most } = teacher.spec;
  const own = config.vocab_size ?? vocabulary;
  if (own !== vocabulary)
    throw new LossyscopeError(
      "usage",
      `the teacher has a vocabulary of ${count(vocabulary)}, the student's config.json one of ${shown(own)}: there is no divergence between distributions over different tokens`,
      `set vocab_size to ${vocabulary} or leave it out; the student takes the teacher's tokenizer`,
    );
  if (most !== null && positions > most)
    throw new LossyscopeError(
      "usage",
      `the teacher has ${count(most)} positions, rows of ${count(positions)} were asked for`,
      `pass --context ${most}`,
    );
  const { bos_token_id, eos_token_id } = teacher.config;
  return {
    ...(bos_token_id !== undefined && { bos_token_id }),
    ...(eos_token_id !== undefined && { eos_token_id }),
    ...config,
    vocab_size: vocabulary,
  };
}

/** Share of what the teacher knows beyond the frequencies of tokens that a model knows too; bits per byte each. */
export const retention = (unigram: number, teacher: number, model: number): number =>
  (unigram - model) / (unigram - teacher);
