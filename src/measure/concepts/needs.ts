/** What figures of concepts take of a set, before the model runs (METHODS §3.1). */
import { FOLDS } from "../../info/concepts/layer.ts";
import { counted } from "../../numeric/amounts.ts";
import type { Need } from "../../numeric/needs.ts";
import type { ConceptSet } from "../../text/concepts.ts";

/** Texts that a concept takes: five neighbours of its own, and one document for each fold. */
export const FEWEST_TEXTS = 6;
/** What figures of concepts take of a set. */
export function conceptNeeds({ concepts, texts }: ConceptSet): Need[] {
  return concepts.flatMap(({ name }, concept) => {
    const own = texts.filter((text) => text.concept === concept);
    const documents = new Set(own.map(({ document }) => document)).size;
    return [
      {
        figure: "concepts",
        have: own.length,
        needs: FEWEST_TEXTS,
        bound: "least",
        unit: "text",
        reason: `the concept ${name} has ${counted(own.length, "text")}, each takes ${FEWEST_TEXTS}`,
        remedy: { kind: "said", text: `${FEWEST_TEXTS} words or passages of each concept` },
      },
      {
        figure: "concepts",
        have: documents,
        needs: FOLDS,
        bound: "least",
        unit: "document",
        reason: `the texts of the concept ${name} are of ${counted(documents, "document")}, each takes ${FOLDS}`,
        remedy: { kind: "said", text: `texts of ${FOLDS} documents of each concept` },
      },
    ] satisfies Need[];
  });
}
