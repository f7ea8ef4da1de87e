/**
 * Text from bytes, strictly: bytes that are not UTF-8 are an error naming their offset, or are replaced and counted. A byte
 * order mark is text like any other.
 */
import { constants, isUtf8 } from "node:buffer";
import { count } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";

export type InvalidUtf8 = "error" | "replace";

export interface Decoded {
  readonly text: string;
  /** sequences that were not UTF-8 and are U+FFFD now */
  readonly replaced: number;
}

/** Bytes that always fit a string: UTF-8 never has fewer bytes than UTF-16 has units. */
export const LONGEST_TEXT = constants.MAX_STRING_LENGTH;

/**
 * @param where the file, as errors name it
 * @param offset of the first byte in it
 * @throws LossyscopeError `text` where the bytes are not UTF-8
 */
export function decodeUtf8(bytes: Uint8Array, invalid: InvalidUtf8, where: string, offset = 0): Decoded {
  if (isUtf8(bytes)) return { text: utf8(bytes), replaced: 0 };
  if (invalid === "error") {
    const at = firstInvalid(bytes);
    throw new LossyscopeError(
      "text",
      `${where} is not UTF-8 at byte ${count(offset + at)} (0x${bytes[at].toString(16)})`,
      remedy(bytes),
    );
  }
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  return { text, replaced: occurrences(text, "\ufffd") - occurrences(latin1(bytes), "\u00ef\u00bf\u00bd") };
}

/**
 * Damage is rare, or stands beside sound characters, and little is lost where it is replaced. Where no character is sound and
 * letters are missing everywhere, the text is in another encoding, and every letter that is not English would go.
 */
function remedy(bytes: Uint8Array): string {
  const head = bytes.subarray(0, LOOKED_AT);
  const controls = head.filter((byte) => byte < 0x09 || (byte > 0x0d && byte < 0x20 && byte !== 0x1b)).length;
  if (controls * 20 > head.length) return "this is binary data: name files that hold text";
  return hasSoundCharacter(head) || !isForeign(head)
    ? "convert it, or pass --invalid-utf8 replace"
    : "it is in another encoding, such as Windows-1252 (iconv -f WINDOWS-1252 -t UTF-8 FILE > FILE.utf8)";
}

/** Letters of Windows-1252 within words, or high bytes all over, as other alphabets have them. */
function isForeign(bytes: Uint8Array): boolean {
  const text = latin1(bytes);
  const high = text.match(/[\x80-\xff]/g)?.length ?? 0;
  const letters =
    text.match(/(?<=[A-Za-z])[\xc0-\xd6\xd8-\xf6\xf8-\xfe]|[\xc0-\xd6\xd8-\xf6\xf8-\xfe](?=[A-Za-z])/g)?.length ?? 0;
  return letters * 2 > high || (high >= 8 && high * 4 > bytes.length);
}

/** Bytes that tell what kind of text it is. */
const LOOKED_AT = 1 << 20;

function hasSoundCharacter(bytes: Uint8Array): boolean {
  const text = latin1(bytes);
  for (const { 0: found, index } of text.matchAll(
    /[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}/g,
  ))
    if (isUtf8(bytes.subarray(index, index + found.length))) return true;
  return false;
}

const view = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
const utf8 = (bytes: Uint8Array): string => view(bytes).toString("utf8");
const latin1 = (bytes: Uint8Array): string => view(bytes).toString("latin1");

function firstInvalid(bytes: Uint8Array): number {
  for (let at = 0; at < bytes.length; ) {
    const lead = bytes[at];
    const length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (length > 1 && !isUtf8(bytes.subarray(at, at + length))) return at;
    at += length;
  }
  return bytes.length;
}

function occurrences(text: string, part: string): number {
  let found = 0;
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length)) found++;
  return found;
}

/**
 * Half surrogate pairs come from JSON escapes (`"\\ud800"`) and have no UTF-8.
 *
 * @throws LossyscopeError `text` unless they are to be replaced
 */
export function wellFormed(text: string, invalid: InvalidUtf8, where: string): Decoded {
  let replaced = 0;
  const sound = text.replace(/\p{Surrogate}/gu, () => {
    replaced++;
    return "\ufffd";
  });
  if (replaced > 0 && invalid === "error") {
    throw new LossyscopeError(
      "text",
      `${where} holds half a surrogate pair, which UTF-8 cannot write`,
      "repair the record, or pass --invalid-utf8 replace",
    );
  }
  return { text: sound, replaced };
}

/** @returns the longest start of the text that has at most `bytes` bytes and ends between two characters */
export function cutToBytes(text: string, bytes: number): string {
  const encoded = Buffer.from(text);
  if (encoded.length <= bytes) return text;
  let end = bytes;
  while (end > 0 && (encoded[end] & 0xc0) === 0x80) end--;
  return utf8(encoded.subarray(0, end));
}
