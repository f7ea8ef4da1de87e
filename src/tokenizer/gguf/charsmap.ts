/**
 * sentencepiece's compiled rules of normalisation (`tokenizer.ggml.precompiled_charsmap`): the longest source that the text goes on
 * with is replaced, what begins with none stays. Laid out as `size[4]`, so many bytes of a double array (a trie over bytes; a node is
 * four bytes, little-endian: the byte that leads to it, whether a source ends, how far its children are), then the targets, each ended
 * by 0. A text's 0 ends a source. As llama.cpp walks it, but that no node beyond the array is looked at.
 * Memory: the array once more.
 */
import { count } from "../../numeric/amounts.ts";
import { damaged } from "./metadata.ts";

const KEY = "tokenizer.ggml.precompiled_charsmap";
/** Bytes of a target: what no rule needs, so that a text cannot be made to grow without bound. */
const LONGEST = 1024;

/** What a text goes on with, and what that becomes. */
export interface Replacement {
  /** bytes of the source */
  readonly length: number;
  readonly target: Uint8Array;
}

export class CharsMap {
  readonly #nodes: Uint32Array;
  readonly #targets: Uint8Array;
  /** by where they begin */
  readonly #known = new Map<number, Uint8Array>();

  /** @throws LossyscopeError `model` where the array is cut, empty or no array */
  constructor(blob: Uint8Array) {
    const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
    const size = blob.length >= 4 ? view.getUint32(0, true) : 0;
    if (size === 0 || size % 4 !== 0 || 4 + size > blob.length)
      throw damaged(`${KEY} of ${count(blob.length)} bytes claims ${count(size)} of nodes`);
    this.#nodes = Uint32Array.from({ length: size / 4 }, (_, node) => view.getUint32(4 + 4 * node, true));
    this.#targets = blob.subarray(4 + size);
  }

  /**
   * @param text UTF-8
   * @returns undefined where no rule is of what stands at `at`
   * @throws LossyscopeError `model` for a rule that parts a character, or whose target is no text or longer than any
   */
  longest(text: Uint8Array, at: number): Replacement | undefined {
    const nodes = this.#nodes;
    let node = childrenOf(nodes[0]);
    let [length, target] = [0, 0];
    for (let place = at; place < text.length && text[place] !== 0; place++) {
      node = (node ^ text[place]) >>> 0;
      if (node >= nodes.length || leadsHere(nodes[node]) !== text[place]) break;
      const ends = (nodes[node] >>> 8) & 1;
      node = (node ^ childrenOf(nodes[node])) >>> 0;
      if (!ends) continue;
      if (node >= nodes.length) throw damaged(`${KEY} has a rule without a target`);
      [length, target] = [place - at + 1, nodes[node] & 0x7fffffff];
    }
    if (length === 0) return undefined;
    if ((text[at + length] & 0xc0) === 0x80) throw damaged(`${KEY} has a rule that ends inside a character`);
    return { length, target: this.#targetAt(target) };
  }

  #targetAt(start: number): Uint8Array {
    const known = this.#known.get(start);
    if (known) return known;
    const end = start < this.#targets.length ? this.#targets.indexOf(0, start) : -1;
    if (end < 0) throw damaged(`${KEY} has a target at byte ${count(start)} of ${count(this.#targets.length)}`);
    const target = this.#targets.subarray(start, end);
    if (target.length > LONGEST)
      throw damaged(`${KEY} has a target of ${count(target.length)} bytes, ${count(LONGEST)} are read`);
    try {
      new TextDecoder("utf-8", { fatal: true }).decode(target);
    } catch {
      throw damaged(`${KEY} has a target that is not UTF-8`);
    }
    this.#known.set(start, target);
    return target;
  }
}

/** Where a node's children are, of which each is that far away from it xor its byte. */
const childrenOf = (node: number): number => ((node >>> 10) << ((node & 0x200) >>> 6)) >>> 0;
/** The byte that leads to a node; what no byte is where none does. */
const leadsHere = (node: number): number => (node & 0x800000ff) >>> 0;
