/** Opens a model for running: finds or downloads it, reads its headers, its spec and its tokenizer. */
import type { ResolveEvent } from "../hub/events.ts";
import { resolveModel } from "../hub/resolve.ts";
import { type Checkpoint, openCheckpoint } from "../models/checkpoint.ts";
import { specOf } from "../models/config.ts";
import type { DecoderSpec } from "../models/spec.ts";
import { bindWeights } from "../models/weights.ts";

export interface OpenModel {
  readonly name: string;
  readonly revision: string | null;
  readonly checkpoint: Checkpoint;
  readonly spec: DecoderSpec;
}

/** What a person must be told while a model is found and opened. */
export type OpenEvent = ResolveEvent | { readonly kind: "note"; readonly note: string };

export interface OpenOptions {
  readonly offline?: boolean;
  readonly signal?: AbortSignal;
  readonly onDownload?: (event: OpenEvent) => void;
}

/** @throws LossyscopeError as `resolveModel`, `openCheckpoint`, `specOf` and `bindWeights` do: all that headers tell */
export async function openModel(name: string, { offline, signal, onDownload }: OpenOptions = {}): Promise<OpenModel> {
  const { folder, ...found } = await resolveModel(name, { offline, signal, onProgress: onDownload ?? (() => {}) });
  const checkpoint = await openCheckpoint(folder);
  for (const note of checkpoint.notes) onDownload?.({ kind: "note", note });
  const spec = specOf(checkpoint.config);
  bindWeights(spec, checkpoint.weights);
  return { ...found, checkpoint, spec };
}
