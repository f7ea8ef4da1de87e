/**
 * From what people type to a model: a folder; a GGUF file; `org/name[@revision]` or an address of the Hub, which is found in the cache or
 * downloaded into it. The one place that understands references; each kind of model is a file of its own beside this one.
 */
import { stat } from "node:fs/promises";
import type { ResolveEvent } from "../hub/events.ts";
import { resolveModel } from "../hub/resolve.ts";
import { unreachable } from "../numeric/errors.ts";
import type { Model } from "../ports/model.ts";
import { openFolder } from "./folder.ts";
import { openGgufModel } from "./gguf.ts";

/** What a reference is taken for. */
export type Reference =
  | { readonly kind: "folder"; readonly folder: string }
  | { readonly kind: "gguf"; readonly path: string }
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

/** What is there goes before what could be downloaded. Looks at the disk alone; whether the Hub has it is not known here. */
export async function referenceTo(reference: string): Promise<Reference> {
  const there = await stat(reference).catch(() => undefined);
  if (there?.isDirectory()) return { kind: "folder", folder: reference };
  if (isGguf(reference)) return { kind: "gguf", path: reference };
  return { kind: "hub", name: reference };
}

/**
 * Opens a model for running: a folder, or a repository on the Hub, which is fetched where it is not in the cache.
 * @throws LossyscopeError as `resolveModel` and `openFolder` do: all that headers tell
 */
export async function openModel(reference: string, options: OpenOptions = {}): Promise<Model> {
  const { onDownload } = options;
  const model = await opened(await referenceTo(reference), options);
  for (const note of model.notes) onDownload?.({ kind: "note", note });
  return model;
}

async function opened(reference: Reference, { offline, signal, onDownload = () => {} }: OpenOptions): Promise<Model> {
  switch (reference.kind) {
    case "folder":
      return openFolder(reference.folder);
    case "gguf":
      return openGgufModel(reference.path);
    case "hub": {
      const { folder, ...called } = await resolveModel(reference.name, { offline, signal, onProgress: onDownload });
      return openFolder(folder, called);
    }
    default:
      return unreachable(reference);
  }
}
