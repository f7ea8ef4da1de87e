/**
 * The pieces that architecture files are written in: slots, linear maps and norms under the names a checkpoint gives them.
 * `parts(["model.", ""])` names every tensor with and without a prefix, so that a checkpoint of the bare decoder reads too.
 */
import type {
  Activation,
  AttentionSpec,
  FusedGatedMlpSpec,
  GatedMlpSpec,
  LinearSpec,
  NormSpec,
  PlainMlpSpec,
  ProjectionsSpec,
  TensorSlot,
} from "../spec.ts";

export interface LinearOptions {
  readonly bias?: boolean;
  readonly layout?: LinearSpec["layout"];
}

export interface Parts {
  tensor(name: string, shape: readonly number[]): TensorSlot;
  /** `name.weight` and, with `bias`, `name.bias` */
  linear(name: string, inputs: number, outputs: number, options?: LinearOptions): LinearSpec;
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

export interface MlpSizes {
  readonly width: number;
  readonly mlpWidth: number;
  readonly activation: Activation;
}

/** down( activation(up x) ), the two maps under their names. */
export function plainMlp(
  part: Parts,
  [up, down]: readonly [up: string, down: string],
  { width, mlpWidth, activation }: MlpSizes,
  options?: LinearOptions,
): PlainMlpSpec {
  return {
    kind: "plain",
    activation,
    up: part.linear(up, width, mlpWidth, options),
    down: part.linear(down, mlpWidth, width, options),
  };
}

/** `gate_proj`, `up_proj` and `down_proj` under a name. */
export function gatedMlp(
  part: Parts,
  names: string,
  { width, mlpWidth, activation }: MlpSizes,
  options?: LinearOptions,
): GatedMlpSpec {
  return {
    kind: "gated",
    activation,
    gate: part.linear(`${names}.gate_proj`, width, mlpWidth, options),
    up: part.linear(`${names}.up_proj`, width, mlpWidth, options),
    down: part.linear(`${names}.down_proj`, mlpWidth, width, options),
  };
}

/** `gate_up_proj`, both maps in one, and `down_proj` under a name. */
export function fusedGatedMlp(
  part: Parts,
  names: string,
  { width, mlpWidth, activation }: MlpSizes,
): FusedGatedMlpSpec {
  return {
    kind: "gated-fused",
    activation,
    gateAndUp: part.linear(`${names}.gate_up_proj`, width, 2 * mlpWidth),
    down: part.linear(`${names}.down_proj`, mlpWidth, width),
  };
}

/** `q_proj`, `k_proj` and `v_proj` under a name. */
export function separateProjections(
  part: Parts,
  names: string,
  width: number,
  { heads, kvHeads, headWidth }: Pick<AttentionSpec, "heads" | "kvHeads" | "headWidth">,
  options?: LinearOptions,
): ProjectionsSpec {
  const projection = (name: string, count: number): LinearSpec =>
    part.linear(`${names}.${name}`, width, count * headWidth, options);
  return {
    kind: "separate",
    query: projection("q_proj", heads),
    key: projection("k_proj", kvHeads),
    value: projection("v_proj", kvHeads),
  };
}
