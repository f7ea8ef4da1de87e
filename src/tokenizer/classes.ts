/**
 * Which of transformers' tokenizer classes a model folder is loaded as, and what a class puts in place of what
 * tokenizer.json says. From version 5 on most classes keep the file's vocabulary and merges and build the rest anew, from
 * tokenizer_config.json and their own defaults; ids are what that gives (METHODS §0). Followed here as of 5.24; a class
 * that is not followed is refused by name. What is loaded as `file` is as its tokenizer.json says.
 */
import { LossyscopeError, shown } from "../numeric/errors.ts";
import { SPACE } from "./definition.ts";

/** A class without rules of its own. */
export const FILE = "TokenizersBackend";

/** Other names of it, without the `Fast` at their end. */
const GENERAL = new Set([FILE, "PreTrainedTokenizer", "PythonBackend"]);

/** tokenizer_config.json */
export type Settings = Readonly<Record<string, unknown>>;

/** What stands in place of tokenizer.json's own, vocabulary and merges apart. */
export interface Rebuilt {
  readonly normalizer: object | null;
  readonly pre_tokenizer: object | null;
  /** of the BPE model */
  readonly model: { readonly fuse_unk: boolean; readonly byte_fallback: boolean; readonly unk_token: string | null };
  /** special tokens where tokenizer_config.json names none, by their key */
  readonly named: Readonly<Record<string, string | null>>;
  /** whether special tokens are added once more at the end: as they are, or without flags of their own */
  readonly again?: "as they are" | "plain";
  /** what is put around a text: as the file says, nothing, or BOS before it */
  readonly around: "file" | "nothing" | "bos";
}

const END_OF_TEXT = "<|endoftext|>";
const GPT2_NAMES = { unk_token: END_OF_TEXT, bos_token: END_OF_TEXT, eos_token: END_OF_TEXT, pad_token: null };
const LLAMA_NAMES = { unk_token: "<unk>", bos_token: "<s>", eos_token: "</s>" };
const QWEN_NAMES = { unk_token: END_OF_TEXT, bos_token: null, eos_token: END_OF_TEXT, pad_token: END_OF_TEXT };
const QWEN_PATTERN =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const QWEN35_PATTERN =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

const NFC = { type: "NFC" };
const byteLevel = (spaced: boolean, pattern = true): object => ({
  type: "ByteLevel",
  add_prefix_space: spaced,
  trim_offsets: true,
  use_regex: pattern,
});
const cutBy = (pattern: object, behavior: string): object => ({ type: "Split", pattern, behavior, invert: false });
const metaspace = (scheme: string): object => ({
  type: "Metaspace",
  replacement: SPACE,
  prepend_scheme: scheme,
  split: false,
});
const inTurn = (...pretokenizers: object[]): object => ({ type: "Sequence", pretokenizers });
const BYTES = { fuse_unk: false, byte_fallback: false, unk_token: null };

const qwen = (settings: Settings, pattern: string): Rebuilt => ({
  normalizer: NFC,
  pre_tokenizer: inTurn(cutBy({ Regex: pattern }, "Isolated"), byteLevel(spaced(settings, false), false)),
  model: BYTES,
  named: QWEN_NAMES,
  around: "file",
});

const gpt2 = (settings: Settings): Rebuilt => ({
  normalizer: null,
  pre_tokenizer: byteLevel(spaced(settings)),
  model: BYTES,
  named: GPT2_NAMES,
  around: "file",
});

const REBUILDS: Readonly<Record<string, (settings: Settings) => Rebuilt>> = {
  GPT2Tokenizer: gpt2,
  CodeGenTokenizer: gpt2,
  GPTNeoXTokenizer: (settings) => ({
    ...gpt2(settings),
    normalizer: NFC,
    named: { ...GPT2_NAMES, pad_token: "<|padding|>" },
    around: "nothing",
  }),
  Qwen2Tokenizer: (settings) => ({ ...qwen(settings, QWEN_PATTERN), again: "plain" }),
  Qwen3_5Tokenizer: (settings) => qwen(settings, QWEN35_PATTERN),
  CohereTokenizer: (settings) => ({
    normalizer: NFC,
    pre_tokenizer: inTurn({ type: "Digits", individual_digits: true }, byteLevel(spaced(settings))),
    model: BYTES,
    named: {
      unk_token: "<UNK>",
      bos_token: "<BOS_TOKEN>",
      eos_token: "<|END_OF_TURN_TOKEN|>",
      pad_token: "<PAD>",
      cls_token: "<CLS>",
      sep_token: "<SEP>",
      mask_token: "<MASK_TOKEN>",
    },
    again: "as they are",
    around: "file",
  }),
  LlamaTokenizer: (settings) => ({
    normalizer: null,
    pre_tokenizer: metaspace(!spaced(settings, true) ? "never" : settings.legacy ? "always" : "first"),
    model: { fuse_unk: true, byte_fallback: true, unk_token: null },
    named: LLAMA_NAMES,
    around: "file",
  }),
  CodeLlamaTokenizer: (settings) => ({
    normalizer: null,
    pre_tokenizer: metaspace(spaced(settings, true) ? "first" : "never"),
    model: { fuse_unk: true, byte_fallback: true, unk_token: contentOf(settings.unk_token) ?? LLAMA_NAMES.unk_token },
    named: {
      ...LLAMA_NAMES,
      prefix_token: "▁<PRE>",
      middle_token: "▁<MID>",
      suffix_token: "▁<SUF>",
      eot_token: "▁<EOT>",
      fill_token: "<FILL_ME>",
    },
    around: "bos",
  }),
  GemmaTokenizer: (settings) => ({
    normalizer: { type: "Replace", pattern: { String: " " }, content: SPACE },
    pre_tokenizer: cutBy({ String: " " }, "MergedWithPrevious"),
    model: { fuse_unk: true, byte_fallback: true, unk_token: contentOf(settings.unk_token) ?? "<unk>" },
    named: { unk_token: "<unk>", bos_token: "<bos>", eos_token: "<eos>", pad_token: "<pad>", mask_token: "<mask>" },
    around: "file",
  }),
};

/** Classes that build something else, which is not followed. */
const OTHERS = new Set(
  `Albert Barthez Bartpho BertGeneration BertJapanese Bert BertTokenizerLegacy Bertweet BigBird BioGpt BlenderbotSmall
  Blenderbot ByT5 CLIP CTRL Camembert Canine Clvp ConvBert CpmAnt Cpm DPRContextEncoder DPRQuestionEncoder DPRReader
  Deberta DebertaV2 Dia DistilBert Esm Esmc FNet FSMT FastSpeech2Conformer Flaubert Funnel GPTNeoXJapanese GPTSw3 Herbert
  Lasr LayoutLMv2 LayoutLMv3 LayoutXLM Luke M2M100 MBart50 MBart MLuke MPNet Marian MarkupLM Mgpstr MyT5 Nllb Nougat
  OpenAIGPT PLBart Pegasus Perceiver Phobert ProphetNet Reformer RemBert RoCBert RoFormer Roberta SeamlessM4T Siglip2
  Siglip Speech2Text SpeechT5 Splinter T5 Tapas Tipsv2 Udop VideoPrism Vits Wav2Vec2CTC Wav2Vec2PhonemeCTC Whisper XGLM
  XLMRoberta XLM XLNet`
    .split(/\s+/)
    .map((name) => (name.endsWith("Legacy") ? name : `${name}Tokenizer`)),
);

/** The class of a model type, where transformers has one for it; for a type it does not list, the files' word stands. */
const OF_MODEL_TYPE = new Map(
  Object.entries({
    [FILE]: `aria flex_olmo glm glm4 glm4_moe glm4_moe_lite glm4v glm4v_moe got_ocr2 gpt_bigcode granite granitemoe granitemoehybrid granitemoeshared internlm2 internlm3 jamba
      kimi_k25 kimi_linear llava llava_next minicpm3 ministral ministral3 minimax_m2 mistral mistral3 mixtral molmo nemotron olmo2
      olmo3 olmo_hybrid mimo_v2_flash persimmon phi3 phi3_v phimoe pixtral stablelm vipllava voxtral arctic ernie4_5
      ernie4_5_moe hyperclovax smolvlm step3_vl`,
    GPT2Tokenizer: "codegen dbrx emu3 gpt2 gpt_neo gptj jais2 opt phi starcoder2",
    GPTNeoXTokenizer: "falcon_mamba gpt_neox mamba mamba2 mpt olmo olmoe rwkv xlstm",
    GemmaTokenizer:
      "gemma gemma2 gemma3 gemma3_text gemma3n gemma3n_text paligemma recurrent_gemma shieldgemma2 t5gemma vaultgemma zaya",
    LlamaTokenizer: "idefics idefics2",
    CodeLlamaTokenizer: "code_llama",
    CohereTokenizer: "cohere cohere2",
    Qwen2Tokenizer: `internvl qwen2 qwen2_5_omni qwen2_5_vl qwen2_audio qwen2_moe qwen2_vl qwen3 qwen3_moe qwen3_next
      qwen3_vl qwen3_vl_moe`,
    Qwen3_5Tokenizer: "qwen3_5 qwen3_5_moe qwen3_5_moe_text qwen3_5_text",
    XGLMTokenizer: "xglm",
    T5Tokenizer: "mt5 t5",
    OpenAIGPTTokenizer: "openai-gpt",
  }).flatMap(([name, types]) => types.split(/\s+/).map((type) => [type, name] as const)),
);

/** Model types whose published tokenizer_config.json names a class that is not theirs. */
const MISNAMED = new Set(["qwen2", "qwen3_5", "qwen3_5_moe", "qwen3_5_moe_text"]);

/**
 * @param byteLevel whether tokenizer.json speaks of ByteLevel
 * @returns the class that transformers loads the folder as, by its name; `FILE` for one without rules of its own
 * @throws LossyscopeError `unsupported` where that is code of the repository's own
 */
export function tokenizerClass(settings: Settings, config: Settings, byteLevel: boolean): string {
  const listed = OF_MODEL_TYPE.get(String(config.model_type));
  const declared = named(settings.tokenizer_class);
  const hub = declared ?? named(config.tokenizer_class);
  const known = (name: string | undefined): name is string => name !== undefined && isKnown(name);
  if (hasOwnCode(settings) && listed !== FILE) {
    if (listed === undefined && !known(declared) && !GENERAL.has(declared ?? "")) {
      throw new LossyscopeError(
        "unsupported",
        "the tokenizer is made by code in the model's repository (auto_map of tokenizer_config.json), which is not run here",
        "save it as tokenizer.json with save_pretrained and take auto_map out of tokenizer_config.json",
      );
    }
  } else if (hub !== undefined) {
    if (hub === "LlamaTokenizer" && byteLevel && !MISNAMED.has(String(config.model_type))) return FILE;
    if (listed !== undefined && listed !== hub) {
      if (listed === FILE) return FILE;
      const name = MISNAMED.has(String(config.model_type)) ? listed : hub;
      return known(name) ? name : FILE;
    }
  }
  const name = declared ?? hub ?? listed;
  return known(name) ? name : FILE;
}

/** @returns what the class builds, or null where it takes the file as it is */
export function rebuiltBy(name: string, settings: Settings): Rebuilt | null {
  if (name === FILE) return null;
  const rebuild = REBUILDS[name];
  if (rebuild) return rebuild(settings);
  throw new LossyscopeError(
    "unsupported",
    `transformers builds ${name} by rules of its own, which are not followed here`,
    "where its tokenizer.json is to be taken as it is, set tokenizer_class to PreTrainedTokenizerFast in tokenizer_config.json",
  );
}

const isKnown = (name: string): boolean => Object.hasOwn(REBUILDS, name) || OTHERS.has(name);

/** @returns the class without what marks the fast one, which is the same class today */
const named = (name: unknown): string | undefined =>
  typeof name === "string" && name !== "" ? name.replace(/Fast$/, "") : undefined;

function hasOwnCode({ auto_map: map }: Settings): boolean {
  if (typeof map !== "object" || map === null) return false;
  return Array.isArray(map) || (map as Settings).AutoTokenizer != null;
}

/** @param absent what null stands for; without it null is refused, as the class does */
function spaced({ add_prefix_space: value }: Settings, absent?: boolean): boolean {
  if (typeof value === "boolean") return value;
  if (value === undefined || (value === null && absent !== undefined)) return absent ?? false;
  throw new LossyscopeError("model", `tokenizer_config.json has add_prefix_space ${shown(value)}`);
}

/** @returns the token's spelling, as a text or as an object writes it */
export function contentOf(token: unknown): string | undefined {
  if (typeof token === "object" && token !== null) token = (token as Settings).content;
  return typeof token === "string" ? token : undefined;
}
