/**
 * How the text of a byte-level tokenizer is cut before its merges run, by the name that a GGUF file gives it
 * (`tokenizer.ggml.pre`). The file holds no pattern: these are what llama.cpp 0.5 does for each name, which is what the
 * models' own tokenizer.json say as far as its regular expressions go (letters are told by case where published patterns
 * tell them so only among ASCII, marks are no letters unless said). Each pattern cuts what the ones before it left, into
 * its matches and what lies between. A name that is not here is refused.
 */
import { LossyscopeError, shown } from "../../numeric/errors.ts";
import { BYTE_LEVEL_PATTERN } from "../definition.ts";

export interface Pre {
  /** as tokenizer.json writes patterns, applied in turn */
  readonly patterns: readonly string[];
  /** whether a piece that is a token is one, whatever the merges make of it */
  readonly ignoreMerges?: boolean;
  /** whether BOS opens a text where the file does not say */
  readonly addBos?: boolean;
}

const CONTRACTIONS = "'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]";
const SPACES = "\\s+(?!\\S)|\\s+";
const LINES = `\\s*[\\r\\n]+|${SPACES}`;
const SIGNS = " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*";
const WORD = "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+";

/** Words with the character before them, numbers of so many digits, signs, lines. */
const words = (digits: string, word = WORD): string => `${CONTRACTIONS}|${word}|${digits}|${SIGNS}|${LINES}`;

/** Words whose capitals come first, with what is left of a contraction behind them. */
const cased = (letters: string, digits: string, rest = ""): string => {
  const [upper, lower] = ["[^a-z]", "[^A-Z]"].map((not) => `(?:(?=${letters})${not})`);
  const open = "[^\\r\\n\\p{L}\\p{N}]?";
  return `${open}${upper}*${lower}+${rest}|${open}${upper}+${lower}*${rest}|${digits}|${SIGNS_AND_SLASHES}|${LINES}`;
};
const SIGNS_AND_SLASHES = " ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*";
const PERHAPS_CONTRACTED = `(?:${CONTRACTIONS})?`;

const DIGITS = "\\p{N}{1,3}";
/** Groups of three from the right; what no digit is stays with the first group behind it, which is llama.cpp's doing alone. */
const DIGITS_FROM_RIGHT = "\\P{N}*(?:(?<!\\p{N})\\p{N}{1,2}(?=(?:\\p{N}{3})*(?!\\p{N}))|\\p{N}{3})";
/** Letters of scripts that have case, as DeepSeek's first models list them. */
const CASED_LETTERS =
  "A-Za-z\\u00b5\\u00c0-\\u00d6\\u00d8-\\u00f6\\u00f8-\\u01ba\\u01bc-\\u01bf\\u01c4-\\u0293\\u0295-\\u02af" +
  "\\u0370-\\u0373\\u0376\\u0377\\u037b-\\u037d\\u037f\\u0386\\u0388-\\u038a\\u038c\\u038e-\\u03a1" +
  "\\u03a3-\\u03f5\\u03f7-\\u0481\\u048a-\\u052f\\u0531-\\u0556\\u10a0-\\u10c5\\u13a0-\\u13f5" +
  "\\u13f8-\\u13fd\\u1c90-\\u1cba\\u1cbd-\\u1cbf\\u1d00-\\u1d2b\\u1d6b-\\u1d77\\u1d79-\\u1d9a" +
  "\\u1e00-\\u1f15\\u1f18-\\u1f1d\\u1f20-\\u1f45\\u1f48-\\u1f4d\\u1f50-\\u1f57\\u1f59\\u1f5b\\u1f5d" +
  "\\u1f5f-\\u1f7d\\u1f80-\\u1fb4\\u1fb6-\\u1fbc\\u1fbe\\u1fc2-\\u1fc4\\u1fc6-\\u1fcc\\u1fd0-\\u1fd3" +
  "\\u1fd6-\\u1fdb\\u1fe0-\\u1fec\\u1ff2-\\u1ff4\\u1ff6-\\u1ffc\\u2102\\u2107\\u210a-\\u2113\\u2115" +
  "\\u2119-\\u211d\\u2124\\u2126\\u2128\\u212a-\\u212d\\u212f-\\u2134\\u2139\\u213c-\\u213f\\u2145-\\u2149" +
  "\\u214e\\u2183\\u2184\\u2c00-\\u2c7b\\u2c7e-\\u2ce4\\u2ceb-\\u2cee\\u2cf2\\u2cf3\\ua640-\\ua66d" +
  "\\ua680-\\ua69b\\ua722-\\ua76f\\ua771-\\ua787\\ua78b-\\ua78e\\uab70-\\uabbf\\ufb00-\\ufb06" +
  "\\ufb13-\\ufb17\\uff21-\\uff3a\\uff41-\\uff5a\\u{10400}-\\u{1044f}\\u{104b0}-\\u{104d3}" +
  "\\u{104d8}-\\u{104fb}\\u{10c80}-\\u{10cb2}\\u{10cc0}-\\u{10cf2}\\u{118a0}-\\u{118df}" +
  "\\u{1e900}-\\u{1e943}";
/** Most of what is neither cased nor alphabetic, white space apart. */
const EASTERN = "(?:(?!\\s)[\\u4e00-\\u9fa5\\u0800-\\u4e00\\uac00-\\ud7ff])+";
const HAN_AND_KANA = "[\\u4e00-\\u9fa5\\u3040-\\u309f\\u30a0-\\u30ff]+";
/** Words of letters and marks, a sign with the letters behind it, signs. */
const MARKED_WORDS =
  "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+";
/** Han ideographs, by their blocks. */
const HAN =
  "\\u4e00-\\u9fff\\u3400-\\u4dbf\\u{20000}-\\u{2a6df}\\u{2a700}-\\u{2b73f}\\u{2b740}-\\u{2b81f}" +
  "\\u{2b820}-\\u{2ceaf}\\u{2ceb0}-\\u{2ebef}\\uf900-\\ufaff\\u{2f800}-\\u{2fa1f}";
const NOT_SENTENCE = " ?[^(\\s|.,!?\\u2026\\u3002\\uff0c\\u3001\\u0964\\u06d4\\u060c)]+";

const GPT2: Pre = { patterns: [BYTE_LEVEL_PATTERN] };
const SINGLE_DIGITS: Pre = { patterns: ["\\p{N}", BYTE_LEVEL_PATTERN] };
const QWEN2: Pre = { patterns: [words("\\p{N}")] };
const LLAMA3: Pre = { patterns: [words(DIGITS)] };
const DEEPSEEK3: Pre = { patterns: [DIGITS, HAN_AND_KANA, `${MARKED_WORDS}[\\r\\n]*|${LINES}`] };
const GPT4O: Pre = { patterns: [cased("\\p{L}", DIGITS, PERHAPS_CONTRACTED)] };
const ANY_CASE = `[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+${PERHAPS_CONTRACTED}`;

/** What files without a name are cut by. */
const DEFAULT: Pre = {
  patterns: ["[\\p{P}\\$\\+<=>\\^~\\|]+", BYTE_LEVEL_PATTERN, "\\p{N}+", "[0-9][0-9][0-9]"],
};

const BY_NAME: Readonly<Record<string, Pre>> = {
  default: DEFAULT,
  "a.x-4.0 exaone4 gigachat gpt-2 granite-docling jais mellum mpt olmo phi-2 trillion": GPT2,
  "codeshell command-r exaone mellum2 minerva-7b refact smollm starcoder": SINGLE_DIGITS,
  "falcon-h1 falcon3 lfm2 llama-bpe llama-v3 llama3 midm-2.0 pixtral": { ...LLAMA3, ignoreMerges: true, addBos: true },
  "chatglm-bpe dbrx glm4 smaug-bpe": LLAMA3,
  "deepseek-r1-qwen f2llmv2 grok-2 hunyuan kormo megrez qwen2 solar-open stablelm2": QWEN2,
  "deepseek-v3 hunyuan-dense hy_v4 joyai-llm": DEEPSEEK3,
  "gpt-4o kanana2 llama4 minimax-m2 talkie": GPT4O,
  "bloom gpt3-finnish poro-chat": { patterns: [NOT_SENTENCE] },
  "bailingmoe bailingmoe2 llada-moe": {
    patterns: [`'(?:[sSdDmMtT]|[lL][lL]|[vV][eE]|[rR][eE])|${WORD}|\\p{N}|${SIGNS}|\\s*[\\r\\n]|${SPACES}`],
  },
  "cohere2moe tiny_aya": {
    patterns: [DIGITS_FROM_RIGHT, `${ANY_CASE}|${DIGITS}|${SIGNS_AND_SLASHES}|${LINES}`],
  },
  afmoe: {
    patterns: [
      DIGITS_FROM_RIGHT,
      // Where its authors mean U+F900, llama.cpp has the ideograph that it normalises to.
      "[\\u4e00-\\u9fff\\u3400-\\u4dbf\\u8c48-\\ufaff\\u3040-\\u309f\\u30a0-\\u30ff\\uff65-\\uff9f\\u2f00-\\u2fdf" +
        "\\u0e40-\\u0e7f\\u0e80-\\u0eff\\u1780-\\u17ff\\u1000-\\u109f\\uaa60-\\uaa7f\\ua9e0-\\ua9ff" +
        "\\uac00-\\ud7af\\u1100-\\u11ff]+",
      `${MARKED_WORDS}[\\r\\n]*|${LINES}`,
    ],
  },
  chameleon: {
    patterns: [
      "<sentinel:[0-9]+>",
      "(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z",
      "([\\t\\n]|    |  )",
      "\\p{N}",
      "[\\p{P}!-/:-@\\[-`{-~]",
      BYTE_LEVEL_PATTERN,
    ],
    addBos: true,
  },
  "deepseek-coder": { patterns: ["[\\r\\n]", "\\s?\\p{L}+", "\\s?\\p{P}+", EASTERN, "\\p{N}"] },
  "deepseek-llm": {
    patterns: [
      "[\\r\\n]",
      `\\s?[${CASED_LETTERS}]+`,
      "\\s?[!-/:-~\\uff01-\\uff0f\\uff1a-\\uff5e\\u2018-\\u201f\\u3001-\\u3002]+",
      "\\s+$",
      EASTERN,
      "\\p{N}+",
    ],
  },
  "exaone-moe": {
    patterns: [
      `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?(?:\\p{L}\\p{M}*(?: \\p{L}\\p{M}*)*)+|\\p{N}` +
        `| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]?|\\s*[\\r\\n]|${SPACES}`,
    ],
  },
  falcon: { patterns: ["[\\p{P}\\$\\+<=>\\^~\\|`]+", BYTE_LEVEL_PATTERN, "[0-9][0-9][0-9]"] },
  "jais-2": {
    patterns: [
      `${CONTRACTIONS}|${WORD}|${DIGITS}|${SIGNS}|\\s*[\\r\\n]+|` +
        `${[512, 256, 128, 64, 32, 16, 8, 4].map((run) => `\\s{${run}}(?!\\S)`).join("|")}|\\s{1,2}(?!\\S)|\\s{1}`,
    ],
  },
  "kimi-k2": {
    patterns: [
      `[${HAN}]+|[^\\r\\n\\p{L}\\p{N}]?(?:(?![${HAN}])\\p{L})+${PERHAPS_CONTRACTED}|${DIGITS}|${SIGNS}|${LINES}`,
    ],
  },
  laguna: { patterns: ["[^\\n]+|[\\n]+", words("\\p{N}")] },
  minicpm5: { patterns: [DIGITS, words("\\p{N}+")], ignoreMerges: true },
  qwen35: {
    patterns: [
      `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|${LINES}`,
    ],
  },
  "seed-coder": { patterns: [`${CONTRACTIONS}|${WORD}|\\p{N}{1}| ?[^\\s\\p{L}\\p{N}\\r\\n]+|${LINES}`] },
  spark2_5: { patterns: [DIGITS, HAN_AND_KANA, `${MARKED_WORDS}|[\\r\\n]|${SPACES}`, "\\p{N}"] },
  superbpe: { patterns: ["\\p{N}+", "(?=([0-9]{3})+(?![0-9]))"] },
  tekken: { patterns: [cased("\\p{L}", "\\p{N}")], ignoreMerges: true, addBos: true },
  ufakzeka: { patterns: [`${WORD}|\\p{N}|${SIGNS}|${LINES}`] },
  viking: { patterns: [NOT_SENTENCE, "\\p{N}"] },
  youtu: {
    patterns: [
      "[\\uac00-\\ud7a3\\u3131-\\u318e]+|[\\uff01\\u2026\\u201c\\u201d\\u2018\\u2019\\u2014\\uff1a\\uff1b\\uff0c" +
        "\\u3001-\\u303f\\ufe30-\\ufe4f]+|[\\u3105-\\u312f]+|[\\u4e00-\\u9fa5\\u3040-\\u309f\\u30a0-\\u30ff]+",
      `${ANY_CASE}|\\p{N}|${SIGNS_AND_SLASHES}|${LINES}`,
    ],
    ignoreMerges: true,
  },
};

const PRES: ReadonlyMap<string, Pre> = new Map(
  Object.entries(BY_NAME).flatMap(([names, pre]) => names.split(" ").map((name) => [name, pre] as const)),
);

/** All names that are followed. */
export const PRE_NAMES: readonly string[] = [...PRES.keys()].sort();

/**
 * @param name `tokenizer.ggml.pre`; undefined or empty: the file is older than the key
 * @throws LossyscopeError `unsupported` for a name that is not known here
 */
export function preOf(name: string | undefined): Pre {
  const pre = name ? PRES.get(name) : DEFAULT;
  if (pre) return pre;
  throw new LossyscopeError(
    "unsupported",
    `the tokenizer cuts text as ${shown(name)} does (tokenizer.ggml.pre), which is not known here`,
    "measure the model's folder in the Hugging Face layout, with its tokenizer.json",
  );
}
