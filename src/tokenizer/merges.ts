/**
 * Byte-pair encoding of one piece: of all adjacent pairs the one whose merge ranks first is joined, the leftmost among
 * equals, until no pair has a merge (Sennrich et al. 2016). A merge ranks by its place in the list, or, where tokens come with
 * scores, by the score of what it makes, and then many may rank alike. Symbols are numbers, pairs wait in a heap ordered
 * by (rank, position), and a pair that no longer stands there is skipped: O(n log n) for a piece of n characters,
 * whatever it holds.
 * Memory: about 100 bytes a merge, 40 bytes a character of the piece at hand.
 */

/** Rank and position share one float64: no string is longer than 2^30, which leaves 2^23 merges. */
const POSITIONS = 2 ** 30;
/** So do the two symbols of a pair. */
const SYMBOLS = 2 ** 26;

export class Merges {
  /** pair → index of the merge */
  private readonly indexOf = new Map<number, number>();
  /** index of the merge → what it makes */
  private readonly made: string[] = [];
  private readonly madeSymbol: number[] = [];
  /** symbols that are no tokens, numbered after those that are */
  private readonly others = new Map<string, number>();

  /**
   * @param merges pairs in the order they were learned; a pair named twice counts where it is named last
   * @param idOf numbers of the symbols that are tokens, below 2^25
   * @param ranks of the merges, below 2^23, where that is not their order
   */
  constructor(
    merges: Iterable<readonly [string, string]>,
    private readonly idOf: ReadonlyMap<string, number>,
    private readonly ranks?: ArrayLike<number>,
  ) {
    for (const [left, right] of merges) {
      this.indexOf.set(pair(this.symbol(left), this.symbol(right)), this.made.length);
      this.made.push(left + right);
      this.madeSymbol.push(this.symbol(left + right));
    }
  }

  private symbol(text: string): number {
    const known = this.idOf.get(text) ?? this.others.get(text);
    if (known !== undefined) return known;
    const symbol = SYMBOLS / 2 + this.others.size;
    this.others.set(text, symbol);
    return symbol;
  }

  /** @returns the symbols that the piece ends as; characters that no merge knows stay as they are */
  apply(piece: string): string[] {
    const texts = Array.from(piece);
    const count = texts.length;
    if (count < 2) return texts;
    const at = Int32Array.from(texts, (character) => this.idOf.get(character) ?? this.others.get(character) ?? -1);
    // [i]: the next symbol's place, `count` at the end; the one before, -1 at the start; dead symbols have `at` = -2
    const next = Int32Array.from(texts, (_, i) => i + 1);
    const before = Int32Array.from(texts, (_, i) => i - 1);
    const { ranks } = this;
    const rankOf = (index: number): number => (ranks ? ranks[index] : index);
    const heap = new Heap();
    const consider = (left: number): void => {
      const right = next[left];
      if (right >= count || at[left] < 0 || at[right] < 0) return;
      const index = this.indexOf.get(pair(at[left], at[right]));
      if (index !== undefined) heap.push(rankOf(index) * POSITIONS + left);
    };
    for (let i = 0; i + 1 < count; i++) consider(i);
    for (let key = heap.pop(); key !== undefined; key = heap.pop()) {
      const rank = Math.floor(key / POSITIONS);
      const left = key - rank * POSITIONS;
      const right = next[left];
      if (right >= count || at[left] < 0 || at[right] < 0) continue;
      const index = this.indexOf.get(pair(at[left], at[right]));
      // Of another merge with the same rank the turn is the same.
      if (index === undefined || rankOf(index) !== rank) continue;
      at[left] = this.madeSymbol[index];
      texts[left] = this.made[index];
      at[right] = -2;
      next[left] = next[right];
      if (next[left] < count) before[next[left]] = left;
      if (before[left] >= 0) consider(before[left]);
      consider(left);
    }
    const symbols: string[] = [];
    for (let i = 0; i < count; i = next[i]) symbols.push(texts[i]);
    return symbols;
  }
}

const pair = (left: number, right: number): number => left * SYMBOLS + right;

/** Smallest number first. */
class Heap {
  private readonly keys: number[] = [];

  push(key: number): void {
    const { keys } = this;
    let at = keys.push(key) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (keys[parent] <= key) break;
      keys[at] = keys[parent];
      at = parent;
    }
    keys[at] = key;
  }

  pop(): number | undefined {
    const { keys } = this;
    const least = keys[0];
    const key = keys.pop();
    if (key === undefined || keys.length === 0) return least;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= keys.length) break;
      if (child + 1 < keys.length && keys[child + 1] < keys[child]) child++;
      if (keys[child] >= key) break;
      keys[at] = keys[child];
      at = child;
    }
    keys[at] = key;
    return least;
  }
}
