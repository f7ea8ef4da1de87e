/** A model in a folder of the Hugging Face layout: safetensors, config.json, tokenizer.json (`models/checkpoint.ts`). */
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { ioFault, systemCode } from "../files/faults.ts";
import { parseJsonObject } from "../formats/json.ts";
import { modelOfPath } from "../hub/name.ts";
import { openCheckpoint } from "../models/checkpoint.ts";
import { specOf } from "../models/config.ts";
import { unquantised } from "../models/quantised/unquantised.ts";
import { seenAsRunnable } from "../models/sources/runnable.ts";
import type { DecoderSpec } from "../models/spec.ts";
import { bindWeights, slotsOf } from "../models/weights.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { sum } from "../numeric/sums.ts";
import { type Model, ofDecoder } from "../ports/model.ts";
import { loadConversing } from "../tokenizer/conversing.ts";
import { loadTokenizer } from "../tokenizer/tokenizer.ts";

/**
 * Reads the headers, finds the spec, and makes sure that the two are of one model.
 * @param called what it is called where that is not the folder's own name
 * @throws LossyscopeError as `openCheckpoint`, `specOf`, `unquantised` and `bindWeights` do: all that headers tell
 */
export async function openFolder(
  folder: string,
  called: Pick<Model, "name" | "revision"> = { name: modelOfPath(resolve(folder)), revision: null },
): Promise<Model> {
  const { config, outerConfig, weightFiles, tokenizerFiles, ...checkpoint } = await openCheckpoint(folder);
  const spec = specOf(config);
  const { weights, notes } = await unquantised(config, checkpoint.weights, placesOf(spec));
  bindWeights(spec, seenAsRunnable(weights));
  const { vocabulary } = spec;
  return {
    name: called.name,
    revision: called.revision,
    ...ofDecoder(spec, weights),
    config,
    folder,
    weightFileBytes: sum(weightFiles.map(({ bytes }) => bytes)),
    tokenizerFiles: tokenizerFiles.map((name) => join(folder, name)),
    aside: checkpoint.aside,
    notes: [...checkpoint.notes, ...notes],
    tokenizer: (options) => loadTokenizer(folder, outerConfig, { rows: vocabulary, ...options }),
    conversing: () => loadConversing(folder, outerConfig, { rows: vocabulary }),
    ends: () => endsOfText(folder, config),
    digests: checkpoint.digests,
    refuseChanges: checkpoint.refuseChanges,
  };
}

/** Names that the model has a place for. */
const placesOf = (spec: DecoderSpec): ReadonlySet<string> => new Set([...slotsOf(spec)].flatMap(({ names }) => names));

/** By config.json and generation_config.json. */
export async function endsOfText(
  folder: string,
  config: Readonly<Record<string, unknown>>,
): Promise<ReadonlySet<number>> {
  const path = join(folder, "generation_config.json");
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    if (systemCode(error) === "ENOENT") return "{}";
    throw ioFault(error, `read ${path}`);
  });
  const ids = [config, parsed(path, text)].flatMap(({ eos_token_id }) => [eos_token_id].flat());
  return new Set(ids.filter((id) => typeof id === "number"));
}

function parsed(path: string, text: string): Readonly<Record<string, unknown>> {
  return parseJsonObject(text, (why) => new LossyscopeError("model", `${path} ${why}`, "fetch the file again"));
}
