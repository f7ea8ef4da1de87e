/**
 * Points with names along two directions of one scale, such as the means of concepts: what is near on the page is near in
 * these two directions, and the share of variance on the axes says how much of the whole they are. Pure.
 */
import { figure, percent, shorten } from "../format.ts";
import { extent, linear } from "./axis.ts";
import { drawing, element, label, tooltip } from "./svg.ts";

export interface Place {
  readonly name: string;
  readonly x: number;
  readonly y: number;
}

const SIZES = { wide: { width: 720, height: 460 }, narrow: { width: 344, height: 344 } };
const INSET = 34;
const LONGEST = 18;
/** Height of a name on the page. */
const LINE = 15;

/** @param shares of the variance along either direction */
export function placesMap(
  name: string,
  places: readonly Place[],
  shares: readonly number[],
  form: "wide" | "narrow",
): string {
  const { width, height } = SIZES[form];
  const [left, right] = extent(places.map(({ x }) => x));
  const [bottom, top] = extent(places.map(({ y }) => y));
  // One scale for both: distances are what a map is for.
  const span = Math.max((right - left) / (width - 2 * INSET - 90), (top - bottom) / (height - 2 * INSET - 20));
  const middle = [(left + right) / 2, (bottom + top) / 2];
  const x = linear([middle[0] - (span * width) / 2, middle[0] + (span * width) / 2], [0, width]);
  const y = linear([middle[1] - (span * height) / 2, middle[1] + (span * height) / 2], [height, 0]);
  const taken: { readonly x: number; readonly y: number; readonly wide: number }[] = [];
  const drawn = places
    .toSorted((a, b) => b.y - a.y)
    .map((place) => {
      const [across, down] = [x(place.x), y(place.y)];
      const written = shorten(place.name, LONGEST);
      const wide = 7 * written.length;
      const left = across + wide + 12 > width;
      const at = { x: left ? across - 8 - wide : across + 8, y: down + 4, wide };
      // A name that would stand on another goes below it.
      while (taken.some((one) => Math.abs(one.y - at.y) < LINE && one.x < at.x + wide && at.x < one.x + one.wide))
        at.y += LINE / 3;
      taken.push(at);
      return element(
        "g",
        {},
        tooltip(`${place.name}: ${figure(place.x)}, ${figure(place.y)}`),
        element("circle", { cx: across, cy: down, r: 4.6, class: "dot model" }),
        label(left ? across - 8 : across + 8, at.y, written, { class: "tag", "text-anchor": left ? "end" : "start" }),
      );
    });
  const axis = (direction: string, share: number): string =>
    `${direction} direction: ${percent(share)} of the variance`;
  return drawing(
    `${name}: ${places.map((place) => `${place.name} ${figure(place.x)}, ${figure(place.y)}`).join("; ")}`,
    {
      width,
      height,
      className: `map ${form}`,
      numbers: { head: ["name", "first", "second"], rows: places.map((place) => [place.name, place.x, place.y]) },
    },
    element("line", { x1: 0, x2: width, y1: y(0), y2: y(0), class: "zero" }),
    element("line", { x1: x(0), x2: x(0), y1: 0, y2: height, class: "zero" }),
    label(width - 4, height - 8, `${axis("first", shares[0])} →`, { class: "title", "text-anchor": "end" }),
    label(4, 14, `↑ ${axis("second", shares[1])}`, { class: "title" }),
    ...drawn,
  );
}
