/**
 * The storage ledger (METHODS §1.2): how many parameters a model has and of which kind, the bytes they take, and the
 * training data they stand for. Computed from the names, types and shapes in the headers and from the config alone, so
 * it takes no time for any size and needs no knowledge of the architecture. The entropy of the weights, which does read
 * them, is `ledger-entropy.ts`.
 *
 * Embedding parameters are the token and position tables and the output matrix, tied or not. A tensor is counted once:
 * an output matrix that the config ties to the embedding and the file stores all the same takes bytes but has no
 * parameters. Buffers (attention masks, rotary frequencies, counters) are neither.
 */
import type { Dtype } from "../formats/tensor-types.ts";
import { count, counted, sizeText } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import type { Ledger } from "../profile/ledger.ts";
import { type GivenTraining, trainingData } from "./ledger-known.ts";
import type { StoredTensor, TensorSource } from "./sources/tensor-source.ts";
import { isBuffer } from "./weights.ts";

export type ModelConfig = Readonly<Record<string, unknown>>;

const INPUT_TABLE =
  /(?:^|\.)(?:embed_tokens|embed_tokens_per_layer|wte|word_embeddings|embed_in|tok_embeddings|embeddings|shared|emb|token_embd)\.[^.]+$/;
const POSITION_TABLE =
  /(?:^|\.)(?:wpe|embed_positions|position_embeddings?|token_type_embeddings|position_embed|position_embd)\.[^.]+$/;
const OUTPUT_MATRIX = /(?:^|\.)(?:lm_head|embed_out)\.[^.]+$|^(?:output|head)\.weight$/;

const isEmbedding = (name: string): boolean =>
  INPUT_TABLE.test(name) || POSITION_TABLE.test(name) || OUTPUT_MATRIX.test(name);

/** Model types whose output matrix is the embedding where the config does not say (transformers' defaults). */
const TIED_BY_DEFAULT = new Set([
  "RefinedWeb",
  "RefinedWebModel",
  "bloom",
  "cohere",
  "cohere2",
  "ernie4_5",
  "falcon",
  "gemma",
  "gemma2",
  "gemma3",
  "gemma3_text",
  "gpt2",
  "gpt_bigcode",
  "gpt_neo",
  "mpt",
  "opt",
  "smollm3",
  "starcoder2",
  "vaultgemma",
]);

/** What a config says, itself or for the text part of a model of several. */
function said(config: ModelConfig, keys: readonly string[]): unknown {
  const text = config.text_config;
  const parts = typeof text === "object" && text !== null ? [config, text as ModelConfig] : [config];
  for (const part of parts) for (const key of keys) if (part[key] != null) return part[key];
  return undefined;
}

const number = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? value : undefined;

const elements = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

/** How a quantised file packs its parameters: so many bits each, in tensors of integers. */
interface Packing {
  readonly method: string;
  readonly bits: number | undefined;
}

function packingOf(config: ModelConfig): Packing | undefined {
  const value = said(config, ["quantization_config", "compression_config", "quantization"]);
  if (typeof value !== "object" || value === null) return undefined;
  const settings = value as Record<string, unknown>;
  const method = typeof settings.quant_method === "string" ? settings.quant_method : "quantised";
  return { method, bits: packedBits(method, settings) };
}

function packedBits(method: string, settings: Record<string, unknown>): number | undefined {
  if (method === "mxfp4") return 4;
  if (method === "fp8" || method === "fbgemm_fp8") return 8;
  if (method === "modelopt") return settings.quant_algo === "FP8" ? 8 : undefined;
  if (method.startsWith("bitsandbytes")) return settings.load_in_4bit ? 4 : settings.load_in_8bit ? 8 : undefined;
  const groups = settings.config_groups;
  if (typeof groups === "object" && groups !== null) {
    const widths = Object.values(groups).map((group) => number(group?.weights?.num_bits));
    return widths.every((width) => width === widths[0]) ? widths[0] : undefined;
  }
  return number(settings.bits) ?? number(settings.w_bit);
}

/** Scales, zero points and tables that a quantised file keeps beside its packed weights: bytes without parameters. */
const QUANTISATION_SIDE =
  /(?:^|[._])(?:qzeros|g_idx|scales|biases|SCB|(?:nested_)?(?:absmax|quant_map)|weight_format|quant_state\..*|(?:weight|input|output|activation|prob|k|v|q)_(?:scale(?:_inv|_2|_ub)?|global_scale|zero_point|g_idx|shape))$/;

const PACKED_DTYPES: Partial<Record<Dtype, number>> = { I8: 8, U8: 8, I16: 16, U16: 16, I32: 32, U32: 32 };

/** Parameters of one stored tensor; undefined where they are packed in a way the config does not tell. */
function parametersOf(name: string, tensor: StoredTensor, packing: Packing | undefined): number | undefined {
  if (packing && QUANTISATION_SIDE.test(name)) return 0;
  const width = PACKED_DTYPES[tensor.dtype];
  if (width === undefined) return elements(tensor.shape);
  if (packing?.bits === undefined || packing.bits > width) return undefined;
  return Math.round((elements(tensor.shape) * width) / packing.bits);
}

/** Parameters of a stored tensor, by what is computed from it: nothing counts a matrix of several tensors but one of them. */
function countedFrom(source: TensorSource): (name: string, tensor: StoredTensor) => number {
  const place = ({ file, offset }: StoredTensor): string => `${offset} ${file}`;
  const computed = new Map<string, number>();
  for (const name of source.names()) {
    const tensor = source.locate(name)!;
    if (tensor.isComputed) computed.set(place(tensor), elements(tensor.shape));
  }
  return (name, tensor) => {
    const itself = source.locate(name);
    return itself && !itself.isComputed ? elements(itself.shape) : (computed.get(place(tensor)) ?? 0);
  };
}

/** Whether a config, or its architecture where it does not say, makes the embedding the output matrix. */
export const isTied = (config: ModelConfig): boolean =>
  (said(config, ["tie_word_embeddings"]) ?? TIED_BY_DEFAULT.has(String(config.model_type))) === true;

/** The stored copies of an output matrix that the config ties to the embedding. */
function tiedCopies(config: ModelConfig, weights: TensorSource): Set<string> {
  if (!isTied(config)) return new Set();
  const names = [...weights.names()];
  const tables = names.filter((name) => INPUT_TABLE.test(name)).map((name) => weights.locate(name)!);
  const isCopy = (name: string): boolean => {
    const { dtype, shape } = weights.locate(name)!;
    return tables.some((table) => table.dtype === dtype && table.shape.join() === shape.join());
  };
  return new Set(names.filter((name) => OUTPUT_MATRIX.test(name) && isCopy(name)));
}

/**
 * Parameters that one token passes through: all of a dense model; of a mixture, everything but the experts not chosen.
 * @returns null where the architecture is not told, or the experts cannot be found as the config describes them
 */
function activeParameters(
  config: ModelConfig,
  counted: ReadonlyMap<string, number>,
  weights: TensorSource,
): number | null {
  if (typeof config.model_type !== "string") return null;
  let total = 0;
  for (const parameters of counted.values()) total += parameters;
  const experts = number(
    said(config, ["num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts", "num_moe_experts"]),
  );
  const chosen = number(
    said(config, ["num_experts_per_tok", "num_experts_per_token", "moe_top_k", "experts_per_token"]),
  );
  const inExperts = [...counted.keys()].filter((name) => {
    const shape = weights.locate(name)!.shape;
    return (
      /\.experts\./.test(name) || (experts !== undefined && experts > 1 && shape.length === 3 && shape[0] === experts)
    );
  });
  if (inExperts.length === 0) return experts === undefined || experts === 1 ? total : null;
  if (experts === undefined || chosen === undefined || chosen > experts) return null;

  let routed = 0;
  const numbers = new Set<string>();
  for (const name of inExperts) {
    const index = /\.experts\.(\d+)\./.exec(name)?.[1];
    if (index !== undefined) numbers.add(index);
    else if (weights.locate(name)!.shape[0] !== experts) return null;
    routed += counted.get(name)!;
  }
  if (numbers.size !== 0 && numbers.size !== experts) return null;
  const active = total - routed + (routed * chosen) / experts;
  return Number.isInteger(active) ? active : null;
}

/**
 * Counts parameters and bytes of a model against the data that it was trained on.
 * @param name the model's name, by which its training data is looked up
 * @param entropyCodedBytes from `ledger-entropy.ts`, where asked for
 * @throws LossyscopeError `unsupported` where a quantised file does not tell how many parameters it packs
 */
export function storageLedger(
  config: ModelConfig,
  source: TensorSource,
  {
    name: model,
    training: given = {},
    entropyCodedBytes = null,
    nonFinite,
    aside = [],
    notes: found = [],
  }: LedgerOptions,
): Ledger {
  const weights = source.stored ?? source;
  const packing = packingOf(config);
  const ofStored = source.stored ? countedFrom(source) : undefined;
  const copies = tiedCopies(config, weights);
  const counted = new Map<string, number>();
  const byDtype: Ledger["byDtype"] = {};
  const buffers = { tensors: 0, bytes: 0 };
  const unread: string[] = [];
  let weightBytes = 0;
  for (const name of weights.names()) {
    const tensor = weights.locate(name)!;
    if (isBuffer(name, tensor)) {
      buffers.tensors++;
      buffers.bytes += tensor.bytes;
      continue;
    }
    const parameters = copies.has(name) ? 0 : ofStored ? ofStored(name, tensor) : parametersOf(name, tensor, packing);
    if (parameters === undefined) unread.push(name);
    else counted.set(name, parameters);
    weightBytes += tensor.bytes;
    const row = (byDtype[tensor.dtype] ??= { tensors: 0, parameters: 0, bytes: 0 });
    row.tensors++;
    row.parameters += parameters ?? 0;
    row.bytes += tensor.bytes;
  }
  if (unread.length > 0) throw packedUnknown(unread, weights, weightBytes, packing);

  let total = 0;
  let embedding = 0;
  for (const [name, parameters] of counted) {
    total += parameters;
    if (isEmbedding(name)) embedding += parameters;
  }
  const { training, why } = trainingData(model, total, given);
  const notes = [
    ...found,
    packing ? `quantised (${packing.method}): parameters counted from how the file packs them` : undefined,
    copies.size > 0
      ? `${[...copies].join(", ")} stored though tied to the embedding: bytes without parameters`
      : undefined,
    nonFinite && nonFinite.size > 0 ? nonFiniteNote(nonFinite) : undefined,
    why ?? undefined,
  ].filter((note) => note !== undefined);
  return {
    parameters: {
      total,
      embedding,
      nonEmbedding: total - embedding,
      activePerToken: activeParameters(config, counted, weights),
    },
    weightBytes,
    bitsPerParameter: total === 0 ? 0 : (8 * weightBytes) / total,
    byDtype,
    buffers,
    ...(aside.length > 0 && { aside: [...aside] }),
    training,
    storageRatio: training?.bytes != null && weightBytes > 0 ? training.bytes / weightBytes : null,
    trainingBytesPerParameter: training?.bytes != null && total > 0 ? training.bytes / total : null,
    entropyCodedBytes,
    notes,
  };
}

export interface LedgerOptions {
  readonly name: string;
  readonly training?: GivenTraining;
  readonly entropyCodedBytes?: number | null;
  /** values that are NaN or infinite, by the tensor that holds them, where the weights were read */
  readonly nonFinite?: ReadonlyMap<string, number>;
  /** what is stored beside the text model */
  readonly aside?: readonly NonNullable<Ledger["aside"]>[number][];
  /** what opening the model found, to be said with the figures */
  readonly notes?: readonly string[];
}

/** Tensors that a note names one by one. */
const NAMED = 5;

function nonFiniteNote(nonFinite: ReadonlyMap<string, number>): string {
  const named = [...nonFinite].slice(0, NAMED).map(([name, values]) => `${count(values)} in ${name}`);
  const more = nonFinite.size > NAMED ? ` and ${count(nonFinite.size - NAMED)} more tensors` : "";
  return `values that are NaN or infinite: ${named.join(", ")}${more}; a text that meets them cannot be measured`;
}

function packedUnknown(
  names: readonly string[],
  weights: TensorSource,
  weightBytes: number,
  packing: Packing | undefined,
): LossyscopeError {
  const { dtype, shape } = weights.locate(names[0])!;
  const config = packing
    ? `the config's ${packing.method} settings do not say how many bits`
    : "the config says nothing of it";
  return new LossyscopeError(
    "unsupported",
    `${counted(names.length, "tensor")} (${sizeText(weightBytes)} of weights in all) hold packed integers, ` +
      `${names[0]} ${dtype} [${shape}] the first, and ${config}: their parameters cannot be counted`,
    "inspect the unquantised model",
  );
}
