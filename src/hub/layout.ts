/**
 * The Hugging Face layout of a model: which files it consists of, which shards an index names, and why a place without
 * safetensors is not read. The same for a folder and for a repository, so it looks at names and JSON only.
 */
import { parseJsonObject } from "../formats/json.ts";
import { LossyscopeError, shown } from "../numeric/errors.ts";

/** The files that decide how text becomes tokens, where a model has them. */
export const TOKENIZER_FILES = [
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "tokenizer.model",
  "vocab.json",
  "merges.txt",
] as const;

/** The files that hold templates of conversations, where a model has them; tokenizer_config.json is another place. */
export const CHAT_FILES = ["chat_template.jinja", "chat_template.json"] as const;
/** Further templates, one a file. */
export const CHAT_FOLDER = /^additional_chat_templates\/[^/\\]+\.jinja$/;

export const SINGLE = "model.safetensors";
export const INDEX = "model.safetensors.index.json";

/** @throws LossyscopeError `model` where the text of an index is no JSON object */
export const indexOf = (text: string, where: string): Record<string, unknown> =>
  parseJsonObject(text, (why) => new LossyscopeError("model", `${where} ${why}`, "fetch the file again"));

/**
 * The shards an index names, each with its tensors.
 * @param where how errors call the index
 * @throws LossyscopeError `model` where the index has no `weight_map` or names anything but files beside itself
 */
export function shardsOfIndex(index: Readonly<Record<string, unknown>>, where: string): Map<string, string[]> {
  const map = index.weight_map;
  if (typeof map !== "object" || map === null || Array.isArray(map) || Object.keys(map).length === 0) {
    throw new LossyscopeError("model", `${where} has no weight_map`, "fetch the file again");
  }
  const shards = new Map<string, string[]>();
  for (const [tensor, shard] of Object.entries(map)) {
    if (typeof shard !== "string" || !/^[^/\\:\0]+\.safetensors$/.test(shard)) {
      throw new LossyscopeError(
        "model",
        `${where} places ${shown(tensor)} in ${shown(shard)}, which is no safetensors file beside it`,
        "fetch the model from a source you trust",
      );
    }
    const tensors = shards.get(shard);
    if (tensors) tensors.push(tensor);
    else shards.set(shard, [tensor]);
  }
  return shards;
}

/**
 * Why a folder or a repository without safetensors is not read.
 * @param where its name
 * @param names the files it has
 * @param isFolder whether it is a folder, and no repository
 */
export function noWeights(where: string, names: readonly string[], isFolder: boolean): LossyscopeError {
  const of = (pattern: RegExp) =>
    names
      .filter((name) => pattern.test(name))
      .slice(0, 3)
      .join(", ");
  const pickles = of(/\.(bin|pt|pth|ckpt|pkl)$/);
  if (pickles) {
    return new LossyscopeError(
      "model",
      `${where} has its weights only as ${pickles}: Python pickles, which run code when they are read`,
      "use a revision with model.safetensors, or save the model again with save_pretrained(..., safe_serialization=True)",
    );
  }
  const gguf = of(/\.gguf$/i);
  if (gguf) {
    return new LossyscopeError(
      "model",
      `${where} has its weights only in GGUF, as ${gguf}`,
      `name the file that is meant: ${where}${isFolder ? "/" : ":"}${gguf.split(", ")[0]}`,
    );
  }
  const others = of(/\.safetensors$/);
  return new LossyscopeError(
    "model",
    `${where} has neither ${SINGLE} nor ${INDEX}${others ? ` (only ${others})` : ""}`,
    others.includes("adapter") ? "merge the adapter into its model and pass that" : "pass the folder of a whole model",
  );
}
