/**
 * Tables in plain text that fit a width. Room is given first to figures, which are never cut; long names lose their middle,
 * words go on in the next line of their cell, and so do heads. Where even that is too wide, the columns that are left go to
 * a further block of rows that begins with the same names, so that nothing is lost in a narrow terminal. Cells are laid out as
 * they come; `asText` makes foreign text visible before.
 */
import { columns, fit, shortenMiddle, visible, wrap } from "./format.ts";
import { asShown, forTerminal, proseWidth, type TerminalOptions } from "./terminal-options.ts";

/** Figures stand right and are never cut; a name stays on its line and loses its middle, words go on in the next one. */
type Kind = "figures" | "name" | "words";

export interface TextTable {
  /** of every column; where all are empty no heads are written */
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** first columns that say what a row is of, and begin every block (default: 1) */
  readonly keys?: number;
  /** what the columns hold, where that is not to be told from their cells */
  readonly kinds?: readonly (Kind | undefined)[];
}

/** Some columns of a table, all its rows. */
export interface TextBlock {
  /** none where the table has no heads */
  readonly head: readonly string[];
  readonly body: readonly string[];
}

interface Column {
  readonly kind: Kind;
  readonly head: string;
  readonly cells: readonly string[];
  /** columns in which nothing has to give way */
  readonly natural: number;
  /** in which nothing is shortened: heads and words go on in further lines */
  readonly whole: number;
  /** in which it can still be read */
  readonly least: number;
}

const GAP = "  ";
/** Columns that a shortened name and a word of a head are still told by. */
const SHORT_NAME = 16;
const SHORT_HEAD = 12;
/** Columns that words are still read in: about three lines of them, within these. */
const NARROW_WORDS = [14, 24] as const;
/** As `format.ts` and the reports write them: a number with what goes before it, or the dash of one that is not defined. */
const FIGURE = /^(?:[*≤≥<>±+−-]|\s)*\d|^[–?]?$/;

const widest = (texts: readonly string[]): number => texts.reduce((most, text) => Math.max(most, columns(text)), 0);
const longestWord = (texts: readonly string[]): number => widest(texts.flatMap((text) => text.split(" ")));
const total = (widths: readonly number[]): number =>
  widths.reduce((sum, one) => sum + one, GAP.length * Math.max(0, widths.length - 1));

function columnOf({ head, rows, keys = 1, kinds = [] }: TextTable, index: number): Column {
  const cells = rows.map((row) => row[index] ?? "");
  const figures = cells.length > 0 && cells.every((cell) => FIGURE.test(cell));
  const kind = kinds[index] ?? (figures ? "figures" : index < keys ? "name" : "words");
  const across = widest(cells);
  const [word, headWord] = [longestWord(cells), longestWord([head[index]])];
  const [few, enough] = NARROW_WORDS;
  const read = Math.min(across, Math.max(few, Math.min(enough, Math.ceil(across / 3))));
  const least = { figures: across, name: Math.min(across, SHORT_NAME), words: read }[kind];
  return {
    kind,
    head: head[index],
    cells,
    natural: Math.max(across, columns(head[index])),
    whole: Math.max(headWord, kind === "words" ? word : across),
    least: Math.max(least, Math.min(headWord, SHORT_HEAD)),
  };
}

/** What the columns of a block may be narrowed to, one after the other: the last gives way wherever it must. */
const LIMITS: readonly ((column: Column) => number)[] = [
  ({ whole, least }) => Math.max(whole, least),
  ({ least }) => least,
  ({ kind, least }) => (kind === "figures" ? least : 4),
  () => 2,
];

/** The widest give way first. */
function widthsOf(chosen: readonly Column[], width: number): number[] {
  const widths = chosen.map(({ natural }) => Math.min(natural, width));
  for (const limit of LIMITS) {
    const least = chosen.map(limit);
    while (total(widths) > width) {
      const index = widths.reduce(
        (best, one, at) => (one > least[at] && (best < 0 || one > widths[best]) ? at : best),
        -1,
      );
      if (index < 0) break;
      widths[index]--;
    }
  }
  return widths;
}

/** The columns of each block: as many as fit, after the keys. */
function blocksOf(all: readonly Column[], keys: number, width: number): Column[][] {
  const first = all.slice(0, keys);
  const blocks: Column[][] = [[...first]];
  for (const column of all.slice(keys)) {
    const current = blocks[blocks.length - 1];
    const fits = total([...current, column].map(({ least }) => least)) <= width;
    if (fits || current.length === keys) current.push(column);
    else blocks.push([...first, column]);
  }
  return blocks;
}

/** Parts of a shortened name that its beginning gets, in the order in which they are tried. */
const FRONTS = [0.5, 0.25, 0.75, 0, 1];

/** How much of their beginnings names keep at `width`, so that different ones stay different where that can be. */
function frontOf(names: readonly string[], width: number): number {
  const apart = new Set(names).size;
  const fronts = FRONTS.map((share) => Math.ceil(share * (width - 1)));
  const kept = (front: number): number => new Set(names.map((name) => shortenMiddle(name, width, front))).size;
  return fronts.find((front) => kept(front) === apart) ?? fronts[0];
}

/** The cells of a column as lines of at most `width`. */
function cellsLines({ kind, cells }: Pick<Column, "kind" | "cells">, width: number): string[][] {
  const front = kind === "name" ? frontOf(cells, width) : 0;
  const shortWords = (cell: string): string =>
    cell
      .split(" ")
      .map((word) => shortenMiddle(word, width))
      .join(" ");
  return cells.map((cell) => {
    if (columns(cell) <= width) return [cell];
    if (kind === "name") return [shortenMiddle(cell, width, front)];
    return wrap(kind === "figures" ? cell : shortWords(cell), width);
  });
}

/** One row of cells as lines of the terminal; `down` sets what is shorter to the bottom, as heads stand. */
function rowLines(
  chosen: readonly Column[],
  widths: readonly number[],
  cells: readonly (readonly string[])[],
  down = false,
): string[] {
  const height = Math.max(1, ...cells.map(({ length }) => length));
  return Array.from({ length: height }, (_, line) =>
    chosen
      .map(({ kind }, at) => {
        const cell = cells[at][down ? line - height + cells[at].length : line] ?? "";
        return fit(cell, widths[at], kind === "figures" ? "right" : "left");
      })
      .join(GAP)
      .trimEnd(),
  );
}

/**
 * Lays a table out in blocks, one where it fits.
 * @param width columns, at least 40
 * @returns lines of at most `width` columns
 */
export function tableBlocks(table: TextTable, width: number): TextBlock[] {
  const { head, rows, keys = 1 } = table;
  const all = head.map((_, index) => columnOf(table, index));
  const headed = head.some((text) => text !== "");
  return blocksOf(all, Math.min(keys, all.length), width).map((chosen) => {
    const widths = widthsOf(chosen, width);
    const heads = chosen.map(({ head: text }, at) => cellsLines({ kind: "words", cells: [text] }, widths[at])[0]);
    const cells = chosen.map((column, at) => cellsLines(column, widths[at]));
    const line = (row: number): string[] =>
      rowLines(
        chosen,
        widths,
        cells.map((own) => own[row]),
      );
    return { head: headed ? rowLines(chosen, widths, heads, true) : [], body: rows.flatMap((_, row) => line(row)) };
  });
}

/**
 * The lines of a table, a blank one between its blocks.
 * @param paint what is done to lines of heads
 */
export const tableLines = (table: TextTable, width: number, paint = (line: string): string => line): string[] =>
  tableBlocks(table, width).flatMap(({ head, body }, block) => [
    ...(block > 0 ? [""] : []),
    ...head.map(paint),
    ...body,
  ]);

/** Whether a table stands in `width` columns with nothing shortened and no block but one. */
export const fitsWhole = (table: TextTable, width: number): boolean =>
  total(table.head.map((_, index) => columnOf(table, index).natural)) <= width;

type Terminal = Pick<TerminalOptions, "width" | "unicode">;

const shownIn =
  (terminal: Terminal) =>
  (text: string): string =>
    asShown(visible(text), terminal);

/** Sentences as lines that can be read: each begins one of its own. */
export const proseLines = (sentences: readonly string[], terminal: Terminal): string[] =>
  sentences.flatMap((sentence) => wrap(shownIn(terminal)(sentence), proseWidth(terminal.width)));

/** A table as the lines of a terminal, foreign text made visible. */
export function shownTable(table: TextTable, terminal: Terminal): string[] {
  const shown = shownIn(terminal);
  const cells = { head: table.head.map(shown), rows: table.rows.map((row) => row.map(shown)) };
  return tableLines({ ...table, ...cells }, terminal.width);
}

/** Groups of lines, each after a blank line, as a command prints them. */
export const asText = (groups: readonly (readonly string[])[], terminal: Terminal): string =>
  forTerminal(
    groups
      .filter(({ length }) => length > 0)
      .map((lines) => `${lines.join("\n")}\n`)
      .join("\n"),
    terminal,
  );
