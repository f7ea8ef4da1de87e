/**
 * How alike the layers of two models are (METHODS §12), as a square of cells: a column for each layer of the model, a row
 * for each of the baseline's from its first at the bottom, the deeper in tone the nearer to 1, and a dot on the row that is
 * most alike in each column. One drawing for every width of the page, as its cells are told by their tooltips. Pure.
 *
 * Size: about 110 bytes a cell.
 */
import { figure, shorten } from "../format.ts";
import { drawing, element, label, tooltip } from "./svg.ts";

const SIZE = 344;
const FRAME = { left: 44, right: 8, top: 8, bottom: 48 };
/** Numbers along an axis, at most. */
const MOST_TICKS = 9;
/** Characters of a model's name that an axis has room for. */
const LONGEST = 32;

/** Every so many layers, from 0. */
function ticks(layers: number): number[] {
  const step = [1, 2, 4, 5, 10, 20, 50, 100].find((one) => layers / one <= MOST_TICKS) ?? layers;
  return Array.from({ length: Math.ceil(layers / step) }, (_, at) => at * step);
}

/** @param values [rows][columns]; null: not defined. @param nearest [columns] the row with the dot */
export function matrix(
  name: string,
  axes: { readonly rows: string; readonly columns: string },
  values: readonly (readonly (number | null)[])[],
  nearest: readonly (number | null)[],
): string {
  const [right, bottom] = [SIZE - FRAME.right, SIZE - FRAME.bottom];
  const width = (right - FRAME.left) / nearest.length;
  const height = (bottom - FRAME.top) / values.length;
  const x = (column: number): number => FRAME.left + column * width;
  const y = (row: number): number => bottom - (row + 1) * height;
  const drawn = values.flatMap((cells, row) =>
    cells.map((value, column) =>
      element(
        "rect",
        {
          x: x(column),
          y: y(row),
          width,
          height,
          class: value === null ? "cell none" : "cell",
          "fill-opacity": value === null ? undefined : Math.min(1, Math.max(0, value)),
        },
        tooltip(`${row}, ${column}: ${figure(value)}`),
      ),
    ),
  );
  const dots = nearest.map((row, column) =>
    row === null
      ? ""
      : element("circle", {
          cx: x(column) + width / 2,
          cy: y(row) + height / 2,
          r: Math.min(3, Math.max(1.5, Math.min(width, height) / 5)),
          class: "most",
        }),
  );
  const numbers = {
    head: [`layer of ${axes.rows}`, `layer of ${axes.columns}`, "linear CKA", "most alike in its column"],
    rows: values.flatMap((cells, row) => cells.map((value, column) => [row, column, value, nearest[column] === row])),
  };
  return drawing(
    name,
    { width: SIZE, height: SIZE, className: "matrix", numbers },
    ...drawn,
    ...dots,
    ...ticks(nearest.length).map((layer) =>
      label(x(layer) + width / 2, bottom + 16, String(layer), { class: "tick", "text-anchor": "middle" }),
    ),
    ...ticks(values.length).map((layer) =>
      label(FRAME.left - 7, y(layer) + height / 2 + 4, String(layer), { class: "tick", "text-anchor": "end" }),
    ),
    label((FRAME.left + right) / 2, SIZE - 8, `layer of ${shorten(axes.columns, LONGEST)} →`, {
      class: "title",
      "text-anchor": "middle",
    }),
    element(
      "g",
      { transform: `rotate(-90 12 ${(FRAME.top + bottom) / 2})` },
      label(12, (FRAME.top + bottom) / 2, `layer of ${shorten(axes.rows, LONGEST)} →`, {
        class: "title",
        "text-anchor": "middle",
      }),
    ),
  );
}
