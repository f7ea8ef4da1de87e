/** A model that was never trained and yet makes text smaller: whatever it reads, it expects lower-case letters and spaces. */
import { CONFIG, type ModelChoice, writeModel } from "../measure/model.testing.ts";

const EXPECTED = new Set(Buffer.from("abcdefghijklmnopqrstuvwxyz ."));

/** One dimension of the state is large wherever it is; the output weights read it for what is expected. */
const expectLetters = (width: number) => (name: string, values: Float32Array) => {
  for (let id = 0; id < CONFIG.vocab_size; id++) {
    if (name === "model.embed_tokens.weight") values[id * width] = 5;
    if (name === "lm_head.weight") values[id * width] = EXPECTED.has(id) ? 2 : 0;
  }
};

/** As `writeModel`. */
export const writeLetterModel = (folder: string, choice: Omit<ModelChoice, "change"> = {}): Promise<string> =>
  writeModel(folder, { ...choice, change: expectLetters(Number(choice.config?.hidden_size ?? CONFIG.hidden_size)) });
