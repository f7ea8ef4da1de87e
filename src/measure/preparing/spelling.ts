/** How tokens are spelt for people. */
import { isUtf8 } from "node:buffer";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";

/** The text of a token; bytes that are no text by themselves in hexadecimal. */
export function spelling(tokenizer: Pick<Tokenizer, "bytesOf" | "contentOf">): (token: number) => string {
  return (token) => {
    const bytes = Buffer.from(tokenizer.bytesOf(token));
    if (bytes.length === 0) return tokenizer.contentOf(token) ?? `#${token}`;
    return isUtf8(bytes) ? bytes.toString("utf8") : `<${bytes.toString("hex").toUpperCase()}>`;
  };
}
