/**
 * What a command writes, in one way for all of them. Which files these are follows from the options, so it is found out
 * before the work whether each can be written and whether one is there already: that is refused, unless `--force` says that
 * it may be replaced. After the work each is written whole or not at all (`files/atomic.ts`).
 */
import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { checkFolder, checkPlace, checkWritable, writeAtomic } from "../files/atomic.ts";
import { ioFault } from "../files/faults.ts";
import { WRITING } from "../measure/stages.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { type ProgressSink, SILENT } from "../ports/progress.ts";
import { HEAD_BYTES } from "../text/kinds.ts";
import { isOurs } from "../text/own.ts";
import { oneLine, printed } from "./output.ts";

/** A file that a command will write, and the option that it follows from. */
export interface Place {
  readonly path: string;
  readonly option: string;
}

/** A place, and how a result gets there. */
export interface Target<Result> extends Place {
  readonly write: (path: string, result: Result) => Promise<void>;
}

/** What the command line says of where to write. */
export interface Asked {
  readonly out?: string;
  readonly json?: string | true;
  readonly markdown?: string | true;
  readonly report?: string;
  readonly force: boolean;
  /** one line is printed, and nothing said of files */
  readonly quiet?: boolean;
}

/**
 * Where a command that reads text writes: no part of a folder of text that it lies in.
 * @param files further ones, such as those in a folder that is the text's own
 */
export const placesOf = (
  { out, json, markdown, report, work }: Omit<Asked, "force" | "quiet"> & { readonly work?: string },
  files: readonly string[] = [],
): string[] => [...[out, work, report, json, markdown].filter((path) => typeof path === "string"), ...files];

type Render<Shown> = (shown: Shown) => string;

/** The forms that a command gives its result in; `Shown` is the part of it that people and other commands read. */
export interface Forms<Shown, Result extends Shown = Shown> {
  /** for the terminal */
  readonly text: Render<Shown>;
  /** in one line; the text where that is one */
  readonly line?: Render<Shown>;
  /** of `--json` */
  readonly json: Render<Shown>;
  /** of `--markdown` */
  readonly markdown?: Render<Shown>;
  /** of `--report` */
  readonly page?: Render<Shown>;
  /** what JSON and page are called in the folder of `--out` */
  readonly names?: { readonly json: string; readonly page?: string };
  /** files besides */
  readonly further?: readonly Target<Result>[];
  /** files that the command writes by itself */
  readonly own?: readonly Place[];
}

/** A result as JSON for people, too. */
export const document = (result: unknown): string => `${JSON.stringify(result, null, 2)}\n`;

/** Files that a sentence names before it counts the others. */
const NAMED = 6;
const LIST = new Intl.ListFormat("en-GB");

/** Whether something is there that writing would replace: devices and pipes are written to as they stand. */
function isTaken(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** The first bytes of a file. */
function headOf(path: string): string {
  const file = openSync(path, "r");
  try {
    const head = Buffer.alloc(HEAD_BYTES);
    return head.toString("utf8", 0, readSync(file, head));
  } finally {
    closeSync(file);
  }
}

/**
 * The refusal of places where something is.
 * @param looked whether it might have been left by an earlier process of the run, and was not
 */
function taken(places: readonly Place[], looked: boolean): LossyscopeError {
  const named = places.slice(0, NAMED).map(({ path }) => path);
  const others = places.length - named.length;
  const what = LIST.format(others > 0 ? [...named, `${others} more`] : named);
  const options = [...new Set(places.map(({ option }) => option))];
  const elsewhere = options.length === 1 ? `another ${options[0]}` : `other places for ${LIST.format(options)}`;
  const [exists, was, it] = places.length === 1 ? ["exists", "was", "it"] : ["exist", "were", "them"];
  const said = looked ? `${what} ${exists} and ${was} not left by this run` : `${what} ${exists}`;
  return new LossyscopeError("usage", said, `pass --force to replace ${it}, or ${elsewhere}`);
}

/** @throws LossyscopeError `usage` where two options name one file, so that one result would be lost */
function requireDistinct(places: readonly Place[]): void {
  const options = new Map<string, string>();
  for (const { path, option } of places) {
    const whole = resolve(path);
    const other = options.get(whole);
    if (other !== undefined && (isTaken(path) || !existsSync(path)))
      throw new LossyscopeError("usage", `${other} and ${option} both name ${path}`, "give each a file of its own");
    options.set(whole, option);
  }
}

/** @throws LossyscopeError `usage` where something is in one of the places and may not be replaced */
function refuse(places: readonly Place[], { force, looked = false }: { force: boolean; looked?: boolean }): void {
  const there = force ? [] : places.filter(({ path }) => isTaken(path));
  if (there.length > 0) throw taken(there, looked);
}

/**
 * Finds out, before the work that fills them, whether files can be written.
 * @param dryRun without making anything
 * @throws LossyscopeError `usage` where one is there and may not be replaced, or two are one; `io` naming the one that
 * cannot be written
 */
export async function claim(
  places: readonly Place[],
  { force, dryRun }: { readonly force: boolean; readonly dryRun: boolean },
  folders: readonly string[] = [],
): Promise<void> {
  requireDistinct(places);
  refuse(places, { force });
  if (dryRun) return checkUntouched(places, folders);
  for (const path of folders)
    await mkdir(path, { recursive: true }).catch((error) => Promise.reject(ioFault(error, `make the folder ${path}`)));
  for (const { path } of places) await checkWritable(path);
}

/** The same without making folders or trying files. */
async function checkUntouched(places: readonly Place[], folders: readonly string[]): Promise<void> {
  const missing = new Set<string>();
  for (const folder of folders) if (!(await checkFolder(folder))) missing.add(folder);
  for (const { path } of places) if (!missing.has(dirname(path))) await checkPlace(path);
}

/** How files are to be prepared for. */
export interface PrepareOptions {
  readonly resume?: boolean;
  readonly dryRun?: boolean;
}

export class Outputs<Shown, Result extends Shown = Shown> {
  readonly #asked: Asked;
  readonly #forms: Forms<Shown, Result>;
  readonly #documents: readonly Target<Result>[];
  readonly #targets: readonly Target<Result>[];
  readonly #places: readonly Place[];
  #resumes = false;

  constructor(asked: Asked, forms: Forms<Shown, Result>) {
    const { out, json, markdown, report } = asked;
    const { names } = forms;
    const target = (path: string | true | undefined, option: string, render?: Render<Shown>): Target<Result>[] =>
      render !== undefined && typeof path === "string"
        ? [{ path, option, write: (at, result) => writeAtomic(at, render(result)) }]
        : [];
    const inFolder = (name?: string): string | undefined =>
      out !== undefined && name !== undefined ? join(out, name) : undefined;
    this.#asked = asked;
    this.#forms = forms;
    this.#documents = [...target(inFolder(names?.json), "--out", forms.json), ...target(json, "--json", forms.json)];
    this.#targets = [
      ...this.#documents,
      ...target(inFolder(names?.page), "--out", forms.page),
      ...target(report, "--report", forms.page),
      ...target(markdown, "--markdown", forms.markdown),
      ...(forms.further ?? []),
    ];
    this.#places = [...this.#targets, ...(forms.own ?? [])];
  }

  /** Every file that is written. */
  get paths(): string[] {
    return this.#places.map(({ path }) => path);
  }

  /** The files with the JSON that are there. */
  get documents(): string[] {
    return this.#documents.map(({ path }) => path).filter(isTaken);
  }

  /** Whether there are files to write, and every one is there. */
  get complete(): boolean {
    return this.#places.length > 0 && this.#places.every(({ path }) => isTaken(path));
  }

  /**
   * Finds out, before the work that fills them, whether every file can be written; makes the folder of `--out`.
   * @param resume what is there may be this run's own, left by an earlier process: the command looks, and refuses it if not
   * @param dryRun nothing will be written: no folder is made and no file tried
   * @throws LossyscopeError as `claim` does
   */
  async prepare({ resume = false, dryRun = false }: PrepareOptions = {}): Promise<void> {
    this.#resumes = resume;
    const inFolder = this.#forms.names ? this.#places.filter(({ option }) => option === "--out") : [];
    const folders = new Set(inFolder.map(({ path }) => dirname(path)));
    const given = { force: this.#asked.force || resume, dryRun };
    await claim(this.#places, given, [...folders]);
  }

  /**
   * @param paths the ones that are not to be replaced
   * @throws LossyscopeError `usage` where one of them is there and may not be replaced
   */
  refuseTaken(paths: readonly string[] = this.paths): void {
    const places = this.#places.filter(({ path }) => paths.includes(path));
    refuse(places, { force: this.#asked.force, looked: this.#resumes });
  }

  /**
   * To be called where what is there was found to be left by this run: refuses what certainly was not.
   * @throws LossyscopeError `usage` where a result is there that no command of ours wrote, and may not be replaced
   */
  refuseForeign(): void {
    const further = new Set(this.#forms.further?.map(({ path }) => path));
    const results = this.#targets.map(({ path }) => path).filter((path) => isTaken(path) && !further.has(path));
    this.refuseTaken(results.filter((path) => !isOurs(basename(path), headOf(path))));
  }

  /** @throws LossyscopeError `io` where the disk refuses */
  async write(result: Result, progress: ProgressSink = SILENT): Promise<void> {
    const targets = this.#targets;
    if (targets.length === 0) return;
    progress.start(WRITING, targets.length, "files");
    for (const [done, { path, write }] of targets.entries()) {
      await write(path, result);
      progress.update(done + 1);
    }
    progress.finish();
  }

  /**
   * Prints the result: as JSON or Markdown where that was asked for without a file, else as text.
   * @throws LossyscopeError `io` where the disk refuses
   */
  async print(shown: Shown): Promise<void> {
    const { text, line, json, markdown = text } = this.#forms;
    const asked = this.#asked.json === true ? json : this.#asked.markdown === true ? markdown : null;
    const brief = line && this.#asked.quiet ? (one: Shown) => oneLine(line(one)) : text;
    process.stdout.write((asked ?? brief)(shown));
    await printed();
  }

  /** Writes and prints the result. @throws LossyscopeError `io` where the disk refuses */
  async deliver(result: Result, progress?: ProgressSink): Promise<void> {
    await this.write(result, progress);
    await this.print(result);
  }

  /** Says where the result is. */
  say(): void {
    if (this.#asked.quiet) return;
    for (const { path } of this.#targets) process.stderr.write(`wrote ${path}\n`);
  }
}
