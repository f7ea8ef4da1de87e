/** What the weights of a point take: what was changed as it is stored now, everything else as it was (METHODS §7.1). */
import { codedCounts, hasFields } from "../../formats/coded.ts";
import { storageLedger } from "../../models/ledger.ts";
import { entropyCodedBytes } from "../../models/ledger-entropy.ts";
import { piecesOf, type TensorSource } from "../../models/sources/tensor-source.ts";
import type { DecoderSpec } from "../../models/spec.ts";
import { slotsOf } from "../../models/weights.ts";
import { sum } from "../../numeric/sums.ts";
import { type Model, requireDecoder } from "../../ports/model.ts";
import type { Rate } from "../../profile/squeeze.ts";
import type { Size } from "../../squeeze/matrix.ts";

export const rateOf = ({ bytes, coded }: Size, parameters: number): Rate => ({
  bytes,
  codedBytes: coded,
  bitsPerParameter: (8 * bytes) / parameters,
  codedBitsPerParameter: (8 * coded) / parameters,
});

/** Of a model as its files have it. */
export async function storedRate(model: Model, signal?: AbortSignal): Promise<{ rate: Rate; parameters: number }> {
  const { weights } = requireDecoder(model, "squeezing");
  const { parameters, weightBytes } = storageLedger(model.config, weights, { name: model.name });
  const coded = await entropyCodedBytes(weights, { signal });
  return { parameters: parameters.total, rate: rateOf({ bytes: weightBytes, coded }, parameters.total) };
}

/** Names of a source that a spec has a place for, each once. */
export const namesFor = (spec: DecoderSpec, source: TensorSource): ReadonlySet<string> =>
  new Set([...slotsOf(spec)].map(({ names }) => names.find((name) => source.locate(name))!));

/** Tensors that are left as they are, each looked at once. */
export class Untouched {
  readonly #source: TensorSource;
  readonly #sizes = new Map<string, Size>();

  constructor(source: TensorSource) {
    this.#source = source;
  }

  /** @param changed names that are counted elsewhere */
  async size(spec: DecoderSpec, changed: ReadonlySet<string>, signal?: AbortSignal): Promise<Size> {
    const sizes: Size[] = [];
    for (const name of namesFor(spec, this.#source)) if (!changed.has(name)) sizes.push(await this.#of(name, signal));
    return { bytes: sum(sizes.map(({ bytes }) => bytes)), coded: sum(sizes.map(({ coded }) => coded)) };
  }

  async #of(name: string, signal?: AbortSignal): Promise<Size> {
    const known = this.#sizes.get(name);
    if (known) return known;
    const { dtype, bytes, isComputed } = this.#source.locate(name)!;
    let size: Size = { bytes, coded: bytes };
    // Of a quantised folder's matrix nobody knows here what it is stored in: float16 stands for it.
    if (isComputed) size = { bytes: bytes / 2, coded: bytes / 2 };
    else if (hasFields(dtype)) {
      const counts = codedCounts(dtype);
      for await (const piece of piecesOf(this.#source, name, signal)) counts.add(piece);
      size = { bytes, coded: counts.bits() / 8 };
    }
    this.#sizes.set(name, size);
    return size;
  }
}
