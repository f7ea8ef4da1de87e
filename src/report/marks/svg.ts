/**
 * The one place where strings become markup: elements, attributes and text, escaped always. Coordinates are rounded to
 * hundredths of a unit. Marks are pure functions from numbers to SVG strings built with these.
 */
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

/** A drawing of `width` × `height` units, named for those who do not see it. */
export function drawing(
  name: string,
  { width, height, className }: { width: number; height: number; className?: string },
  ...children: readonly string[]
): string {
  return element(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": name, class: className },
    ...children,
  );
}

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
