/**
 * A model's tokenizer and template together, for texts that are conversations (METHODS §0 Conversations). Control tokens that
 * the template spells are control tokens, and the one that it opens every conversation with opens every window: it is the
 * prefix, stands in no document, and is not put there twice.
 */

import type { LossyscopeError } from "../numeric/errors.ts";
import { ChatTemplate, type ChatTemplates, readChatTemplates } from "./chat.ts";
import { loadTokenizer, type Tokenizer, type TokenizerOptions } from "./tokenizer.ts";

export interface Conversing {
  readonly tokenizer: Tokenizer;
  readonly chat: ChatTemplate;
}

/** One that no template refuses. */
const PLAINEST = { messages: [{ role: "user", content: "." }], tools: null };

/** @throws LossyscopeError as `loadTokenizer` and `readChatTemplates` do; `unsupported` where the template does not run */
export async function loadConversing(
  folder: string,
  config: Readonly<Record<string, unknown>>,
  options: Omit<TokenizerOptions, "specialTokens"> = {},
): Promise<Conversing> {
  const tokenizer = await loadTokenizer(folder, config, { ...options, specialTokens: true });
  return conversing(tokenizer, await readChatTemplates(folder));
}

/**
 * @param tokenizer one to which control tokens are control tokens
 * @throws LossyscopeError `unsupported` where the template does not run
 */
export async function conversing(tokenizer: Tokenizer, templates: ChatTemplates): Promise<Conversing> {
  const chat = new ChatTemplate(templates, tokenizer.control.names);
  const plainest = await chat.render(PLAINEST, "a conversation").catch((error: LossyscopeError) => {
    if (error.fault === "unsupported") throw error;
    return "";
  });
  return { tokenizer: tokenizer.openedBy(plainest), chat };
}
