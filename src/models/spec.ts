/**
 * A decoder as data: which norms, projections, rotations, activations and scalings a model has, and under which names its
 * tensors lie in the checkpoint. `architectures/*.ts` read a config into one of these; `decoder.ts` turns any of them into
 * a graph and takes its behaviour from the fields alone, never from the model's name. Letters: src/README.md.
 */

/** One stored tensor that the model needs. */
export interface TensorSlot {
  /** names it may have in the checkpoint, best first; a later one that is there as well is a copy (a tied head) */
  readonly names: readonly string[];
  readonly shape: readonly number[];
}

/** y = x·Wᵀ + b for weights stored [out, in] (`out-in`), y = x·W + b for [in, out] (`in-out`, GPT-2's Conv1D). */
export interface LinearSpec {
  readonly weight: TensorSlot;
  readonly layout: "out-in" | "in-out";
  readonly inputs: number;
  readonly outputs: number;
  readonly bias?: TensorSlot;
  /** which of a stack of matrices it is; the slot is then [n, out, in] (Granite MoE's experts) */
  readonly entry?: number;
}

/** `rms`: x / sqrt(mean x² + eps); `layer`: (x − mean) / sqrt(variance + eps); then times the scale, plus the bias. */
export interface NormSpec {
  readonly kind: "rms" | "layer";
  readonly width: number;
  readonly epsilon: number;
  /** [width]; absent: no scale (OLMo) */
  readonly scale?: TensorSlot;
  /** whether the stored scale is the factor less one (Gemma) */
  readonly scalePlusOne: boolean;
  readonly bias?: TensorSlot;
}

/** How rotation frequencies are stretched over longer contexts; equations in `rotary.ts`. */
export type RotaryScaling =
  /** one divisor for each pair of dimensions, at every length (GGUF, for Llama 3's bands) */
  | { readonly kind: "divided"; readonly divisors: readonly number[] }
  | { readonly kind: "linear"; readonly factor: number }
  | {
      readonly kind: "llama3";
      readonly factor: number;
      readonly lowFrequencyFactor: number;
      readonly highFrequencyFactor: number;
      readonly originalPositions: number;
    }
  | {
      readonly kind: "yarn";
      readonly factor: number;
      readonly originalPositions: number;
      readonly betaFast: number;
      readonly betaSlow: number;
      /** whether the corners of the ramp are rounded outward to whole dimensions */
      readonly truncate: boolean;
      /** factor on cos and sin */
      readonly attentionFactor: number;
    }
  /** One divisor for each pair of dimensions; which list, says the length of the whole window (Phi 3). */
  | {
      readonly kind: "longrope";
      /** in windows of at most `originalPositions` */
      readonly short: readonly number[];
      /** in longer ones, from their first position on */
      readonly long: readonly number[];
      readonly originalPositions: number;
      /** factor on cos and sin, in both */
      readonly attentionFactor: number;
    };

/** Rotary positions of a head's first `width` dimensions. */
export interface RotarySpec {
  readonly width: number;
  readonly base: number;
  /** `halves`: dimension i turns with i + width/2; `neighbours`: 2i with 2i + 1 (Cohere) */
  readonly pairs: "halves" | "neighbours";
  readonly scaling?: RotaryScaling;
}

/** Adds to every score of head n, key position j: factor · slopes[n] · j (equal to −slope·distance under the softmax). */
export interface AlibiSpec {
  readonly slopes: readonly number[];
  readonly factor: number;
  /** the type that `slopes[n]`, j and their product are each rounded to before the factor (Falcon: bfloat16) */
  readonly rounding?: "bfloat16";
}

/** Norm on queries or keys, after the projection and before the rotation but where said. */
export type QueryKeyNormSpec =
  /** one norm of the head's width, shared by all heads (Qwen 3) */
  | { readonly over: "head"; readonly norm: NormSpec }
  /** the same after the rotation, which must be of halves (HunYuan) */
  | { readonly over: "turned-head"; readonly norm: NormSpec }
  /** one norm over all heads together (OLMo 2) */
  | { readonly over: "width"; readonly norm: NormSpec }
  /** the same norm without a scale in every head, then a scale [h] of the head's own (StableLM; Cohere: all in one [H, h]) */
  | { readonly over: "each-head"; readonly norm: NormSpec; readonly scales: readonly TensorSlot[] };

export type ProjectionsSpec =
  | { readonly kind: "separate"; readonly query: LinearSpec; readonly key: LinearSpec; readonly value: LinearSpec }
  /**
   * One projection to (H + 2K)·h outputs. `concatenated`: all queries, all keys, all values (GPT-2). `grouped`: for each
   * key-value head its H/K queries, its key, its value (GPT-NeoX with K = H, Falcon).
   */
  | { readonly kind: "fused"; readonly linear: LinearSpec; readonly layout: "concatenated" | "grouped" };

/** Causal attention: softmax over j ≤ i of softcap(q·k·scale) + ALiBi. Query head n reads key-value head ⌊n·K/H⌋. */
export interface AttentionSpec {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headWidth: number;
  readonly projections: ProjectionsSpec;
  /** queries, keys and values are clamped to ±clip as they leave the projection (OLMo) */
  readonly clip?: number;
  readonly queryNorm?: QueryKeyNormSpec;
  readonly keyNorm?: QueryKeyNormSpec;
  /** absent: this layer does not rotate */
  readonly rotary?: RotarySpec;
  readonly alibi?: AlibiSpec;
  /** factor on q·k */
  readonly scale: number;
  /** a further one, 1 + β·ln(1 + ⌊i / positions⌋) for the query at position i (Ministral 3) */
  readonly growth?: { readonly beta: number; readonly positions: number };
  /** scores become cap·tanh(score/cap) before the mask */
  readonly softcap?: number;
  /** keys each position sees, its own among them; absent: all before it */
  readonly window?: number;
  readonly output: LinearSpec;
}

/** `gelu` is the exact erf form, `gelu-tanh` its tanh approximation, `relu-squared` max(x, 0)². */
export type Activation = "silu" | "gelu" | "gelu-tanh" | "relu" | "relu-squared";

/** down( activation(gate x) ∘ up x ) */
export interface GatedMlpSpec {
  readonly kind: "gated";
  readonly activation: Activation;
  readonly gate: LinearSpec;
  readonly up: LinearSpec;
  readonly down: LinearSpec;
}

/** The same with one map to the gate's outputs and then the other's (Phi 3). */
export interface FusedGatedMlpSpec {
  readonly kind: "gated-fused";
  readonly activation: Activation;
  readonly gateAndUp: LinearSpec;
  readonly down: LinearSpec;
}

/** down( activation(up x) ) */
export interface PlainMlpSpec {
  readonly kind: "plain";
  readonly activation: Activation;
  readonly up: LinearSpec;
  readonly down: LinearSpec;
}

export type MlpSpec =
  | GatedMlpSpec
  | FusedGatedMlpSpec
  | PlainMlpSpec
  /** Σ over the `perToken` experts with the largest router score, each weighted; and one that every token goes through */
  | {
      readonly kind: "experts";
      readonly router: LinearSpec;
      readonly experts: readonly (GatedMlpSpec | FusedGatedMlpSpec)[];
      readonly perToken: number;
      /** weights are the softmax of the chosen scores alone, summing to 1, or their shares in the softmax of all */
      readonly weights: "of-chosen" | "of-all";
      /** + mlp x, times σ(gate x) where there is a gate (Qwen 2 MoE) */
      readonly shared?: { readonly mlp: GatedMlpSpec | FusedGatedMlpSpec; readonly gate?: LinearSpec };
    };

/**
 * One block. With x the residual stream, A attention, M the MLP, r the residual scale and absent norms the identity:
 * `sequential`: x ← afterAttentionSum(x + r·afterAttention(A(beforeAttention x)));
 *               x ← afterMlpSum(x + r·afterMlp(M(beforeMlp x)))
 * `parallel`:   x ← x + r·(A(beforeAttention x) + M(beforeMlp x)), each with its own norm
 * `parallel-one-norm`: the same where M reads what A reads.
 */
export interface BlockSpec {
  readonly residual: "sequential" | "parallel" | "parallel-one-norm";
  readonly attention: AttentionSpec;
  readonly mlp: MlpSpec;
  readonly norms: {
    readonly beforeAttention?: NormSpec;
    readonly afterAttention?: NormSpec;
    readonly afterAttentionSum?: NormSpec;
    readonly beforeMlp?: NormSpec;
    readonly afterMlp?: NormSpec;
    readonly afterMlpSum?: NormSpec;
  };
  readonly residualScale: number;
}

export interface DecoderSpec {
  /** the config's model_type */
  readonly architecture: string;
  /** d */
  readonly width: number;
  /** V */
  readonly vocabulary: number;
  /** most positions the model is made for; null where its config sets no bound */
  readonly positions: number | null;
  /** layer 0 = norm(project(tokens[id] · scale) + positions[s + offset]) */
  readonly embedding: {
    /** [V, e]; e = d unless projected */
    readonly tokens: TensorSlot;
    readonly scale: number;
    /** e → d */
    readonly projection?: LinearSpec;
    /** learned positions: row s + offset of table [rows, d] */
    readonly positions?: { readonly table: TensorSlot; readonly offset: number };
    readonly norm?: NormSpec;
  };
  readonly blocks: readonly BlockSpec[];
  /** absent: the residual stream is its own last layer (OPT-350m) */
  readonly finalNorm?: NormSpec;
  /** logits = softcap( (W·project(x) + b) · scale ) */
  readonly head: {
    /** d → e */
    readonly projection?: LinearSpec;
    /** e → V; its weight is `embedding.tokens` itself where the two are tied */
    readonly linear: LinearSpec;
    readonly scale: number;
    readonly softcap?: number;
  };
}
