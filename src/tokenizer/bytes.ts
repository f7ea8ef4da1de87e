/**
 * Bytes as byte-level BPE writes them: every byte is one printable character (GPT-2's map: printable Latin-1 stands for
 * itself, the other 68 bytes are U+0100 onwards), and sentencepiece's `<0xHH>` for a byte that no piece covers. Also the
 * smallest tokenizer there is, one token a byte, for models that have no vocabulary of their own.
 */

/** byte → its character, in order of the byte */
export const BYTE_CHARACTERS: readonly string[] = (() => {
  const printable = (byte: number) =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : next++));
})();

const BYTE_OF_CHARACTER = new Map(BYTE_CHARACTERS.map((character, byte) => [character, byte]));

/** @returns the UTF-8 bytes of the text, one character a byte */
export function writeBytes(text: string): string {
  let written = "";
  for (const byte of Buffer.from(text)) written += BYTE_CHARACTERS[byte];
  return written;
}

/** @returns the bytes that a byte-level token stands for, or undefined where it holds another character */
export function readBytes(token: string): Uint8Array | undefined {
  const bytes = new Uint8Array(token.length);
  for (let i = 0; i < token.length; i++) {
    const byte = BYTE_OF_CHARACTER.get(token[i]);
    if (byte === undefined) return undefined;
    bytes[i] = byte;
  }
  return bytes;
}

/** sentencepiece's name of a byte: `<0x0A>` */
export const byteToken = (byte: number): string => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;

/** The only special token of the tokenizers that are made here. */
export const END_OF_TEXT = "<|endoftext|>";

/** @returns a tokenizer.json whose token i is byte i, with no merges, and an end-of-text token (id 256) after them */
export const byteLevelTokenizerJson = (): Readonly<Record<string, unknown>> =>
  bpeTokenizerJson(new Map([...BYTE_CHARACTERS, END_OF_TEXT].map((token, id) => [token, id])), []);

/**
 * @param ids of the tokens as byte-level BPE writes them, and of the end-of-text token
 * @param merges `left right`, first come first merged
 */
export function bpeTokenizerJson(
  ids: ReadonlyMap<string, number>,
  merges: readonly string[],
): Readonly<Record<string, unknown>> {
  const end = { id: ids.get(END_OF_TEXT), content: END_OF_TEXT, special: true };
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [{ ...end, single_word: false, lstrip: false, rstrip: false, normalized: false }],
    normalizer: null,
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: false, use_regex: true },
    post_processor: null,
    decoder: { type: "ByteLevel", add_prefix_space: false, trim_offsets: false, use_regex: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(ids),
      merges,
    },
  };
}

/** @returns the tokenizer_config.json that goes with `byteLevelTokenizerJson` */
export function byteLevelTokenizerConfig(): object {
  return { tokenizer_class: "PreTrainedTokenizerFast", eos_token: END_OF_TEXT, add_prefix_space: false };
}
