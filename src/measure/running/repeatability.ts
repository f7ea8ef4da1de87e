/**
 * How far the figures of a served model move when the same windows are sent again (METHODS §1.7): some windows of the text are
 * read twice before the pass, one by one and in another order, and a third time in it. A server whose values move too far is
 * refused before the text is sent.
 *
 * Memory: 24 bytes a token of the windows that are read again.
 */
import { apart, changes, changeText } from "../../endpoint/check.ts";
import { readBatches } from "../../engines/score.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import { sum } from "../../numeric/sums.ts";
import { type QuietContext, quietContext } from "../../ports/context.ts";
import { eachLoss } from "../../ports/losses.ts";
import type { Model } from "../../ports/model.ts";
import type { Coding } from "../../profile/coding.ts";
import type { TokenizedDocument, Window, WindowBatch } from "../../text/corpus.ts";
import { describeBatch } from "../../text/windows.ts";

/** Windows that are read again: one of so many, so that a text costs a tenth more, and no more than so many of them. */
const ONE_OF = 20;
const MOST = 4;
/** What the pass reads is the third. */
const BEFORE = 2;

/** A token that was read several times. */
interface Place {
  readonly document: number;
  readonly token: number;
}

export interface Readings {
  readonly windows: number;
  readonly places: readonly Place[];
  /** [readings][places] nats */
  readonly nats: readonly Float64Array[];
}

const keyOf = ({ document, token }: Place): string => `${document} ${token}`;

/**
 * @returns null where the model runs here, and does not move
 * @throws LossyscopeError `engine` where the server's values move too far; as `readBatches`
 */
export async function readBefore(
  request: QuietContext & { readonly model: Pick<Model, "runs" | "served"> },
  batches: readonly WindowBatch[],
  documents: readonly TokenizedDocument[],
): Promise<Readings | null> {
  if (!request.model.served) return null;
  const windows = someOf(batches.flatMap((batch) => batch.windows));
  const orders = [windows, windows.toReversed()].slice(0, BEFORE);
  const readings: Map<string, number>[] = [];
  for (const order of orders) {
    const nats = new Map<string, number>();
    await readBatches(
      {
        model: request.model,
        batches: order.map((window, index) => ({ index, windows: [window] })),
        ...quietContext(request),
        describe: (batch) => describeBatch(batch, documents),
      },
      { heads: { losses: true, preNorm: false } },
      (observation) =>
        eachLoss(observation, documents, ({ document }, token, own) => {
          nats.set(keyOf({ document, token }), own);
        }),
    );
    readings.push(nats);
  }
  const places = [...readings[0].keys()].map((key): Place => {
    const [document, token] = key.split(" ").map(Number);
    return { document, token };
  });
  const nats = readings.map((own) => Float64Array.from(places, (place) => own.get(keyOf(place))!));
  const moved = apart(nats[0], nats[1]);
  if (changes(moved))
    throw new LossyscopeError(
      "engine",
      `the server's values change from call to call: tokens of the text, sent twice, ${changeText(moved)}`,
      "serve the model without speculative decoding, a cache of prefixes, or several models behind one address",
    );
  return { windows: windows.length, places, nats };
}

const chosen = (windows: number): number => Math.min(MOST, Math.ceil(windows / ONE_OF));

/** How many windows go to the server beside those of the pass. */
export const rereads = (windows: number): number => BEFORE * chosen(windows);

function someOf(windows: readonly Window[]): Window[] {
  const most = chosen(windows.length);
  return Array.from({ length: most }, (_, index) => windows[Math.floor((index * windows.length) / most)]);
}

/** @param lossesOf of the pass, the last reading */
export function repeatability(
  { windows, places, nats }: Readings,
  documents: readonly Pick<TokenizedDocument, "byteEnds">[],
  lossesOf: (document: number) => Float32Array,
): NonNullable<Coding["repeatability"]> {
  const all = [...nats, Float64Array.from(places, ({ document, token }) => lossesOf(document)[token])];
  const bytes = sum(
    places.map(({ document, token }) => {
      const { byteEnds } = documents[document];
      return byteEnds[token] - (token === 0 ? 0 : byteEnds[token - 1]);
    }),
  );
  const rates = all.map((own) => sum(own) / Math.LN2 / Math.max(1, bytes));
  const furthest = places.map((_, place) => {
    const own = all.map((reading) => reading[place]);
    return Math.max(...own) - Math.min(...own);
  });
  return {
    bitsPerByte: Math.max(...rates) - Math.min(...rates),
    largestNats: furthest.reduce((a, b) => Math.max(a, b), 0),
    readings: all.length,
    windows,
    tokens: places.length,
  };
}
