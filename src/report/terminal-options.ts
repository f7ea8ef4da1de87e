/**
 * What a terminal can show, or what stands in for one: its width, colours and characters. Text that is laid out is first
 * made of such characters (`asShown`), as a stand-in may be wider than what it stands for, and printed by `forTerminal`.
 */
export interface TerminalOptions {
  /** columns, at least `NARROWEST` */
  readonly width: number;
  readonly colour: boolean;
  /** false: nothing but ASCII is written */
  readonly unicode: boolean;
}

/** Columns that everything fits into; a terminal with fewer breaks lines itself. */
export const NARROWEST = 40;
/** Columns of a file or a pipe, so that the same command writes the same lines there. */
const ELSEWHERE = 80;
/** Longer lines of prose are hard to read, however wide the terminal. */
const WIDEST_PROSE = 120;

/**
 * What a stream and its environment allow: a terminal's own width, elsewhere that of `COLUMNS`; `NO_COLOR`, `FORCE_COLOR`,
 * `TERM=dumb`, the locale's encoding.
 */
export function terminalOptions(
  stream: { readonly isTTY?: boolean; readonly columns?: number },
  environment: Readonly<Record<string, string | undefined>>,
): TerminalOptions {
  const { COLUMNS = "", NO_COLOR, FORCE_COLOR, TERM, LC_ALL, LC_CTYPE, LANG } = environment;
  const locale = LC_ALL || LC_CTYPE || LANG;
  const forced = FORCE_COLOR !== undefined && FORCE_COLOR !== "" && FORCE_COLOR !== "0";
  // a terminal that does not know its width says 0
  const own = (stream.isTTY && stream.columns) || (/^\d{1,5}$/.test(COLUMNS) && Number(COLUMNS)) || ELSEWHERE;
  return {
    width: Math.max(NARROWEST, own),
    colour: !NO_COLOR && TERM !== "dumb" && (stream.isTTY === true || forced),
    // no locale at all is how containers and services start; their logs are read as UTF-8
    unicode: TERM !== "dumb" && (locale === undefined || /utf-?8/i.test(locale)),
  };
}

/** Columns that sentences are broken at. */
export const proseWidth = (width: number): number => Math.min(width, WIDEST_PROSE);

const ASCII: Readonly<Record<string, string>> = {
  "█": "#",
  "▉": "#",
  "▊": "#",
  "▋": "#",
  "▌": "#",
  "▍": " ",
  "▎": " ",
  "▏": " ",
  "–": "-",
  "−": "-",
  "·": "|",
  "…": "~",
  "─": "-",
  "→": "->",
  "“": '"',
  "”": '"',
  "�": "?",
};

type Characters = Pick<TerminalOptions, "unicode">;

/** Where nothing but ASCII is written, marks of our own get a plain stand-in, letters their code: `é` → `\u{e9}`. */
export function asShown(text: string, { unicode }: Characters): string {
  if (unicode) return text;
  return text.replace(
    /[^\p{ASCII}\u00a0]/gu,
    (character) => ASCII[character] ?? `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
}

/** Text that is laid out, breaks no longer held together. */
export const forTerminal = (text: string, characters: Characters): string =>
  asShown(text, characters).replaceAll("\u00a0", " ");
