/** What is known of a model from its reference alone, nothing being opened or asked. */
import { existsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { isEndpoint } from "../endpoint/address.ts";
import { parseGgufName } from "../hub/gguf-name.ts";
import { isAtHub, modelOfPath, parseRepositoryName } from "../hub/name.ts";
import { OLLAMA, parseOllamaName } from "../hub/ollama.ts";
import { calledOnHub } from "../hub/resolve-gguf.ts";
import { hubSettings } from "../hub/settings.ts";
import { nameOfGguf } from "./gguf.ts";
import { ggufIn } from "./gguf-in.ts";

const isDirectory = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;

/**
 * What a model will be called: a folder's own name, a GGUF file's without its ending, `org/name`, `org/name:Q4_K_M`, what
 * Ollama calls it, or of an address its host, as only the server knows what it serves.
 * @throws LossyscopeError `input` where it can be none of them
 */
export function modelCalled(reference: string): string {
  if (isDirectory(reference)) {
    const gguf = ggufIn(reference);
    return gguf ? nameOfGguf(gguf) : modelOfPath(resolve(reference));
  }
  if (existsSync(reference)) return nameOfGguf(reference);
  if (reference.startsWith(OLLAMA)) return parseOllamaName(reference).called;
  const { endpoint } = hubSettings();
  if (isEndpoint(reference) && !isAtHub(reference, endpoint)) return new URL(reference).host;
  const name = parseGgufName(reference, endpoint);
  return name ? calledOnHub(name) : parseRepositoryName(reference, endpoint).id;
}

/** Whether a reference can only be one of a GGUF file, there or not. */
export const namesGguf = (reference: string): boolean => reference.startsWith(OLLAMA) || /\.gguf$/i.test(reference);
