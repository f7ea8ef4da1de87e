/**
 * `lossyscope almanac --out DIR`: writes the almanac (METHODS §9). `train.jsonl`, `known.jsonl`, `unseen.jsonl` and
 * `balanced.jsonl` hold one page a line with both floors, `facts.jsonl` one fact a line, `almanac.json` what the printed
 * table shows.
 */
import { join } from "node:path";
import { Command, Option } from "@commander-js/extra-typings";
import {
  type Census,
  census,
  createWorld,
  documents,
  facts,
  SIZES,
  type SizeName,
  SPLITS,
  type Split,
  type World,
} from "../almanac/almanac.ts";
import { writeAtomic } from "../files/atomic.ts";
import { COMPRESSORS } from "../measure/static/compressors.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { count, figure, si } from "../report/format.ts";
import type { Progress } from "../report/progress.ts";
import { type TerminalOptions, terminalOptions } from "../report/terminal-options.ts";
import { asText, proseLines, shownTable } from "../report/text-table.ts";
import { GROUP } from "./groups.ts";
import { interruptible } from "./interrupt.ts";
import { force, quiet, seed } from "./options.ts";
import { document, Outputs } from "./outputs.ts";
import { progressOf } from "./progress.ts";

/** The ones that are quick; `measure` sets all of them beside a model. */
const BESIDE = COMPRESSORS.filter(({ name }) => ["gzip -9", "brotli 11", "order-2 bytes"].includes(name));
/** Lines are handed to the disk in pieces of about this many characters. */
const PIECE = 2 ** 20;

interface SplitFigures {
  readonly split: Split;
  readonly documents: number;
  readonly bytes: number;
  /** bits per byte */
  readonly floorKnown: number;
  readonly floorUnknown: number;
  /** bits per byte over the split as one stream, by compressor; none for the training pages */
  readonly compressors: Readonly<Record<string, number>>;
}

export interface AlmanacSummary extends Census {
  readonly seed: number;
  readonly splits: readonly SplitFigures[];
}

export function almanacCommand() {
  return new Command("almanac")
    .summary("write text whose entropy is known: pages of a fictional world")
    .description(
      "Writes the pages of a seeded fictional world into a folder: training pages, pages held out about the same entities and about entities never seen, and a balanced set, every page with its exact code length for a reader who knows the world and for one who does not; and all facts as questions.",
    )
    .requiredOption("-o, --out <dir>", "folder to write to; made where there is none")
    .option("--seed <n>", "seed of the world and its pages", seed, 0)
    .optionsGroup(GROUP.written)
    .addOption(
      new Option("--size <name>", "size of the world")
        .choices(Object.keys(SIZES) as SizeName[])
        .default("small" as const),
    )
    .option("--json [file]", "writes the figures to a file, or to standard output")
    .addOption(force())
    .addOption(quiet())
    .action(async ({ seed, size, quiet, ...asked }) => {
      const { out } = asked;
      const outputs = new Outputs<AlmanacSummary>(
        { ...asked, quiet },
        {
          text: (summary) => almanacText(summary, terminalOptions(process.stdout, process.env)),
          line: worldClaim,
          json: document,
          names: { json: "almanac.json" },
          own: [...SPLITS, "facts" as const].map((part) => ({ path: fileOf(out, part), option: "--out" })),
        },
      );
      await outputs.prepare();
      const progress = progressOf({ quiet });
      const summary = await interruptible((signal) => writeAlmanac(createWorld(seed, size), { out, progress, signal }));
      await outputs.deliver(summary);
    });
}

const fileOf = (out: string, part: Split | "facts"): string => join(out, `${part}.jsonl`);

interface WriteOptions {
  readonly out: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** @throws LossyscopeError `io` where the disk refuses, `interrupted` on abort */
async function writeAlmanac(world: World, { out, progress, signal }: WriteOptions): Promise<AlmanacSummary> {
  try {
    const splits: SplitFigures[] = [];
    progress.announce([...SPLITS, "facts"].map((name) => ({ label: `${name}.jsonl` })));
    for (const split of SPLITS) {
      progress.start(`${split}.jsonl`, null, "pages");
      splits.push(await writeSplit(world, split, { out, progress, signal }));
    }
    const { facts: total } = census(world);
    progress.start("facts.jsonl", total, "facts");
    await writeAtomic(fileOf(out, "facts"), lines(facts(world), progress, signal));
    return { seed: world.seed, ...census(world), splits };
  } finally {
    progress.finish();
  }
}

async function writeSplit(world: World, split: Split, { out, progress, signal }: WriteOptions): Promise<SplitFigures> {
  let pages = 0;
  let bytes = 0;
  let known = 0;
  let unknown = 0;
  const texts: Buffer[] = [];
  function* counted() {
    for (const page of documents(world, split)) {
      pages++;
      bytes += page.bytes;
      known += page.knownBits;
      unknown += page.unknownBits;
      if (split !== "train") texts.push(Buffer.from(page.text));
      yield page;
    }
  }
  await writeAtomic(fileOf(out, split), lines(counted(), progress, signal));
  const compressors: Record<string, number> = {};
  for (const { name, load } of split === "train" ? [] : BESIDE) {
    const size = await (await load()).compressedSize(stream(texts), bytes);
    compressors[name] = (8 * size) / bytes;
  }
  return { split, documents: pages, bytes, floorKnown: known / bytes, floorUnknown: unknown / bytes, compressors };
}

async function* stream(parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts;
}

/** Records as lines of JSON, in pieces for the disk. */
function* lines(records: Iterable<unknown>, progress: Progress, signal: AbortSignal): Generator<Buffer> {
  let piece = "";
  let done = 0;
  for (const record of records) {
    piece += `${JSON.stringify(record)}\n`;
    done++;
    if (piece.length < PIECE) continue;
    if (signal.aborted) throw new LossyscopeError("interrupted", "stopped");
    progress.update(done);
    yield Buffer.from(piece);
    piece = "";
  }
  yield Buffer.from(piece);
}

function worldClaim({ seed, size, entities, unseen, facts }: AlmanacSummary): string {
  const seen = entities.reduce((sum, level) => sum + level.count, 0);
  return `the almanac of seed ${seed}, ${size}: ${count(seen)} entities with ${count(facts)} facts, and ${count(unseen)} never seen`;
}

/** The figures as a person reads them. */
export function almanacText(summary: AlmanacSummary, terminal: TerminalOptions): string {
  const { entities, factBits, nameBits, splits } = summary;
  const compressors = BESIDE.map(({ name }) => name);
  const rows = splits.map(({ split, documents, bytes, floorKnown, floorUnknown, compressors: beside }) => [
    split,
    count(documents),
    count(bytes),
    ...[floorKnown, floorUnknown, ...compressors.map((name) => beside[name])].map((value) => figure(value)),
  ]);
  const head = ["split", "documents", "bytes", "known floor", "unknown floor", ...compressors];
  const about = [
    worldClaim(summary),
    `entities by exposure: ${entities.map(({ exposures, count: all }) => `${count(exposures)}: ${count(all)}`).join(", ")}`,
    `world: facts of ${si(factBits, "bit")}, names of ${si(nameBits, "bit")}`,
  ];
  const table = [
    ...proseLines(["floors and compressors in bits per byte:"], terminal),
    ...shownTable({ head, rows }, terminal),
  ];
  return asText([proseLines(about, terminal), table], terminal);
}
