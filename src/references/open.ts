/**
 * From what people type to a model: a folder; a GGUF file, by its path, as the only one in a folder or below it, by its name on the Hub
 * (`org/name:Q4_K_M`), or as Ollama calls it (`ollama:llama3.2`); `org/name[@revision]` or an address of the Hub; the address
 * of a server (`http://host:8000/v1`). What is on the Hub is found in its cache or downloaded into it. The one place that understands references; each kind of model is a
 * file of its own beside this one.
 */
import { open, stat } from "node:fs/promises";
import { isEndpoint } from "../endpoint/address.ts";
import { ioFault } from "../files/faults.ts";
import type { ResolveEvent } from "../hub/events.ts";
import { type GgufName, parseGgufName } from "../hub/gguf-name.ts";
import { isAtHub } from "../hub/name.ts";
import { findOllamaModel, OLLAMA } from "../hub/ollama.ts";
import { hubSettings } from "../hub/settings.ts";
import { LossyscopeError, unreachable } from "../numeric/errors.ts";
import type { Model } from "../ports/model.ts";
import type { ServedOptions } from "./endpoint.ts";
import { ggufIn } from "./gguf-in.ts";
import type { TokenizerSource } from "./tokenizer-of.ts";

/** What opens each kind, loaded where one is named: they read more formats between them than any one run needs. */
const kinds = {
  folder: () => import("./folder.ts"),
  gguf: () => import("./gguf.ts"),
  endpoint: () => import("./endpoint.ts"),
  tokenizer: () => import("./tokenizer-of.ts"),
  hub: () => import("../hub/resolve.ts"),
  hubGguf: () => import("../hub/resolve-gguf.ts"),
} as const;

/** What a reference is taken for. */
export type Reference =
  | { readonly kind: "folder"; readonly folder: string }
  | { readonly kind: "gguf"; readonly path: string }
  | { readonly kind: "gguf on the hub"; readonly name: GgufName }
  | { readonly kind: "ollama"; readonly name: string }
  | { readonly kind: "endpoint"; readonly address: string }
  | { readonly kind: "hub"; readonly name: string };

/** What a person must be told while a model is found and opened. */
export type OpenEvent = ResolveEvent | { readonly kind: "note"; readonly note: string };

export interface OpenOptions {
  readonly offline?: boolean;
  readonly signal?: AbortSignal;
  readonly onDownload?: (event: OpenEvent) => void;
  /** of a model behind an address */
  readonly served?: ServedOptions;
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
    const path = ggufOf(reference);
    return path === null ? { kind: "folder", folder: reference } : { kind: "gguf", path };
  }
  if (there?.isFile() && (isGguf(reference) || (await beginsAsGguf(reference))))
    return { kind: "gguf", path: reference };
  if (reference.startsWith(OLLAMA)) return { kind: "ollama", name: reference };
  const { endpoint } = hubSettings();
  if (!there && isEndpoint(reference) && !isAtHub(reference, endpoint)) return { kind: "endpoint", address: reference };
  const name = there ? null : parseGgufName(reference, endpoint);
  if (name) return { kind: "gguf on the hub", name };
  return isGguf(reference) ? { kind: "gguf", path: reference } : { kind: "hub", name: reference };
}

/** @throws LossyscopeError as `ggufIn`; `io` */
function ggufOf(folder: string): string | null {
  try {
    return ggufIn(folder);
  } catch (error) {
    throw error instanceof LossyscopeError ? error : ioFault(error, `read ${folder}`);
  }
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
      return { path: reference.path, name: (await kinds.gguf()).nameOfGguf(reference.path), revision: null };
    case "gguf on the hub":
      return (await kinds.hubGguf()).resolveGguf(reference.name, { offline, signal, onProgress: onDownload });
    case "ollama": {
      const { path, called } = await findOllamaModel(reference.name);
      return { path, name: called, revision: null };
    }
    case "folder":
    case "hub":
    case "endpoint":
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
  const { offline, signal, onDownload = () => {}, served = {} } = options;
  refuseServed(reference, served);
  switch (reference.kind) {
    case "folder":
      return (await kinds.folder()).openFolder(reference.folder);
    case "gguf":
    case "gguf on the hub":
    case "ollama": {
      const { path, ...called } = (await ggufAt(reference, options))!;
      return (await kinds.gguf()).openGgufModel(path, called);
    }
    case "hub": {
      const { resolveModel } = await kinds.hub();
      const { folder, ...called } = await resolveModel(reference.name, { offline, signal, onProgress: onDownload });
      return (await kinds.folder()).openFolder(folder, called);
    }
    case "endpoint":
      return (await kinds.endpoint()).openEndpoint(
        reference.address,
        served,
        (named) => openTokenizer(named, options),
        (note) => onDownload({ kind: "note", note }),
        signal,
      );
    default:
      return unreachable(reference);
  }
}

/** @throws LossyscopeError `usage` where it is said how to ask a server, and none is named */
function refuseServed({ kind }: Reference, { model, tokenizer, price, concurrency }: ServedOptions): void {
  if (kind === "endpoint") return;
  const said = Object.entries({ "served-model": model, tokenizer, "token-price": price, concurrency }).find(
    ([, value]) => value !== undefined,
  );
  if (said === undefined) return;
  throw new LossyscopeError(
    "usage",
    `--${said[0]} is for a model behind an address`,
    "leave it out, or pass http://host:8000/v1 for MODEL",
  );
}

/**
 * The tokenizer of what a reference names; of a model on the Hub no weights are fetched.
 * @throws LossyscopeError as `openModel`
 */
export async function openTokenizer(reference: string, options: OpenOptions): Promise<TokenizerSource> {
  const found = await referenceTo(reference);
  switch (found.kind) {
    case "folder":
      return (await kinds.tokenizer()).tokenizerOfFolder(found.folder);
    case "hub": {
      const { offline, signal, onDownload = () => {} } = options;
      const { resolveTokenizer } = await kinds.hub();
      const { folder, name } = await resolveTokenizer(found.name, { offline, signal, onProgress: onDownload });
      return (await kinds.tokenizer()).tokenizerOfFolder(folder, name);
    }
    case "gguf":
    case "gguf on the hub":
    case "ollama": {
      const { path, ...called } = (await ggufAt(found, options))!;
      return (await kinds.gguf()).openGgufModel(path, called);
    }
    case "endpoint":
      throw new LossyscopeError(
        "usage",
        "--tokenizer names a model whose files are at hand, no address",
        "pass a folder, a GGUF file, or org/name",
      );
    default:
      return unreachable(found);
  }
}
