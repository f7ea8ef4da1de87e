/** `lossyscope compress FILE --model M`: the file as an .lsz file, or with `--dry-run` what that would come to. */
import { statSync } from "node:fs";
import { Command, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { blockCount, MOST_BLOCK_BYTES, MOST_LANES } from "../coding/container.ts";
import { BLOCK_BYTES, CODING, layoutOf } from "../decode/codec.ts";
import { compress } from "../decode/compress.ts";
import { type PredictOptions, predict } from "../decode/predict.ts";
import { ioFault } from "../files/faults.ts";
import { CODEC, codingWindows } from "../library/codec.ts";
import { downloadProgress } from "../library/download.ts";
import { codingSeconds } from "../measure/foresight/costs.ts";
import { digestsOf } from "../measure/prepare.ts";
import { DIGEST } from "../measure/stages.ts";
import { requireDecoder } from "../ports/model.ts";
import type { Stage } from "../ports/progress.ts";
import { openModel } from "../references/open.ts";
import { count, figure, si } from "../report/format.ts";
import { byteStages, EXTENSION } from "./codec.ts";
import { GROUP } from "./groups.ts";
import { interruptible } from "./interrupt.ts";
import { atLeast, force, quantity, quiet, threads } from "./options.ts";
import { resultLine } from "./output.ts";
import { document, Outputs } from "./outputs.ts";
import { progressOf } from "./progress.ts";

const SMALLEST_BLOCK = 64;

const COMPRESSING = "compressing";
const VERIFYING = "verifying";

const stagesOf = (verify: boolean): Stage[] =>
  [DIGEST, COMPRESSING, ...(verify ? [VERIFYING] : [])].map((label) => ({ label }));

export function compressCommand() {
  return new Command("compress")
    .summary("compress a file with a model")
    .description(
      "Compresses FILE, any file, into FILE.lsz by coding it under MODEL's probabilities. The same model, release and kind of machine give it back.",
    )
    .argument("<file>", "the file to compress; it stays")
    .optionsGroup(GROUP.coded)
    .requiredOption(
      "--model <model>",
      "folder in the Hugging Face layout, a GGUF file (its path, org/name:Q4_K_M or ollama:NAME), or org/name[@revision] or its address on the Hub",
    )
    .option("-o, --out <file>", "the file to write (default: FILE.lsz)")
    .option(
      "--block <size>",
      `bytes of a block, which nothing outside of it is needed for (default: ${si(BLOCK_BYTES, "B")})`,
      blockSize,
    )
    .option(
      "--lanes <n>",
      "parts of a block that go through the model side by side: quicker, and a little larger (default: one for each 9 kB, as far as memory has room; 1 where --block is given)",
      laneCount,
    )
    .option("--batch <n>", "blocks that go through the model together (default: what memory has room for)", atLeast(1))
    .option(
      "--context <tokens>",
      `window length, prefix included (default: ${CODEC.context}, or the model's)`,
      atLeast(2),
    )
    .option("--overlap <tokens>", "tokens that a later window re-reads (default: half the window)", atLeast(0))
    .addOption(
      new Option(
        "--precision <how>",
        "of steps, where the file is written and where it is read: exact; int8, all in whole numbers of 8 bits; fast, what meets codes of weights (GGUF) rounded to 8 bits, as llama.cpp does: quicker, and a little larger",
      )
        .choices(["exact", "int8", "fast"])
        .default("exact"),
    )
    .option("--fast", "the same as --precision fast", false)
    .option("--dry-run", "says how large the file would be, and writes nothing", false)
    .option("--verify", "decodes every block before success is reported (default: for files under 1 MB)")
    .option("--no-verify", "does not")
    .addOption(force())
    .addOption(threads())
    .option("--json [file]", "writes the figures to a file, or to standard output")
    .option("--offline", "downloads nothing", false)
    .addOption(quiet())
    .action(async (file, options) => {
      const progress = progressOf(options);
      const bytes = sizeOf(file);
      const output = options.out ?? file + EXTENSION;
      const { json, force, dryRun } = options;
      const outputs = new Outputs<Sizes>(
        { json, force },
        {
          text: (sizes) => line(sizes, dryRun ? null : output),
          json: document,
          own: dryRun ? [] : [{ path: output, option: "--out" }],
        },
      );
      const work = interruptible(async (signal) => {
        await outputs.prepare();
        const { offline, threads } = options;
        const asked = options.fast ? "fast" : options.precision;
        const precision = asked === "exact" ? undefined : asked;
        const verify = options.verify ?? bytes < CODEC.verifiedBytes;
        if (!dryRun) progress.announce(stagesOf(verify));
        const model = await openModel(options.model, { offline, signal, onDownload: downloadProgress(progress) });
        const windows = codingWindows(options, model.positions);
        const shown = byteStages(progress, bytes);
        const layout = layoutOf(requireDecoder(model, CODING).spec, bytes, windows.context, {
          blockBytes: options.block,
          rows: options.batch,
          lanes: options.lanes,
        });
        const request: PredictOptions = {
          input: file,
          ...layout,
          ...windows,
          precision,
          threads,
          signal,
          onBytes: shown(dryRun ? "predicting" : COMPRESSING),
        };
        if (!dryRun) {
          const blocks = blockCount({ plainBytes: bytes, ...layout });
          // What is verified is decoded beside it, with half of the threads; a step is left of that at the end.
          const own = verify ? Math.ceil(threads / 2) : threads;
          progress.expect({ [COMPRESSING]: codingSeconds({ model, threads: own }, bytes, { ...layout, blocks }) });
          await digestsOf(model, { progress, signal });
          shown(COMPRESSING)(0);
        }
        const result = dryRun
          ? await predict(model, request)
          : await compress(model, { ...request, output, verify, onVerified: shown(VERIFYING) });
        progress.finish();
        await outputs.deliver(result);
      });
      await work.finally(() => progress.finish());
    });
}

interface Sizes {
  readonly plainBytes: number;
  readonly fileBytes: number;
  readonly blocks: number;
  readonly lanes: number;
  readonly startBytes: number | null;
  readonly precision: string;
}

function line({ plainBytes, fileBytes, blocks, lanes, startBytes, precision }: Sizes, output: string | null): string {
  const rate = plainBytes > 0 ? `, ${figure((8 * fileBytes) / plainBytes)} bits a byte` : "";
  const starts = startBytes ? `, whose starts take about ${si(startBytes, "B")}` : "";
  const cut = lanes > 1 ? ` of ${count(lanes)} lanes${starts}` : "";
  const what = `${si(plainBytes, "B")} → ${si(fileBytes, "B")}${rate}, ${count(blocks)} ${blocks === 1 ? "block" : "blocks"}${cut}${precision === "exact" ? "" : `, computed with --precision ${precision}`}`;
  return resultLine(output === null ? `would be ${what}` : `${output}: ${what}`);
}

function sizeOf(file: string): number {
  try {
    const { size } = statSync(file);
    return size;
  } catch (error) {
    throw ioFault(error, `read ${file}`);
  }
}

function laneCount(text: string): number {
  const lanes = atLeast(1)(text);
  if (lanes > MOST_LANES) throw new InvalidArgumentError(`expected at most ${MOST_LANES} lanes`);
  return lanes;
}

function blockSize(text: string): number {
  const bytes = quantity(text);
  if (bytes < SMALLEST_BLOCK || bytes > MOST_BLOCK_BYTES)
    throw new InvalidArgumentError(`expected ${SMALLEST_BLOCK} bytes to ${MOST_BLOCK_BYTES / 2 ** 30}GiB`);
  return bytes;
}
