/** Documents and observations made up for the tests of what reads losses. */
import type { Observation } from "../../ports/observation.ts";
import type { TokenizedDocument, Window, WindowBatch } from "../../text/corpus.ts";

/** A document of one token for every piece of text. */
export function documentOf(
  index: number,
  pieces: readonly string[],
  more: Partial<Pick<TokenizedDocument, "domain" | "repairs">> = {},
): TokenizedDocument {
  const text = pieces.join("");
  let end = 0;
  return {
    index,
    id: `document ${index}`,
    domain: "all",
    sha256: "",
    text,
    bytes: Buffer.byteLength(text),
    characters: [...text].length,
    ids: Int32Array.from(pieces, (_, token) => 100 * index + token),
    byteEnds: Uint32Array.from(pieces, (piece) => (end += Buffer.byteLength(piece))),
    normalised: false,
    repairs: { bytes: 0, bits: 0 },
    ...more,
  };
}

/** What an engine gives for a batch: `nats(document, token)` for every fresh token that something comes before. */
export function observationOf(batch: WindowBatch, nats: (document: number, token: number) => number): Observation {
  const losses = batch.windows.flatMap((window: Window) =>
    Array.from({ length: window.ids.length - window.fresh }, (_, i) => {
      const slot = window.fresh + i;
      return slot === 0 ? Number.NaN : nats(window.document, window.start + slot - window.prefixSlots);
    }),
  );
  return { batch, rows: losses.length, losses: Float32Array.from(losses) };
}
