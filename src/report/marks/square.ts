/**
 * A square of figures with names on both sides, each cell as deep in tone as its figure is large, and the figure in it. Pure.
 *
 * Size: about 200 bytes a cell.
 */
import { shorten } from "../format.ts";
import { drawing, element, label, tooltip } from "./svg.ts";

export interface SquareCell {
  /** 0..1: how deep the tone; null: nothing is given */
  readonly depth: number | null;
  readonly written: string;
  readonly tooltip: string;
  /** columns of numbers for who saves them */
  readonly numbers: readonly (number | null)[];
}

const LEFT = 118;
const TOP = 92;
const CELL = { width: 74, height: 34 };
const LONGEST = 16;

/** @param cells [rows][columns] @param head what the cells' numbers are */
export function square(
  name: string,
  {
    rows,
    columns,
    head,
  }: { readonly rows: readonly string[]; readonly columns: readonly string[]; readonly head: readonly string[] },
  cells: readonly (readonly SquareCell[])[],
): string {
  const width = LEFT + CELL.width * columns.length + 50;
  const height = TOP + CELL.height * rows.length + 6;
  const drawn = cells.flatMap((own, row) =>
    own.map((cell, column) => {
      const [x, y] = [LEFT + column * CELL.width, TOP + row * CELL.height];
      const deep = cell.depth ?? 0;
      return element(
        "g",
        {},
        tooltip(`${rows[row]}, ${columns[column]}: ${cell.tooltip}`),
        element("rect", {
          x,
          y,
          width: CELL.width - 1,
          height: CELL.height - 1,
          class: cell.depth === null ? "cell none" : "cell",
          "fill-opacity": 0.75 * Math.min(1, Math.max(0, deep)),
        }),
        label(x + CELL.width / 2, y + CELL.height / 2 + 4, cell.written, {
          class: "square-value",
          "text-anchor": "middle",
        }),
      );
    }),
  );
  return drawing(
    name,
    {
      width,
      height,
      className: "square",
      numbers: {
        head: ["row", "column", ...head],
        rows: cells.flatMap((own, row) => own.map((cell, column) => [rows[row], columns[column], ...cell.numbers])),
      },
    },
    ...drawn,
    ...rows.map((row, at) =>
      label(LEFT - 8, TOP + (at + 0.5) * CELL.height + 4, shorten(row, LONGEST), {
        class: "square-name",
        "text-anchor": "end",
      }),
    ),
    ...columns.map((column, at) => {
      const [x, y] = [LEFT + (at + 0.5) * CELL.width, TOP - 8];
      return element(
        "g",
        { transform: `rotate(-35 ${x} ${y})` },
        label(x, y, shorten(column, LONGEST), { class: "square-name" }),
      );
    }),
  );
}
