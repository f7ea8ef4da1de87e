/**
 * Verbatim recall (METHODS §5): greedy continuations of prompts, compared with what follows in the document as bytes, and
 * beside each what the control guesses.
 *
 * Memory: the session's for a batch of prompts of one length; a few hundred bytes a continuation.
 */

import { defaultRows } from "../../decode/codec.ts";
import { generate } from "../../decode/generate.ts";
import { sessionBytes } from "../../decode/memory.ts";
import { beside, quickestProducts } from "../../decode/quickest.ts";
import { untilEnd } from "../../decode/served.ts";
import { DecodingSession } from "../../decode/session.ts";
import { writtenBytes } from "../../decode/text.ts";
import { mapAtMost } from "../../files/concurrent.ts";
import { editDistance } from "../../numeric/edit-distance.ts";
import { type QuietContext, quietContext } from "../../ports/context.ts";
import { type Asking, type Model, requireDecoder } from "../../ports/model.ts";
import type { TokenizedDocument } from "../../text/corpus.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import type { Control } from "./control.ts";
import type { InUnit } from "./means.ts";
import { askedAt, type Place } from "./places.ts";

/** A passage asked for after a prompt of some length. */
export interface Asked extends InUnit {
  readonly place: Place;
  /** first token of the passage in its document */
  readonly from: number;
  readonly prompt: Int32Array;
  readonly truth: Int32Array;
  readonly truthBytes: Uint8Array;
}

export interface Compared {
  /** whether the bytes are the same */
  readonly exact: boolean;
  /** bytes before the first difference */
  readonly common: number;
}

export interface Answer extends Asked {
  readonly came: Int32Array;
  readonly cameBytes: Uint8Array;
  readonly model: Compared;
  /** edits per byte of the longer one */
  readonly edits: number;
  /** null without a control */
  readonly guess: Compared | null;
}

/** @param after the token before them @returns what the tokens write */
export function bytesOf(tokenizer: Tokenizer, ids: ArrayLike<number>, after: number | null): Uint8Array {
  return Buffer.concat(Array.from(ids, (id, i) => writtenBytes(tokenizer, id, i === 0 ? after : ids[i - 1])));
}

export function compare(came: Uint8Array, truth: Uint8Array): Compared {
  let common = 0;
  while (common < Math.min(came.length, truth.length) && came[common] === truth[common]) common++;
  return { exact: common === came.length && common === truth.length, common };
}

/** @param unitOf the sampling unit of a token of a document */
export function asked(
  places: readonly Place[],
  prefix: number,
  shape: { readonly longest: number; readonly length: number },
  tokenizer: Tokenizer,
  unitOf: (document: number, token: number) => number,
): Asked[] {
  return places.map((place) => {
    const at = askedAt(place, prefix, shape);
    const truthBytes = bytesOf(tokenizer, at.truth, at.prompt[prefix - 1]);
    return { ...at, place, truthBytes, unit: unitOf(place.document.index, at.from) };
  });
}

export interface ContinueRequest extends QuietContext {
  readonly model: Model;
  readonly tokenizer: Tokenizer;
  /** l */
  readonly length: number;
  /** told of every step how many passages are through */
  readonly onPassages: (done: number) => void;
}

/**
 * @param questions prompts of one length in each list
 * @returns ids that came back for each, the token that ends a text and what follows it left out
 * @throws LossyscopeError as `DecodingSession` does
 */
export async function continuations(
  questions: readonly (readonly Asked[])[],
  { model, tokenizer, length, onPassages, ...context }: ContinueRequest,
): Promise<Int32Array[][]> {
  if (model.served?.asking)
    return continuedElsewhere(questions, model.served.asking, { model, tokenizer, length, onPassages, ...context });
  const { spec, weights, precision } = requireDecoder(model, "recall");
  const opening = tokenizer.prefix ? [tokenizer.prefix.id] : [];
  const tokens = Math.max(...questions.flat().map(({ prompt }) => opening.length + prompt.length)) + length - 1;
  const rows = defaultRows(spec, tokens);
  const together = Math.min(rows, Math.max(...questions.map(({ length }) => length)));
  const load = { rows: together, longest: tokens, together: tokens };
  const products = quickestProducts({ weights, precision }, together, (one) =>
    sessionBytes(spec, weights, { ...load, products: one }),
  );
  const ends = await model.ends();
  const session = await DecodingSession.open({
    spec,
    weights,
    ...quietContext(context),
    prediction: "logits",
    longest: tokens,
    arithmetic: beside(products),
  });
  try {
    const found: Int32Array[][] = [];
    let done = 0;
    for (const own of questions) {
      const came = own.map((): number[] => []);
      for (let first = 0; first < own.length; first += rows) {
        const batch = own.slice(first, first + rows);
        const prompts = batch.map(({ prompt }) => [...opening, ...prompt]);
        let step = 0;
        for await (const ids of generate(session, prompts, {
          temperature: 0,
          topP: 1,
          seed: 0,
          maxTokens: length,
          ends,
        })) {
          ids.forEach((id, b) => {
            if (id !== null) came[first + b].push(id);
          });
          onPassages(done + (++step / length) * batch.length);
        }
        done += batch.length;
      }
      found.push(came.map((ids) => Int32Array.from(ids)));
    }
    return found;
  } finally {
    await session.close();
  }
}

/** The same of a model that a server runs. */
async function continuedElsewhere(
  questions: readonly (readonly Asked[])[],
  asking: Asking,
  { model, tokenizer, length, onPassages, signal }: ContinueRequest,
): Promise<Int32Array[][]> {
  const opening = tokenizer.prefix ? [tokenizer.prefix.id] : [];
  const ends = await model.ends();
  const found: Int32Array[][] = [];
  let done = 0;
  for (const own of questions) {
    const came = await mapAtMost(asking.concurrency, own, async ({ prompt }) => {
      const ids = await asking.goOn(Int32Array.of(...opening, ...prompt), length, signal);
      onPassages(++done);
      return untilEnd(ids, ends).slice(0, length);
    });
    found.push(came.map((ids) => Int32Array.from(ids)));
  }
  return found;
}

/** Compares what came back with the truth, and the control's guess with it. */
export function answers(
  questions: readonly Asked[],
  came: readonly Int32Array[],
  tokenizer: Tokenizer,
  guess: (question: Asked) => Compared | null,
): Answer[] {
  return questions.map((question, i): Answer => {
    const { prompt, truthBytes } = question;
    const cameBytes = bytesOf(tokenizer, came[i], prompt[prompt.length - 1]);
    return {
      ...question,
      came: came[i],
      cameBytes,
      model: compare(cameBytes, truthBytes),
      edits: editDistance(cameBytes, truthBytes) / Math.max(1, cameBytes.length, truthBytes.length),
      guess: guess(question),
    };
  });
}

/** What the control makes of a passage. The text before it is the document's own, so that all prefixes have one guess. */
export function guesser(control: Control | null): (question: Asked) => Compared | null {
  if (!control) return () => null;
  const texts = new Map<TokenizedDocument, Buffer>();
  const known = new Map<string, Compared>();
  return ({ place: { document }, from, truthBytes }) => {
    const name = `${document.index} ${from}`;
    const before = known.get(name);
    if (before) return before;
    const text = texts.get(document) ?? Buffer.from(document.text);
    texts.set(document, text);
    const guessed = control
      .modelFor(document)
      .continue(text.subarray(0, document.byteEnds[from - 1]), truthBytes.length);
    const compared = compare(guessed, truthBytes);
    known.set(name, compared);
    return compared;
  };
}
