/**
 * From `config.json` to a `DecoderSpec`: the architectures that can be run, by the config's `model_type`. Any other one,
 * and any option that the decoder does not do, is refused by name. The keys are read in `config-keys.ts`.
 */
import { LossyscopeError, shown } from "../numeric/errors.ts";
import { bloom } from "./architectures/bloom.ts";
import { cohere, cohere2 } from "./architectures/cohere.ts";
import { exaone } from "./architectures/exaone.ts";
import { exaone4 } from "./architectures/exaone4.ts";
import { falcon } from "./architectures/falcon.ts";
import { gemma } from "./architectures/gemma.ts";
import { gemma2, vaultGemma } from "./architectures/gemma2.ts";
import { gemma3Text } from "./architectures/gemma3_text.ts";
import { glm, glm4 } from "./architectures/glm.ts";
import { gptBigcode } from "./architectures/gpt_bigcode.ts";
import { gptNeo } from "./architectures/gpt_neo.ts";
import { gptNeox } from "./architectures/gpt_neox.ts";
import { gpt2 } from "./architectures/gpt2.ts";
import { gptj } from "./architectures/gptj.ts";
import { granite } from "./architectures/granite.ts";
import { graniteMoe, graniteMoeHybrid, graniteMoeShared } from "./architectures/granitemoe.ts";
import { ernie45, helium } from "./architectures/helium.ts";
import { hunyuanDense } from "./architectures/hunyuan_v1_dense.ts";
import { llama } from "./architectures/llama.ts";
import { ministral } from "./architectures/ministral.ts";
import { ministral3 } from "./architectures/ministral3.ts";
import { mistral } from "./architectures/mistral.ts";
import { mixtral } from "./architectures/mixtral.ts";
import { mpt } from "./architectures/mpt.ts";
import { arcee, nemotron } from "./architectures/nemotron.ts";
import { olmo } from "./architectures/olmo.ts";
import { olmo2 } from "./architectures/olmo2.ts";
import { olmo3 } from "./architectures/olmo3.ts";
import { olmoe } from "./architectures/olmoe.ts";
import { opt } from "./architectures/opt.ts";
import { phi } from "./architectures/phi.ts";
import { phi3 } from "./architectures/phi3.ts";
import { qwen2, qwen2Vl } from "./architectures/qwen2.ts";
import { qwen2Moe } from "./architectures/qwen2_moe.ts";
import { qwen3, qwen3Vl } from "./architectures/qwen3.ts";
import { qwen3Moe } from "./architectures/qwen3_moe.ts";
import { REFUSED } from "./architectures/refused.ts";
import { seedOss } from "./architectures/seed_oss.ts";
import { smollm3 } from "./architectures/smollm3.ts";
import { stablelm } from "./architectures/stablelm.ts";
import { starcoder2 } from "./architectures/starcoder2.ts";
import { Config } from "./config-keys.ts";
import { refuseUnread } from "./quantised/methods.ts";
import type { DecoderSpec } from "./spec.ts";
import { NESTED, WRAPPED_IN } from "./text-model.ts";

type Architecture = (config: Config) => DecoderSpec;

const ARCHITECTURES: ReadonlyMap<string, Architecture> = new Map<string, Architecture>([
  ["arcee", arcee],
  ["bloom", bloom],
  ["cohere", cohere],
  ["cohere2", cohere2],
  ["ernie4_5", ernie45],
  ["exaone", exaone],
  ["exaone4", exaone4],
  ["falcon", falcon],
  ["gemma", gemma],
  ["gemma2", gemma2],
  ["gemma3_text", gemma3Text],
  ["glm", glm],
  ["glm4", glm4],
  ["gpt2", gpt2],
  ["gpt_bigcode", gptBigcode],
  ["gpt_neo", gptNeo],
  ["gpt_neox", gptNeox],
  ["gptj", gptj],
  ["granite", granite],
  ["granitemoe", graniteMoe],
  ["granitemoehybrid", graniteMoeHybrid],
  ["granitemoeshared", graniteMoeShared],
  ["helium", helium],
  ["hunyuan_v1_dense", hunyuanDense],
  ["llama", llama],
  ["ministral", ministral],
  ["ministral3", ministral3],
  ["mistral", mistral],
  ["mixtral", mixtral],
  ["mpt", mpt],
  ["nemotron", nemotron],
  ["olmo", olmo],
  ["olmo2", olmo2],
  ["olmo3", olmo3],
  ["olmoe", olmoe],
  ["opt", opt],
  ["phi", phi],
  ["phi3", phi3],
  ["qwen2", qwen2],
  ["qwen2_5_vl_text", qwen2Vl],
  ["qwen2_moe", qwen2Moe],
  ["qwen2_vl_text", qwen2Vl],
  ["qwen3", qwen3],
  ["qwen3_moe", qwen3Moe],
  ["qwen3_vl_text", qwen3Vl],
  ["RefinedWeb", falcon],
  ["RefinedWebModel", falcon],
  ["seed_oss", seedOss],
  ["smollm3", smollm3],
  ["stablelm", stablelm],
  ["stablelm_epoch", stablelm],
  ["starcoder2", starcoder2],
  ["vaultgemma", vaultGemma],
]);

/** What `config.json` may name as its `model_type`. */
export const supportedArchitectures: readonly string[] = [...ARCHITECTURES.keys()];

/**
 * Reads a parsed `config.json`.
 * @throws LossyscopeError `unsupported` for an architecture or option that the decoder does not do, by name; `model` for
 * a config that contradicts itself
 */
export function specOf(values: unknown): DecoderSpec {
  const config = new Config(values);
  const refused = REFUSED.get(config.architecture);
  if (refused)
    throw new LossyscopeError(
      "unsupported",
      `${config.architecture} is ${refused.is}${refused.missing ? `; missing: ${refused.missing}` : ""}`,
      `supported: ${supportedArchitectures.join(", ")}`,
    );
  const architecture = ARCHITECTURES.get(config.architecture);
  const nested = NESTED.find((key) => config.raw(key));
  if (!architecture && nested)
    throw new LossyscopeError(
      "unsupported",
      `${shown(config.architecture)} wraps a text model, which is what this needs the config of`,
      `give what stands under ${nested}`,
    );
  if (!architecture)
    throw new LossyscopeError(
      "unsupported",
      `the architecture ${shown(config.architecture)} is not known`,
      `supported: ${supportedArchitectures.join(", ")}; another needs a file of its own in src/models/architectures`,
    );
  refuseUnread(config.values);
  for (const key of ["is_encoder_decoder", "add_cross_attention"]) config.only(key, false);
  // transformers 5 lets every token see those after it where a config says so.
  config.only("is_causal", true);
  const spec = architecture(config);
  const wrapper = config.raw(WRAPPED_IN);
  if (wrapper !== undefined && (spec.head.scale !== 1 || spec.head.softcap !== undefined))
    throw new LossyscopeError(
      "unsupported",
      `${shown(wrapper)} puts a head of its own on ${config.architecture}, which leaves out that architecture's scale of its logits in transformers 5 and did not before`,
      "save the text model by itself, as one or the other reading",
    );
  const types = config.raw("layer_types");
  const broken = spec.blocks.find(({ attention: { window } }) => window !== undefined && !Number.isSafeInteger(window));
  if (broken)
    throw new LossyscopeError(
      "model",
      `config.json makes a window of ${broken.attention.window} keys; expected a whole number`,
    );
  const sliding = Array.isArray(types) && types.find((type) => type === "sliding_attention");
  const isWindowless =
    spec.blocks.every(({ attention }) => attention.window === undefined) || config.raw("sliding_window") === null;
  if (sliding && isWindowless)
    throw config.unsupported("layer_types", sliding, "full_attention, where the config gives no window");
  return spec;
}
