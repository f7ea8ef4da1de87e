/** `lossyscope decompress FILE.lsz --model M`: what `compress` was given. */
import { Command } from "@commander-js/extra-typings";
import { damage, decompress } from "../decode/decompress.ts";
import { downloadProgress } from "../library/download.ts";
import { digestsOf } from "../measure/prepare.ts";
import { DIGEST } from "../measure/stages.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { openModel } from "../references/open.ts";
import { si } from "../report/format.ts";
import { EXTENSION } from "./codec.ts";
import { GROUP } from "./groups.ts";
import { interruptible } from "./interrupt.ts";
import { force, quiet, threads } from "./options.ts";
import { resultLine } from "./output.ts";
import { document, Outputs } from "./outputs.ts";
import { progressOf } from "./progress.ts";

const DECOMPRESSING = "decompressing";

export function decompressCommand() {
  return new Command("decompress")
    .summary("get a compressed file back")
    .description("Gives back the file that `compress` made FILE.lsz from, byte for byte, with the same MODEL.")
    .argument("<file>", "a file that compress wrote; it stays")
    .optionsGroup(GROUP.coded)
    .requiredOption(
      "--model <model>",
      "folder in the Hugging Face layout, a GGUF file (its path, org/name:Q4_K_M or ollama:NAME), or org/name[@revision] or its address on the Hub",
    )
    .option("-o, --out <file>", "the file to write (default: FILE without .lsz)")
    .option("--salvage", "writes what is sound of a damaged file, zeros in place of lost blocks, and fails", false)
    .addOption(force())
    .addOption(threads())
    .option("--json [file]", "writes the figures to a file, or to standard output")
    .option("--offline", "downloads nothing", false)
    .addOption(quiet())
    .action(async (file, { out, model: name, salvage, force, threads, json, offline, quiet }) => {
      const progress = progressOf({ quiet });
      const output = out ?? withoutExtension(file);
      const outputs = new Outputs<{ readonly plainBytes: number }>(
        { json, force },
        {
          text: ({ plainBytes }) => resultLine(`${output}: ${si(plainBytes, "B")}`),
          json: document,
          own: [{ path: output, option: "--out" }],
        },
      );
      const work = interruptible(async (signal) => {
        await outputs.prepare();
        progress.announce([{ label: DIGEST }, { label: DECOMPRESSING }]);
        const model = await openModel(name, { offline, signal, onDownload: downloadProgress(progress) });
        await digestsOf(model, { progress, signal });
        progress.start(DECOMPRESSING, null, "bytes");
        const result = await decompress(model, {
          input: file,
          output,
          threads,
          salvage,
          signal,
          onStart: (plainBytes) => progress.update(0, undefined, plainBytes),
          onBytes: (bytes) => progress.update(bytes),
        });
        progress.finish();
        await outputs.deliver(result);
        if (result.lost.length > 0) throw damage(result.lost, result.blocks);
      });
      await work.finally(() => progress.finish());
    });
}

function withoutExtension(file: string): string {
  if (file.endsWith(EXTENSION) && file.length > EXTENSION.length) return file.slice(0, -EXTENSION.length);
  throw new LossyscopeError("usage", `${file} does not end in ${EXTENSION}`, "name the file to write with -o");
}
