/**
 * The text model in what a folder holds. Published files wrap it in ways of their own: the config of a model that also sees
 * or hears nests it (`text_config`), its tensors then carry a prefix (`language_model.model.`, `model.text_model.`) and lie
 * beside towers that no text goes through; compilers and trainers leave prefixes behind (`_orig_mod.`, `module.`). Here all
 * of that becomes the config and the names of the model alone, as transformers 5 reads them, and a note of what was left
 * aside. What the config means is left to `architectures/`.
 */
import type { Dtype } from "../formats/tensor-types.ts";
import { count, counted, sizeText } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { isTied } from "./ledger.ts";
import { quantisationOf } from "./quantised/methods.ts";
import { renamed, type TensorSource } from "./sources/tensor-source.ts";
import { isBuffer } from "./weights.ts";
import { WRAPPERS } from "./wrappers.ts";

type Values = Readonly<Record<string, unknown>>;

export interface TextModel {
  readonly config: Values;
  readonly weights: TensorSource;
  /** what no text goes through */
  readonly aside: readonly Aside[];
  /** what was left aside or is otherwise than it looks, each in one clause */
  readonly notes: readonly string[];
  /** tensors that are there under two of the folder's names, of which the first is kept: they have to be equal */
  readonly twins: readonly (readonly [kept: string, other: string])[];
}

/** A tower, or what joins it to the text model. */
export interface Aside {
  readonly name: string;
  readonly tensors: number;
  readonly parameters: number;
  readonly bytes: number;
}

/** Keys that a config nests its text model's under. */
export const NESTED = ["text_config", "llm_config", "language_config"];

/** Wrappers that keep the text model's keys among their own. */
const FLAT: Readonly<Record<string, string>> = {
  llava: "llama",
  llava_llama: "llama",
  llava_mistral: "mistral",
  llava_qwen: "qwen2",
  qwen2_5_vl: "qwen2_5_vl_text",
  qwen2_vl: "qwen2_vl_text",
};

/** Wrappers that use their text model otherwise than it is by itself: they keep their own name, and are refused by it. */
const OTHERWISE = new Set(["aya_vision", "paligemma"]);

/** Keys of the wrapper that are the text model's business where it does not have them. */
const SHARED = [
  "bos_token_id",
  "eos_token_id",
  "quantization_config",
  "compression_config",
  "quantization",
  "tokenizer_class",
  "transformers_version",
  "dtype",
  "torch_dtype",
];

const object = (value: unknown): Values | undefined =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Values) : undefined;

/** The text model's config and what it is wrapped in (its model_type), or null where it is all there is. */
function unwrapped(config: Values): { readonly inner: Values; readonly wrapper: string | null } {
  const outer = String(config.model_type);
  const key = NESTED.find((name) => object(config[name]));
  const nested = key && object(config[key]);
  if (OTHERWISE.has(outer)) return { inner: config, wrapper: null };
  if (!nested) {
    const flat = Object.hasOwn(FLAT, outer) ? FLAT[outer] : undefined;
    return flat === undefined
      ? { inner: config, wrapper: null }
      : { inner: { ...config, model_type: flat }, wrapper: outer };
  }
  const { text = `${outer}_text`, defaults } = WRAPPERS.get(outer) ?? {};
  const type = String(nested.model_type ?? text);
  // A nested `qwen2_vl` names its wrapper.
  const modelType = Object.hasOwn(FLAT, type) ? FLAT[type] : type;
  const shared = Object.fromEntries(SHARED.filter((name) => name in config).map((name) => [name, config[name]]));
  return { inner: { ...defaults, ...shared, ...nested, model_type: modelType }, wrapper: outer };
}

/** Left by torch.compile, sharding and checkpointing, wherever in a name. */
const LEFT_INSIDE = /(^|\.)(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\./;
/** Left by data parallelism and adapters that were merged, in front. */
const LEFT_IN_FRONT = /^(?:module|base_model\.model)\./;
const ADAPTER = /(?:^|\.)(?:lora_(?:A|B|embedding_A|embedding_B|magnitude_vector)|base_layer|modules_to_save)(?:\.|$)/;

function withoutLeftovers(name: string): string {
  for (let now = name; ; ) {
    const next = now.replace(LEFT_INSIDE, "$1").replace(LEFT_IN_FRONT, "");
    if (next === now) return now;
    now = next;
  }
}

/** Without the `model.` that a trainer's own module puts before everything, the head included. */
function withoutWrapping(names: readonly (readonly [name: string, as: string])[]): (readonly [string, string])[] {
  const isWrapped =
    names.every(([name]) => name.startsWith("model.")) &&
    names.some(([name]) => /^model\.(?:model|transformer|gpt_neox|lm_head|embed_out)\./.test(name));
  return names.map(([name, as]) => [isWrapped ? name.slice("model.".length) : name, as]);
}

/** Prefixes of a wrapped text model, longest first, and what it calls the same by itself. */
const LANGUAGE: readonly (readonly [prefix: string, own: string])[] = [
  ["model.language_model.lm_head.", "lm_head."],
  ["model.language_model.model.", "model."],
  ["language_model.lm_head.", "lm_head."],
  ["language_model.model.", "model."],
  ["language_model.transformer.", "transformer."],
  ["model.language_model.", "model."],
  ["model.text_model.lm_head.", "lm_head."],
  ["model.text_model.model.", "model."],
  ["model.text_model.", "model."],
  ["text_model.lm_head.", "lm_head."],
  ["text_model.model.", "model."],
  ["llm.lm_head.", "lm_head."],
  ["llm.model.", "model."],
  ["language_model.", "model."],
  ["text_model.", "model."],
];

/** Towers and what joins them to the text model. */
const FOREIGN =
  /^(?:model\.)?(?:visual\w*|vision\w*|vit|image\w*|img\w*|video\w*|audio\w*|speech\w*|multi_modal\w*|mm_\w*|modality\w*|connector|qformer|query_tokens|projector|resampler|perceiver\w*|embed_(?:vision|audio)|mlp1|aligner|talker|token2wav|code2wav)(?:\.|$)/;

/** Names that a text model has for its own, with and without its prefix. */
const TEXT =
  /^(?:model\.|transformer\.|gpt_neox\.)?(?:decoder\.)?(?:layers|h|embed_\w+|norm|final_\w+|lm_head|embed_out|output|wte|wpe|ln_f|word_embeddings|project_(?:in|out))\./;

/** The tower that a name belongs to: its first word that is not `model`. */
const towerOf = (name: string): string => name.replace(/^model\./, "").split(".")[0];

const ownName = (name: string): string => {
  const found = LANGUAGE.find(([prefix]) => name.startsWith(prefix));
  return found ? found[1] + name.slice(found[0].length) : name;
};

/** The bare decoder's names and those with its prefix are of the same tensors. */
const BARE = /^(?:model|transformer|gpt_neox|model\.decoder)\./;

/**
 * @param config as `config.json` has it
 * @param stored all tensors of the folder, by their names
 * @throws LossyscopeError `unsupported` for adapters that are not merged
 */
export function textModel(config: Values, stored: TensorSource): TextModel {
  const { inner, wrapper } = unwrapped(config);
  const all = [...stored.names()];
  const adapter = all.find((name) => ADAPTER.test(name));
  if (adapter !== undefined) {
    throw new LossyscopeError(
      "unsupported",
      `the checkpoint holds an adapter beside its weights (${adapter})`,
      "merge it (merge_and_unload) and save the model again",
    );
  }
  const clean = withoutWrapping(all.map((name) => [withoutLeftovers(name), name]));
  const isPrefixed = clean.some(([name]) => ownName(name) !== name);
  const isWrapped = wrapper !== null || isPrefixed;
  // Where the text model has a prefix of its own, what has none and is called otherwise than its parts is no part of it.
  const isForeign = (name: string): boolean => FOREIGN.test(name) || (isPrefixed && !TEXT.test(name));
  /** what the folder calls each, by the text model's own name */
  const given = new Map<string, string>();
  const twins: [string, string][] = [];
  const aside = new Map<string, Aside>();
  for (const [name, as] of clean) {
    const tensor = stored.locate(as)!;
    const own = isWrapped ? ownName(name) : name;
    if (isWrapped && own === name && isForeign(name)) {
      const tower = aside.get(towerOf(name)) ?? { name: towerOf(name), tensors: 0, parameters: 0, bytes: 0 };
      const parameters = isBuffer(name, tensor) ? 0 : tensor.shape.reduce((product, size) => product * size, 1);
      aside.set(tower.name, {
        name: tower.name,
        tensors: tower.tensors + 1,
        parameters: tower.parameters + parameters,
        bytes: tower.bytes + tensor.bytes,
      });
      continue;
    }
    const other = given.get(own);
    if (other === undefined) given.set(own, as);
    else twins.push([other, as]);
  }

  for (const [name, as] of [...given]) {
    const bare = name.replace(BARE, "");
    const twin = bare === name ? undefined : given.get(bare);
    if (twin === undefined) continue;
    twins.push([as, twin]);
    given.delete(bare);
  }

  const weights = renamed(stored, given);
  const notes = [
    ...(wrapper === null ? [] : [`the text model of ${wrapper}`]),
    ...[...aside.values()].map(
      (tower) =>
        `left aside: ${tower.name}, ${count(tower.parameters)} parameters in ${sizeText(tower.bytes)} that no text goes through`,
    ),
    ...(twins.length > 0 ? [`stored twice, with and without a prefix: ${counted(twins.length, "tensor")}`] : []),
    ...otherType(inner, weights),
  ];
  return {
    config:
      wrapper === null ? inner : { ...inner, tie_word_embeddings: tied(config, inner, weights), [WRAPPED_IN]: wrapper },
    weights,
    aside: [...aside.values()],
    notes,
    twins,
  };
}

/** Output matrices, by the names that decoders give them. */
export const HEAD = /^(?:lm_head|embed_out|output)\.weight$/;

/** What a config calls the types that weights are stored in. */
const TYPES: ReadonlyMap<unknown, Dtype> = new Map([
  ["float16", "F16"],
  ["bfloat16", "BF16"],
  ["float32", "F32"],
  ["float64", "F64"],
]);

/** Said where no weight is of the type that the config names: transformers 5 would round them to it as it loads them. */
function otherType(config: Values, weights: TensorSource): string[] {
  const named = config.dtype ?? config.torch_dtype;
  const type = TYPES.get(named);
  const stored = new Set<Dtype>();
  for (const name of weights.names()) {
    const tensor = weights.locate(name)!;
    if (!isBuffer(name, tensor)) stored.add(tensor.dtype);
  }
  if (type === undefined || stored.size === 0 || stored.has(type)) return [];
  if (quantisationOf(config)) return [];
  return [`stored as ${[...stored].join(", ")} and read so, though config.json says ${named}`];
}

/** Key of a nested config, once it stands alone, for the model_type of what it was nested in. */
export const WRAPPED_IN = "_wrapped_in";

/**
 * A wrapper decides whether its head is the text model's table, some of them by what the nested config says or means. One that
 * does not say ties them where its text model says so and no head is stored, else as its class does, and where that is not
 * known, unless a head is stored.
 */
function tied(outer: Values, inner: Values, weights: TensorSource): boolean {
  const flag = (value: unknown): boolean | undefined => (typeof value === "boolean" ? value : undefined);
  const wrapper = WRAPPERS.get(String(outer.model_type));
  const said = flag(outer.tie_word_embeddings);
  if (said !== true && wrapper?.hears && isTied(inner)) return true;
  if (said !== undefined) return said;
  const nested = flag(inner.tie_word_embeddings);
  const isStored = [...weights.names()].some((name) => HEAD.test(name));
  if (nested === true && !isStored) return true;
  return wrapper ? (wrapper.tied ?? isTied(inner)) : (nested ?? !isStored);
}
