// Trains a small model on a text, then measures its checkpoints on that text: what it learns, step by step.
import { train, trajectory } from "lossyscope";

const TEXT = "node_modules/lossyscope/docs/guide";
const OUT = "run";

const { last } = await train({
  text: TEXT,
  config: {
    model_type: "llama",
    hidden_size: 32,
    intermediate_size: 64,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    vocab_size: 512,
    max_position_embeddings: 128,
    tie_word_embeddings: true,
  },
  out: OUT,
  context: 64,
  batch: 8,
  steps: 20,
  checkpoints: 3,
});
console.log(`${last.folder}: ${last.heldOutBitsPerByte} bits per byte held out`);

const { steps } = await trajectory(OUT, { text: TEXT, limitBytes: 5_000, plane: null, baselines: false });
for (const { step, bitsPerByte } of steps) console.log(`step ${step}: ${bitsPerByte?.value} bits per byte`);
