/**
 * What a GGUF file says of itself beside the ledger: its tokenizer, and what its matrices are stored as. Read from the
 * header, whatever the architecture, on the disk or on the Hub.
 */
import { readGguf } from "../formats/gguf/header.ts";
import type { GgufValue } from "../formats/gguf/values.ts";
import { remoteRanges } from "../hub/headers.ts";
import type { FoundGguf } from "../hub/resolve-gguf.ts";
import { type MatrixKind, matrixKinds } from "../models/gguf/kinds.ts";
import { headIsTable } from "../models/gguf/model.ts";
import type { ModelConfig } from "../models/ledger.ts";
import { type GgufPlace, openGguf } from "../models/sources/gguf.ts";
import type { TensorSource } from "../models/sources/tensor-source.ts";
import type { GgufAt } from "../references/open.ts";
import { count, figure, si } from "../report/format.ts";
import type { TextTable } from "../report/text-table.ts";

export interface GgufFacts {
  readonly tokenizer: {
    /** `tokenizer.ggml.model` and `.pre`: how texts are cut; null where the file does not say */
    readonly model: string | null;
    readonly pre: string | null;
    readonly tokens: number;
    /** whether a template of conversations is there */
    readonly chat: boolean;
  };
  /** most bytes first */
  readonly matrices: readonly MatrixKind[];
}

export async function ggufHeaders(
  { path, ...called }: GgufAt,
  place?: GgufPlace,
): Promise<{
  readonly name: string;
  readonly revision: string | null;
  readonly config: ModelConfig;
  readonly weights: TensorSource;
  readonly aside: readonly [];
  readonly notes: readonly [];
  readonly gguf: GgufFacts;
}> {
  const { metadata, source } = await openGguf(path, place);
  const text = (key: string): string | null => {
    const value = metadata.get(key);
    return typeof value === "string" ? value : null;
  };
  const tokens = metadata.get("tokenizer.ggml.tokens");
  const architecture = text("general.architecture");
  const about = (key: string): GgufValue | undefined => metadata.get(`${architecture}.${key}`);
  return {
    ...called,
    config: {
      model_type: architecture ?? undefined,
      tie_word_embeddings: await headIsTable(source, place !== undefined),
      num_experts: about("expert_count"),
      num_experts_per_tok: about("expert_used_count"),
    },
    weights: source,
    aside: [],
    notes: [],
    gguf: {
      tokenizer: {
        model: text("tokenizer.ggml.model"),
        pre: text("tokenizer.ggml.pre"),
        tokens: Array.isArray(tokens) ? tokens.length : 0,
        chat: metadata.has("tokenizer.chat_template"),
      },
      matrices: matrixKinds(source),
    },
  };
}

/** The same of one on the Hub, of which only the headers are fetched, and what tells a head from the table. */
export function remoteGgufHeaders(
  { client, remote, files, name }: Extract<FoundGguf, { kind: "remote" }>,
  signal?: AbortSignal,
): ReturnType<typeof ggufHeaders> {
  const ranges = new Map(files.map((file) => [file.name, { file, read: remoteRanges(client, remote, file, signal) }]));
  // Paths are made by the rules of the disk.
  const at = (path: string) => ranges.get(path.replaceAll("\\", "/"))!;
  return ggufHeaders(
    { path: files[0].name, name, revision: remote.commit },
    {
      async open(path) {
        const { file, read } = at(path);
        return { path: file.name, bytes: file.bytes, header: await readGguf(read, file.bytes) };
      },
      read: (path, offset, length) => at(path).read(offset, length),
    },
  );
}

export function tokenizerText({ tokenizer: { model, pre, tokens, chat } }: GgufFacts): string {
  if (model === null) return "Tokenizer: none in the file.";
  const cut = pre === null ? model : `${model}, cut as ${pre}`;
  return `Tokenizer: ${cut}, ${count(tokens)} tokens; ${chat ? "with a" : "without a"} template of conversations.`;
}

export const matricesTable = (matrices: readonly MatrixKind[]): TextTable => ({
  head: ["matrix", "tensors", "parameters", "bytes", "bits each", "stored as"],
  rows: matrices.map(({ kind, tensors, parameters, bytes, bitsPerParameter, types }) => [
    kind,
    count(tensors),
    count(parameters),
    si(bytes, "B"),
    figure(bitsPerParameter),
    types.join(", "),
  ]),
  kinds: ["name", "figures", "figures", "figures", "figures", "words"],
});
