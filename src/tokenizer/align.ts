/**
 * Which bytes of the text a normaliser's output came from (METHODS §1, Repairs): text and normalised text fall into
 * words, and changed words into grapheme clusters, each normalised alone; the pieces must add up to what the normaliser
 * made of the whole, else nothing is guessed. What is left in neither agreement is a `Change`.
 * Memory: the words of a text that the normaliser changed, about 60 bytes a word while it is aligned.
 */

/** A stretch [start, end) of the text's bytes that became [normalStart, normalEnd) of the normalised text's. */
export interface Change {
  readonly start: number;
  readonly end: number;
  readonly normalStart: number;
  readonly normalEnd: number;
}

const clusters = new Intl.Segmenter("und", { granularity: "grapheme" });

/**
 * @param normalised what `normalise` made of the whole `text`
 * @returns the changes in order, common bytes at both ends of each trimmed off, or undefined where pieces normalised alone
 *   do not add up to `normalised`
 */
export function align(text: string, normalised: string, normalise: (text: string) => string): Change[] | undefined {
  const changes: Change[] = [];
  let source = 0;
  let normal = 0;
  let units = 0;
  const step = (piece: string, result: string): void => {
    const from = Buffer.from(piece);
    const to = Buffer.from(result);
    if (piece !== result) {
      const shortest = Math.min(from.length, to.length);
      let head = 0;
      while (head < shortest && from[head] === to[head]) head++;
      let tail = 0;
      while (tail < shortest - head && from[from.length - 1 - tail] === to[to.length - 1 - tail]) tail++;
      changes.push({
        start: source + head,
        end: source + from.length - tail,
        normalStart: normal + head,
        normalEnd: normal + to.length - tail,
      });
    }
    source += from.length;
    normal += to.length;
  };
  for (const [word] of text.matchAll(/\s+|\S+/g)) {
    const result = normalise(word);
    if (!normalised.startsWith(result, units)) return undefined;
    units += result.length;
    const parts = word === result ? [word] : Array.from(clusters.segment(word), ({ segment }) => segment);
    const results = word === result ? [result] : parts.map(normalise);
    if (results.join("") !== result) step(word, result);
    else for (const [i, part] of parts.entries()) step(part, results[i]);
  }
  return units === normalised.length ? changes : undefined;
}
