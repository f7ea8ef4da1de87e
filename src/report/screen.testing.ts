/** A terminal of a few rows for tests: what its screen shows after what was written. Wraps and scrolls as one does. */
export class Screen {
  columns: number;
  #rows: string[] = [""];
  #row = 0;
  #column = 0;

  constructor(columns: number) {
    this.columns = columns;
  }

  write(text: string): void {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what moves the cursor
    for (const [token, lines, erase] of text.matchAll(/\u001b\[(?:(\d+)A|(2K|J))|./gsu)) {
      if (lines !== undefined) this.#row = Math.max(0, this.#row - Number(lines));
      else if (erase === "2K") this.#rows[this.#row] = "";
      else if (erase === "J") {
        this.#rows[this.#row] = this.#rows[this.#row].slice(0, this.#column);
        this.#rows.length = this.#row + 1;
      } else if (token === "\r") this.#column = 0;
      else if (token === "\n") this.#down();
      else this.#print(token);
    }
  }

  #down(): void {
    this.#row++;
    this.#column = 0;
    this.#rows[this.#row] ??= "";
  }

  #print(character: string): void {
    if (this.#column === this.columns) this.#down();
    const own = this.#rows[this.#row].padEnd(this.#column);
    this.#rows[this.#row] = own.slice(0, this.#column) + character + own.slice(this.#column + 1);
    this.#column++;
  }

  /** Makes it narrower or wider: long lines wrap anew, the cursor stays at the end of the last one. */
  resize(columns: number): void {
    const rows = this.#rows.flatMap((row) =>
      row === ""
        ? [""]
        : Array.from({ length: Math.ceil(row.length / columns) }, (_, n) => row.slice(n * columns, (n + 1) * columns)),
    );
    this.columns = columns;
    this.#rows = rows;
    this.#row = rows.length - 1;
    this.#column = rows[this.#row].length;
  }

  /** Rows without the empty ones at the end. */
  get rows(): readonly string[] {
    const last = this.#rows.findLastIndex((row) => row.trim() !== "");
    return this.#rows.slice(0, last + 1).map((row) => row.trimEnd());
  }
}
