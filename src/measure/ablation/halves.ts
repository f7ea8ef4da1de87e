/** The two halves of every domain (METHODS §4): one chooses the parts that are taken away, the other shows the effect. */
import { counted } from "../../numeric/amounts.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import { groupBy } from "../../numeric/groups.ts";
import { random } from "../../numeric/random.ts";
import type { TokenizedDocument } from "../../text/corpus.ts";

/** Documents that a domain takes: as many as an interval does go to the effects. */
export const FEWEST_DOCUMENTS = 10;

/** What intervals resample: a document, or texts that belong to one, with the first byte of each that counts. */
export type Unit = readonly { readonly document: TokenizedDocument; readonly from: number }[];

/** What one domain, or one concept, is measured by. */
export interface Half {
  readonly name: string;
  readonly chosen: readonly Unit[];
  readonly evaluated: readonly Unit[];
}

/**
 * Documents of each domain, dealt to the two halves by the seed.
 * @throws LossyscopeError `usage` for a text of one domain or too few documents, with the number needed
 */
export function halvesOf(documents: readonly TokenizedDocument[], seed: number): Half[] {
  const named = groupBy(
    documents.filter(({ ids }) => ids.length > 1),
    ({ domain }) => domain,
  );
  if (named.size < 2)
    throw new LossyscopeError(
      "usage",
      `the text is of ${counted(named.size, "domain")}, and effects are compared between domains`,
      "name two or more: --domain prose=a/ --domain code=b/, or a folder for each",
    );
  const few = [...named].filter(([, own]) => own.length < FEWEST_DOCUMENTS);
  if (few.length > 0)
    throw new LossyscopeError(
      "usage",
      `too few documents: ${few.map(([name, own]) => `${name} has ${own.length}`).join(", ")}; each domain takes ${FEWEST_DOCUMENTS}`,
      "give more text, or cut it with --split-on '\\n\\n'",
    );
  return [...named.keys()].sort().map((name) => {
    const own = random(seed, "ablation halves", name).shuffle([...named.get(name)!]);
    const half = Math.ceil(own.length / 2);
    const units = own.map((document): Unit => [{ document, from: 0 }]);
    return { name, chosen: units.slice(half), evaluated: units.slice(0, half) };
  });
}
