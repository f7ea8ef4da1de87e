/**
 * A spec whose tensors are as GGUF keeps them. What the model computes is the same: only where a tensor holds the same
 * numbers in another order, or one more, does the spec say otherwise how it is read.
 */
import { LossyscopeError } from "../../numeric/errors.ts";
import type { AttentionSpec, DecoderSpec, LinearSpec, NormSpec, RotarySpec } from "../spec.ts";

export interface StoredOtherwise {
  /** whether the dimensions that turn together are neighbours */
  readonly neighbours: boolean;
  /** of the rotation's frequencies, one a pair */
  readonly divisors: readonly number[] | undefined;
}

/**
 * @throws LossyscopeError `model` where the divisors are not as many as pairs turn, or the rotation is stretched
 *   already
 */
export function asStored(spec: DecoderSpec, otherwise: StoredOtherwise): DecoderSpec {
  const turned = mapped(spec) as DecoderSpec;
  return {
    ...turned,
    blocks: turned.blocks.map((block) => ({ ...block, attention: attentionOf(block.attention, otherwise) })),
  };
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isNorm = (value: Readonly<Record<string, unknown>>): boolean => "scalePlusOne" in value && "epsilon" in value;
const isLinear = (value: Readonly<Record<string, unknown>>): boolean => "layout" in value && "weight" in value;

/** Every norm and linear map of a spec, wherever it stands. One tensor in two places stays one object. */
function mapped(value: unknown, made = new Map<unknown, unknown>()): unknown {
  const known = made.get(value);
  if (known !== undefined) return known;
  const result = Array.isArray(value)
    ? value.map((entry) => mapped(entry, made))
    : isObject(value)
      ? changed(Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, mapped(entry, made)])))
      : value;
  if (typeof value === "object" && value !== null) made.set(value, result);
  return result;
}

function changed(value: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  if (isNorm(value)) return { ...value, scalePlusOne: false } satisfies Partial<NormSpec>;
  if (!isLinear(value) || value.layout !== "in-out") return value;
  const { weight } = value as unknown as LinearSpec;
  return { ...value, layout: "out-in", weight: { ...weight, shape: weight.shape.toReversed() } };
}

function attentionOf(attention: AttentionSpec, { neighbours, divisors }: StoredOtherwise): AttentionSpec {
  const { projections, rotary } = attention;
  return {
    ...attention,
    projections: projections.kind === "fused" ? { ...projections, layout: "concatenated" } : projections,
    ...(rotary && { rotary: rotaryOf(rotary, neighbours, divisors) }),
  };
}

function rotaryOf(rotary: RotarySpec, neighbours: boolean, divisors: readonly number[] | undefined): RotarySpec {
  const pairs = neighbours ? "neighbours" : rotary.pairs;
  if (!divisors) return { ...rotary, pairs };
  if (rotary.scaling || divisors.length !== rotary.width / 2)
    throw new LossyscopeError(
      "model",
      `rope_freqs.weight has ${divisors.length} divisors for ${rotary.width / 2} pairs that turn` +
        (rotary.scaling ? `, which ${rotary.scaling.kind} stretches already` : ""),
      "convert the model again",
    );
  return { ...rotary, pairs, scaling: { kind: "divided", divisors } };
}
