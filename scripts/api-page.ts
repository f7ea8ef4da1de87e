/**
 * The page of the library: every export of every subpath, with its signature and what it does in a sentence, from the
 * declarations that the compiler makes of the sources. They are regular text: a declaration begins at the edge of its line,
 * right below its comment.
 */
import { readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { table } from "./markdown.ts";

/** Plain JavaScript, which runs before anything is built. */
const { buildIfStale }: { buildIfStale(): void } = await import(new URL("../bin/build.js", import.meta.url).href);

const ROOT = fileURLToPath(new URL("../", import.meta.url));
/** Of a constant's type no more is shown. */
const LONGEST_TYPE = 60;

export interface Exported {
  readonly name: string;
  readonly kind: "function" | "class" | "const" | "type";
  /** empty for a type */
  readonly signatures: readonly string[];
  /** first sentence of its comment; null where there is none */
  readonly says: string | null;
}

export interface Subpath {
  /** as it is imported */
  readonly name: string;
  /** what its module says of itself */
  readonly about: string;
  readonly exports: readonly Exported[];
}

/** A declaration at the edge of its line, to its end, and the comment right above it. */
const DECLARATION =
  /(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n)?^export (?:declare )?(?:abstract )?(function|class|const|interface|type) (\w+)([\s\S]*?)(?=^(?:export|declare|interface|type|\/\*\*|import)\b|^\/\*\*|(?![\s\S]))/gm;
const REEXPORT = /^export (type )?\{([^}]*)\} from "([^"]+)";/gm;

/** Letters that stand for a number stay as they are. */
const capital = (text: string): string => text.replace(/^[a-z](?=[\w'])/, (first) => first.toUpperCase());
const lower = (name: string): string => name.charAt(0).toLowerCase() + name.slice(1);
const plain = (comment: string): string => comment.replace(/^\s*\*? ?/gm, "").trim();

/** The first sentence of a comment; where it says only what comes back, that. */
export function firstSentence(comment: string | undefined): string | null {
  if (comment === undefined) return null;
  const [text, ...tags] = plain(comment).split(/^@/m);
  const returns = tags.find((tag) => tag.startsWith("returns "))?.slice("returns ".length);
  const said = (text.trim() || returns || "").replace(/\s+/g, " ").trim();
  if (said === "") return null;
  const sentence = /^.*?\.(?= [A-Z`]|$)/.exec(said)?.[0] ?? said;
  return capital(sentence.replace(/\.$/, ""));
}

/** Parameters that are taken apart are called by their type. */
const withoutPatterns = (signature: string): string =>
  signature.replace(/\{[^{}]*\}(\??): (\w*)/g, (_, mark, type) => {
    const name = type.endsWith("Options") ? "options" : type === "" || type === "Pick" ? "given" : lower(type);
    return `${name}${mark}: ${type}`;
  });

function signatureOf(kind: string, name: string, rest: string): string[] {
  const text = rest
    .replace(/\/\*\*[\s\S]*?\*\//g, " ")
    .replace(/\s+/g, " ")
    .trim()
    .replace(/;$/, "");
  if (kind === "function") return [withoutPatterns(name + text)];
  if (kind === "class") {
    const made = /\bconstructor(\([^;]*\));/.exec(rest.replace(/\/\*\*[\s\S]*?\*\//g, " ").replace(/\s+/g, " "));
    return [made ? `new ${name}${withoutPatterns(made[1].replace(/\( /, "("))}` : `class ${name}`];
  }
  if (kind !== "const") return [];
  const type = text.replace(/^: /, "");
  const arrow = /^(\(.*\)) => (.*)$/.exec(type);
  if (arrow) return [withoutPatterns(`${name}${arrow[1]}: ${arrow[2]}`)];
  return [`${name}${type.length <= LONGEST_TYPE && !type.startsWith("=") ? `: ${type}` : ""}`];
}

/** All that a file of declarations exports. */
function exportsOf(file: string): Map<string, Exported> {
  const text = readFileSync(file, "utf8");
  const found = new Map<string, Exported>();
  for (const [, comment, kind, name, rest] of text.matchAll(DECLARATION)) {
    const before = found.get(name);
    found.set(name, {
      name,
      kind: kind === "interface" ? "type" : (kind as Exported["kind"]),
      signatures: [...(before?.signatures ?? []), ...signatureOf(kind, name, rest)],
      says: before?.says ?? firstSentence(comment),
    });
  }
  for (const [, , names, from] of text.matchAll(REEXPORT)) {
    const there = exportsOf(join(dirname(file), from.replace(/\.ts$/, ".d.ts")));
    for (const one of names.split(",").map((part) => part.trim().replace(/^type /, "")))
      if (one !== "") found.set(one, there.get(one) ?? missing(one, from));
  }
  return found;
}

function missing(name: string, file: string): never {
  throw new Error(`${file} declares no ${name} that this script can read`);
}

/** What the module of a subpath says of itself: one that is there for that alone, all of it. */
function aboutOf(file: string): string {
  const [, comment = ""] = /^\/\*\*([\s\S]*?)\*\//m.exec(readFileSync(file, "utf8")) ?? [];
  if (basename(file) !== "index.ts") return `${firstSentence(comment)}.`;
  return capital(
    plain(comment)
      .replace(/\s+/g, " ")
      .replace(/^`lossyscope[\w/]*`: /, ""),
  );
}

/** Every subpath that is a module, the root first. */
export function subpaths(): Subpath[] {
  buildIfStale();
  const { exports } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
    exports: Record<string, string>;
  };
  return Object.entries(exports)
    .filter(([, target]) => target.endsWith(".js"))
    .map(([path, target]) => {
      const source = join(ROOT, target.replace("./dist/", "src/").replace(/\.js$/, ".ts"));
      const exported = exportsOf(join(ROOT, target.replace(/\.js$/, ".d.ts")));
      return { name: `lossyscope${path.slice(1)}`, about: aboutOf(source), exports: [...exported.values()] };
    });
}

function sectionOf({ name, about, exports }: Subpath): string {
  const values = exports.filter(({ kind }) => kind !== "type");
  const types = exports.filter(({ kind }) => kind === "type").map((one) => `\`${one.name}\``);
  const rows = values.map(({ signatures, says }) => [signatures.map((one) => `\`${one}\``).join("<br>"), says ?? ""]);
  return [
    `## ${name}`,
    about,
    table(["", "what it does"], rows),
    ...(types.length > 0 ? [`Types: ${types.toSorted().join(", ")}.`] : []),
  ].join("\n\n");
}

/** @param note that the page is generated */
export const apiPage = (note: string): string =>
  [
    "# The library",
    note,
    "Every call refuses what is wrong by a `LossyscopeError`: its `fault` says of what kind it is, its message what, with the numbers, and what to do next; [examples](../../examples/README.md) are programs to begin with. Types need none of Node's.",
    ...subpaths().map(sectionOf),
    "",
  ].join("\n\n");
