/**
 * Text shaded by what its bytes cost: a passage is cut into cells (a token, or the tokens that share one character),
 * neighbouring cells of one step become one element (`<c->` for step 2, none for step 0), and the cells' own lengths and
 * bits ride along in two strings that the page's script reads for its tooltip. Pure.
 *
 * Size: the text, 9 bytes a run of one step, 2 bytes a cell (3 where cells are not all one UTF-16 unit long).
 */

import { shorten, visible } from "../format.ts";
import { HEAT_EDGES } from "../palette.ts";
import { element, markup } from "./svg.ts";

export interface Cell {
  /** as shown: invisible characters made visible, line breaks and tabs kept */
  readonly text: string;
  /** UTF-8 bytes of the source */
  readonly bytes: number;
  readonly bits: number;
  /** place of its first token */
  readonly token: number;
}

export interface Passage {
  readonly text: string;
  readonly ends: readonly number[];
  readonly nats: readonly number[];
}

const KEPT = "\n\t";

/** Cells of a passage, in order; together their text is the whole passage. */
export function cells({ text, ends, nats }: Passage): Cell[] {
  const found: Cell[] = [];
  let unit = 0; // UTF-16 position in the text
  let byte = 0; // UTF-8 position of `unit`
  let startUnit = 0;
  let startByte = 0;
  let pending = 0; // nats of tokens whose cell has not ended
  let first = 0;
  const close = (token: number): void => {
    const shown = visible(text.slice(startUnit, unit), KEPT);
    found.push({ text: shown, bytes: byte - startByte, bits: pending / Math.LN2, token: first });
    first = token + 1;
    startUnit = unit;
    startByte = byte;
    pending = 0;
  };
  for (const [token, end] of ends.entries()) {
    pending += nats[token] ?? 0;
    while (byte < end && unit < text.length) {
      const code = text.codePointAt(unit)!;
      byte += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
      unit += code < 0x10000 ? 1 : 2;
    }
    // a token that ends inside a character goes with the next one, one that stands for no bytes with the one before
    if (byte === end && unit > startUnit && ends[token + 1] !== end) close(token);
  }
  if (unit < text.length || pending > 0) {
    unit = text.length;
    close(ends.length);
  }
  return found;
}

/** Step of the heat ramp, 0 (hardly any cost) to 7 (dearer than storing the bytes raw). */
export function heat(bitsPerByte: number): number {
  return Math.max(
    0,
    HEAT_EDGES.findLastIndex((edge) => bitsPerByte >= edge),
  );
}

/** Custom element of a step: `a-` … `h-` are the shortest names HTML allows. */
export const heatElement = (step: number): string => `${String.fromCharCode(97 + step)}-`;

/**
 * Marked-up text of the cells.
 * @param scale what the edges of the ramp are times
 */
export function shade(given: readonly Cell[], scale = 1): string {
  let written = "";
  let run = "";
  let step = 0;
  const flush = (): void => {
    if (run !== "")
      written += step === 0 ? markup(run, KEPT) : `<${heatElement(step)}>${markup(run, KEPT)}</${heatElement(step)}>`;
    run = "";
  };
  for (const cell of given) {
    const own = heat(cell.bits / Math.max(1, cell.bytes) / scale);
    if (own !== step) flush();
    step = own;
    run += cell.text;
  }
  flush();
  return written;
}

/** 64 characters that need no escaping in an attribute, from code 63; `digits` and `readCells` of the page agree on it. */
const digit = (value: number): string => String.fromCharCode(63 + value);
const LARGEST = 63 * 64 + 63;

/**
 * `bits`: two digits a cell, hundredths of a bit, 40.95 meaning that or more. `lengths`: UTF-16 units shown, one digit a
 * cell, 63 meaning that the next digit adds on; empty where every cell is one unit.
 */
export function encodeCells(given: readonly Cell[]): { bits: string; lengths: string } {
  let bits = "";
  let lengths = "";
  for (const cell of given) {
    const hundredths = Math.min(LARGEST, Math.max(0, Math.round(cell.bits * 100)));
    bits += digit(hundredths >> 6) + digit(hundredths & 63);
    let left = cell.text.length;
    for (; left >= 63; left -= 63) lengths += digit(63);
    lengths += digit(left);
  }
  return { bits, lengths: given.every((cell) => cell.text.length === 1) ? "" : lengths };
}

/** Longest name of an expected token that is shown. */
const NAME = 32;
const NOTHING = 63 * 64 * 64 + 63 * 64 + 63;

/** What was expected in place of a passage's first tokens, as a profile has it. */
export interface Expected {
  readonly tokens: readonly string[];
  readonly each: number;
  readonly best: readonly number[];
  readonly shares: readonly number[];
}

/**
 * For each cell that has them the likeliest tokens in place of its first one: three digits of the token's place in `names`,
 * two of its probability in 4095ths; `each` of them a cell, the largest place meaning none.
 */
export function encodeExpected(given: readonly Cell[], expected: Expected): { names: string[]; digits: string } {
  const { tokens, each, best, shares } = expected;
  const names = tokens.slice(0, NOTHING).map((name) => shorten(name, NAME));
  let digits = "";
  for (const { token } of given) {
    if ((token + 1) * each > best.length) break;
    for (let at = token * each; at < (token + 1) * each; at++) {
      const place = best[at] >= 0 && best[at] < names.length ? best[at] : NOTHING;
      const share = Math.min(LARGEST, Math.max(0, Math.round((shares[at] ?? 0) * LARGEST)));
      digits +=
        digit(place >> 12) + digit((place >> 6) & 63) + digit(place & 63) + digit(share >> 6) + digit(share & 63);
    }
  }
  return { names, digits };
}

/**
 * What the edges of the ramp are times where all costs lie far below them, so that the dearest is of the darkest step: a 1, 2 or 5
 * with zeros before it; 1 where they do not, or cost nothing.
 */
export function scaleOf(passages: readonly Passage[]): number {
  const dearest = passages
    .flatMap(cells)
    .reduce((most, { bits, bytes }) => Math.max(most, bits / Math.max(1, bytes)), 0);
  const wanted = dearest / HEAT_EDGES[HEAT_EDGES.length - 1];
  if (wanted >= 1 || wanted === 0) return 1;
  const power = 10 ** Math.floor(Math.log10(wanted));
  return Number((power * (wanted >= 5 * power ? 5 : wanted >= 2 * power ? 2 : 1)).toPrecision(1));
}

/** The text of a passage in a box that scrolls, with what the page's script reads. @param name of the box, for those who do not see it */
export function shadedBox(
  name: string,
  passage: Passage & { readonly expected?: Expected; readonly scale?: number },
): string {
  const found = cells(passage);
  const { bits, lengths } = encodeCells(found);
  const expected = passage.expected && encodeExpected(found, passage.expected);
  return element(
    "div",
    {
      class: "shaded",
      tabindex: 0,
      role: "region",
      "aria-label": name,
      "data-bits": bits,
      "data-lengths": lengths === "" ? undefined : lengths,
      "data-each": expected && passage.expected?.each,
      "data-expected": expected?.digits,
      "data-names": expected && JSON.stringify(expected.names),
    },
    shade(found, passage.scale),
  );
}
