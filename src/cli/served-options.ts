/** The options that say how a model behind an address is asked for, of the commands that take one. */
import type { Command, OptionValues } from "@commander-js/extra-typings";
import { CONCURRENCY, type ServedOptions } from "../references/endpoint.ts";
import { GROUP } from "./groups.ts";
import { atLeast, penalty } from "./options.ts";

export const withServedOptions = <Args extends unknown[], Opts extends OptionValues, Globals extends OptionValues>(
  command: Command<Args, Opts, Globals>,
) =>
  command
    .optionsGroup(GROUP.served)
    .option("--served-model <name>", "its name on the server (default: the only one that is served)")
    .option("--tokenizer <model>", "a model that has its tokenizer (default: what the server says it loaded)")
    .option("--concurrency <n>", `requests under way together (default: ${CONCURRENCY})`, atLeast(1))
    .option(
      "--token-price <price>",
      "of a million tokens sent: what the run costs is said before it and after",
      penalty,
    );

interface Given {
  readonly servedModel?: string;
  readonly tokenizer?: string;
  readonly concurrency?: number;
  readonly tokenPrice?: number;
}

/** For `openModel`. */
export const servedOf = ({ servedModel, tokenizer, concurrency, tokenPrice }: Given): ServedOptions => ({
  model: servedModel,
  tokenizer,
  concurrency,
  price: tokenPrice,
});
