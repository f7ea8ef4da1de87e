/**
 * PostgreSQL's text holds neither the character NUL nor half a surrogate pair, and a profile may: its text is somebody else's.
 * They are written as U+001A and four hexadecimal digits, as U+001A itself is, and come back as they were.
 */

const MARK = "\u001a";
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNSTORED = /[\u0000\u001a]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is looked for
const STORED = /\u001a([0-9a-f]{4})/g;

export const escaped = (text: string): string =>
  text.replace(UNSTORED, (unit) => `${MARK}${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);

export const unescaped = (text: string): string =>
  text.replace(STORED, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));

/** Every string of a JSON value, keys among them. */
export function mapStrings(value: unknown, of: (text: string) => string): unknown {
  if (typeof value === "string") return of(value);
  if (Array.isArray(value)) return value.map((one) => mapStrings(one, of));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [of(key), mapStrings(one, of)]));
}
