/**
 * The pieces that architecture files are written in: slots, linear maps and norms under the names a checkpoint gives them.
 * `parts(["model.", ""])` names every tensor with and without a prefix, so that a checkpoint of the bare decoder reads too.
 */
import type { Activation, FusedGatedMlpSpec, LinearSpec, NormSpec, TensorSlot } from "../spec.ts";

export interface Parts {
  tensor(name: string, shape: readonly number[]): TensorSlot;
  /** `name.weight` and, with `bias`, `name.bias` */
  linear(
    name: string,
    inputs: number,
    outputs: number,
    options?: { readonly bias?: boolean; readonly layout?: LinearSpec["layout"] },
  ): LinearSpec;
  /** `name.weight`, x / rms(x) times it (or times 1 + it) */
  rmsNorm(name: string, width: number, epsilon: number, options?: { readonly scalePlusOne?: boolean }): NormSpec;
  /** `name.weight` and `name.bias` */
  layerNorm(name: string, width: number, epsilon: number, options?: { readonly bias?: boolean }): NormSpec;
}

export function parts(prefixes: readonly string[]): Parts {
  const tensor = (name: string, shape: readonly number[]): TensorSlot => ({
    names: prefixes.map((prefix) => prefix + name),
    shape,
  });
  return {
    tensor,
    linear: (name, inputs, outputs, { bias = false, layout = "out-in" } = {}) => ({
      weight: tensor(`${name}.weight`, layout === "out-in" ? [outputs, inputs] : [inputs, outputs]),
      layout,
      inputs,
      outputs,
      ...(bias && { bias: tensor(`${name}.bias`, [outputs]) }),
    }),
    rmsNorm: (name, width, epsilon, { scalePlusOne = false } = {}) => ({
      kind: "rms",
      width,
      epsilon,
      scale: tensor(`${name}.weight`, [width]),
      scalePlusOne,
    }),
    layerNorm: (name, width, epsilon, { bias = true } = {}) => ({
      kind: "layer",
      width,
      epsilon,
      scale: tensor(`${name}.weight`, [width]),
      scalePlusOne: false,
      ...(bias && { bias: tensor(`${name}.bias`, [width]) }),
    }),
  };
}

/** `gate_up_proj`, both maps in one, and `down_proj` under a name. */
export function fusedGatedMlp(
  part: Parts,
  names: string,
  sizes: { readonly width: number; readonly mlpWidth: number; readonly activation: Activation },
): FusedGatedMlpSpec {
  const { width, mlpWidth, activation } = sizes;
  return {
    kind: "gated-fused",
    activation,
    gateAndUp: part.linear(`${names}.gate_up_proj`, width, 2 * mlpWidth),
    down: part.linear(`${names}.down_proj`, mlpWidth, width),
  };
}

/**
 * Token embeddings [V, e] and the map from states to logits. Tied: one tensor is both, under either name.
 * @param embedding slot of the token embeddings
 * @param head slot of the output weights where they are their own; its names are copies where the two are tied
 */
export function embeddingAndHead(
  embedding: TensorSlot,
  head: TensorSlot,
  options: { readonly tied: boolean; readonly bias?: TensorSlot },
): { tokens: TensorSlot; linear: LinearSpec } {
  const [vocabulary, width] = embedding.shape;
  const tokens = options.tied ? { names: [...embedding.names, ...head.names], shape: embedding.shape } : embedding;
  return {
    tokens,
    linear: {
      weight: options.tied ? tokens : head,
      layout: "out-in",
      inputs: width,
      outputs: vocabulary,
      ...(options.bias && { bias: options.bias }),
    },
  };
}
