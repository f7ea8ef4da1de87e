/**
 * What a config says of how its weights are quantised, and which of that is read: methods by their name in
 * `quant_method`, formats and settings by theirs. What is not read is refused by its name before a tensor is looked at.
 */
import { LossyscopeError, shown } from "../../numeric/errors.ts";

type Values = Readonly<Record<string, unknown>>;

export interface Quantisation {
  /** of the config: MLX writes `quantization`, compressed-tensors wrote `compression_config` before transformers had a name */
  readonly key: string;
  /** its `quant_method` */
  readonly method: string;
  readonly settings: Values;
}

const KEYS = ["quantization_config", "compression_config", "quantization"] as const;

export const isObject = (value: unknown): value is Values =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** @throws LossyscopeError `model` where what should be settings is none */
export function quantisationOf(config: Values): Quantisation | null {
  for (const key of KEYS) {
    const settings = config[key];
    if (settings === undefined || settings === null) continue;
    if (!isObject(settings))
      throw new LossyscopeError("model", `config.json sets ${key} to ${shown(settings)}; expected an object`);
    const method = settings.quant_method;
    return { key, method: typeof method === "string" ? method : "unknown", settings };
  }
  return null;
}

/** Formats of compressed-tensors, by what the config calls them. */
const COMPRESSED = ["float-quantized", "int-quantized", "naive-quantized", "nvfp4-pack-quantized", "pack-quantized"];

/** What is read, by method, and of which settings each is refused: `key value`, or null. */
const READ: ReadonlyMap<string, (settings: Values) => string | null> = new Map([
  ["awq", ({ version, format }) => otherThan("version", lower(version ?? format), [undefined, "gemm"])],
  ["bitsandbytes", () => null],
  ["compressed-tensors", unreadCompression],
  ["fbgemm_fp8", () => null],
  ["fp8", ({ expert_dtype }) => otherThan("expert_dtype", expert_dtype, [undefined, null, "fp8"])],
  ["gptq", unreadGptq],
  ["modelopt", ({ quant_algo }) => otherThan("quant_algo", quant_algo, ["FP8"])],
  ["mxfp4", () => null],
]);

const otherThan = (key: string, value: unknown, read: readonly unknown[]): string | null =>
  read.includes(value) ? null : `${key} ${shown(value)}`;

const lower = (value: unknown): unknown => (typeof value === "string" ? value.toLowerCase() : (value ?? undefined));

function unreadGptq({ checkpoint_format, format, dynamic, is_marlin_format }: Values): string | null {
  // Settings of single modules, by patterns of their names.
  if (isObject(dynamic) && Object.keys(dynamic).length > 0) return "dynamic";
  if (is_marlin_format === true) return "is_marlin_format";
  return otherThan("checkpoint_format", checkpoint_format ?? format ?? undefined, [undefined, "gptq", "gptq_v2"]);
}

/** Groups of `config_groups`. */
export const groupsOf = (settings: Values): readonly Values[] =>
  isObject(settings.config_groups) ? Object.values(settings.config_groups).filter(isObject) : [];

function unreadCompression(settings: Values): string | null {
  // Rotations that the runtime undoes, and matrices that are stored sparse.
  for (const key of ["transform_config", "sparsity_config"]) {
    const value = settings[key];
    if (value === undefined || value === null) continue;
    if (isObject(value) && (Object.keys(value).length === 0 || value.format === "dense")) continue;
    return key;
  }
  const groups = groupsOf(settings).flatMap(({ format }) => (format === undefined || format === null ? [] : [format]));
  const whole = settings.format === "mixed-precision" ? [] : [settings.format];
  for (const format of [...whole, ...groups]) {
    const unread = otherThan("format", format, COMPRESSED);
    if (unread) return unread;
  }
  return null;
}

/**
 * @throws LossyscopeError `unsupported` for weights that are quantised otherwise than is read, by name; `model` for
 *   settings that are none
 */
export function refuseUnread(config: Values): void {
  const quantisation = quantisationOf(config);
  if (!quantisation) return;
  const { key, method, settings } = quantisation;
  const read = READ.get(method);
  const unread = read ? read(settings) : null;
  if (read && unread === null) return;
  throw new LossyscopeError(
    "unsupported",
    `the weights are quantised (${key}: ${method}${unread ? `, ${unread}` : ""})`,
    `use the checkpoint in F32, F16 or BF16; of quantised ones, ${[...READ.keys()].join(", ")} are read`,
  );
}

/** @throws LossyscopeError `unsupported` for a config of quantised weights, where only others will do */
export function refuseQuantised(config: Values): void {
  const quantisation = quantisationOf(config);
  if (!quantisation) return;
  throw new LossyscopeError(
    "unsupported",
    `the config is of quantised weights (${quantisation.key}: ${quantisation.method})`,
    `leave ${quantisation.key} out of it`,
  );
}
