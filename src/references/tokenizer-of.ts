/** The tokenizer of a model, without its weights: for a model that is served elsewhere. */
import { readFile, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { ioFault, systemCode } from "../files/faults.ts";
import { parseJsonObject } from "../formats/json.ts";
import { TOKENIZER_FILES } from "../hub/layout.ts";
import { modelOfPath } from "../hub/name.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import type { Model } from "../ports/model.ts";
import { loadConversing } from "../tokenizer/conversing.ts";
import { loadTokenizer } from "../tokenizer/tokenizer.ts";
import { endsOfText } from "./folder.ts";

/** What of a model goes by its tokenizer. */
export interface TokenizerSource
  extends Pick<Model, "name" | "vocabulary" | "tokenizer" | "conversing" | "ends" | "tokenizerFiles"> {}

/**
 * @param folder with tokenizer.json, and beside it what of config.json and the tokenizer's other files there is
 * @throws LossyscopeError `model` where a file is malformed, or there is no tokenizer.json; `io`
 */
export async function tokenizerOfFolder(
  folder: string,
  name: string = modelOfPath(resolve(folder)),
): Promise<TokenizerSource> {
  const config = await configIn(folder);
  const rows = rowsIn(config);
  const load: Model["tokenizer"] = (options) => loadTokenizer(folder, config, { rows, ...options });
  const files = TOKENIZER_FILES.map((file) => join(folder, file));
  const there = await Promise.all(
    files.map((path) =>
      stat(path)
        .then(() => true)
        .catch(() => false),
    ),
  );
  return {
    name,
    vocabulary: rows ?? (await load()).vocabularySize,
    tokenizer: load,
    conversing: () => loadConversing(folder, config, { rows }),
    ends: () => endsOfText(folder, config),
    tokenizerFiles: files.filter((_, index) => there[index]),
  };
}

async function configIn(folder: string): Promise<Readonly<Record<string, unknown>>> {
  const path = join(folder, "config.json");
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    if (systemCode(error) === "ENOENT") return "{}";
    throw ioFault(error, `read ${path}`);
  });
  return parseJsonObject(text, (why) => new LossyscopeError("model", `${path} ${why}`, "fetch the file again"));
}

/** Rows of the embedding, of a model of several kinds of input those of its text. */
function rowsIn({ vocab_size, text_config }: Readonly<Record<string, unknown>>): number | undefined {
  const inner = typeof text_config === "object" && text_config !== null ? (text_config as Record<string, unknown>) : {};
  return [vocab_size, inner.vocab_size].find((one): one is number => Number.isSafeInteger(one) && (one as number) > 0);
}
