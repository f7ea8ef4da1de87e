/**
 * From what people type to a model: a folder; a GGUF file, by its path, as the only one in a folder, by its name on the Hub
 * (`org/name:Q4_K_M`), or as Ollama calls it (`ollama:llama3.2`); `org/name[@revision]` or an address of the Hub. What is on
 * the Hub is found in its cache or downloaded into it. The one place that understands references; each kind of model is a
 * file of its own beside this one.
 */
import { open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { ioFault } from "../files/faults.ts";
import type { ResolveEvent } from "../hub/events.ts";
import { type GgufName, ggufOfFolder, parseGgufName } from "../hub/gguf-name.ts";
import { findOllamaModel, OLLAMA } from "../hub/ollama.ts";
import { resolveModel } from "../hub/resolve.ts";
import { resolveGguf } from "../hub/resolve-gguf.ts";
import { hubSettings } from "../hub/settings.ts";
import { unreachable } from "../numeric/errors.ts";
import type { Model } from "../ports/model.ts";
import { openFolder } from "./folder.ts";
import { nameOfGguf, openGgufModel } from "./gguf.ts";

/** What a reference is taken for. */
export type Reference =
  | { readonly kind: "folder"; readonly folder: string }
  | { readonly kind: "gguf"; readonly path: string }
  | { readonly kind: "gguf on the hub"; readonly name: GgufName }
  | { readonly kind: "ollama"; readonly name: string }
  | { readonly kind: "hub"; readonly name: string };

/** What a person must be told while a model is found and opened. */
export type OpenEvent = ResolveEvent | { readonly kind: "note"; readonly note: string };

export interface OpenOptions {
  readonly offline?: boolean;
  readonly signal?: AbortSignal;
  readonly onDownload?: (event: OpenEvent) => void;
}

/** Whether a reference is a path to a GGUF file, there or not: no repository's name ends so. */
export const isGguf = (reference: string): boolean =>
  /\.gguf$/i.test(reference) && !/^[a-z][\w+.-]*:/i.test(reference.replace(/^[a-z]:[\\/]/i, ""));

/**
 * What is there goes before what could be downloaded. Looks at the disk alone; whether the Hub has it is not known here.
 * @throws LossyscopeError `input` where a folder has several models in GGUF, or a name begins as one and goes on as none
 */
export async function referenceTo(reference: string): Promise<Reference> {
  const there = await stat(reference).catch(() => undefined);
  if (there?.isDirectory()) {
    const files = await readdir(reference).catch((error) => Promise.reject(ioFault(error, `read ${reference}`)));
    const gguf = ggufOfFolder(files, reference);
    return gguf ? { kind: "gguf", path: join(reference, gguf[0]) } : { kind: "folder", folder: reference };
  }
  if (there?.isFile() && (isGguf(reference) || (await beginsAsGguf(reference))))
    return { kind: "gguf", path: reference };
  if (reference.startsWith(OLLAMA)) return { kind: "ollama", name: reference };
  const name = there ? null : parseGgufName(reference, hubSettings().endpoint);
  if (name) return { kind: "gguf on the hub", name };
  return isGguf(reference) ? { kind: "gguf", path: reference } : { kind: "hub", name: reference };
}

/** Files in Ollama's store, and in others, have no ending. */
async function beginsAsGguf(path: string): Promise<boolean> {
  const file = await open(path, "r").catch(() => undefined);
  try {
    const start = await file?.read(Buffer.alloc(4), 0, 4, 0);
    return start?.buffer.toString("latin1", 0, start.bytesRead) === "GGUF";
  } catch {
    return false;
  } finally {
    await file?.close();
  }
}

/** A GGUF file on the disk, and what its model is called. */
export interface GgufAt extends Pick<Model, "name" | "revision"> {
  readonly path: string;
}

/**
 * The file that a reference is, downloaded where it is on the Hub and not in its cache.
 * @returns null where the reference is of another kind
 * @throws LossyscopeError as `resolveGguf` and `findOllamaModel` do
 */
export async function ggufAt(
  reference: Reference,
  { offline, signal, onDownload = () => {} }: OpenOptions,
): Promise<GgufAt | null> {
  switch (reference.kind) {
    case "gguf":
      return { path: reference.path, name: nameOfGguf(reference.path), revision: null };
    case "gguf on the hub":
      return resolveGguf(reference.name, { offline, signal, onProgress: onDownload });
    case "ollama": {
      const { path, called } = await findOllamaModel(reference.name);
      return { path, name: called, revision: null };
    }
    case "folder":
    case "hub":
      return null;
    default:
      return unreachable(reference);
  }
}

/**
 * Opens a model for running; what is on the Hub is fetched where it is not in the cache.
 * @throws LossyscopeError as `referenceTo`, `ggufAt`, `resolveModel`, `openFolder` and `openGgufModel` do: all that headers tell
 */
export async function openModel(reference: string, options: OpenOptions = {}): Promise<Model> {
  const { onDownload } = options;
  const model = await opened(await referenceTo(reference), options);
  for (const note of model.notes) onDownload?.({ kind: "note", note });
  return model;
}

async function opened(reference: Reference, options: OpenOptions): Promise<Model> {
  const { offline, signal, onDownload = () => {} } = options;
  switch (reference.kind) {
    case "folder":
      return openFolder(reference.folder);
    case "gguf":
    case "gguf on the hub":
    case "ollama": {
      const { path, ...called } = (await ggufAt(reference, options))!;
      return openGgufModel(path, called);
    }
    case "hub": {
      const { folder, ...called } = await resolveModel(reference.name, { offline, signal, onProgress: onDownload });
      return openFolder(folder, called);
    }
    default:
      return unreachable(reference);
  }
}
