/**
 * The port of every model, whatever it comes as: what it is called, what it can do, what loads its tokenizer, and the digests
 * that name its files. Whoever wants more of a model than its losses asks first whether it can: what a model cannot do is a
 * figure refused by name. How a reference becomes one of these is `references/`'s, what runs it `engines/create.ts`'s.
 */
import type { DigestOptions } from "../files/digest.ts";
import { unitsOf } from "../models/heads.ts";
import { hasCodes } from "../models/sources/runnable.ts";
import type { TensorSource } from "../models/sources/tensor-source.ts";
import type { DecoderSpec } from "../models/spec.ts";
import type { Aside } from "../models/text-model.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { type Need as FigureNeed, needed } from "../numeric/needs.ts";
import type { PrecisionKind } from "../profile/precision.ts";
import type { Conversing } from "../tokenizer/conversing.ts";
import type { Tokenizer, TokenizerOptions } from "../tokenizer/tokenizer.ts";
import type { Engine, EngineContext } from "./engine.ts";
import type { Need } from "./observation.ts";

/**
 * What a figure may need of a model: what an engine gives of a text's own tokens; `answers`, prompts that are gone on with
 * greedily and candidates behind them; `steps`, tokens one at a time; `weights`, values that can be counted and looked at.
 */
export type Capability = Need | "answers" | "steps" | "weights";
export const CAPABILITIES = [
  "losses",
  "likeliest",
  "assignments",
  "moments",
  "states",
  "answers",
  "pooledStates",
  "pooledUnits",
  "steps",
  "weights",
] as const satisfies readonly Capability[];

/** A decoder whose weights are at hand. */
export interface Decoder {
  readonly spec: DecoderSpec;
  readonly weights: TensorSource;
  /** how a pass is computed; exactly where it is absent */
  readonly precision?: PrecisionKind;
  /** whether a pass holds one piece of the weights at a time (`engines/streamed.ts`); absent: all of them */
  readonly streams?: true;
}

/** What there is to run. */
export type Runs =
  | ({ readonly kind: "decoder" } & Decoder)
  /** a model that brings an engine of its own */
  | { readonly kind: "engine"; readonly create: (context: EngineContext) => Engine };

/** SHA-256 of a model's files, as far as it has them. */
export interface ModelDigests {
  readonly config: string | null;
  /** of one file; of several, of the list that `sha256sum` would print for them, in order of name */
  readonly weights: string | null;
  readonly tokenizer: string | null;
}

/** Of a model that a server runs. */
export interface Served {
  /** what serves it: `vllm 0.32.0` */
  readonly server: string;
  /** of a million tokens that are sent; null where nobody has said it */
  readonly price: number | null;
  /** requests until now, those of them that were made again, and the tokens of all prompts */
  sent(): { readonly requests: number; readonly again: number; readonly tokens: number };
  /** what it answers; null where it tells no ids */
  readonly asking: Asking | null;
}

/** A prompt that a server is asked, whole. */
export interface Asking {
  /** prompts under way together, at most */
  readonly concurrency: number;
  /**
   * [tokens] nats of the prompt's own tokens, NaN for the first; and at each place the likeliest ones, so many of them
   * @throws LossyscopeError `network`, `engine`, `interrupted`
   */
  score(
    ids: Int32Array,
    likeliest: number,
    signal?: AbortSignal,
  ): Promise<{
    readonly nats: Float64Array;
    readonly likeliest: readonly (readonly { readonly id: number; readonly nats: number }[])[];
  }>;
  /** Tokens that the model goes on with, greedily. @throws LossyscopeError as `score` */
  goOn(ids: Int32Array, tokens: number, signal?: AbortSignal): Promise<readonly number[]>;
}

export interface Model {
  /** `org/name`, or the folder's own name; never a path */
  readonly name: string;
  /** commit on the Hub; null where there is none */
  readonly revision: string | null;
  /** model_type; null where it is not known */
  readonly architecture: string | null;
  /** blocks, L, and dimensions of a state, d; null where nobody can see inside */
  readonly layers: number | null;
  readonly width: number | null;
  /** tokens that it gives a probability, V */
  readonly vocabulary: number;
  /** longest window; null where nothing limits it */
  readonly positions: number | null;
  readonly can: ReadonlySet<Capability>;
  readonly runs: Runs;
  /** absent where it runs here */
  readonly served?: Served;
  /** as config.json has it; empty where there is none */
  readonly config: Readonly<Record<string, unknown>>;
  /** where its files lie together, for who copies some of them; null where they do not */
  readonly folder: string | null;
  /** of the files that hold its weights; 0 where there are none */
  readonly weightFileBytes: number;
  /** paths of the files that hold nothing but what its tokenizer goes by */
  readonly tokenizerFiles: readonly string[];
  /** what is stored beside the text model */
  readonly aside: readonly Aside[];
  /** what was left aside or read otherwise than the config says, each in one clause */
  readonly notes: readonly string[];
  /**
   * @param options without `rows`, the model has `vocabulary` of them
   * @throws LossyscopeError `model`, `unsupported` where its text cannot be cut into tokens; `io`
   */
  tokenizer(options?: TokenizerOptions): Promise<Tokenizer>;
  /** The tokenizer with the template of conversations. @throws LossyscopeError as `tokenizer`; `unsupported` without one */
  conversing(): Promise<Conversing>;
  /** Ids that end a text. @throws LossyscopeError `model`, `io` where a file that names them cannot be read */
  ends(): Promise<ReadonlySet<number>>;
  /** Hashes every byte of the model's files; remembered between runs (`files/digest.ts`). */
  digests(options?: DigestOptions): Promise<ModelDigests>;
  /** @throws LossyscopeError `model` where a file is no longer the one that was opened: its figures would be of two models */
  refuseChanges(): Promise<void>;
}

/** What of a model its decoder says: what is run, which can do everything, and its shape. */
export function ofDecoder(
  spec: DecoderSpec,
  weights: TensorSource,
): Pick<Model, "architecture" | "layers" | "width" | "vocabulary" | "positions" | "can" | "runs"> {
  const { architecture, blocks, width, vocabulary, positions } = spec;
  const shape = { architecture, layers: blocks.length, width, vocabulary, positions };
  const can = CAPABILITIES.filter((one) => one !== "pooledUnits" || unitsOf(spec) !== null);
  return { ...shape, can: new Set(can), runs: { kind: "decoder", spec, weights } };
}

/** @returns null where no weights are at hand */
export const decoderOf = ({ runs }: Pick<Model, "runs">): Decoder | null => (runs.kind === "decoder" ? runs : null);

/**
 * @param what for, in a few words: `compressing`
 * @throws LossyscopeError `unsupported` where no weights are at hand
 */
export function requireDecoder({ name, runs }: Pick<Model, "name" | "runs">, what: string): Decoder {
  if (runs.kind === "decoder") return runs;
  throw new LossyscopeError(
    "unsupported",
    `${what} takes the weights of a model, and those of ${name} are not at hand`,
    AT_HAND,
  );
}

/**
 * The model as it is computed otherwise.
 * @throws LossyscopeError `unsupported` where its weights are not at hand, or none of them are codes
 */
export function atPrecision(model: Model, precision: PrecisionKind | undefined): Model {
  if (precision === undefined) return model;
  const { spec, weights } = requireDecoder(model, `--precision ${precision}`);
  if (precision === "fast" && !hasCodes(weights))
    throw new LossyscopeError(
      "unsupported",
      `--precision ${precision} rounds what meets weights in codes of 2 to 8 bits, and ${model.name} has none`,
      "leave it out, or name a GGUF file in Q2_K to Q8_0, or a folder in GPTQ, AWQ or packed codes",
    );
  return { ...model, runs: { kind: "decoder", spec, weights, precision } };
}

/** Whether a model can be computed so. */
export function canBeAt(model: Pick<Model, "runs">, precision: PrecisionKind): boolean {
  const decoder = decoderOf(model);
  return decoder !== null && (precision !== "fast" || hasCodes(decoder.weights));
}

/**
 * Models side by side, of which those are computed otherwise that can be.
 * @throws LossyscopeError as `atPrecision`, of the last, where none can
 */
export function eachAtPrecision(models: readonly Model[], precision: PrecisionKind | undefined): readonly Model[] {
  if (precision === undefined) return models;
  const can = models.map((model) => canBeAt(model, precision));
  const none = !can.includes(true);
  return models.map((model, index) =>
    can[index] || (none && index + 1 === models.length) ? atPrecision(model, precision) : model,
  );
}

/** The model with its weights read piece by piece as it runs. */
export const streamed = <M extends Pick<Model, "runs">>(model: M): M =>
  model.runs.kind === "decoder" ? { ...model, runs: { ...model.runs, streams: true } } : model;

/** What to do where a model cannot do what was asked. */
const AT_HAND = "name a model whose weights are at hand";

/** What a model lacks that cannot do it: what would be counted, and the sentence. */
const LACKS: Readonly<Record<Capability, readonly [unit: string, reason: string]>> = {
  losses: ["model that says what tokens cost", "the model does not say what the text's tokens cost"],
  likeliest: ["model that says what is likeliest", "the model does not say which tokens are likeliest"],
  assignments: ["model that shows its states", "the model does not show its hidden states"],
  moments: ["model that shows its states", "the model does not show its hidden states"],
  states: ["model that shows its states", "the model does not show its hidden states"],
  answers: ["model that goes on with a prompt", "the model cannot be asked to go on with a prompt"],
  pooledStates: ["model that shows its states", "the model does not show its hidden states"],
  pooledUnits: [
    "model that shows its units",
    "the model does not show units of its blocks, or has experts, which share none",
  ],
  steps: ["model that reads token by token", "the model cannot be led on token by token"],
  weights: ["model with its weights", "the model's weights are not at hand"],
};

/** What a figure needs of a model. @param figure path in a profile */
export function capabilityNeed(figure: string, can: ReadonlySet<Capability>, capability: Capability): FigureNeed {
  const [unit, reason] = LACKS[capability];
  return needed(figure, can.has(capability), unit, reason, "a model whose weights are at hand");
}
