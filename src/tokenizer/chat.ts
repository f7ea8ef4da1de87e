/**
 * Conversations as the model reads them (METHODS §0 Conversations): rendered by the template that comes with its tokenizer,
 * as transformers' `apply_chat_template` does without a generation prompt. Which file holds the template, which of several
 * is taken, and what it sees of a conversation follow transformers 5; running it is the
 * work of a process of its own (`chat-child.ts`), with limits on memory and time.
 */
import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { Apart } from "../files/apart.ts";
import { sha256 } from "../files/digest.ts";
import { ioFault, systemCode } from "../files/faults.ts";
import { parseJson } from "../formats/json.ts";
import { count } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import type { ChatRenderer } from "../text/documents.ts";
import type { Conversation, Message } from "../text/records.ts";
import type { FromChatChild, ToChatChild } from "./chat-messages.ts";

/** Of one conversation; the longest real ones take milliseconds. */
const LIMITS = { memoryMegabytes: 512, milliseconds: 4_000 };
export const MOST_TEMPLATE_CHARACTERS = 2 ** 20;

const TEMPLATE_FILE = "chat_template.jinja";
const FURTHER_TEMPLATES = "additional_chat_templates";
/** Where processors of models that see keep theirs. */
const PROCESSOR_FILE = "chat_template.json";
const DEFAULT = "default";
/** The one that is taken for conversations with tools. */
const WITH_TOOLS = "tool_use";

/** Names of special tokens that a template sees. */
const NAMED = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"] as const;
/** What a message's thoughts are called; the first is what templates read. */
const REASONING = ["reasoning_content", "thinking", "reasoning"] as const;

export interface ChatTemplates {
  /** by name */
  readonly templates: ReadonlyMap<string, string>;
  /** files they were found in */
  readonly source: string;
}

/**
 * @param folder of the model
 * @throws LossyscopeError `unsupported` where it has no template, `model` where one is malformed, `io`
 */
export async function readChatTemplates(folder: string): Promise<ChatTemplates> {
  const templates = new Map<string, string>();
  const own = await optional(join(folder, TEMPLATE_FILE));
  if (own !== null) templates.set(DEFAULT, own);
  for (const name of (await readdir(join(folder, FURTHER_TEMPLATES)).catch(() => [])).sort()) {
    const template = name.endsWith(".jinja") ? await optional(join(folder, FURTHER_TEMPLATES, name)) : null;
    if (template !== null) templates.set(name.slice(0, -".jinja".length), template);
  }
  if (templates.size > 0) return { templates, source: own === null ? FURTHER_TEMPLATES : TEMPLATE_FILE };
  for (const file of ["tokenizer_config.json", PROCESSOR_FILE]) {
    const text = await optional(join(folder, file));
    const found = text === null ? null : inConfig(text, file);
    if (found) return { templates: found, source: file };
  }
  throw new LossyscopeError(
    "unsupported",
    `${basename(folder)} has no chat template (${TEMPLATE_FILE}, or chat_template in tokenizer_config.json): it is no chat model, or its files are incomplete`,
    "leave out --chat and name a text with --field, or put its template beside the tokenizer",
  );
}

async function optional(path: string): Promise<string | null> {
  try {
    return checkedLength(await readFile(path, "utf8"), path);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return null;
    throw ioFault(error, `read ${path}`);
  }
}

function checkedLength(template: string, path: string): string {
  if (!path.endsWith(".jinja") || template.length <= MOST_TEMPLATE_CHARACTERS) return template;
  throw new LossyscopeError(
    "model",
    `${basename(path)} has ${count(template.length)} characters, a template has ${count(MOST_TEMPLATE_CHARACTERS)} at most`,
  );
}

/** A template, or a list of named ones. */
function inConfig(text: string, file: string): Map<string, string> | null {
  const malformed = (): LossyscopeError =>
    new LossyscopeError("model", `${file} has a chat_template that is none`, "download it again");
  const config = parseJson(text, (why) => new LossyscopeError("model", `${file} ${why}`, "download it again"));
  const given: unknown = (config as { chat_template?: unknown } | null)?.chat_template;
  if (given === undefined || given === null) return null;
  const named: unknown[] = Array.isArray(given)
    ? given
    : typeof given === "object"
      ? Object.entries(given).map(([name, template]) => ({ name, template }))
      : [{ name: DEFAULT, template: given }];
  const templates = new Map<string, string>();
  for (const one of named) {
    const { name, template } = (one ?? {}) as { name?: unknown; template?: unknown };
    if (typeof name !== "string" || typeof template !== "string" || template.length > MOST_TEMPLATE_CHARACTERS)
      throw malformed();
    templates.set(name, template);
  }
  if (templates.size === 0) throw malformed();
  return templates;
}

export class ChatTemplate implements ChatRenderer {
  readonly source: string;
  /** SHA-256 of all templates and of what they see beside a conversation */
  readonly digest: string;
  readonly #templates: ReadonlyMap<string, string>;
  readonly #named: Readonly<Record<string, string>>;
  readonly #child = new Apart<ToChatChild, FromChatChild>(import.meta.url, "tokenizer", "chat-child", LIMITS);

  /** @param named special tokens of the tokenizer, by their part */
  constructor({ templates, source }: ChatTemplates, named: ReadonlyMap<string, string>) {
    this.source = source;
    this.#templates = templates;
    this.#named = Object.fromEntries(
      NAMED.flatMap((name) => (named.has(name) ? [[name, named.get(name)!] as const] : [])),
    );
    this.digest = sha256(JSON.stringify([[...templates].sort(([a], [b]) => (a < b ? -1 : 1)), this.#named]));
  }

  async render({ messages, tools }: Pick<Conversation, "messages" | "tools">, where: string): Promise<string> {
    const name = this.#nameFor(tools);
    const template = this.#templates.get(name)!;
    const items = {
      messages: messages.map(asSeen),
      tools,
      documents: null,
      add_generation_prompt: false,
      ...this.#named,
    };
    const found = await this.#child.ask({ template, items });
    const answer: FromChatChild =
      "answer" in found ? found.answer : { kind: "failed", message: found.failed, parsed: true };
    switch (answer.kind) {
      case "text":
        return answer.text;
      case "refused":
        throw new LossyscopeError(
          "text",
          `${where}: the chat template of the model (${this.source}) refuses the conversation: ${answer.message}`,
          "leave such conversations out",
        );
      case "asks time":
        throw new LossyscopeError(
          "unsupported",
          `the chat template of the model (${this.source}) writes today's date (strftime_now), and figures would change by the day`,
          "put a date into a copy of the template",
        );
      case "failed":
        throw new LossyscopeError(
          answer.parsed ? "text" : "unsupported",
          answer.parsed
            ? `${where}: the chat template of the model (${this.source}) fails: ${answer.message}`
            : `the chat template of the model (${this.source}) cannot be read: ${answer.message}`,
          answer.parsed ? "look at that conversation, or leave it out" : "leave out --chat",
        );
    }
  }

  #nameFor(tools: readonly unknown[] | null): string {
    if (tools !== null && this.#templates.has(WITH_TOOLS)) return WITH_TOOLS;
    if (this.#templates.has(DEFAULT)) return DEFAULT;
    throw new LossyscopeError(
      "unsupported",
      `the model has several chat templates and none is the default (${[...this.#templates.keys()].join(", ")})`,
      `save the one that is meant as ${TEMPLATE_FILE}`,
    );
  }

  /** Ends the process; rendering begins a new one. */
  close(): void {
    this.#child.close();
  }
}

/** A message as templates see it: nothing that is null, its thoughts under the name that they read. */
function asSeen(message: Message): Record<string, unknown> {
  const there = Object.fromEntries(Object.entries(message).filter(([, value]) => value !== null));
  const reasoning = REASONING.map((name) => there[name]).find((value) => value !== undefined);
  return reasoning === undefined ? there : { thinking: reasoning, ...there, reasoning_content: reasoning };
}
