/**
 * Architectures that people have and the decoder does not do: what each is, and what it would need. Any of them is refused
 * with that, instead of as unknown. `lossyscope inspect` counts their parameters all the same.
 */

const STATE_SPACE = "a state-space model: its blocks have no attention";
const HYBRID = "a mixture of attention and state-space blocks";
const LATENT = "a model whose attention reads keys and values that are unpacked from a narrow latent";
const ENCODER = "an encoder: every token sees those after it, so that there is no next token to predict";
const PAIR = "an encoder and a decoder: what it predicts depends on a second text";
const SCAN = "the selective scan";
const MLA = "multi-head latent attention";
const SIGMOID = "routing by sigmoid scores with a correction, in groups";

interface Refused {
  readonly is: string;
  /** absent: nothing would give it a code length */
  readonly missing?: string;
}

/** By model_type. */
export const REFUSED: ReadonlyMap<string, Refused> = new Map(
  Object.entries<Refused>({
    afmoe: { is: "a choice of experts whose attention is gated", missing: `gated attention, ${SIGMOID}` },
    albert: { is: ENCODER },
    apertus: { is: "a Llama with an activation whose shape is learned", missing: "the activation xIELU" },
    aya_vision: {
      is: "a Command R that sees, whose logits transformers 5 leaves without their scale",
      missing: "word on which of the two is meant",
    },
    aria_text: {
      is: "a choice of experts, two of them shared, in stacked tensors",
      missing: "stacked experts under its names",
    },
    bamba: { is: HYBRID, missing: SCAN },
    bart: { is: PAIR, missing: "cross-attention" },
    bert: { is: ENCODER },
    bitnet: { is: "a Llama with ternary weights and rounded activations", missing: "its packed weights and sub-norms" },
    codegen: { is: "GPT-J with its projection laid out in four parts", missing: "that layout" },
    dbrx: { is: "a choice of experts in one stacked tensor", missing: "stacked experts under its names" },
    deberta: { is: ENCODER },
    "deberta-v2": { is: ENCODER },
    deepseek_v2: { is: LATENT, missing: `${MLA}, experts shared without a gate and chosen in groups` },
    deepseek_v3: { is: LATENT, missing: `${MLA}, ${SIGMOID}` },
    deepseek_v32: { is: LATENT, missing: `${MLA}, sparse attention by an indexer, ${SIGMOID}` },
    distilbert: { is: ENCODER },
    dots1: { is: "a choice of experts, some of them shared", missing: SIGMOID },
    electra: { is: ENCODER },
    ernie4_5_moe: { is: "a choice of experts with a correction of their scores", missing: "routing with a correction" },
    falcon_h1: { is: HYBRID, missing: SCAN },
    falcon_mamba: { is: STATE_SPACE, missing: SCAN },
    gemma3n: {
      is: "a nest of models with embeddings for every block",
      missing: "embeddings by block, AltUp, LAuReL, sparse activations, keys and values shared between blocks",
    },
    gemma3n_text: {
      is: "a nest of models with embeddings for every block",
      missing: "embeddings by block, AltUp, LAuReL, sparse activations, keys and values shared between blocks",
    },
    gemma4: {
      is: "a Gemma with embeddings for every block and two widths of heads",
      missing: "embeddings by block, another head width and key-value sharing on some blocks, proportional rotation",
    },
    gemma4_text: {
      is: "a Gemma with embeddings for every block and two widths of heads",
      missing: "embeddings by block, another head width and key-value sharing on some blocks, proportional rotation",
    },
    glm4_moe: { is: "a choice of experts, some of them shared", missing: SIGMOID },
    glm4v_text: { is: "GLM-4 that turns by sections", missing: "the sections of its rotation" },
    gpt_oss: {
      is: "a choice of experts whose attention may look at nothing",
      missing: "attention sinks, clamped gates with biases, weights in MXFP4",
    },
    hunyuan_v1_moe: {
      is: "HunYuan with a choice of experts",
      missing: "norms after the rotation, one expert a token beside a shared one",
    },
    jamba: { is: HYBRID, missing: SCAN },
    kimi_linear: { is: "a mixture of linear and latent attention", missing: `gated delta attention, ${MLA}` },
    lfm2: { is: "a mixture of attention and short convolutions", missing: "gated short convolutions" },
    lfm2_moe: { is: "a mixture of attention and short convolutions", missing: `gated short convolutions, ${SIGMOID}` },
    llama4: {
      is: "a choice of experts with attention in chunks",
      missing: "chunked attention, norms and temperatures on queries by block, experts weighted at their input",
    },
    llama4_text: {
      is: "a choice of experts with attention in chunks",
      missing: "chunked attention, norms and temperatures on queries by block, experts weighted at their input",
    },
    longformer: { is: ENCODER },
    mamba: { is: STATE_SPACE, missing: SCAN },
    mamba2: { is: STATE_SPACE, missing: SCAN },
    marian: { is: PAIR, missing: "cross-attention" },
    mbart: { is: PAIR, missing: "cross-attention" },
    mllama_text_model: {
      is: "a Llama with blocks that look at images alone, which a text goes around",
      missing: "a table of more rows than the head, and those blocks left out",
    },
    minicpm3: { is: LATENT, missing: MLA },
    minimax: { is: "a mixture of softmax and linear attention", missing: "lightning attention" },
    minimax_m2: { is: "a choice of experts with a correction of their scores", missing: SIGMOID },
    modernbert: { is: ENCODER },
    mt5: { is: PAIR, missing: "cross-attention" },
    nanochat: { is: "a Llama whose queries and keys are normed after they turn", missing: "norms after the rotation" },
    nemotron_h: { is: HYBRID, missing: SCAN },
    olmo_hybrid: { is: "a mixture of softmax and linear attention", missing: "gated delta attention" },
    pegasus: { is: PAIR, missing: "cross-attention" },
    paligemma: { is: "a Gemma that sees, and reads its prompt both ways: there is no next token to predict in it" },
    persimmon: {
      is: "a decoder with norms on queries and keys laid out head by head",
      missing: "that layout beside a part that turns",
    },
    phimoe: { is: "a choice of experts by sparse mixing", missing: "routing by sparse mixing" },
    qwen2_5_omni: {
      is: "a model that thinks and one that talks",
      missing: "a config nested twice, and names under thinker",
    },
    qwen3_5: { is: "a mixture of softmax and linear attention", missing: "gated delta attention, gated attention" },
    qwen3_5_moe: { is: "a mixture of softmax and linear attention", missing: "gated delta attention, gated attention" },
    qwen3_vl_moe_text: {
      is: "Qwen 3 with a choice of experts in stacked tensors",
      missing: "stacked experts under its names",
    },
    qwen3_next: { is: "a mixture of softmax and linear attention", missing: "gated delta attention, gated attention" },
    recurrent_gemma: { is: "a mixture of local attention and recurrences", missing: "the gated linear recurrence" },
    roberta: { is: ENCODER },
    rwkv: { is: "a recurrent model: its blocks have no attention", missing: "the weighted key-value recurrence" },
    t5: { is: PAIR, missing: "cross-attention" },
    t5gemma: { is: PAIR, missing: "cross-attention" },
    umt5: { is: PAIR, missing: "cross-attention" },
    "xlm-roberta": { is: ENCODER },
    xlnet: { is: "a model that predicts tokens in any order", missing: "its two streams of attention" },
    xlstm: { is: "a recurrent model: its blocks have no attention", missing: "the matrix memory" },
    zamba: { is: HYBRID, missing: SCAN },
    zamba2: { is: HYBRID, missing: SCAN },
  }),
);
