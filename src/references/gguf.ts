/**
 * A model in GGUF: weights, config and tokenizer in one file, or in numbered parts of it. The tensors lie where they
 * are; those in blocks are run as the float32 values that they stand for (`engines/runnable.ts`).
 */
import { basename } from "node:path";
import { sha256 } from "../files/digest.ts";
import { Unchanged } from "../files/unchanged.ts";
import { isBlockType } from "../formats/blocks/types.ts";
import type { GgufValue } from "../formats/gguf/values.ts";
import { digestOf } from "../models/checkpoint.ts";
import { ggufModel } from "../models/gguf/model.ts";
import { openGguf } from "../models/sources/gguf.ts";
import { seenAsRunnable } from "../models/sources/runnable.ts";
import type { TensorSource } from "../models/sources/tensor-source.ts";
import { bindWeights } from "../models/weights.ts";
import { canonicalJson } from "../numeric/canonical-json.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { sum } from "../numeric/sums.ts";
import { type Model, ofDecoder } from "../ports/model.ts";
import { conversing } from "../tokenizer/conversing.ts";
import { ggufChatTemplates, ggufTokenizer, ggufTokenizerDigest } from "../tokenizer/gguf/tokenizer.ts";

const ENDS = ["tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id"] as const;

/** What a file is called as a model: its name without the ending, and the part it is. */
export const nameOfGguf = (path: string): string => basename(path).replace(/(?:-\d{5}-of-\d{5})?\.gguf$/i, "");

/**
 * Reads the headers, finds the spec, and makes sure that the two are of one model.
 * @param path of the file, or of any part of a split model
 * @throws LossyscopeError as `openGguf`, `ggufModel` and `bindWeights` do: all that headers tell
 */
export async function openGgufModel(
  path: string,
  called: Pick<Model, "name" | "revision"> = { name: nameOfGguf(path), revision: null },
): Promise<Model> {
  const { metadata, source, weightFiles } = await openGguf(path);
  const files = new Unchanged("model", "the model", "was used");
  for (const file of weightFiles) await files.watch(file.path);
  const { config, spec, weights } = await ggufModel({ metadata, source });
  bindWeights(spec, seenAsRunnable(weights));
  const { vocabulary } = spec;
  const tokenizer: Model["tokenizer"] = async (options) => ggufTokenizer(metadata, { rows: vocabulary, ...options });
  return {
    name: called.name,
    revision: called.revision,
    ...ofDecoder(spec, weights),
    config,
    folder: null,
    weightFileBytes: sum(weightFiles.map(({ bytes }) => bytes)),
    tokenizerFiles: [],
    aside: [],
    notes: quantised(weights),
    tokenizer,
    async conversing() {
      const templates = ggufChatTemplates(metadata);
      if (templates) return conversing(await tokenizer({ specialTokens: true }), templates);
      throw new LossyscopeError(
        "unsupported",
        `${called.name} has no template of conversations (tokenizer.chat_template)`,
        "leave --chat out, or use a file that has one",
      );
    },
    ends: async () => endsOf(metadata),
    async digests(options) {
      return {
        config: sha256(canonicalJson(config)),
        weights: await digestOf(weightFiles, options),
        tokenizer: ggufTokenizerDigest(metadata),
      };
    },
    refuseChanges: () => files.check(),
  };
}

/** What is said of types in blocks. */
function quantised(weights: TensorSource): readonly string[] {
  const types = new Set([...weights.names()].map((name) => weights.locate(name)!.dtype).filter(isBlockType));
  return types.size === 0 ? [] : [`stored as ${[...types].join(", ")}, and run as the float32 values these stand for`];
}

const endsOf = (metadata: ReadonlyMap<string, GgufValue>): ReadonlySet<number> =>
  new Set(ENDS.map((key) => metadata.get(key)).filter((id) => typeof id === "number"));
