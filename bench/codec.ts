/**
 * The codec on whole texts: what it writes and what was foretold, whether the text comes back in another process with another
 * number of threads, kilobytes a second both ways; beside it the compressors that a profile shows, on the same bytes in the same
 * run, and at the end what others have published (`data/reference/lossless-compression.csv`), on other texts. Without arguments:
 * the last checkpoint of every specimen and stories260k on held-out pages of the almanac and the two texts of ../shared.
 *
 * Of a GGUF file also what a step takes (tokens a second by rows, each way that a file's header may name, in turns), beside
 * llama.cpp's, where PEERS_LLAMA names a folder that has node-llama-cpp, and what memory allows: the bytes of the file, and four
 * a weight, at the machine's bandwidth in the same run.
 *
 *     npm run bench -- codec [--model FOLDER]… [--bytes N] [--block 16384]… [--lanes 1]… [--context N] [--precision int8] [--threads 1] [--steps 24] [FILE …]
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { basename, join, resolve, sep } from "node:path";
import { parseArgs } from "node:util";
import { createWorld, documents } from "../src/almanac/almanac.ts";
import { PRODUCTS, USUAL } from "../src/coding/arithmetic.ts";
import { type CodecPrecision, compress } from "../src/decode/compress.ts";
import { decompress } from "../src/decode/decompress.ts";
import { predict } from "../src/decode/predict.ts";
import { DecodingSession } from "../src/decode/session.ts";
import { AT_ONCE } from "../src/decode/walk.ts";
import { hasShared, hasSpecimens, shared, specimen } from "../src/fixtures.testing.ts";
import { tableOf } from "../src/formats/csv.ts";
import { findRun } from "../src/measure/checkpoints/checkpoints.ts";
import { COMPRESSORS } from "../src/measure/static/compressors.ts";
import { canBeAt, type Model, requireDecoder } from "../src/ports/model.ts";
import { openModel } from "../src/references/open.ts";
import { llama } from "./llama.ts";
import { bandwidth, table, timed } from "./report.ts";

const REFERENCE = "data/reference/lossless-compression.csv";
const COLUMNS = [
  "compressor",
  "dataset",
  "taken_in",
  "raw_rate_pct",
  "adjusted_rate_pct",
  "bits_per_byte",
  "counted_in",
];

const option = { type: "string" } as const;
const { values, positionals } = parseArgs({
  options: {
    model: { ...option, multiple: true, default: [] as string[] },
    block: { ...option, multiple: true, default: ["16384"] },
    lanes: { ...option, multiple: true, default: ["1"] },
    bytes: option,
    context: option,
    threads: option,
    steps: option,
    precision: option,
  },
  allowPositionals: true,
});
const bytes = Number(values.bytes ?? Number.POSITIVE_INFINITY);
const threads = Number(values.threads ?? 1);

interface Text {
  readonly name: string;
  readonly plain: Uint8Array;
}

/** Pages of the world of the specimens that none of them has seen. */
function heldOutPages(): Text {
  const pages = [...documents(createWorld(7, "medium"), "known")].map(({ text }) => `${text}\n\n`);
  return { name: "almanac pages, held out", plain: Buffer.from(pages.join("")) };
}

/** `main/step-36246` */
const lastNames = (path: string): string => resolve(path).split(sep).slice(-2).join("/");

const ofFile = (path: string): Text => ({ name: basename(path), plain: readFileSync(path) });

function texts(): readonly Text[] {
  if (positionals.length > 0) return positionals.map(ofFile);
  const others = hasShared ? ["tinyshakespeare.txt", "wikitext2-test.txt"] : [];
  return [heldOutPages(), ...others.map((name) => ofFile(shared(`text/${name}`)))];
}

type Loaded = Awaited<ReturnType<(typeof COMPRESSORS)[number]["load"]>>;

/** By the names that the tables show. */
interface Rivals {
  readonly models: readonly (readonly [string, Model])[];
  readonly compressors: readonly (readonly [string, Loaded])[];
}

async function models(): Promise<Rivals["models"]> {
  const runs = hasSpecimens
    ? readdirSync(specimen(".")).filter((name) => existsSync(specimen(`${name}/log.jsonl`)))
    : [];
  const specimens = await Promise.all(
    runs.map(async (name) => [name, (await findRun([specimen(name)])).checkpoints.at(-1)!.model] as const),
  );
  const all = [...specimens, ...(hasShared ? [["stories260k", shared("models/stories260k")] as const] : [])];
  const chosen = values.model.length > 0 ? values.model.map((folder) => [lastNames(folder), folder] as const) : all;
  return Promise.all(chosen.map(async ([name, folder]) => [name, await openModel(folder)] as const));
}

const percent = (part: number, whole: number): string => `${((100 * part) / whole).toFixed(1)} %`;

/** One text under everything; prints its table. */
async function beside({ name, plain }: Text, all: Rivals, folder: string): Promise<void> {
  const [input, output, back] = ["plain", "lsz", "back"].map((file) => join(folder, file));
  writeFileSync(input, plain);
  const rate = (seconds: number): string => (plain.length / seconds / 1e3).toPrecision(3);
  const rows = [
    ["", "bytes", "foretold", "bits a byte", "of gzip -9", "and the model", "kB/s", "reading", "comes back"],
  ];
  let gzip = Number.NaN;
  const add = (title: string, size: number, rest: readonly string[], foretold = ""): void => {
    if (Number.isNaN(gzip)) gzip = size;
    rows.push([title, String(size), foretold, ((8 * size) / plain.length).toFixed(3), percent(size, gzip), ...rest]);
  };
  for (const [title, { compressedSize }] of all.compressors) {
    const stream = (async function* () {
      yield plain;
    })();
    const { value, seconds } = await timed(() => compressedSize(stream, plain.length));
    add(title, value, ["", rate(seconds), "", ""]);
  }
  for (const [title, model] of all.models) {
    const context = Math.min(model.positions ?? 1024, Number(values.context ?? 1024));
    const weights = model.weightFileBytes;
    for (const [block, lanes] of values.block.flatMap((one) => values.lanes.map((other) => [one, other]))) {
      const precision = canBeAt(model, values.precision as CodecPrecision)
        ? (values.precision as CodecPrecision)
        : undefined;
      const cut = { blockBytes: Number(block), rows: null, lanes: Number(lanes), precision };
      const layout = { input, ...cut, context, overlap: context >> 1, threads };
      const foretold = await predict(model, layout);
      const written = await timed(() => compress(model, { ...layout, output, verify: false }));
      const read = await timed(() =>
        decompress(model, { input: output, output: back, threads: threads + 1, salvage: false }),
      );
      const { fileBytes, blocks } = written.value;
      const same = readFileSync(back).equals(plain) ? "yes" : "NO";
      const rates = [rate(written.seconds), rate(read.seconds)];
      const adjusted = percent(weights + fileBytes, plain.length);
      add(
        `${title}, ${blocks} blocks${lanes === "1" ? "" : ` of ${lanes} lanes`}`,
        fileBytes,
        [adjusted, ...rates, same],
        String(foretold.fileBytes),
      );
    }
  }
  console.log(`${name}, ${plain.length} bytes; ${threads} of the runtime's threads to write, ${threads + 1} to read`);
  table(rows);
  console.log();
}

/** Slots of the cache that steps find filled, and rows that go through together. */
const FILLED = 256;
const ROWS = [1, 2, 4, 8, 16];

/** What a step of a GGUF file takes in every way, by rows: least and median of the steps; prints its table. */
async function stepping(name: string, path: string, model: Model): Promise<void> {
  const { spec, weights } = requireDecoder(model, "the benchmark");
  const steps = Number(values.steps ?? 24);
  const rate = bandwidth();
  const stored = model.weightFileBytes / rate;
  const wide = [...weights.names()].reduce((sum, tensor) => {
    const { shape } = weights.locate(tensor)!;
    return sum + (4 * shape.reduce((product, size) => product * size, 1)) / rate;
  }, 0);
  const sessions = await Promise.all(
    PRODUCTS.map((products) =>
      DecodingSession.open({
        ...{ spec, weights, threads, longest: FILLED + steps, prediction: "probabilities" },
        arithmetic: { ...USUAL, products },
      }),
    ),
  );
  const speaker = await llama(path, threads);
  const rows = [["rows", ...PRODUCTS.map((products) => `${products}, ms`), "llama.cpp, ms", "tokens a second"]];
  try {
    for (const together of ROWS) {
      const taken = await Promise.all(PRODUCTS.map(async (): Promise<number[]> => []));
      const opening = Array.from({ length: together }, (_, b) =>
        Array.from({ length: FILLED }, (__, t) => (7 * t + b) % spec.vocabulary),
      );
      for (const session of sessions) {
        session.restart();
        for (let at = 0; at < FILLED; at += AT_ONCE)
          await session.advance(opening.map((ids) => ids.slice(at, at + AT_ONCE)));
      }
      for (let step = 0; step < steps; step++)
        for (const [way, session] of sessions.entries()) {
          const { seconds } = await timed(() => session.advance(opening.map(([id]) => [id])));
          taken[way].push(1000 * seconds);
        }
      const spoken = await speaker?.speak(opening, steps);
      const said = (times: readonly number[]): string => {
        const sorted = times.toSorted((a, b) => a - b);
        return `${sorted[0].toFixed(1)} (${sorted[sorted.length >> 1].toFixed(1)})`;
      };
      const best = Math.min(...taken.flat());
      const other = spoken ? ((1000 * spoken.seconds) / (steps - 1)).toFixed(1) : "";
      rows.push([String(together), ...taken.map(said), other, ((1000 * together) / best).toFixed(0)]);
    }
  } finally {
    await Promise.all([...sessions.map((session) => session.close()), speaker?.close()]);
  }
  console.log(
    `${name}: a step, least (median) of ${steps}, ${FILLED} tokens before it, ${threads} threads; reading the file once takes ${(1000 * stored).toFixed(1)} ms at ${(rate / 1e9).toFixed(1)} GB/s, its weights as float32 ${(1000 * wide).toFixed(1)} ms`,
  );
  table(rows);
  console.log();
}

/** What others have published, and how it differs from what is above. */
function published(): void {
  const text = readFileSync(new URL(`../${REFERENCE}`, import.meta.url), "utf8");
  const found = tableOf(text, REFERENCE, [...COLUMNS, "source"], []);
  const shown = (cell: string): string => cell || "–";
  table([
    ["published", "text", "takes in", "% of it", "and the model, %", "bits a byte", "counted in"],
    ...found.map(({ cells }) => COLUMNS.map((column) => shown(cells[column]))),
  ]);
  console.log(
    [
      "These are other texts, of 0.15 to 1,000 MB: a model counts for the less the longer the text, and a rate of a tenth of a per",
      "cent of enwik9 is a megabyte. Ours count the weights as stored, theirs two bytes a parameter or the program; models of the",
      "table learned from text like what they were asked to make smaller, or go on learning as they read (nncp, cmix).",
    ].join("\n"),
  );
}

const folder = mkdtempSync(join(tmpdir(), "lossyscope-bench-"));
try {
  // Once for all texts: the libraries in WebAssembly do not take a second start.
  const compressors = COMPRESSORS.map(async ({ name, load }) => [name, await load()] as const);
  const all = { models: await models(), compressors: await Promise.all(compressors) };
  for (const path of values.model.filter((one) => one.endsWith(".gguf")))
    await stepping(lastNames(path), path, all.models.find(([name]) => name === lastNames(path))![1]);
  for (const { name, plain } of texts()) await beside({ name, plain: plain.subarray(0, bytes) }, all, folder);
  published();
  console.log(`\nload ${loadavg()[0].toFixed(1)} on ${cpus().length} cores`);
} finally {
  rmSync(folder, { recursive: true });
}
