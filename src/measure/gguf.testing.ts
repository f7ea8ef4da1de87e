/** The model of `model.testing.ts` as a GGUF file, tokenizer and all. */
import { writeFileSync } from "node:fs";
import { type TypedValue, text, texts, u32, writeGguf } from "../formats/gguf/gguf.testing.ts";
import { type Conversion, converted } from "../models/gguf/convert.testing.ts";
import { BYTE_CHARACTERS, END_OF_TEXT } from "../tokenizer/bytes.ts";

/** One token a byte, and an end of text. */
const TOKENIZER: readonly (readonly [string, TypedValue])[] = [
  ["tokenizer.ggml.model", text("gpt2")],
  ["tokenizer.ggml.pre", text("gpt-2")],
  ["tokenizer.ggml.tokens", texts([...BYTE_CHARACTERS, END_OF_TEXT])],
  ["tokenizer.ggml.token_type", { of: "i32", values: [...BYTE_CHARACTERS.map(() => 1), 3] }],
  ["tokenizer.ggml.merges", texts([])],
  ["tokenizer.ggml.eos_token_id", u32(256)],
];

/** @returns the path of the file, made of a folder that `writeModel` has written */
export async function writeGgufModel(
  path: string,
  folder: string,
  conversion?: Conversion,
  further: readonly (readonly [string, TypedValue])[] = [],
): Promise<string> {
  const { metadata, tensors } = await converted(folder, conversion);
  writeFileSync(path, writeGguf({ metadata: [...metadata, ...TOKENIZER, ...further], tensors }));
  return path;
}
