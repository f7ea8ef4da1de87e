/**
 * JSON that somebody else wrote: `JSON.parse`, where it is none the place in our words, and a bound on how deep it nests, since
 * all that walks a value walks it on the stack.
 */

import { count } from "../numeric/amounts.ts";
import { type LossyscopeError, shown } from "../numeric/errors.ts";

/** As deep as Python's own reader goes. */
const DEEPEST = 1_000;

/** Makes the error of what is wrong with a text, which is said in one clause. */
export type JsonFault = (why: string) => LossyscopeError;

/**
 * @param text may begin with a byte order mark, which is no part of JSON and which some writers put before it
 * @throws what `fault` makes of text that is no JSON or nests deeper than anything does
 */
export function parseJson(text: string, fault: JsonFault): unknown {
  const own = text.startsWith("\ufeff") ? text.slice(1) : text;
  let value: unknown;
  try {
    value = JSON.parse(own);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw fault(`is not JSON (${whyNot(own)})`);
  }
  if (isDeep(own)) throw fault(`nests deeper than ${count(DEEPEST)} levels`);
  return value;
}

/** As `parseJson`, of text that has to be an object. */
export function parseJsonObject(text: string, fault: JsonFault): Record<string, unknown> {
  const value = parseJson(text, fault);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw fault("is JSON but not an object");
}

const QUOTE = 34;
const BACKSLASH = 92;
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [..."[]{}"].map((bracket) => bracket.charCodeAt(0));

/** Whether sound JSON has more open brackets somewhere than are read. */
function isDeep(text: string): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at);
    else if (code === OPEN_LIST || code === OPEN_OBJECT) {
      if (++depth > DEEPEST) return true;
    } else if (code === CLOSE_LIST || code === CLOSE_OBJECT) depth--;
  }
  return false;
}

/** Place of the quote that ends the string that begins at `start`; of the text's end where none does. */
function endOfString(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let slashes = 0;
    while (text.charCodeAt(at - 1 - slashes) === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return at;
  }
  return text.length;
}

const SPACES = /[ \t\n\r]*/y;
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
/** What cannot stand in a string, and in the beginning of one. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what has to be found
const UNSOUND = /[\u0000-\u001f]|\\(?!["\\/bfnrt]|u[0-9a-fA-F]{4})/;
const UNSOUND_SO_FAR = new RegExp(`${UNSOUND.source.slice(0, -1)}|(?:u[0-9a-fA-F]{0,3})?$)`);

/** Where a text stops being JSON, in a clause: `unexpected "," at line 3, column 14`. */
function whyNot(text: string): string {
  const at = firstFault(text);
  const before = text.slice(0, at);
  const line = before.split("\n").length;
  const column = at - before.lastIndexOf("\n");
  const place = text.includes("\n") ? `line ${line}, column ${column}` : `character ${count(column)}`;
  return at >= text.length
    ? `it ends too early, at ${place}`
    : `unexpected ${shown(String.fromCodePoint(text.codePointAt(at)!))} at ${place}`;
}

/** Walks a text by the grammar of RFC 8259. @returns place of the first character that does not fit; the length where one is missing */
function firstFault(text: string): number {
  let at = 0;
  const skip = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    const { index = at, 0: found = "" } = pattern.exec(text) ?? {};
    at = index + found.length;
    return found !== "";
  };
  /** Takes a string. @returns place of what is wrong in it, or null */
  const string = (): number | null => {
    const end = endOfString(text, at);
    const isWhole = end < text.length;
    const unsound = text.slice(at + 1, end).search(isWhole ? UNSOUND : UNSOUND_SO_FAR);
    if (unsound >= 0) return at + 1 + unsound;
    at = end + 1;
    return isWhole ? null : text.length;
  };
  const open: ("]" | "}")[] = [];
  /** what has to come: a value, a value or the end of a list, a key, a key or the end of an object, or what goes on after a value */
  let wanted: "value" | "first" | "key" | "first key" | "next" = "value";
  for (;;) {
    skip(SPACES);
    const character = text[at];
    if (wanted === "next") {
      if (open.length === 0) return at;
      if (character === ",") wanted = open.at(-1) === "}" ? "key" : "value";
      else if (character === open.at(-1)) open.pop();
      else return at;
      at++;
    } else if ((wanted === "first" && character === "]") || (wanted === "first key" && character === "}")) {
      open.pop();
      at++;
      wanted = "next";
    } else if (wanted === "key" || wanted === "first key") {
      if (character !== '"') return at;
      const wrong = string();
      if (wrong !== null) return wrong;
      skip(SPACES);
      if (text[at] !== ":") return at;
      at++;
      wanted = "value";
    } else if (character === "[" || character === "{") {
      open.push(character === "[" ? "]" : "}");
      at++;
      wanted = character === "[" ? "first" : "first key";
    } else if (character === '"') {
      const wrong = string();
      if (wrong !== null) return wrong;
      wanted = "next";
    } else {
      if (!skip(SCALAR)) return at;
      wanted = "next";
    }
  }
}
