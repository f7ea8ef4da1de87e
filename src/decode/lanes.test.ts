/** Blocks in lanes without a model: what is written comes back, as the same tokens cost in one lane; hostile codes end. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fixture } from "../fixtures.testing.ts";
import { random } from "../numeric/random.ts";
import { byteLevelTokenizerConfig, byteLevelTokenizerJson } from "../tokenizer/bytes.ts";
import { createTokenizer, loadTokenizer, type Tokenizer } from "../tokenizer/tokenizer.ts";
import type { Row } from "./block.ts";
import { Beginnings, escapeBitsInLanes, type Lanes, LanesDecoder, LanesEncoder, stretches } from "./lanes.ts";
import { asBytes, transcribe } from "./transcript.ts";

const tokenizers = new Map<string, Tokenizer>([
  ["bytes", createTokenizer(byteLevelTokenizerJson(), { tokenizerConfig: { ...byteLevelTokenizerConfig() } })],
  ...(await Promise.all(
    ["smollm", "metaspace-first", "metaspace-split"].map(
      async (name) => [name, await loadTokenizer(fixture(`tokenizers/${name}`), {})] as const,
    ),
  )),
]);
const block = fc
  .array(
    fc.oneof(
      fc
        .constantFrom("naïve CAFÉ", " two  spaces", "\n", "<|endoftext|>", "😀", "the cat sat")
        .map((text) => Buffer.from(text)),
      fc
        .constantFrom(
          [0xff],
          [0xe2, 0x82],
          [0],
          Array.from({ length: 40 }, (_, i) => 0x80 + i),
        )
        .map((junk) => Buffer.from(junk)),
      fc.uint8Array({ maxLength: 30 }),
    ),
    { maxLength: 10 },
  )
  .map((parts) => Buffer.concat(parts));
const cut: fc.Arbitrary<Lanes> = fc.record({ lanes: fc.integer({ min: 1, max: 6 }), primer: fc.nat(9) });

/** A distribution for every place in a block's code, by what was asked before. */
function distributions(vocabulary: number): () => Float32Array {
  const stream = random(5, "lanes test");
  return () => {
    const sharpness = 20 * stream.uniform();
    const weights = Float32Array.from({ length: vocabulary }, () => Math.exp(sharpness * (stream.uniform() - 1)));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return weights.map((weight) => weight / total);
  };
}

/** Asks as `walk` does. @returns the tokens that were answered, with the probabilities that they had, and the steps taken */
function drive({ opening, lanes }: { opening: Row; lanes: readonly Row[] }, primer: number, vocabulary: number) {
  const next = distributions(vocabulary);
  const answers: number[] = [];
  const ask = (row: Row): boolean => {
    const id = row.next(next());
    if (id !== null) answers.push(id);
    return id !== null;
  };
  let over = false;
  for (let token = 0; token < primer && !over; token++) over = !ask(opening);
  let going = over ? [] : lanes;
  let steps = 0;
  for (; going.length > 0; steps++) going = going.filter(ask);
  return { answers, steps };
}

describe.each([...tokenizers])("%s", (_, tokenizer) => {
  const vocabulary = tokenizer.vocabularySize;

  it("gives back what was written, and costs what its tokens and escapes do", () => {
    fc.assert(
      fc.property(block, cut, (bytes, lanes) => {
        const transcript = transcribe(tokenizer, bytes);
        const encoder = new LanesEncoder(transcript, lanes);
        const written = drive(encoder, lanes.primer, vocabulary);
        const code = encoder.finish();
        const decoder = new LanesDecoder(tokenizer, code, bytes.length, lanes);
        expect(drive(decoder, lanes.primer, vocabulary)).toEqual(written);
        expect(Buffer.from(decoder.finish())).toEqual(bytes);
        expect([encoder.share, decoder.share]).toEqual(transcript.ids.length > 0 ? [1, 1] : [0, 0]);
      }),
      { numRuns: 25 },
    );
  });

  it("a code that was never written comes to an end, within the block", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.integer({ min: 1, max: 30 }), cut, (code, length, lanes) => {
        const decoder = new LanesDecoder(tokenizer, code, length, lanes);
        expect(drive(decoder, lanes.primer, vocabulary).answers.length).toBeLessThanOrEqual(4 * length + 4);
        expect(decoder.finish()).toHaveLength(length);
      }),
      { numRuns: 25 },
    );
  });
});

describe("a block in lanes", () => {
  it("is cut into an opening and parts that differ by a token at most", () => {
    fc.assert(
      fc.property(fc.nat(100), cut, (tokens, asked) => {
        const { opening, lanes } = stretches(tokens, asked);
        const all = [opening, ...lanes];
        expect([all[0].start, all.at(-1)!.end]).toEqual([0, tokens]);
        for (const [i, { start }] of all.slice(1).entries()) expect(start).toBe(all[i].end);
        const sizes = lanes.map(({ start, end }) => end - start);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it("costs what a naive count of its symbols says", () => {
    const tokenizer = tokenizers.get("bytes")!;
    const uniform = new Float32Array(tokenizer.vocabularySize).fill(1 / tokenizer.vocabularySize);
    const bytes = Buffer.concat([
      Buffer.from("the cat sat "),
      Buffer.from([0xff, 0xfe]),
      Buffer.from(" on the mat ".repeat(9)),
    ]);
    const transcript = transcribe(tokenizer, bytes);
    const lanes = { lanes: 4, primer: 5 };
    const encoder = new LanesEncoder(transcript, lanes);
    for (let i = 0; i < 5; i++) encoder.opening.next(uniform);
    for (let going = encoder.lanes; going.length > 0; ) going = going.filter((row) => row.next(uniform) !== null);
    const tokenBits = transcript.ids.length * Math.log2(tokenizer.vocabularySize);
    expect(transcript.escapes.length).toBeGreaterThan(0);
    const bits = tokenBits + escapeBitsInLanes(transcript, lanes);
    expect(Math.abs(8 * encoder.finish().length - bits)).toBeLessThan(17);
  });

  it("of no text is one run", () => {
    const bytes = Buffer.from("0123456789".repeat(20));
    const lanes = { lanes: 3, primer: 2 };
    const code = new LanesEncoder(asBytes(bytes), lanes).finish();
    expect(Math.abs(8 * code.length - escapeBitsInLanes(asBytes(bytes), lanes))).toBeLessThan(17);
    const decoder = new LanesDecoder(tokenizers.get("bytes")!, code, bytes.length, lanes);
    expect(Buffer.from(decoder.finish())).toEqual(bytes);
  });

  it("tells what beginnings cost beyond other tokens", () => {
    const beginnings = new Beginnings();
    expect(beginnings.bytes).toBeNull();
    for (let lane = 0; lane < 4; lane++)
      for (let place = 0; place < 164; place++) beginnings.add(place, place < 64 ? 5 : 3);
    expect(beginnings.bytes).toBe((4 * 64 * 2) / 8);
  });
});
