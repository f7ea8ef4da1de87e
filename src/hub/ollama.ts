/**
 * Models that Ollama keeps: `ollama:llama3.2`, `ollama:llama3.2:1b`, `ollama:user/model`, `ollama:hf.co/org/name:Q4_K_M`. A manifest
 * (`manifests/HOST/NAMESPACE/MODEL/TAG`) lists layers by their digest; the layer of the type `….image.model` is a GGUF file,
 * `blobs/sha256-…`. Nothing is asked of Ollama itself, and nothing is downloaded.
 */
import { readdir, readFile, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { ioFault, systemCode } from "../files/faults.ts";
import { parseJson } from "../formats/json.ts";
import { count } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { checked } from "../numeric/schema-faults.ts";

export const OLLAMA = "ollama:";

const HOST = "registry.ollama.ai";
const NAMESPACE = "library";
const TAG = "latest";
/** Where the service of a Linux machine keeps its own. */
const OF_THE_SERVICE = "/usr/share/ollama/.ollama/models";
const PART = /^\w[\w.-]*$/;
const MOST_MANIFEST_BYTES = 2 ** 20;
const LISTED = 8;

const WEIGHTS = "application/vnd.ollama.image.model";
/** Layers without which the weights are not the model that Ollama runs, or that are no GGUF. */
const OTHERWISE: ReadonlyMap<string, string> = new Map([
  ["application/vnd.ollama.image.adapter", "an adapter beside its weights, which is not merged here"],
  ["application/vnd.ollama.image.tensor", "its weights one tensor a file, which is no GGUF"],
]);

const manifest = z.looseObject({
  layers: z.array(
    z.looseObject({
      mediaType: z.string(),
      digest: z.string().regex(/^sha256:[0-9a-f]{64}$/),
      size: z.number().int().nonnegative(),
    }),
  ),
});

export interface OllamaName {
  /** folders of the manifest, the last one its file */
  readonly path: readonly [host: string, namespace: string, model: string, tag: string];
  /** with all that is left out put in: `llama3.2:latest` */
  readonly called: string;
}

export interface OllamaModel {
  /** the GGUF file */
  readonly path: string;
  readonly called: string;
}

/**
 * @param name with or without `ollama:` before it
 * @throws LossyscopeError `input` where it is no name of Ollama's
 */
export function parseOllamaName(name: string): OllamaName {
  const written = name.startsWith(OLLAMA) ? name.slice(OLLAMA.length) : name;
  const parts = written.split("/");
  const [model, tag = TAG, ...more] = parts.pop()!.split(":");
  const [namespace = NAMESPACE, host = HOST, ...beyond] = parts.reverse();
  const path = [host, namespace, model, tag] as const;
  if (more.length > 0 || beyond.length > 0 || !path.every((part) => PART.test(part) && !part.includes(".."))) {
    throw new LossyscopeError(
      "input",
      `${name} is no name of a model of Ollama's`,
      "name it as ollama list does: ollama:llama3.2, ollama:llama3.2:1b, ollama:user/model:tag",
    );
  }
  const before = host === HOST ? (namespace === NAMESPACE ? "" : `${namespace}/`) : `${host}/${namespace}/`;
  return { path, called: `${before}${model}:${tag}` };
}

/** Where Ollama keeps models: `OLLAMA_MODELS`, else `~/.ollama/models`, else where its service does. */
export function ollamaFolders(environment: Readonly<Record<string, string | undefined>> = process.env): string[] {
  if (environment.OLLAMA_MODELS) return [environment.OLLAMA_MODELS];
  return [join(homedir(), ".ollama", "models"), OF_THE_SERVICE];
}

/**
 * @param folders each with `manifests` and `blobs`
 * @throws LossyscopeError `input` where it is no name, or no model of that name is there, naming some that are; `model`
 *   where the manifest is none, or a layer is missing or not of its size; `unsupported` where its weights are no GGUF alone; `io`
 */
export async function findOllamaModel(name: string, folders = ollamaFolders()): Promise<OllamaModel> {
  const { path, called } = parseOllamaName(name);
  for (const folder of folders) {
    const file = join(folder, "manifests", ...path);
    const text = await optional(file);
    if (text !== null) return { path: await weightsOf(text, file, join(folder, "blobs")), called };
  }
  const there = (await Promise.all(folders.map(listed))).flat().sort();
  const some = `${there.slice(0, LISTED).join(", ")}${there.length > LISTED ? `, and ${count(there.length - LISTED)} more` : ""}`;
  throw new LossyscopeError(
    "input",
    `Ollama has no model ${called} in ${folders.join(" or ")}${there.length > 0 ? `; it has ${some}` : ""}`,
    there.length > 0
      ? "name one of them"
      : `fetch it with ollama pull ${called}, or set OLLAMA_MODELS to where its models are`,
  );
}

async function optional(file: string): Promise<string | null> {
  try {
    if ((await stat(file)).size > MOST_MANIFEST_BYTES)
      throw new LossyscopeError("model", `${file} has over ${count(MOST_MANIFEST_BYTES)} bytes: it is no manifest`);
    return await readFile(file, "utf8");
  } catch (error) {
    if (error instanceof LossyscopeError) throw error;
    if (["ENOENT", "ENOTDIR"].includes(systemCode(error) ?? "")) return null;
    throw ioFault(error, `read ${file}`);
  }
}

async function weightsOf(text: string, file: string, blobs: string): Promise<string> {
  const refusal = (why: string): LossyscopeError =>
    new LossyscopeError(
      "model",
      `${file} is no manifest of Ollama's: ${why}`,
      "fetch the model again with ollama pull",
    );
  const { layers } = checked(manifest, parseJson(text, refusal), refusal);
  for (const { mediaType } of layers) {
    const what = OTHERWISE.get(mediaType);
    if (what)
      throw new LossyscopeError(
        "unsupported",
        `the model has ${what} (${file})`,
        "pass the model that it was made from",
      );
  }
  const [weights, ...more] = layers.filter(({ mediaType }) => mediaType === WEIGHTS);
  if (!weights || more.length > 0)
    throw refusal(`it has ${count(more.length + (weights ? 1 : 0))} layers of ${WEIGHTS}, not one`);
  const hex = weights.digest.slice("sha256:".length);
  // Older versions wrote the colon.
  for (const name of [`sha256-${hex}`, `sha256:${hex}`]) {
    const blob = join(blobs, name);
    const found = await stat(blob).catch(() => undefined);
    if (!found) continue;
    if (found.size === weights.size) return blob;
    throw new LossyscopeError(
      "model",
      `${blob} has ${count(found.size)} of ${count(weights.size)} bytes`,
      "fetch the model again with ollama pull",
    );
  }
  throw new LossyscopeError(
    "model",
    `${blobs} lacks sha256-${hex}, which ${file} names`,
    "fetch the model again with ollama pull",
  );
}

/** Names of the models that are there, as Ollama lists them. */
async function listed(folder: string): Promise<string[]> {
  const root = join(folder, "manifests");
  const below = async (path: readonly string[]): Promise<(readonly string[])[]> => {
    const entries = await readdir(join(root, ...path), { withFileTypes: true }).catch(() => []);
    const inner = await Promise.all(
      entries.map(({ name }) => (path.length === 3 ? [[...path, name]] : below([...path, name]))),
    );
    return inner.flat();
  };
  return (await below([])).flatMap(([host, namespace, model, tag]) => {
    try {
      return [parseOllamaName(`${host}/${namespace}/${model}:${tag}`).called];
    } catch {
      return [];
    }
  });
}
