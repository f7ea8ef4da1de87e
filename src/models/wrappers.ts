/**
 * Models that nest a text model, by their model_type: what the nested config is and means where it does not say, and whether
 * head and table are one where the wrapper does not say. Held to transformers 5 by a test (`fixtures/wrappers.json`).
 */

export interface Wrapper {
  /** model_type of the nested config */
  readonly text: string;
  /** whether the wrapper ties its head to the table; absent: the nested config decides */
  readonly tied?: boolean;
  /** whether it also does so where the nested config alone says or means so */
  readonly hears?: boolean;
  /** keys whose defaults are others than the nested config's own */
  readonly defaults?: Readonly<Record<string, unknown>>;
}

const OWN = (text: string): Wrapper => ({ text, tied: false });
const HEARD = (text: string): Wrapper => ({ text, tied: false, hears: true });
const TIED = (text: string): Wrapper => ({ text, tied: true });

const GLMASR = {
  eos_token_id: [59246, 59253, 59255],
  hidden_size: 2048,
  intermediate_size: 6144,
  max_position_embeddings: 8192,
  num_attention_heads: 16,
  num_hidden_layers: 28,
  num_key_value_heads: 4,
  rms_norm_eps: 1e-5,
  vocab_size: 59264,
};
const VOXTRAL = {
  head_dim: 128,
  hidden_size: 3072,
  intermediate_size: 8192,
  max_position_embeddings: 131072,
  num_hidden_layers: 30,
  num_key_value_heads: 8,
  rms_norm_eps: 1e-5,
  rope_theta: 100_000_000,
  vocab_size: 131072,
};

export const WRAPPERS: ReadonlyMap<string, Wrapper> = new Map(
  Object.entries<Wrapper>({
    audioflamingo3: OWN("qwen2"),
    "blip-2": { text: "opt" },
    cohere2_vision: TIED("cohere2"),
    cosmos3_omni: OWN("qwen3_vl_text"),
    deepseek_vl: TIED("llama"),
    deepseek_vl_hybrid: TIED("llama"),
    emu3: OWN("emu3_text_model"),
    exaone4_5: OWN("exaone4"),
    fast_vlm: HEARD("qwen2"),
    gemma3: TIED("gemma3_text"),
    glmasr: { ...TIED("llama"), defaults: GLMASR },
    got_ocr2: TIED("qwen2"),
    granite_speech: TIED("granite"),
    granite_speech_plus: TIED("granite"),
    idefics2: OWN("mistral"),
    idefics3: OWN("llama"),
    instructblip: { text: "opt" },
    instructblipvideo: { text: "opt" },
    internvl: TIED("qwen2"),
    janus: TIED("llama"),
    lighton_ocr: TIED("qwen3"),
    llava: HEARD("llama"),
    llava_next: OWN("llama"),
    llava_next_video: HEARD("llama"),
    llava_onevision: HEARD("qwen2"),
    mistral3: TIED("mistral"),
    mllama: OWN("mllama_text_model"),
    moss_transcribe_diarize: TIED("qwen3"),
    musicflamingo: OWN("qwen2"),
    omniasr: OWN("llama"),
    ovis2: TIED("qwen2"),
    perception_lm: OWN("llama"),
    pp_chart2table: TIED("qwen2"),
    qianfan_ocr: OWN("qwen3"),
    qwen2_5_vl: HEARD("qwen2_5_vl_text"),
    qwen2_audio: OWN("qwen2"),
    qwen2_vl: HEARD("qwen2_vl_text"),
    qwen3_asr: TIED("qwen3"),
    qwen3_vl: OWN("qwen3_vl_text"),
    smolvlm: OWN("llama"),
    video_llama_3: HEARD("qwen2"),
    video_llava: OWN("llama"),
    vipllava: OWN("llama"),
    voxtral: { ...OWN("llama"), defaults: VOXTRAL },
  }),
);
