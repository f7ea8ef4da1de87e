/**
 * What a profile holds beside the pass over the text, from the model's files or the documents alone: the storage ledger,
 * the other compressors, the embedding matrix. Every measurement takes them once, however many shards its pass is cut into.
 */
import { storageLedger } from "../../models/ledger.ts";
import { entropyCodedBytes } from "../../models/ledger-entropy.ts";
import { quietContext, type RunContext } from "../../ports/context.ts";
import { decoderOf } from "../../ports/model.ts";
import { withProgress } from "../../ports/progress.ts";
import type { Geometry } from "../../profile/geometry.ts";
import type { Ledger } from "../../profile/ledger.ts";
import type { TokenizedDocument } from "../../text/corpus.ts";
import type { Prepared, PrepareRequest } from "../prepare.ts";
import { COMPRESSORS, EMBEDDING, ENTROPY } from "../stages.ts";
import { type BaselineProgress, type Baselines, measureBaselines } from "./baselines.ts";
import { type Beside, beside } from "./beside.ts";
import { type EmbeddingWork, embeddingWork } from "./embedding-section.ts";

/** Plain data. */
export interface StaticFigures {
  /** null where the weights are not at hand */
  readonly ledger: Ledger | null;
  readonly baselines: Baselines;
  readonly embedding: Geometry["embedding"];
}

/**
 * Lets the model run, and beside it what can be found out beside it.
 * @param wanted whether they are wanted at all
 * @param work is given what takes the static figures once the model has run, in the order in which they are announced; that
 * throws LossyscopeError `io` where files cannot be read, `interrupted`
 */
export async function besideStatic<T>(
  request: RunContext & PrepareRequest,
  { subject, tokenizer }: Prepared,
  wanted: boolean,
  work: (figures: () => Promise<StaticFigures>) => Promise<T>,
): Promise<T> {
  const { documents, plan } = subject;
  const decoder = wanted && plan.geometry ? decoderOf(request.model) : null;
  const embedding =
    decoder && embeddingWork(decoder, documents, tokenizer, { ...quietContext(request), seed: plan.seed });
  const compressors = wanted && plan.baselines ? compressing(request, documents) : null;
  try {
    return await work(async () => ({
      baselines: await baselineSizes(request, compressors ?? compressing(request, documents)),
      ledger: await ledgerOf(request),
      embedding: embedding ? await shown(request, embedding) : null,
    }));
  } finally {
    await Promise.all([embedding?.close(), compressors?.close()]);
  }
}

async function shown({ progress }: RunContext, embedding: EmbeddingWork): Promise<StaticFigures["embedding"]> {
  progress.start(EMBEDDING, 1, "");
  const found = await embedding.result((share) => progress.update(share));
  progress.finish();
  return found;
}

/** Where the run has a second thread they go beside the model. */
const compressing = (
  { threads, signal }: RunContext,
  documents: readonly TokenizedDocument[],
): Beside<Baselines, BaselineProgress> =>
  beside((ended, onProgress) => measureBaselines(documents, { signal: ended, onProgress }), {
    signal,
    atOnce: threads > 1,
  });

async function baselineSizes(
  { plan, progress }: PrepareRequest,
  compressors: Beside<Baselines, BaselineProgress>,
): Promise<Baselines> {
  if (!plan.baselines) return { overall: [], domains: {}, refusals: [] };
  return withProgress(progress, COMPRESSORS, "bytes", (update) =>
    compressors.result(({ done, total, compressor }) => update(done, total, compressor)),
  );
}

async function ledgerOf({ model, plan, progress, signal }: PrepareRequest): Promise<Ledger | null> {
  const decoder = decoderOf(model);
  if (!decoder) return null;
  const { weights } = decoder;
  const nonFinite = new Map<string, number>();
  const onNonFinite = (tensor: string, values: number): void => void nonFinite.set(tensor, values);
  const coded = plan.entropy
    ? await withProgress(progress, ENTROPY, "bytes", (onProgress) =>
        entropyCodedBytes(weights, { signal, onProgress, onNonFinite }),
      )
    : null;
  return storageLedger(model.config, weights, {
    name: model.name,
    training: { tokens: plan.trainingTokens ?? undefined, bytes: plan.trainingBytes ?? undefined },
    entropyCodedBytes: coded,
    nonFinite,
    aside: model.aside,
    notes: model.notes,
  });
}
