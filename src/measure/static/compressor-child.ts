/**
 * The child process in which compressors run, one after the other: it compresses what comes through standard input and tells the sizes,
 * stream by stream. Compressing takes minutes and cannot be interrupted; the parent ends this process instead, and a
 * crash in a library costs one figure.
 */
import { liveAsChild } from "../../files/lifeline.ts";
import { counted } from "../../numeric/amounts.ts";
import type { FromCompressor, ToCompressor } from "./compressor-messages.ts";
import { COMPRESSORS } from "./compressors.ts";

const send = (message: FromCompressor): Promise<void> =>
  new Promise((resolve) => process.send?.(message, undefined, undefined, () => resolve()));

/** Cuts standard input into streams of the given lengths, each to be read to its end before the next. */
function* streamsOf(lengths: readonly number[]): Generator<AsyncGenerator<Uint8Array>> {
  const parts = process.stdin[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  let rest: Uint8Array = new Uint8Array();
  for (const length of lengths) {
    yield (async function* () {
      for (let missing = length; missing > 0; ) {
        if (rest.length === 0) {
          const next = await parts.next();
          if (next.done) throw new Error(`the text ended ${counted(missing, "byte")} early`);
          rest = next.value;
        }
        const part = rest.subarray(0, missing);
        rest = rest.subarray(part.length);
        missing -= part.length;
        yield part;
      }
    })();
  }
}

async function compress({ works }: ToCompressor): Promise<void> {
  const streams = streamsOf(works.flatMap((work) => work.streams));
  for (const { compressor, streams: lengths } of works) {
    const found = COMPRESSORS.find(({ name }) => name === compressor);
    if (!found) throw new Error(`there is no compressor ${compressor}`);
    const { implementation, compressedSize } = await found.load();
    await send({ kind: "loaded", implementation });
    for (const length of lengths)
      await send({ kind: "size", bytes: await compressedSize(streams.next().value!, length) });
  }
}

process.once("message", (message: ToCompressor) => {
  compress(message)
    .catch((error: unknown) =>
      send({ kind: "failed", message: error instanceof Error ? error.message : String(error) }),
    )
    .finally(() => process.disconnect());
});
process.once("disconnect", () => process.exit(0));
liveAsChild();
