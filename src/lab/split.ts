/**
 * Which text is trained on and which is held out to see how well: whole documents drawn by seed where there are enough of
 * them to draw from, else the end of each, cut after a line.
 */
import { random } from "../numeric/random.ts";
import type { SourceDocument } from "../text/documents.ts";
import { FEWEST_DOCUMENTS } from "../text/units.ts";

export interface Split {
  readonly train: readonly SourceDocument[];
  readonly heldOut: readonly SourceDocument[];
}

/** @param share of the bytes that is held out, about; 0 for none */
export function splitText(documents: readonly SourceDocument[], share: number, seed: number): Split {
  if (share === 0) return { train: documents, heldOut: [] };
  if (documents.length < FEWEST_DOCUMENTS) return cutEnds(documents, share);
  const sizes = documents.map(({ text }) => Buffer.byteLength(text));
  const wanted = share * sizes.reduce((total, size) => total + size, 0);
  const chosen = new Set<number>();
  let bytes = 0;
  for (const index of random(seed, "held out").shuffle(Int32Array.from(documents.keys()))) {
    if (bytes >= wanted) break;
    chosen.add(index);
    bytes += sizes[index];
  }
  return {
    train: documents.filter((_, index) => !chosen.has(index)),
    heldOut: documents.filter((_, index) => chosen.has(index)),
  };
}

function cutEnds(documents: readonly SourceDocument[], share: number): Split {
  const cut = documents.map((document) => {
    const { text } = document;
    const about = Math.floor(text.length * (1 - share));
    const line = text.lastIndexOf("\n", about - 1) + 1;
    // Half of a surrogate pair is no text.
    const whole = /[\udc00-\udfff]/.test(text[about] ?? "") ? about - 1 : about;
    const at = line > 0 ? line : whole;
    return { front: { ...document, text: text.slice(0, at) }, end: { ...document, text: text.slice(at) } };
  });
  const filled = (parts: readonly SourceDocument[]): SourceDocument[] => parts.filter(({ text }) => text !== "");
  return { train: filled(cut.map(({ front }) => front)), heldOut: filled(cut.map(({ end }) => end)) };
}
