/** `lossyscope states MODEL`: hidden states, logits and losses as a safetensors file, for other tools to read. */

import { Command } from "@commander-js/extra-typings";
import { almanacPages } from "../almanac/record.ts";
import { timedTrial } from "../engines/trial.ts";
import { downloadProgress } from "../library/download.ts";
import { foreseenStates, foresightOf } from "../measure/foresight/foresee.ts";
import { contextOf } from "../measure/plan.ts";
import { READING, STATES } from "../measure/stages.ts";
import { type Passage, passagesOfDocuments, passagesOfIds, readIds, writeStates } from "../measure/states/states.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { requireDecoder } from "../ports/model.ts";
import { openModel } from "../references/open.ts";
import { counted } from "../report/format.ts";
import { saidOfFiles, TextAccount } from "../text/account.ts";
import { AS_THEY_ARE, readDocuments } from "../text/documents.ts";
import { tokenizeCorpus } from "../tokenizer/document.ts";
import { dryRunOption, foretelling, printForesight } from "./foresight.ts";
import { nameText } from "./grammar.ts";
import { GROUP } from "./groups.ts";
import { interruptible } from "./interrupt.ts";
import { atLeast, force, quiet, threads } from "./options.ts";
import { oneLine } from "./output.ts";
import { claim } from "./outputs.ts";
import { progressOf } from "./progress.ts";

export function statesCommand() {
  return new Command("states")
    .summary("write hidden states and logits of a text to a safetensors file")
    .description(
      "Writes one row a token, the documents one after the other: hidden_states [N,L+1,d] (the last layer after the final norm), last_block_output [N,d], logits [N,V], nll [N] (what the row's token cost), token_ids [N] and doc [N]. `lossyscope estimate` reads the file. A text goes through the windows of `lossyscope measure`; where the tokenizer opens a text with a token of its own, that is a row too.",
    )
    .argument(
      "<model>",
      "folder in the Hugging Face layout, a GGUF file (its path, org/name:Q4_K_M or ollama:NAME), or org/name[@revision] or its address on the Hub",
    )
    .optionsGroup(GROUP.read)
    .option("--ids <file>", "safetensors file with input_ids [B,S]")
    .option("--text <path...>", "files, folders, or - for standard input", [] as string[])
    .option("--field <name>", "field of records that holds the text, or a path to it (default: text, else content)")
    .option("--chat", "reads records with messages, rendered by the model's own chat template", false)
    .option("--split-on <regex>", "cuts texts into documents")
    .optionsGroup(GROUP.measured)
    .option("--context <tokens>", "window length, prefix included", atLeast(2), 1024)
    .option(
      "--overlap <tokens>",
      "tokens that a later window re-reads as context (default: half the window)",
      atLeast(0),
    )
    .option("--no-logits", "leaves the logits out, which are V numbers a token")
    .addOption(threads())
    .requiredOption("-o, --out <file>", "the safetensors file to write")
    .addOption(force())
    .addOption(dryRunOption())
    .option("--json", "with --dry-run: says it in JSON", false)
    .option("--offline", "downloads nothing", false)
    .addOption(quiet())
    .action(async (name, options, command) => {
      const {
        ids,
        text,
        field,
        chat: asChat,
        splitOn,
        context: tokens,
        overlap,
        logits,
        threads,
        out,
        offline,
        quiet,
      } = options;
      if (ids === undefined && text.length === 0) throw nameText("name a text, or token ids with --ids FILE");
      if (ids !== undefined && text.length > 0)
        throw new LossyscopeError("usage", "--ids and --text are both given", "pass one of them");
      if (options.json && !options.dryRun)
        throw new LossyscopeError("usage", "--json is for --dry-run", "leave it out, or pass --dry-run");
      await claim([{ path: out, option: "--out" }], options);
      const progress = progressOf({ quiet });
      await interruptible(async (signal) => {
        progress.announce([...(ids === undefined ? [READING] : []), STATES].map((label) => ({ label })));
        const model = await openModel(name, { offline, signal, onDownload: downloadProgress(progress) });
        const { spec, weights } = requireDecoder(model, "writing states");
        const context = contextOf({ tokens, asked: command.getOptionValueSource("context") === "cli" }, spec.positions);
        const passages = ids !== undefined ? passagesOfIds(await readIds(ids)) : await passagesOf(text);
        const onForesight = foretelling(options, [out], progress);
        if (options.dryRun || onForesight) {
          progress.finish();
          const rates = await timedTrial(spec.width, { threads, signal });
          const foresight = foresightOf([foreseenStates({ model, threads }, passages, logits, rates)], rates);
          if (options.dryRun) return printForesight(foresight, [out], { json: options.json || undefined });
          onForesight?.(foresight);
        }
        progress.start(STATES, passages.length, "windows");
        const onPassage = (done: number): void => progress.update(done);
        const check = (): Promise<void> => model.refuseChanges();
        const given = { spec, weights, passages, threads, out, logits };
        const rows = await writeStates({ ...given, signal, onPassage, check });
        progress.finish();
        const said = `${out}: ${counted(rows, "token")}`;
        if (quiet) process.stdout.write(oneLine(said));
        else process.stderr.write(`wrote ${said}\n`);

        async function passagesOf(paths: readonly string[]): Promise<Passage[]> {
          progress.start(READING, null, "");
          const { tokenizer, chat } = asChat
            ? await model.conversing()
            : { tokenizer: await model.tokenizer(), chat: null };
          const account = new TextAccount();
          const { documents, refused } = await tokenizeCorpus(
            tokenizer,
            readDocuments({
              text: paths.map((path) => ({ path, domain: null })),
              ...AS_THEY_ARE,
              field: field ?? null,
              chat,
              splitOn: splitOn ?? null,
              kinds: [almanacPages],
              outputs: [out],
              account,
            }),
          );
          chat?.close();
          progress.finish();
          for (const { id, reason } of refused) progress.message(`left out ${id}: ${reason}`);
          const said = saidOfFiles(account.summary());
          if (said !== null) progress.message(said);
          const windows = { context, overlap: overlap ?? Math.floor(context / 2) };
          return passagesOfDocuments(documents, tokenizer.prefix, windows);
        }
      });
    });
}
