/**
 * Holds the direction of imports: a room imports only from rooms below its own line (src/README.md), and no file, by whatever
 * way, what imports it; and that ONNX Runtime, which would report its use to its maker, is loaded in the one place that keeps it
 * quiet; and that values are held against zod's schemas in the one place that says what is wrong with them in our words.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { describe, expect, it } from "vitest";
import { programs } from "./programs.testing.ts";

const source = import.meta.dirname;
/** Top to bottom; rooms on one line do not import each other. */
const LINES = [
  ["cli"],
  ["library"],
  ["report"],
  ["measure"],
  ["lab"],
  ["probes"],
  ["decode"],
  ["engines"],
  ["references"],
  ["endpoint"],
  ["ports"],
  ["models"],
  ["graph"],
  ["almanac"],
  ["tokenizer"],
  ["store", "database"],
  ["atlas"],
  ["hub", "text"],
  ["profile"],
  ["files"],
  ["squeeze"],
  ["formats"],
  ["coding"],
  ["info"],
  ["numeric"],
];
const PURE = ["coding", "formats", "info", "numeric", "squeeze"];
/** What reads profiles and draws them: with all that they import, they run in a browser. */
const ANYWHERE = ["atlas", "profile", "report"];
const line = new Map(LINES.flatMap((rooms, index) => rooms.map((room) => [room, index] as const)));

function* sources(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* sources(path);
    else if (entry.name.endsWith(".ts") && !/\.(test|testing)\.ts$/.test(entry.name)) yield path;
  }
}

const imports = [...sources(source)].flatMap((file) =>
  [...readFileSync(file, "utf8").matchAll(/(import type [^"]*)?(?:from|import)\s*\(?\s*"([^"]+)"/g)].map((match) => ({
    file: relative(source, file),
    target: match[2],
    typesOnly: match[1] !== undefined,
  })),
);

/** Files that are loaded where one of a room is, as paths from `src/`. */
function loadedWith(rooms: readonly string[]): Set<string> {
  const loaded = new Set(imports.map(({ file }) => file).filter((file) => rooms.includes(file.split(sep)[0])));
  for (const file of loaded) {
    for (const { file: from, target, typesOnly } of imports) {
      if (from === file && target.startsWith(".") && !typesOnly) loaded.add(join(dirname(file), target));
    }
  }
  return loaded;
}

/** A way along the edges that comes back to where it began; null where there is none. */
function circle(edges: ReadonlyMap<string, readonly string[]>): string[] | null {
  const done = new Set<string>();
  const from = (node: string, way: readonly string[]): string[] | null => {
    if (way.includes(node)) return [...way.slice(way.indexOf(node)), node];
    if (done.has(node)) return null;
    for (const next of edges.get(node) ?? []) {
      const found = from(next, [...way, node]);
      if (found) return found;
    }
    done.add(node);
    return null;
  };
  for (const node of edges.keys()) {
    const found = from(node, []);
    if (found) return found;
  }
  return null;
}

describe("direction of imports", () => {
  it("reads the tree", () => expect(imports.length).toBeGreaterThan(5));

  it("every room has its line", () => {
    const rooms = readdirSync(source, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(rooms.map((room) => room.name).filter((room) => !line.has(room))).toEqual([]);
  });

  it("only downwards", () => {
    const upward = imports.filter(({ file, target }) => {
      const from = file.split(sep)[0];
      if (!target.startsWith(".") || !line.has(from)) return false;
      const to = relative(source, resolve(source, dirname(file), target)).split(sep)[0];
      return to !== from && (line.get(to) ?? Infinity) <= line.get(from)!;
    });
    expect(upward).toEqual([]);
  });

  it("in no circle, of types neither: what two files say of each other can be said in a third", () => {
    const edges = new Map<string, string[]>();
    for (const { file, target } of imports) {
      if (target.startsWith(".")) edges.set(file, [...(edges.get(file) ?? []), join(dirname(file), target)]);
    }
    expect(edges.size).toBeGreaterThan(300);
    expect(circle(edges)).toBeNull();
  });

  it.each([
    [{ a: ["b"], b: ["c"], c: ["b"] }, ["b", "c", "b"]],
    [{ a: ["b", "a"], b: [] }, ["a", "a"]],
    [{ a: ["b", "c"], b: ["d"], c: ["d"], d: [] }, null],
  ])("%j has the circle %j", (edges, found) => expect(circle(new Map(Object.entries(edges)))).toEqual(found));

  it("an engine is named where it is created, and nowhere else", () => {
    const named = imports.filter(({ target }) => /(?:engines|\.)\/onnx\.ts$/.test(target)).map(({ file }) => file);
    expect(named).toEqual([join("engines", "create.ts")]);
  });

  it("and the process that runs graphs likewise", () => {
    const named = imports.filter(({ target }) => target.endsWith("/runtime-process.ts")).map(({ file }) => file);
    expect(new Set(named)).toEqual(new Set([join("engines", "runtime.ts")]));
  });

  it("the pure rooms know nothing of Node", () => {
    expect(
      imports.filter(({ file, target }) => PURE.includes(file.split(sep)[0]) && target.startsWith("node:")),
    ).toEqual([]);
  });
});

describe("what draws profiles", () => {
  const loaded = loadedWith(ANYWHERE);

  it("reads the tree", () => {
    expect(loaded).toContain(join("report", "html.ts"));
    expect(loaded).toContain(join("text", "account.ts"));
  });

  it("loads nothing of Node, and calls nothing of it", () => {
    expect(imports.filter(({ file, target }) => loaded.has(file) && target.startsWith("node:"))).toEqual([]);
    const calls = /\b(?:Buffer\.|setImmediate\(|process\.(?!stdout))/;
    expect([...loaded].filter((file) => calls.test(readFileSync(join(source, file), "utf8")))).toEqual([]);
  });
});

/** Where a program names the library as something to load: any string that is its name or lies in it. */
const loads = (program: string): string[] =>
  program.replace(/^(import|export) type [^;]*;/gm, "").match(/["'`/]onnxruntime-(node|web)(\/[^"'`]*)?["'`]/g) ?? [];

describe("ONNX Runtime", () => {
  it("is loaded nowhere but where its telemetry is switched off", () => {
    const all = [...programs()].filter(({ path }) => path !== "src/imports.test.ts");
    expect(all.length).toBeGreaterThan(400);
    const found = all.filter(({ text }) => loads(text).length > 0);
    expect(found.map(({ path }) => path)).toEqual(["src/engines/onnxruntime.ts"]);
  });

  it.each([
    ['import { env } from "onnxruntime-node";', 1],
    ["const x = require('onnxruntime-node');", 1],
    ["await import(`onnxruntime-node/dist/index.js`)", 1],
    ['new URL("../node_modules/onnxruntime-node/dist/index.js", here)', 1],
    ['export * from "onnxruntime-node";', 1],
    ['import type * as Runtime from "onnxruntime-node";', 0],
    ['import type {\n  Tensor,\n} from "onnxruntime-node";', 0],
    ['engine: "onnxruntime-node 1.30.0"', 0],
  ])("%s", (program, count) => expect(loads(program)).toHaveLength(count));
});

/** Where a program lets zod judge a value, or takes what zod says of it. */
const judges = (program: string): string[] =>
  program.match(
    /\b(?!JSON|Date|marked|path)\w+\)?\??\s*\.parse\(|(?:^|\))\s*\.parse\(|\.safeParse(Async)?\b|\.spa\(|\.issues\b|\bissues\b\s*[,}\]]|\b(prettify|treeify|flatten|format)Error\b|\bZod(Real)?Error\b|\bz\.(safe)?parse(Async)?\b|"zod\/(?!v4\/core")/gm,
  ) ?? [];

describe("zod", () => {
  it("judges in one place, whose words are ours", () => {
    const all = [...sources(source)];
    const found = all.filter((file) => judges(readFileSync(file, "utf8")).length > 0);
    expect(found.map((file) => relative(source, file))).toEqual([join("numeric", "schema-faults.ts")]);
  });

  it.each([
    ["schema.parse(json)", 1],
    ["z.object({}).parse(json)", 1],
    ["z\n  .array(typed)\n  .parse(json)", 1],
    ["schema?.parse(json)", 1],
    ["schema.safeParse(json)", 1],
    ["(await schema.safeParseAsync(json))", 1],
    ["const { issues } = error;", 1],
    ["const [first] = error.issues;", 1],
    ["error instanceof z.ZodError", 1],
    ["z.prettifyError(error)", 1],
    ['import * as z from "zod/mini";', 1],
    ["JSON.parse(text)", 0],
    ["Date.parse(text)", 0],
    ["marked.parse(markdown)", 0],
    ["program().parseAsync(args)", 0],
    ['import { z } from "zod";', 0],
  ])("%s", (program, count) => expect(judges(program)).toHaveLength(count));
});
