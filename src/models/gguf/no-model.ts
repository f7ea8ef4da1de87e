/**
 * What comes as GGUF and is no model that predicts the next token: adapters, encoders of pictures, statistics, vocabularies,
 * models that read both ways. Each is refused by what it is, before its keys are missed.
 */
import { LossyscopeError, shown } from "../../numeric/errors.ts";

/** What it is, and what to do. */
type What = readonly [is: string, next: string];

const MODEL_BESIDE = "name the file of the language model that lies beside it";
const ENCODER: What = ["the encoder of pictures or sound of a model (mmproj), not its language model", MODEL_BESIDE];
const ADAPTER: What = [
  "an adapter (LoRA), which is no model by itself",
  "merge it into its model first (llama-export-lora), and name the file that comes of it",
];
const STATISTICS: What = ["an importance matrix, statistics of a model's activations", MODEL_BESIDE];
const BOTH_WAYS: What = [
  "a model that reads text both ways and predicts no next token",
  "name a model that writes text",
];
const IN_TWO: What = [
  "an encoder and a decoder, of which here only a decoder is read",
  "name a model that is a decoder alone",
];

/** `general.type`, where it is not `model`. */
const TYPES: ReadonlyMap<string, What> = new Map([
  ["adapter", ADAPTER],
  ["imatrix", STATISTICS],
  ["mmproj", ENCODER],
]);

/** `general.architecture` */
const ARCHITECTURES: ReadonlyMap<string, What> = new Map([
  ["clip", ENCODER],
  ["controlvector", ["a control vector, which is no model by itself", MODEL_BESIDE]],
  ["imatrix", STATISTICS],
  ...[
    "bert",
    "eurobert",
    "gemma-embedding",
    "jina-bert-v2",
    "jina-bert-v3",
    "llama-embed",
    "modern-bert",
    "neo-bert",
    "nomic-bert",
    "nomic-bert-moe",
    "t5encoder",
  ].map((name) => [name, BOTH_WAYS] as const),
  ["t5", IN_TWO],
]);

/**
 * @param metadata of the file
 * @param tensors whether it has any
 * @throws LossyscopeError `unsupported` for what is no such model, by what it is
 */
export function refuseNoModel(metadata: ReadonlyMap<string, unknown>, tensors: boolean): void {
  const [type, architecture] = [metadata.get("general.type"), metadata.get("general.architecture")];
  const what =
    TYPES.get(String(type)) ??
    ARCHITECTURES.get(String(architecture)) ??
    (metadata.has("imatrix.datasets") ? STATISTICS : undefined);
  if (what) throw new LossyscopeError("unsupported", `the file is ${what[0]}`, what[1]);
  if (type !== undefined && type !== "model")
    throw new LossyscopeError(
      "unsupported",
      `the file is of the type ${shown(type)} (general.type), no model`,
      MODEL_BESIDE,
    );
  if (!tensors)
    throw new LossyscopeError(
      "unsupported",
      "the file has a vocabulary and no tensors",
      "name the file that has the weights",
    );
}
