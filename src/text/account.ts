/**
 * The account of which files a text was read from: how many, which ones were left out and why, which JSON files turned out
 * to hold no records. Nothing that lies in a folder is passed over without standing here.
 * Memory: as much as `MOST_LISTED` names, and a count for every reason.
 */
import { count, counted } from "../numeric/amounts.ts";

/** Names that are kept; of further ones the number. */
export const MOST_LISTED = 100;

export interface LeftOut {
  /** as the folder has it, with a slash behind where a whole folder was left out */
  readonly name: string;
  /** in a few words, the same for all of a kind */
  readonly reason: string;
}

/** As the profile has it. */
export interface FilesRead {
  /** files that text was read from */
  readonly read: number;
  /** JSON files of folders that hold no records, read as plain text */
  readonly asPlainText: { readonly total: number; readonly names: string[] };
  readonly leftOut: {
    readonly total: number;
    readonly reasons: Record<string, number>;
    readonly files: LeftOut[];
  };
}

export class TextAccount {
  #read = 0;
  #plain: string[] = [];
  #plainTotal = 0;
  #left: LeftOut[] = [];
  readonly #reasons = new Map<string, number>();

  read(): void {
    this.#read++;
  }

  asPlainText(name: string): void {
    if (this.#plainTotal++ < MOST_LISTED) this.#plain.push(name);
  }

  leftOut(name: string, reason: string): void {
    this.#reasons.set(reason, (this.#reasons.get(reason) ?? 0) + 1);
    if (this.#left.length < MOST_LISTED) this.#left.push({ name, reason });
  }

  /** The reasons with most files first, and names in the order in which they were met. */
  summary(): FilesRead {
    const reasons = [...this.#reasons].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
    return {
      read: this.#read,
      asPlainText: { total: this.#plainTotal, names: this.#plain },
      leftOut: {
        total: reasons.reduce((sum, [, count]) => sum + count, 0),
        reasons: Object.fromEntries(reasons),
        files: this.#left,
      },
    };
  }
}

/** @returns what a reader has to know of it, in one line; null where every file was read as it says it is */
export function saidOfFiles({ read, asPlainText, leftOut }: FilesRead): string | null {
  const reasons = Object.entries(leftOut.reasons).map(([reason, files]) => `${count(files)} ${reason}`);
  const parts = [
    ...(leftOut.total === 0 ? [] : [`left out ${count(leftOut.total)} (${reasons.join(", ")})`]),
    ...(asPlainText.total === 0
      ? []
      : [
          `${counted(asPlainText.total, "file")} of JSON without records as plain text (${asPlainText.names[0]}${asPlainText.total > 1 ? " …" : ""})`,
        ]),
  ];
  return parts.length === 0 ? null : `${counted(read, "file")} read; ${parts.join("; ")}`;
}
