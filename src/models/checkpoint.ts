/**
 * A model's folder in the Hugging Face layout, opened: the config, where every tensor lies (one `model.safetensors` or
 * shards with their index), which tokenizer files are there, and the digests that name all of them. Only headers are
 * read. What the config means is left to `architectures/`, what the weights cost to `ledger.ts`.
 * Memory: the headers, about 200 bytes a tensor.
 */
import { readdir, readFile, realpath } from "node:fs/promises";
import { basename, join } from "node:path";
import { mapAtMost } from "../files/concurrent.ts";
import { type DigestOptions, sha256, sha256File } from "../files/digest.ts";
import { ioFault, systemCode } from "../files/faults.ts";
import { openSafetensors } from "../files/safetensors.ts";
import { Unchanged } from "../files/unchanged.ts";
import { refusePointer } from "../formats/lfs.ts";
import type { TensorEntry } from "../formats/safetensors.ts";
import { INDEX, noWeights, SINGLE, shardsOfIndex, TOKENIZER_FILES } from "../hub/layout.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { isTied } from "./ledger.ts";
import { type Aside, HEAD, textModel } from "./text-model.ts";
import type { StoredTensor, WeightSource } from "./weights.ts";

const OPENED_AT_ONCE = 16;

export interface WeightFile {
  /** as the folder calls it */
  readonly name: string;
  /** absolute, links resolved */
  readonly path: string;
  readonly bytes: number;
}

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
  readonly weights: WeightSource;
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
  const { weights: stored, weightFiles } = await openShards(folder, shards);
  const { weights, twins, ...text } = textModel(written, stored);
  for (const [kept, other] of twins) {
    if (await equalTensors(kept.tensor, other.tensor)) continue;
    throw new LossyscopeError(
      "model",
      `${kept.as} and ${other.as} are one tensor under two names, and differ`,
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
async function headOfItsOwn(config: Readonly<Record<string, unknown>>, weights: WeightSource): Promise<string | null> {
  if (!isTied(config)) return null;
  const names = [...weights.names()];
  const head = names.find((name) => HEAD.test(name));
  const table = names.find((name) => TABLE.test(name));
  if (head === undefined || table === undefined) return null;
  if (await equalTensors(weights.tensor(head)!, weights.tensor(table)!)) return null;
  return `${head} differs from ${table}, so it is the head, though ${config.tie_word_embeddings === true ? "the config ties" : "its architecture ties"} them`;
}

const COMPARED_BYTES = 2 ** 24;

/** Whether two tensors are the same bytes of the same type and shape. Memory: two pieces of 16 MiB. */
async function equalTensors(one: StoredTensor, other: StoredTensor): Promise<boolean> {
  if (one.dtype !== other.dtype || one.shape.join() !== other.shape.join()) return false;
  const files = await Promise.all([openSafetensors(one.file), openSafetensors(other.file)]);
  try {
    for (let at = 0; at < one.bytes; at += COMPARED_BYTES) {
      const length = Math.min(COMPARED_BYTES, one.bytes - at);
      const [a, b] = await Promise.all(
        [one, other].map(({ offset }, index) => files[index].readRange(offset + at, offset + at + length)),
      );
      if (Buffer.compare(a, b) !== 0) return false;
    }
    return true;
  } finally {
    await Promise.all(files.map((file) => file.close()));
  }
}

async function digestOf(
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
  let json: unknown;
  try {
    const text = await readFile(path, "utf8");
    refusePointer(path, text);
    json = JSON.parse(text);
  } catch (error) {
    if (error instanceof LossyscopeError) throw error;
    if (systemCode(error)) throw ioFault(error, `read ${path}`);
    throw new LossyscopeError("model", `${path} is not JSON (${(error as Error).message})`, "fetch the file again");
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new LossyscopeError("model", `${path} is JSON but not an object`, "fetch the file again");
  }
  return json as Record<string, unknown>;
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
    if (!present.includes(SINGLE)) throw noWeights(folder, present);
    return { shards: new Map([[SINGLE, []]]), notes: [] };
  }
  const index = await readJson(join(folder, INDEX), true, folder);
  const shards = shardsOfIndex(index, join(folder, INDEX));
  if (!present.includes(SINGLE)) return { shards, notes: [] };
  const others = [...shards.keys()].filter((name) => name !== SINGLE);
  const more = others.length > 1 ? ` and ${others.length - 1} more` : "";
  const notes = others.length > 0 ? [`${SINGLE} is read, not ${others[0]}${more}, which ${INDEX} names`] : [];
  return { shards: new Map([[SINGLE, []]]), notes };
}

interface OpenedShard {
  readonly file: WeightFile;
  readonly entries: Iterable<TensorEntry>;
  readonly expected: readonly string[];
}

async function openShards(
  folder: string,
  shards: ReadonlyMap<string, readonly string[]>,
): Promise<Pick<Checkpoint, "weights" | "weightFiles">> {
  const opened = await mapAtMost(OPENED_AT_ONCE, [...shards], ([name, tensors]) => openShard(folder, name, tensors));
  return { weights: gatherTensors(opened), weightFiles: opened.map(({ file }) => file) };
}

async function openShard(folder: string, name: string, expected: readonly string[]): Promise<OpenedShard> {
  const path = await realpath(join(folder, name)).catch((error) => {
    if (systemCode(error) !== "ENOENT") throw ioFault(error, `read ${join(folder, name)}`);
    throw new LossyscopeError(
      "model",
      `${folder} lacks ${name}${expected.length > 0 ? `, which holds ${expected.length} tensors` : ""}`,
      "fetch the model again",
    );
  });
  const file = await openSafetensors(path);
  await file.close();
  return { file: { name, path, bytes: file.bytes }, entries: file.header.tensors.values(), expected };
}

/**
 * All tensors of a model's files as one source.
 * @throws LossyscopeError `model` where a tensor is in two files, or not in the file that the index says
 */
export function gatherTensors(shards: readonly OpenedShard[]): WeightSource {
  const tensors = new Map<string, StoredTensor>();
  for (const { file, entries, expected } of shards) {
    for (const { name, dtype, shape, begin, end } of entries) {
      const other = tensors.get(name);
      if (other) {
        throw new LossyscopeError(
          "model",
          `tensor ${name} is in ${basename(other.file)} and in ${file.name}`,
          "fetch the model again",
        );
      }
      tensors.set(name, { dtype, shape, file: file.path, offset: begin, bytes: end - begin });
    }
    for (const name of expected) {
      if (tensors.get(name)?.file === file.path) continue;
      throw new LossyscopeError(
        "model",
        `the index places tensor ${name} in ${file.name}, which does not have it`,
        "fetch the model again",
      );
    }
  }
  return { tensor: (name) => tensors.get(name), names: () => tensors.keys() };
}
