/**
 * Rotary positions: from the config's keys (older and newer) to a `RotarySpec`, and from that to the angles' frequencies,
 * f_i = base^(−2i/width) stretched as `scaling` says (Su et al. 2021; Peng et al. 2023 for YaRN; Llama 3.1's bands).
 * Everything is computed in float64 and rounded to float32 once, in the tables that the decoder embeds.
 */
import { LossyscopeError, unreachable } from "../numeric/errors.ts";
import { Config } from "./config-keys.ts";
import type { DecoderSpec, RotaryScaling, RotarySpec } from "./spec.ts";

export interface RotaryOptions {
  readonly headWidth: number;
  readonly layerType?: string;
  readonly base?: number;
  readonly baseKeys?: readonly string[];
  readonly fraction?: number;
  readonly fractionKeys?: readonly string[];
  readonly scalingKeys?: readonly string[];
  readonly pairs?: RotarySpec["pairs"];
  /** types of scaling that the architecture has; absent: all but sections */
  readonly scalings?: readonly string[];
  /** whether sections of the head may turn by time, height and width (Qwen VL): one and the same in a text */
  readonly sections?: boolean;
  /** types of scaling that are LongRoPE under an older name (Phi 3) */
  readonly longropeNames?: readonly string[];
  /** positions of the model, where the config does not say */
  readonly positions: number;
  /** positions before its context was stretched, where the config does not say; absent: `positions` */
  readonly originalPositions?: number;
}

/**
 * Reads the rotary keys of a config as transformers 5 does: `rope_scaling`, where it says anything, stands for all of
 * `rope_parameters`; the base inside goes before the one outside (`rope_theta`).
 * @param options.headWidth h
 * @param options.layerType where `rope_parameters` has one object per layer type: which (`sliding_attention`); what the
 * older scaling object says is then added to it
 * @param options.base default of the base, and the keys it may stand under
 * @param options.fraction default share of the head that rotates, and the keys it may stand under; absent: the architecture
 * has no such share, and a key for it means nothing
 * @param options.scalingKeys keys of the older scaling object; empty where this layer's type is never scaled
 * @throws LossyscopeError `unsupported` naming a scaling that the decoder does not do
 */
export function rotaryOf(config: Config, options: RotaryOptions): RotarySpec {
  const parameters = parametersOf(config, options);
  const base =
    parameters?.optional("rope_theta", null) ??
    config.number(options.baseKeys ?? ["rope_theta"], options.base ?? 10000);
  const fractionKeys = options.fractionKeys ?? [FRACTION];
  const fraction =
    options.fraction === undefined
      ? 1
      : (parameters?.optional(FRACTION, null) ?? config.number(fractionKeys, options.fraction));
  const width = Math.trunc(options.headWidth * fraction);
  if (width < 2 || width % 2 !== 0 || width > options.headWidth)
    throw new LossyscopeError("model", `${width} of ${options.headWidth} head dimensions cannot rotate in pairs`);
  const scaling = parameters && scalingOf(parameters, config, width, options);
  // What such a key means beside a scaling, no two programs agree on: transformers' own run ends in an error.
  if (scaling && options.fraction === undefined) for (const keys of [parameters, config]) keys.only(FRACTION, 1);
  return { width, base, pairs: options.pairs ?? "halves", ...(scaling && { scaling }) };
}

/** The type of scaling that rotary parameters name; where two names of it disagree, `rope_type` counts. */
export const scalingType = (parameters: Config): string =>
  parameters.text(parameters.raw("rope_type") == null ? "type" : "rope_type", "default");

const FRACTION = "partial_rotary_factor";
const LAYER_TYPES = ["full_attention", "sliding_attention"];

/** The one object whose rotary parameters count; undefined where there is none. */
export function parametersOf(
  config: Config,
  { layerType, scalingKeys }: Pick<RotaryOptions, "layerType" | "scalingKeys"> = {},
): Config | undefined {
  const written = config.section("rope_parameters");
  const older = config.section(scalingKeys ?? ["rope_scaling"]);
  const scaling = older && Object.keys(older.values).length > 0 ? older : undefined;
  const nested = LAYER_TYPES.some((type) => written?.section(type));
  if (layerType === undefined) {
    if (!scaling && nested) throw config.unsupported("rope_parameters", written?.values, "one object for all layers");
    return scaling ?? written;
  }
  if (written && Object.keys(written.values).length > 0 && !nested)
    throw config.unsupported("rope_parameters", written.values, `one object each for ${LAYER_TYPES.join(" and ")}`);
  const own = written?.section(layerType);
  // Here transformers 5 passes over the older name of the type, which 4 went by.
  if (scaling && scaling.raw("rope_type") == null && scaling.text("type", "default") !== "default")
    throw config.unsupported("rope_scaling", scaling.values, "its type under the name rope_type");
  return scaling ? new Config({ ...own?.values, ...scaling.values }) : own;
}

function scalingOf(
  parameters: Config,
  config: Config,
  width: number,
  options: RotaryOptions,
): RotaryScaling | undefined {
  const keys = ["rope_type", "type"];
  const named = scalingType(parameters);
  const isPlain = named === "mrope" && options.sections;
  const kind = isPlain ? "default" : options.longropeNames?.includes(named) ? "longrope" : named;
  const positions = (): number => config.count("max_position_embeddings", options.positions);
  // Positions that the model was trained on before its context was stretched.
  const originalPositions = (): number =>
    (options.layerType === undefined
      ? config.optional("original_max_position_embeddings", options.originalPositions ?? null)
      : null) ?? parameters.count("original_max_position_embeddings", positions());
  if (options.scalings && ![...options.scalings, "default"].includes(kind))
    throw parameters.unsupported(keys, named, options.scalings.join(", "));
  switch (kind) {
    case "default":
    // Within `max_position_embeddings`, which is as far as a graph goes, dynamic scaling changes nothing.
    case "dynamic":
      return undefined;
    case "linear":
      return { kind, factor: parameters.number("factor") };
    case "llama3":
      return {
        kind,
        factor: parameters.number("factor"),
        lowFrequencyFactor: parameters.number("low_freq_factor"),
        highFrequencyFactor: parameters.number("high_freq_factor"),
        originalPositions: originalPositions(),
      };
    case "yarn": {
      const original = originalPositions();
      const factor = parameters.optional("factor", null) ?? positions() / original;
      const magnitude = (scale: number): number => (factor <= 1 ? 1 : 0.1 * scale * Math.log(factor) + 1);
      const [scale, scaleAll] = [parameters.optional("mscale", null), parameters.optional("mscale_all_dim", null)];
      return {
        kind,
        factor,
        originalPositions: original,
        betaFast: parameters.optional("beta_fast", null) ?? 32,
        betaSlow: parameters.optional("beta_slow", null) ?? 1,
        truncate: parameters.flag("truncate", true),
        attentionFactor:
          parameters.optional("attention_factor", null) ??
          (scale && scaleAll ? magnitude(scale) / magnitude(scaleAll) : magnitude(1)),
      };
    }
    case "longrope": {
      const original = originalPositions();
      const factor = parameters.optional("factor", null) ?? positions() / original;
      const divisors = (key: string): readonly number[] => parameters.numbers(key, width / 2);
      return {
        kind,
        short: divisors("short_factor"),
        long: divisors("long_factor"),
        originalPositions: original,
        attentionFactor:
          parameters.optional("attention_factor", null) ??
          (factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(original))),
      };
    }
    default:
      throw parameters.unsupported(
        keys,
        kind,
        "default, dynamic (within the original context), linear, llama3, longrope, yarn",
      );
  }
}

/**
 * Lengths above which a window turns by other angles, from its first position on (LongRoPE): a shorter window padded to a
 * longer one would be read as if it were long.
 */
export function lengthSteps({ blocks }: DecoderSpec): readonly number[] {
  const scalings = blocks.map(({ attention }) => attention.rotary?.scaling);
  return [...new Set(scalings.flatMap((scaling) => (scaling?.kind === "longrope" ? [scaling.originalPositions] : [])))];
}

/** Angle per position of each of the width/2 pairs in a window of so many positions, float64. */
export function frequencies(rotary: RotarySpec, window: number): Float64Array {
  const { width, base, scaling } = rotary;
  const plain = Float64Array.from({ length: width / 2 }, (_, pair) => base ** ((-2 * pair) / width));
  if (!scaling) return plain;
  switch (scaling.kind) {
    case "divided":
      return plain.map((frequency, pair) => frequency / scaling.divisors[pair]);
    case "linear":
      return plain.map((frequency) => frequency / scaling.factor);
    case "llama3": {
      const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalPositions } = scaling;
      return plain.map((frequency) => {
        const turns = (originalPositions * frequency) / (2 * Math.PI);
        if (turns > high) return frequency;
        if (turns < low) return frequency / factor;
        const kept = (turns - low) / (high - low);
        return ((1 - kept) * frequency) / factor + kept * frequency;
      });
    }
    case "yarn": {
      const { factor, originalPositions, betaFast, betaSlow, truncate } = scaling;
      // The pair that makes `turns` turns over the original context.
      const corner = (turns: number): number =>
        (width * Math.log(originalPositions / (turns * 2 * Math.PI))) / (2 * Math.log(base));
      const [first, last] = truncate
        ? [Math.floor(corner(betaFast)), Math.ceil(corner(betaSlow))]
        : [corner(betaFast), corner(betaSlow)];
      const low = Math.max(first, 0);
      const high = Math.min(last, width - 1);
      const span = high === low ? 0.001 : high - low;
      return plain.map((frequency, pair) => {
        const stretched = Math.min(Math.max((pair - low) / span, 0), 1);
        return (frequency / factor) * stretched + frequency * (1 - stretched);
      });
    }
    case "longrope": {
      const divisors = window > scaling.originalPositions ? scaling.long : scaling.short;
      return plain.map((frequency, pair) => frequency / divisors[pair]);
    }
    default:
      return unreachable(scaling);
  }
}

/** What cos and sin are multiplied by (YaRN, LongRoPE). */
export function attentionFactor({ scaling }: RotarySpec): number {
  return scaling?.kind === "yarn" || scaling?.kind === "longrope" ? scaling.attentionFactor : 1;
}

/** cos and sin of every angle in a window of so many positions, [positions, width/2] each, times the attention factor. */
export function rotaryTables(
  rotary: RotarySpec,
  positions: number,
  window: number,
): { cos: Float32Array; sin: Float32Array } {
  const turn = frequencies(rotary, window);
  const factor = attentionFactor(rotary);
  const cos = new Float32Array(positions * turn.length);
  const sin = new Float32Array(positions * turn.length);
  for (let position = 0; position < positions; position++) {
    for (let pair = 0; pair < turn.length; pair++) {
      cos[position * turn.length + pair] = factor * Math.cos(position * turn[pair]);
      sin[position * turn.length + pair] = factor * Math.sin(position * turn[pair]);
    }
  }
  return { cos, sin };
}
