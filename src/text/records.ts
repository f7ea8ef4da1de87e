/**
 * Records → their text: a field by its name or by the path to it, or the conversation that `--chat` renders. What has no text
 * is refused with what stands there instead and what to pass.
 */
import { count } from "../numeric/amounts.ts";
import { LossyscopeError, shown } from "../numeric/errors.ts";

export type Fields = Readonly<Record<string, unknown>>;

/** One turn of a conversation, as the record has it. */
export type Message = Readonly<Record<string, unknown>> & { readonly role: string };

export interface Conversation {
  readonly messages: readonly Message[];
  /** what the record says may be called, as templates take it */
  readonly tools: readonly unknown[] | null;
  /** UTF-8 bytes of what is said in it, without what a template writes around it */
  readonly messageBytes: number;
}

/** Where a record keeps its text, unless it is said. */
const TEXT_FIELDS = ["text", "content"] as const;
/** Where one keeps a conversation. */
const CHAT_FIELDS = ["messages", "conversations", "conversation"] as const;
/** How deep strings are looked for, to name them. */
const DEPTH = 3;
const MOST_NAMED = 6;

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);

export const fieldsOf = (record: unknown): Fields => (isFields(record) ? record : {});

/**
 * A field by its name, else by the path that its dots make: a name with a dot in it goes before a path.
 * @returns undefined where there is none
 */
export function fieldAt(record: unknown, path: string): unknown {
  if (isFields(record) && Object.hasOwn(record, path)) return record[path];
  let value = record;
  for (const part of path.split(".")) {
    if (Array.isArray(value) && /^\d+$/.test(part)) value = value[Number(part)];
    else if (isFields(value) && Object.hasOwn(value, part)) value = value[part];
    else return undefined;
  }
  return value;
}

/** Where the text of a record stands: the field asked for, else the first usual one that it has; null where it has none. */
export function textField(record: unknown, asked: string | null): string | null {
  if (asked !== null) return fieldAt(record, asked) === undefined ? null : asked;
  return TEXT_FIELDS.find((name) => Object.hasOwn(fieldsOf(record), name)) ?? null;
}

/**
 * @param asked the field that the user named; null for the usual ones
 * @throws LossyscopeError `text` saying what stands there instead
 */
export function textOf(record: unknown, asked: string | null, where: string): string {
  if (asked === null && typeof record === "string") return record;
  const field = textField(record, asked);
  const value = field === null ? undefined : fieldAt(record, field);
  if (typeof value === "string") return value;
  throw noText(record, asked, field, where);
}

function noText(record: unknown, asked: string | null, field: string | null, where: string): LossyscopeError {
  const fault = (what: string, next: string): LossyscopeError => new LossyscopeError("text", `${where} ${what}`, next);
  if (!isFields(record))
    return fault(`is ${named(record)}, no record`, "give one JSON object a line, with a field that holds its text");
  const chat = chatField(record, null);
  const strings = [...stringsIn(record)].filter((path) => path !== field);
  const others = strings.length === 0 ? "no field holds text" : `text is in ${listed(strings)}`;
  const pass =
    strings.length === 0 ? "name a file whose records hold text" : `pass --field ${suggested(record, strings)}`;
  if (chat !== null && (field === null || chat === field))
    return fault(
      `has a conversation in \`${chat}\`, and no text of its own`,
      "pass --chat to render it with the model's own template",
    );
  if (field === null) {
    const usual = asked === null ? TEXT_FIELDS.map((name) => `\`${name}\``).join(" or ") : `\`${asked}\``;
    const fields = Object.keys(record).slice(0, 12).join(", ") || "none";
    return fault(`has no text in ${usual} (fields: ${fields}; ${others})`, pass);
  }
  const value = fieldAt(record, field);
  if (value === null)
    return fault(
      `has null in \`${field}\`, no text`,
      `leave such records out${strings.length === 0 ? "" : `, or ${pass}`}`,
    );
  return fault(`has ${named(value)} in \`${field}\`, no text (${others})`, pass);
}

/** What a value is, in words. */
function named(value: unknown): string {
  if (value === null) return "null";
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return `a list of ${count(value.length)}`;
  if (typeof value === "object") {
    const keys = Object.keys(value);
    return `an object (${keys.slice(0, 6).join(", ")}${keys.length > 6 ? ", …" : ""})`;
  }
  if (typeof value === "string") return `the text ${JSON.stringify(value.slice(0, 20))}`;
  return `the ${typeof value === "bigint" ? "number" : typeof value} ${String(value)}`;
}

const listed = (paths: readonly string[]): string =>
  `${paths
    .slice(0, MOST_NAMED)
    .map((path) => `\`${path}\``)
    .join(", ")}${paths.length > MOST_NAMED ? ", …" : ""}`;

/** The longest is likeliest meant. */
const suggested = (record: Fields, paths: readonly string[]): string =>
  [...paths].sort((a, b) => String(fieldAt(record, b)).length - String(fieldAt(record, a)).length)[0];

function* stringsIn(value: unknown, path = "", depth = 0): Generator<string> {
  if (typeof value === "string" && path !== "") yield path;
  if (!isFields(value) || depth >= DEPTH) return;
  for (const [key, inner] of Object.entries(value))
    yield* stringsIn(inner, path === "" ? key : `${path}.${key}`, depth + 1);
}

/** Where a record keeps a conversation. */
export function chatField(record: unknown, asked: string | null): string | null {
  if (asked !== null) return fieldAt(record, asked) === undefined ? null : asked;
  return CHAT_FIELDS.find((name) => isTurns(fieldsOf(record)[name])) ?? null;
}

const isTurns = (value: unknown): value is readonly Fields[] =>
  Array.isArray(value) &&
  value.length > 0 &&
  value.every((turn) => isFields(turn) && ("role" in turn || "from" in turn));

/** Roles as ShareGPT writes them, under `from`. */
const SHAREGPT: Readonly<Record<string, string>> = {
  system: "system",
  human: "user",
  user: "user",
  gpt: "assistant",
  chatgpt: "assistant",
  assistant: "assistant",
  tool: "tool",
};

/** @throws LossyscopeError `text` naming the message and what it lacks */
export function conversationOf(record: unknown, asked: string | null, where: string): Conversation {
  const fault = (what: string, next: string): LossyscopeError => new LossyscopeError("text", `${where} ${what}`, next);
  const field = chatField(record, asked);
  const turns = Array.isArray(record) ? record : field === null ? undefined : fieldAt(record, field);
  if (turns === undefined) {
    const fields = Object.keys(fieldsOf(record)).slice(0, 12).join(", ") || "none";
    throw fault(
      `has no conversation in ${asked === null ? CHAT_FIELDS.map((name) => `\`${name}\``).join(", ") : `\`${asked}\``} (fields: ${fields})`,
      "pass --field NAME with --chat, or leave out --chat",
    );
  }
  if (!Array.isArray(turns) || turns.length === 0)
    throw fault(
      `has ${Array.isArray(turns) ? "an empty conversation" : named(turns)} in \`${field}\``,
      "give a list of messages with role and content",
    );
  const messages = turns.map((turn: unknown, index): Message => {
    const at = `message ${index + 1}`;
    if (!isFields(turn)) throw fault(`has ${named(turn)} as ${at}`, "give messages with role and content");
    if (typeof turn.role === "string") return checkedContent(turn as Message, at, fault);
    if (typeof turn.from !== "string" || typeof turn.value !== "string")
      throw fault(
        `has no role in ${at} (fields: ${Object.keys(turn).join(", ")})`,
        "give messages with role and content",
      );
    const role = SHAREGPT[turn.from];
    if (role === undefined)
      throw fault(
        `has a message from ${shown(turn.from)}, which is no role that templates know`,
        `name the roles ${Object.keys(SHAREGPT).join(", ")}`,
      );
    return { role, content: turn.value };
  });
  return {
    messages,
    tools: toolsOf(fieldsOf(record).tools, fault),
    messageBytes: messages.reduce((sum, message) => sum + bytesSaid(message), 0),
  };
}

type MakeFault = (what: string, next: string) => LossyscopeError;

/** Text, a list of parts, or nothing beside calls of tools. */
function checkedContent(message: Message, at: string, fault: MakeFault): Message {
  const { content } = message;
  if (typeof content === "string" || (Array.isArray(content) && content.every(isFields))) return message;
  if ((content === null || content === undefined) && Array.isArray(message.tool_calls)) return message;
  throw fault(
    `has ${content === undefined ? "no content" : named(content)} in ${at}`,
    "give every message its content as text",
  );
}

function toolsOf(tools: unknown, fault: MakeFault): readonly unknown[] | null {
  if (tools === undefined || tools === null) return null;
  const value = typeof tools === "string" ? parsedOr(tools) : tools;
  if (Array.isArray(value)) return value;
  throw fault(`has ${named(tools)} in \`tools\``, "give tools as a list, or leave them out");
}

function parsedOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const bytesSaid = ({ content }: Message): number => {
  if (typeof content === "string") return Buffer.byteLength(content);
  if (!Array.isArray(content)) return 0;
  return content.reduce(
    (sum: number, part: Fields) => sum + (typeof part.text === "string" ? Buffer.byteLength(part.text) : 0),
    0,
  );
};
