/**
 * The one place where strings become markup: elements, attributes and text, escaped always. Coordinates are rounded to
 * hundredths of a unit. Marks are pure functions from numbers to SVG strings built with these.
 */
import type { Interval } from "../../profile/figures.ts";
import { csv, type Numbers } from "../csv.ts";
import { visible } from "../format.ts";

const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** Text for element content and quoted attributes, with what is invisible shown (`visible`). */
export function markup(text: string, keep = ""): string {
  return visible(text, keep).replace(/[&<>"']/g, (character) => ENTITIES[character]);
}

export type Attributes = Readonly<Record<string, string | number | undefined>>;

function attributes(given: Attributes): string {
  let written = "";
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue;
    written += ` ${name}="${typeof value === "number" ? Math.round(value * 100) / 100 : markup(value)}"`;
  }
  return written;
}

/** @param children markup, already escaped */
export function element(name: string, given: Attributes = {}, ...children: readonly string[]): string {
  return children.length === 0
    ? `<${name}${attributes(given)}/>`
    : `<${name}${attributes(given)}>${children.join("")}</${name}>`;
}

/** Text of an SVG at (x, y); `content` is plain text. */
export function label(x: number, y: number, content: string, given: Attributes = {}): string {
  return element("text", { x, y, ...given }, markup(content));
}

/** What a pointer resting on the mark shows. */
export const tooltip = (content: string): string => element("title", {}, markup(content));

export interface DrawingOptions {
  readonly width: number;
  readonly height: number;
  readonly className?: string;
  /** what is drawn, for the page to save; null: a mark within a text. The form for narrow pages leaves it to the wide one. */
  readonly numbers: Numbers | null;
}

/** A drawing of `width` × `height` units, named for those who do not see it. */
export function drawing(
  name: string,
  { width, height, className, numbers }: DrawingOptions,
  ...children: readonly string[]
): string {
  const given = { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": name, class: className };
  const carried = numbers === null || className?.endsWith(" narrow") ? "" : ` data-csv="${carry(numbers)}"`;
  return `<svg${attributes(given)}${carried}>${children.join("")}</svg>`;
}

/** As an attribute, in which line ends are LF; the page's script makes them what they were. */
const carry = (numbers: Numbers): string => markup(csv(numbers).replaceAll("\r\n", "\n"), "\n");

/** An interval's ends after its value, as columns of numbers. */
export const withEnds = ({ value, low, high }: Interval): (number | null)[] => [value, low, high];

/** Path through the points; a null breaks the line. */
export function pathData(points: readonly (readonly [number, number] | null)[]): string {
  let data = "";
  let broken = true;
  for (const point of points) {
    if (point !== null) data += `${broken ? "M" : "L"}${point.map((value) => Math.round(value * 100) / 100).join(" ")}`;
    broken = point === null;
  }
  return data;
}
