/** `lossyscope states MODEL`: hidden states, logits and losses as a safetensors file, for other tools to read. */
import { Command } from "@commander-js/extra-typings";
import { openModel } from "../measure/model.ts";
import { contextOf } from "../measure/plan.ts";
import { readIds, writeStates } from "../measure/states.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { createProgress } from "../report/progress.ts";
import { readDocuments } from "../text/documents.ts";
import { tokenizeCorpus } from "../tokenizer/document.ts";
import { loadTokenizer } from "../tokenizer/tokenizer.ts";
import { downloadProgress } from "./download.ts";
import { interruptible } from "./interrupt.ts";
import { atLeast, threads } from "./options.ts";

export function statesCommand() {
  return new Command("states")
    .summary("hidden states and logits of a text, as a safetensors file")
    .description(
      "Writes input_ids [B,S], lengths [B], hidden_states [L+1,B,S,d] (the last one after the final norm), last_block_output [B,S,d], logits [B,S,V] and nll [B,S-1] for token ids, or for the first window of every document.",
    )
    .argument("<model>", "folder in the Hugging Face layout, or org/name[@revision] or its address on the Hub")
    .option("--ids <file>", "safetensors file with input_ids [B,S]")
    .option("--text <path...>", "files, folders, or - for standard input", [] as string[])
    .option("--split-on <regex>", "cuts plain files into documents")
    .option("--context <tokens>", "tokens of a document, prefix included", atLeast(1), 128)
    .addOption(threads())
    .requiredOption("-o, --out <file>", "the safetensors file to write")
    .option("--offline", "downloads nothing", false)
    .option("--quiet", "no progress", false)
    .action(async (name, { ids, text, splitOn, context: tokens, threads, out, offline, quiet }, command) => {
      if ((ids === undefined) === (text.length === 0)) {
        throw new LossyscopeError("usage", "states needs token ids or a text", "pass either --ids FILE or --text PATH");
      }
      const progress = createProgress(process.stderr, { quiet });
      await interruptible(async (signal) => {
        const { checkpoint, spec } = await openModel(name, { offline, signal, onDownload: downloadProgress(progress) });
        const context = contextOf({ tokens, asked: command.getOptionValueSource("context") === "cli" }, spec.positions);
        const sequences = ids !== undefined ? await readIds(ids) : await sequencesOf(text);
        progress.start("running", sequences.length, "sequences");
        const onSequence = (done: number): void => progress.update(done);
        const check = (): Promise<void> => checkpoint.refuseChanges();
        await writeStates({ spec, weights: checkpoint.weights, sequences, threads, out, signal, onSequence, check });
        progress.finish();
        process.stderr.write(`wrote ${out}: ${sequences.length} sequences\n`);

        async function sequencesOf(paths: readonly string[]): Promise<Int32Array[]> {
          const tokenizer = await loadTokenizer(checkpoint.folder, checkpoint.outerConfig, { rows: spec.vocabulary });
          const { documents } = await tokenizeCorpus(
            tokenizer,
            readDocuments({
              text: paths.map((path) => ({ path, domain: null })),
              field: null,
              splitOn: splitOn ?? null,
              labels: [],
              limitBytes: null,
              limitDocuments: null,
              sample: false,
              invalidUtf8: "error",
              seed: 0,
            }),
          );
          const { prefix } = tokenizer;
          return documents
            .filter(({ ids }) => ids.length > 0)
            .map(({ ids }) =>
              Int32Array.from([...(prefix ? [prefix.id] : []), ...ids.subarray(0, context)].slice(0, context)),
            );
        }
      });
    });
}
