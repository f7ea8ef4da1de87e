/**
 * From text, config and tokenizer to what a training run needs: documents split and tokenised, rows, the config with the
 * tokenizer's ids in it, the files of a checkpoint, and the digest that tells one run from another.
 *
 * Memory: the texts, and 8 bytes a token.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { sha256 } from "../files/digest.ts";
import { ioFault, systemCode } from "../files/faults.ts";
import { CHAT_FILES, TOKENIZER_FILES } from "../hub/layout.ts";
import { specOf } from "../models/config.ts";
import { refuseQuantised } from "../models/quantised/methods.ts";
import type { DecoderSpec } from "../models/spec.ts";
import { count } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import type { TokenizedDocument } from "../text/corpus.ts";
import type { SourceDocument } from "../text/documents.ts";
import type { Conversing } from "../tokenizer/conversing.ts";
import { tokenizeCorpus } from "../tokenizer/document.ts";
import { createTokenizer, loadTokenizer, type Tokenizer } from "../tokenizer/tokenizer.ts";
import { trainTokenizer } from "../tokenizer/train.ts";
import { json } from "./checkpoint.ts";
import { type RowOptions, Rows } from "./rows.ts";
import { splitText } from "./split.ts";

const GENERATION = "generation_config.json";

export interface Preparation {
  readonly documents: readonly SourceDocument[];
  /** config.json as it was given */
  readonly config: Readonly<Record<string, unknown>>;
  /** folder of a tokenizer; null: one is trained on the text that is trained on */
  readonly tokenizer: string | null;
  /** the same tokenizer with its template, where the documents are conversations that it wrote */
  readonly conversing?: Conversing | null;
  /** tokens of a tokenizer that is trained; null: what the config says */
  readonly vocabulary: number | null;
  /** share of the text, or another text */
  readonly heldOut: number | readonly SourceDocument[];
  /** tokens at most that checkpoints are tried on, whole documents from the front; the first at least */
  readonly heldOutTokens: number;
  /** S */
  readonly positions: number;
  readonly packing: RowOptions["packing"];
  readonly shuffled: boolean;
  readonly seed: number;
}

export interface Prepared {
  readonly config: Record<string, unknown>;
  readonly spec: DecoderSpec;
  readonly tokenizer: Tokenizer;
  /** those of the tokenizer, and generation_config.json, by name */
  readonly files: ReadonlyMap<string, string | Uint8Array>;
  readonly train: readonly TokenizedDocument[];
  readonly heldOut: readonly TokenizedDocument[];
  readonly rows: Rows;
  /** of text, config, tokenizer and order */
  readonly digest: string;
}

/** @throws LossyscopeError `usage`, `model`, `unsupported` or `text` naming what does not fit together */
export async function prepare(given: Preparation): Promise<Prepared> {
  const { positions, packing, shuffled, seed } = given;
  const { train, heldOut } =
    typeof given.heldOut === "number"
      ? splitText(given.documents, given.heldOut, seed)
      : { train: given.documents, heldOut: given.heldOut };
  const { config, files, tokenizer } = await tokenizerFor(given, train);
  refuseQuantised(config);
  const spec = specOf(config);
  if (spec.positions !== null && positions > spec.positions)
    throw new LossyscopeError(
      "usage",
      `config.json gives the model ${count(spec.positions)} positions, rows of ${count(positions)} were asked for`,
      `pass --context ${spec.positions}`,
    );
  const tokenized = async (documents: readonly SourceDocument[]): Promise<readonly TokenizedDocument[]> => {
    const corpus = await tokenizeCorpus(tokenizer, documents);
    if (corpus.refused.length > 0) throw new LossyscopeError("text", corpus.refused[0].reason);
    return corpus.documents;
  };
  const trained = await tokenized(train);
  const tried = await tokenized(heldOut);
  const rows = new Rows(
    trained.map(({ ids }) => ids),
    { positions, packing, prefix: tokenizer.prefix, shuffled, seed },
  );
  if (rows.perEpoch === 0)
    throw new LossyscopeError("text", "there is no text to train on", "give text that has two tokens at least");
  return {
    config,
    spec,
    tokenizer,
    files,
    train: trained,
    heldOut: limited(tried, given.heldOutTokens),
    rows,
    digest: sha256(
      JSON.stringify([
        config,
        tokenizer.digest,
        [trained, tried].map((documents) => documents.map(({ sha256: own }) => own)),
        { positions, packing, shuffled, seed },
        ...(given.conversing ? [given.conversing.chat.digest] : []),
      ]),
    ),
  };
}

/** Documents from the front until they have so many tokens, the last one whole. */
function limited(documents: readonly TokenizedDocument[], tokens: number): readonly TokenizedDocument[] {
  let seen = 0;
  const taken = documents.filter(({ ids }) => {
    const takes = seen < tokens && ids.length > 0;
    seen += ids.length;
    return takes;
  });
  return taken.map((document, index) => ({ ...document, index }));
}

async function tokenizerFor(
  { config, tokenizer: folder, conversing, vocabulary, positions }: Preparation,
  documents: readonly SourceDocument[],
): Promise<Pick<Prepared, "config" | "files" | "tokenizer">> {
  if (folder !== null) {
    if (vocabulary !== null)
      throw new LossyscopeError(
        "usage",
        "a tokenizer is given, and the vocabulary of one to train",
        "pass one of them",
      );
    const tokenizer =
      conversing?.tokenizer ?? (await loadTokenizer(folder, config, { rows: specOf(config).vocabulary }));
    const { bos_token_id, eos_token_id } = config;
    const files = new Map([
      [GENERATION, json({ bos_token_id, eos_token_id, max_length: positions })],
      ...(await readFiles(folder, [...TOKENIZER_FILES, ...CHAT_FILES, GENERATION])),
    ]);
    return { config: { ...config }, files, tokenizer };
  }
  const size = vocabulary ?? config.vocab_size;
  if (typeof size !== "number" || !Number.isSafeInteger(size))
    throw new LossyscopeError("usage", "config.json has no vocab_size", "pass --vocabulary");
  const trained = trainTokenizer(
    documents.map(({ text }) => text),
    size,
  );
  const tokenizer = createTokenizer(trained.tokenizer, { tokenizerConfig: { ...trained.tokenizerConfig } });
  const end = tokenizer.prefix!.id;
  const ends = { bos_token_id: end, eos_token_id: end };
  const full = { ...config, vocab_size: size, ...ends };
  return {
    config: full,
    tokenizer,
    files: new Map([
      [GENERATION, json({ ...ends, max_length: positions })],
      ["tokenizer.json", json(trained.tokenizer)],
      ["tokenizer_config.json", json({ ...trained.tokenizerConfig, model_max_length: positions })],
    ]),
  };
}

async function readFiles(folder: string, names: readonly string[]): Promise<Map<string, string | Uint8Array>> {
  const files = new Map<string, string | Uint8Array>();
  for (const name of names) {
    try {
      files.set(name, await readFile(join(folder, name)));
    } catch (error) {
      if (systemCode(error) !== "ENOENT") throw ioFault(error, `read ${join(folder, name)}`);
    }
  }
  return files;
}
