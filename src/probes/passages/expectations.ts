/**
 * What the model held for likeliest in place of the tokens of chosen stretches: the likeliest tokens there as the engine gives
 * them, with their probabilities, under the names that they are spelt by. A token that nothing comes before has none.
 *
 * Memory: 8 bytes a token and place among the likeliest, and the names of the tokens that occur.
 */
import type { Observation } from "../../ports/observation.ts";
import { numbersOf } from "../../ports/restored.ts";
import type { WindowBatch } from "../../text/corpus.ts";

/** Tokens [first, last) of a document. */
export interface Stretch {
  readonly document: number;
  readonly first: number;
  readonly last: number;
}

/** What was likeliest in a stretch, from its first token on. */
export interface Expected {
  /** as they are spelt */
  readonly tokens: string[];
  /** likeliest tokens a token of the text */
  readonly each: number;
  /** [tokens of the text · each] places in `tokens`, the likeliest first; −1: nothing was expected */
  readonly best: number[];
  /** [tokens of the text · each] their probabilities */
  readonly shares: number[];
}

interface Snapshot {
  readonly tokens: Int32Array;
  readonly nats: Float32Array;
  readonly names: ReadonlyMap<number, string>;
}

/** Probabilities are kept to 1/10,000: a reader sees three digits, and the profile stays small. */
const STEPS = 10_000;
const NOTHING = -1;

export class Expectations {
  readonly #each: number;
  readonly #spell: (token: number) => string;
  /** stretches by document, each with the place of its first token */
  readonly #stretches = new Map<number, (Stretch & { readonly place: number })[]>();
  /** [places, each] */
  readonly #tokens: Int32Array;
  readonly #nats: Float32Array;
  readonly #names = new Map<number, string>();

  /**
   * @param stretches that do not overlap
   * @param each likeliest tokens a token of the text
   * @param spell called where tokens arrive, not where they are restored
   */
  constructor(stretches: readonly Stretch[], each: number, spell: (token: number) => string) {
    this.#each = each;
    this.#spell = spell;
    let place = 0;
    for (const stretch of stretches) {
      const own = this.#stretches.get(stretch.document) ?? [];
      this.#stretches.set(stretch.document, own);
      own.push({ ...stretch, place });
      place += stretch.last - stretch.first;
    }
    this.#tokens = new Int32Array(place * each).fill(NOTHING);
    this.#nats = new Float32Array(place * each);
  }

  /** Places of the tokens of a batch that lie in a stretch, by row. */
  #placesIn({ windows }: WindowBatch): Map<number, number> {
    const places = new Map<number, number>();
    let row = 0;
    for (const { document, ids, fresh, start, prefixSlots } of windows) {
      const [from, to] = [start + fresh - prefixSlots, start + ids.length - prefixSlots];
      for (const { first, last, place } of this.#stretches.get(document) ?? []) {
        for (let token = Math.max(first, from); token < Math.min(last, to); token++)
          places.set(row + token - from, place + token - first);
      }
      row += to - from;
    }
    return places;
  }

  /** Rows of a batch whose likeliest tokens are wanted. */
  rows(batch: WindowBatch): Int32Array {
    return Int32Array.from(this.#placesIn(batch).keys()).sort();
  }

  observe({ batch, likeliest }: Observation): void {
    if (!likeliest) throw new Error("the engine gave no likeliest tokens");
    const places = this.#placesIn(batch);
    for (const [index, row] of likeliest.rows.entries()) {
      const place = places.get(row);
      // Others ask for rows too.
      if (place === undefined) continue;
      for (let rank = 0; rank < Math.min(this.#each, likeliest.count); rank++) {
        const token = likeliest.tokens[index * likeliest.count + rank];
        this.#tokens[place * this.#each + rank] = token;
        this.#nats[place * this.#each + rank] = likeliest.nats[index * likeliest.count + rank];
        if (!this.#names.has(token)) this.#names.set(token, this.#spell(token));
      }
    }
  }

  /** What `restore` needs; a copy. */
  snapshot(): Snapshot {
    return { tokens: this.#tokens.slice(), nats: this.#nats.slice(), names: new Map(this.#names) };
  }

  /** Adds what another one of the same stretches has seen. @throws LossyscopeError `io` where it is of other stretches */
  restore({ tokens, nats, names }: Snapshot): void {
    numbersOf(this.#tokens.length, tokens, "likeliest tokens", (token) => token === NOTHING || names.has(token));
    numbersOf(this.#nats.length, nats, "nats of likeliest tokens");
    for (const [place, token] of tokens.entries()) {
      if (token === NOTHING) continue;
      this.#tokens[place] = token;
      this.#nats[place] = nats[place];
    }
    for (const [token, name] of names) this.#names.set(token, name);
  }

  /** @returns what was likeliest in the stretch that begins there; undefined where none does */
  of(document: number, first: number): Expected | undefined {
    const found = this.#stretches.get(document)?.find((stretch) => stretch.first === first);
    if (!found || found.last === found.first) return undefined;
    const from = found.place * this.#each;
    const to = from + (found.last - found.first) * this.#each;
    const own = this.#tokens.subarray(from, to);
    const spelt = new Map<number, number>();
    for (const token of own) if (token !== NOTHING && !spelt.has(token)) spelt.set(token, spelt.size);
    return {
      tokens: [...spelt.keys()].map((token) => this.#names.get(token)!),
      each: this.#each,
      best: Array.from(own, (token) => spelt.get(token) ?? NOTHING),
      shares: Array.from(own, (token, place) =>
        token === NOTHING ? 0 : Math.round(Math.exp(-this.#nats[from + place]) * STEPS) / STEPS,
      ),
    };
  }
}
