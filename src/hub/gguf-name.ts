/**
 * GGUF files by the names that people type: `org/name:file.gguf`, `org/name@revision:Q4_K_M`, the address of a file's page; and
 * which of the files of a repository, or of a folder, are meant. Looks at names alone.
 */
import { count, counted } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { parsePage, parseRepositoryName, pathOfAddress, type RepositoryName } from "./name.ts";

export interface GgufName extends RepositoryName {
  /** a file of the repository, or how its weights are stored: `Q4_K_M` */
  readonly which: string;
}

const NAMED = /^([^/:]+\/[^/:]+(?:@[^:]*)?):(?!\/\/)(.*)$/s;
const FILE = /^(?:[^/\\:\0]+\/)*[^/\\:\0]+\.gguf$/i;
/** A file, and none that leads out of its folder. */
const isFile = (path: string): boolean => FILE.test(path) && !path.split("/").some((part) => /^\.+$/.test(part));
const STORED_AS = /^[\w.-]+$/;
const PART = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/i;
/** What lies beside models and is none: what sees for them, statistics of their activations. */
const NO_MODEL = /(?:^|[/\-_.])(?:mmproj|imatrix)/i;
const LISTED = 8;

/**
 * @param endpoint where the Hub is (`HF_ENDPOINT`)
 * @returns null where the name is none of a GGUF file on the Hub
 * @throws LossyscopeError `input` where it begins as one and goes on as none
 */
export function parseGgufName(name: string, endpoint: string): GgufName | null {
  const path = pathOfAddress(name, endpoint);
  const [, repository, which] = NAMED.exec(path ?? name) ?? [];
  if (repository === undefined) {
    if (path === null || !/\.gguf(?:[?#].*)?$/is.test(path)) return null;
    const { beside, ...page } = parsePage(name, path);
    return FILE.test(beside) ? { ...page, which: beside } : null;
  }
  if (!isFile(which) && !(STORED_AS.test(which) && !/^\.+$/.test(which))) {
    throw new LossyscopeError(
      "input",
      `${name} names no GGUF file of ${repository}`,
      "name one, or how its weights are stored: org/name:file.gguf, org/name:Q4_K_M",
    );
  }
  return { ...parseRepositoryName(repository, endpoint), which };
}

/** The files of one model, in the order of their parts: the first one opens it. */
export type GgufFiles = readonly [first: string, ...rest: string[]];

/** Models in a list of files, each by what it is called: its first file's name without the number of the part. */
function modelsIn(names: Iterable<string>): ReadonlyMap<string, readonly string[]> {
  const models = new Map<string, string[]>();
  for (const name of [...names].sort()) {
    if (!isFile(name)) continue;
    const [, split, , of] = PART.exec(name) ?? [];
    const model = split === undefined ? name.replace(/\.gguf$/i, "") : `${split}-of-${of}`;
    models.set(model, [...(models.get(model) ?? []), name]);
  }
  return models;
}

/**
 * @param names of all files of the repository
 * @param which of `GgufName`
 * @param where how errors call the repository
 * @throws LossyscopeError `input` where no file is meant, or several, naming those there are; `model` where parts are missing
 */
export function ggufFilesOf(names: Iterable<string>, which: string, where: string): GgufFiles {
  const models = [...modelsIn(names)];
  const isNamed = /\.gguf$/i.test(which);
  const exact = models.filter(([, files]) => files.includes(which));
  const found = isNamed ? exact : storedAs(models, which);
  const [only, ...more] = found;
  if (only && more.length === 0) return whole(only[1], where);
  const listed = (only ? found : models.filter(([model]) => !NO_MODEL.test(model))).map(([, [first]]) => first);
  if (only)
    throw new LossyscopeError(
      "input",
      `${where} has ${counted(found.length, "model")} in GGUF called ${which}: ${some(listed)}`,
      `name the file: ${where}:${listed[0]}`,
    );
  throw new LossyscopeError(
    "input",
    listed.length === 0
      ? `${where} has no model in GGUF`
      : `${where} has no ${isNamed ? which : `model in GGUF called ${which}`}; it has ${some(listed)}`,
    listed.length === 0 ? `name the model itself: ${where}` : `name one of them: ${where}:${listed[0]}`,
  );
}

type Model = readonly [model: string, files: readonly string[]];

/** Those whose name, or folder, ends with how they are stored; else those that have it between other words. */
function storedAs(models: readonly Model[], which: string): readonly Model[] {
  const written = which.replace(/[.]/g, "\\.");
  const own = models.filter(([model]) => !NO_MODEL.test(model));
  const plain = ([model]: Model): string => model.replace(/-of-\d{5}$/, "");
  const byEnd = new RegExp(`(?:^|[/\\-_.])${written}$`, "i");
  const byFolder = new RegExp(`(?:^|[/\\-_.])${written}/[^/]*$`, "i");
  const within = new RegExp(`[\\-_.]${written}[\\-.][^/]*$`, "i");
  const [first] = [byEnd, byFolder, within]
    .map((pattern) => own.filter((model) => pattern.test(plain(model))))
    .filter((found) => found.length > 0);
  return first ?? [];
}

function whole(files: readonly string[], where: string): GgufFiles {
  const [first, ...rest] = files;
  const of = Number(PART.exec(first)?.[3] ?? 1);
  if (files.length === of) return [first, ...rest];
  throw new LossyscopeError(
    "model",
    `${where} has ${count(files.length)} of the ${counted(of, "part")} of ${first}`,
    "choose another file, or another revision",
  );
}

const some = (names: readonly string[]): string =>
  names.length > LISTED
    ? `${names.slice(0, LISTED).join(", ")} and ${count(names.length - LISTED)} more`
    : names.join(", ");

/**
 * The model in GGUF that a folder without config.json is: LM Studio keeps them so, llama.cpp, and people who fetched one.
 * @param names of the files right in the folder
 * @param folder how errors call it
 * @returns null where it has none, or is a model of another kind
 * @throws LossyscopeError `input` where there are several, naming them; `model` where parts are missing
 */
export function ggufOfFolder(names: readonly string[], folder: string): GgufFiles | null {
  if (names.includes("config.json")) return null;
  const models = [...modelsIn(names)].filter(([model]) => !NO_MODEL.test(model));
  const [only, ...more] = models;
  if (!only) return null;
  if (more.length === 0) return whole(only[1], folder);
  throw new LossyscopeError(
    "input",
    `${folder} has ${counted(models.length, "model")} in GGUF: ${some(models.map(([, [first]]) => first))}`,
    "pass the file that is meant",
  );
}
