/**
 * `lossyscope generate MODEL --prompt TEXT`: text from a model, token by token. On a terminal nothing that the model writes
 * can move the cursor or hide; elsewhere its bytes are passed on as they are.
 */
import { Command, InvalidArgumentError } from "@commander-js/extra-typings";
import { continueText } from "../decode/text.ts";
import { downloadProgress } from "../library/download.ts";
import { GENERATION } from "../library/generate.ts";
import { atPrecision } from "../ports/model.ts";
import { openModel } from "../references/open.ts";
import { visible } from "../report/format.ts";
import { GROUP } from "./groups.ts";
import { interruptible } from "./interrupt.ts";
import { atLeast, fast, fastPlan, force, penalty, quiet, seed, threads } from "./options.ts";
import { document, Outputs } from "./outputs.ts";
import { progressOf } from "./progress.ts";

export function generateCommand() {
  return new Command("generate")
    .summary("continue a text, token by token")
    .description(
      "Continues PROMPT with MODEL's tokens. Without --temperature it takes the most probable token each time.",
    )
    .argument(
      "<model>",
      "folder in the Hugging Face layout, a GGUF file (its path, org/name:Q4_K_M or ollama:NAME), or org/name[@revision] or its address on the Hub",
    )
    .optionsGroup(GROUP.drawn)
    .option("--prompt <text>", "what to go on from", "")
    .option("--max-tokens <n>", "tokens to add at most", atLeast(1), GENERATION.maxTokens)
    .option("--temperature <t>", "draws tokens; higher is wilder", penalty, GENERATION.temperature)
    .option("--top-p <p>", "draws from the most probable tokens that reach this share alone", share, GENERATION.topP)
    .option("--seed <n>", "seed of the draws", seed, GENERATION.seed)
    .addOption(fast())
    .addOption(threads())
    .option("--json [file]", "writes prompt, ids and text to a file, or to standard output once all is there")
    .addOption(force())
    .option("--offline", "downloads nothing", false)
    .addOption(quiet())
    .action(async (name, { prompt, json, force, offline, quiet, threads, fast, ...options }) => {
      // the text is on the terminal by then
      const outputs = new Outputs<object>({ json, force }, { text: () => "\n", json: document });
      await outputs.prepare();
      const progress = progressOf({ quiet });
      await interruptible(async (signal) => {
        const precision = fastPlan({ fast });
        const opened = await openModel(name, { offline, signal, onDownload: downloadProgress(progress) });
        const model = atPrecision(opened, precision.precision);
        const ids: number[] = [];
        progress.start("reading the prompt", null, "");
        const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
        let text = "";
        const safe = process.stdout.isTTY ? (part: string) => visible(part, "\n\t") : (part: string) => part;
        const show = (part: string): void => {
          text += part;
          if (json !== true) process.stdout.write(safe(part));
        };
        for await (const { id, bytes } of continueText(model, { ...options, prompt, threads, signal })) {
          ids.push(id);
          // what is written to the terminal shows by itself how far it is
          if (json !== true) progress.finish();
          else if (ids.length === 1) progress.start("generating", options.maxTokens, "tokens", 1);
          else progress.update(ids.length);
          show(decoder.decode(bytes, { stream: true }));
        }
        progress.finish();
        show(decoder.decode());
        await model.refuseChanges();
        await outputs.deliver({ model: model.name, prompt, ids, text, ...options, ...precision });
      });
    });
}

function share(text: string): number {
  const value = penalty(text);
  if (value <= 0 || value > 1) throw new InvalidArgumentError("expected a share above 0 and at most 1");
  return value;
}
