/**
 * A model's folder in the Hugging Face layout, opened: the config, where every tensor lies (one `model.safetensors` or
 * shards with their index), which tokenizer files are there, and the digests that name all of them. Only headers are
 * read. What the config means is left to `architectures/`, what the weights cost to `ledger.ts`.
 * Memory: the headers, about 200 bytes a tensor.
 */
import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { type DigestOptions, sha256, sha256File } from "../files/digest.ts";
import { ioFault } from "../files/faults.ts";
import { Unchanged } from "../files/unchanged.ts";
import { parseJsonObject } from "../formats/json.ts";
import { refusePointer } from "../formats/lfs.ts";
import { INDEX, noWeights, SINGLE, shardsOfIndex, TOKENIZER_FILES } from "../hub/layout.ts";
import { count } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { isTied } from "./ledger.ts";
import { openShards, type WeightFile } from "./sources/safetensors.ts";
import { equalTensors, type TensorSource } from "./sources/tensor-source.ts";
import { type Aside, HEAD, textModel } from "./text-model.ts";

export interface CheckpointDigests {
  /** SHA-256 of `config.json` */
  readonly config: string;
  /** SHA-256 of the weight file; of shards, of the list `sha256sum` would print for them, in order of name */
  readonly weights: string;
  /** the same over the tokenizer files; null where there are none */
  readonly tokenizer: string | null;
}

export interface Checkpoint {
  readonly folder: string;
  /** the text model's, where `config.json` nests it in another's */
  readonly config: Readonly<Record<string, unknown>>;
  /** the same under the model_type that `config.json` has: tokenizers go by it */
  readonly outerConfig: Readonly<Record<string, unknown>>;
  /** the text model's tensors, by the names it has for them itself */
  readonly weights: TensorSource;
  /** what is stored beside the text model */
  readonly aside: readonly Aside[];
  /** what was left aside or read otherwise than the config says, each in one clause */
  readonly notes: readonly string[];
  readonly weightFiles: readonly WeightFile[];
  /** names of the tokenizer files that are in the folder */
  readonly tokenizerFiles: readonly string[];
  /** Hashes every byte of the model's files; remembered between runs (`files/digest.ts`). */
  digests(options?: DigestOptions): Promise<CheckpointDigests>;
  /** @throws LossyscopeError `model` where a file is no longer the one that was opened: its figures would be of two models */
  refuseChanges(): Promise<void>;
}

/**
 * Opens a folder in the Hugging Face layout: its config, the headers of its weights, and what was left aside.
 * @param folder a local folder with `config.json` and safetensors
 * @throws LossyscopeError `model` where a file is missing, unsound or of a kind that is not read; `io`
 */
export async function openCheckpoint(folder: string): Promise<Checkpoint> {
  const present = await readdir(folder).catch((error) => {
    throw ioFault(error, `read the model folder ${folder}`);
  });
  const files = new Unchanged("model", "the model", "was used");
  const watch = async (names: Iterable<string>): Promise<void> => {
    for (const name of names) await files.watch(join(folder, name));
  };
  await watch(["config.json", ...TOKENIZER_FILES]);
  const written = await readJson(join(folder, "config.json"), present.includes("config.json"), folder);
  const { shards, notes: beside } = await weightNames(folder, present);
  await watch(shards.keys());
  const { source, weightFiles } = await openShards(folder, shards);
  const { weights, twins, ...text } = textModel(written, source);
  for (const [kept, other] of twins) {
    if (await equalTensors(source, kept, other)) continue;
    throw new LossyscopeError(
      "model",
      `${kept} and ${other} are one tensor under two names, and differ`,
      "remove the one that is not meant",
    );
  }
  const head = await headOfItsOwn(text.config, weights);
  const config = head === null ? text.config : { ...text.config, tie_word_embeddings: false };
  const tokenizerFiles = TOKENIZER_FILES.filter((name) => present.includes(name));
  return {
    folder,
    config,
    outerConfig: { ...config, model_type: written.model_type },
    weights,
    aside: text.aside,
    notes: [...text.notes, ...beside, ...(head === null ? [] : [head])],
    weightFiles,
    tokenizerFiles,
    refuseChanges: () => files.check(),
    async digests(options) {
      return {
        config: await sha256File(join(folder, "config.json"), { ...options, onBytes: undefined }),
        weights: await digestOf(weightFiles, options),
        tokenizer:
          tokenizerFiles.length === 0
            ? null
            : await digestOf(
                tokenizerFiles.map((name) => ({ name, path: join(folder, name) })),
                { ...options, onBytes: undefined },
              ),
      };
    },
  };
}

const TABLE = /(?:^|\.)(?:embed_tokens|wte|word_embeddings|embed_in)\.weight$/;

/**
 * A head that is not the table of embeddings is a head, whatever `tie_word_embeddings` says, as in transformers 5.
 * @returns what is to be said of it, or null where there is none, or it is the table
 */
async function headOfItsOwn(config: Readonly<Record<string, unknown>>, weights: TensorSource): Promise<string | null> {
  if (!isTied(config)) return null;
  const names = [...weights.names()];
  const head = names.find((name) => HEAD.test(name));
  const table = names.find((name) => TABLE.test(name));
  if (head === undefined || table === undefined) return null;
  if (await equalTensors(weights, head, table)) return null;
  return `${head} differs from ${table}, so it is the head, though ${config.tie_word_embeddings === true ? "the config ties" : "its architecture ties"} them`;
}

/** Digest of files that are one thing: of one file; of several, of the list that `sha256sum` would print for them. */
export async function digestOf(
  files: readonly Pick<WeightFile, "name" | "path">[],
  options: DigestOptions | undefined,
): Promise<string> {
  const lines: string[] = [];
  for (const { name, path } of [...files].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    lines.push(`${await sha256File(path, options)}  ${name}\n`);
  }
  return lines.length === 1 ? lines[0].slice(0, 64) : sha256(lines.join(""));
}

async function readJson(path: string, present: boolean, folder: string): Promise<Readonly<Record<string, unknown>>> {
  if (!present) {
    throw new LossyscopeError(
      "model",
      `${folder} has no ${basename(path)}`,
      "pass a folder in the Hugging Face layout: config.json, model.safetensors, tokenizer.json",
    );
  }
  const text = await readFile(path, "utf8").catch((error) => Promise.reject(ioFault(error, `read ${path}`)));
  refusePointer(path, text);
  return parseJsonObject(text, (why) => new LossyscopeError("model", `${path} ${why}`, "fetch the file again"));
}

/**
 * Weight files by name, each with the tensors that the index places in it (none known for a single file). Where there is a
 * single file and an index, the single file is read, as transformers does, and the other files are named.
 */
async function weightNames(
  folder: string,
  present: readonly string[],
): Promise<{ shards: ReadonlyMap<string, readonly string[]>; notes: readonly string[] }> {
  if (!present.includes(INDEX)) {
    if (!present.includes(SINGLE)) throw noWeights(folder, present, true);
    return { shards: new Map([[SINGLE, []]]), notes: [] };
  }
  const index = await readJson(join(folder, INDEX), true, folder);
  const shards = shardsOfIndex(index, join(folder, INDEX));
  if (!present.includes(SINGLE)) return { shards, notes: [] };
  const others = [...shards.keys()].filter((name) => name !== SINGLE);
  const more = others.length > 1 ? ` and ${count(others.length - 1)} more` : "";
  const notes = others.length > 0 ? [`${SINGLE} is read, not ${others[0]}${more}, which ${INDEX} names`] : [];
  return { shards: new Map([[SINGLE, []]]), notes };
}
