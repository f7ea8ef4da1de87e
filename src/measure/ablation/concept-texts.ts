/**
 * Concepts as the documents that parts are taken away from (METHODS §4). A passage is a document. A word says nothing of itself by
 * itself: it stands behind four others of its concept, drawn by the seed, and what counts is what it costs there, so that it is seen
 * whether the model still knows how a list of them goes on. Half of each concept's documents choose the parts, the other half
 * shows the effect; words of one half never stand in lists of the other.
 */
import { counted } from "../../numeric/amounts.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import { random } from "../../numeric/random.ts";
import type { ConceptSet, ConceptText } from "../../text/concepts.ts";
import type { TokenizedDocument } from "../../text/corpus.ts";
import type { SourceDocument } from "../../text/documents.ts";
import { FEWEST_DOCUMENTS, type Half, type Unit } from "./halves.ts";

/** Words of a concept before the one that counts. */
export const WORDS_BEFORE = 4;

/** A text as it is read, and the part of it that counts. */
interface Placed {
  readonly source: SourceDocument;
  readonly concept: number;
  /** of the set */
  readonly document: number;
  readonly evaluated: boolean;
  /** first byte that counts */
  readonly from: number;
}

export interface ConceptTexts {
  readonly sources: readonly SourceDocument[];
  /** concepts that take part */
  readonly names: readonly string[];
  /** those that do not, and why */
  readonly left: readonly { readonly name: string; readonly reason: string }[];
  /** The halves, of the same texts tokenised. */
  halves(documents: readonly TokenizedDocument[]): Half[];
}

/** @throws LossyscopeError `usage` where fewer than two concepts have documents enough, with the numbers */
export function conceptTexts({ name: set, texts, concepts }: ConceptSet, seed: number): ConceptTexts {
  const placed: Placed[] = [];
  const names: string[] = [];
  const left: { name: string; reason: string }[] = [];
  for (const [concept, { name }] of concepts.entries()) {
    const own = texts.filter((text) => text.concept === concept);
    const documents = [...new Set(own.map(({ document }) => document))];
    if (documents.length < FEWEST_DOCUMENTS) {
      const unit = own.length === documents.length && own.every(({ as }) => as === "word") ? "word" : "document";
      left.push({
        name,
        reason: `${name} has ${counted(documents.length, unit)}, each concept takes ${FEWEST_DOCUMENTS}`,
      });
      continue;
    }
    random(seed, "ablation halves", name).shuffle(documents);
    const shown = new Set(documents.slice(0, Math.ceil(documents.length / 2)));
    for (const evaluated of [true, false]) {
      const half = own.filter(({ document }) => shown.has(document) === evaluated);
      for (const text of half) placed.push(placedText(text, half, { name, evaluated, place: placed.length, seed }));
    }
    names.push(name);
  }
  if (names.length < 2)
    throw new LossyscopeError(
      "usage",
      `${set}: effects are compared between concepts, and ${names.length === 0 ? "none has" : `only ${names[0]} has`} texts enough${left.length > 0 ? `: ${left.map(({ reason }) => reason).join("; ")}` : ""}`,
      `give ${FEWEST_DOCUMENTS} words or passages of each of two concepts or more`,
    );
  return {
    sources: placed.map(({ source }) => source),
    names,
    left,
    halves(documents) {
      const byId = new Map(documents.map((document) => [document.id, document]));
      return names.map((name) => {
        const concept = concepts.findIndex((one) => one.name === name);
        const own = placed.filter((one) => one.concept === concept);
        return {
          name,
          chosen: unitsOf(
            own.filter(({ evaluated }) => !evaluated),
            byId,
          ),
          evaluated: unitsOf(
            own.filter(({ evaluated }) => evaluated),
            byId,
          ),
        };
      });
    },
  };
}

function placedText(
  text: ConceptText,
  half: readonly ConceptText[],
  {
    name,
    evaluated,
    place,
    seed,
  }: { readonly name: string; readonly evaluated: boolean; readonly place: number; readonly seed: number },
): Placed {
  const { concept, document } = text;
  const written = (whole: string, from: number): Placed => ({
    source: { id: `${name}#${place}`, domain: name, text: whole, replaced: 0 },
    concept,
    document,
    evaluated,
    from,
  });
  if (text.as === "passage") return written(text.text, 0);
  const others = half.filter((one) => one.as === "word" && one !== text).map((one) => one.text);
  random(seed, "words before", name, text.text).shuffle(others);
  const before = others.slice(0, WORDS_BEFORE).join(", ");
  return before === "" ? written(text.text, 0) : written(`${before}, ${text.text}`, Buffer.byteLength(before) + 1);
}

/** Texts of one document of the set together; those that could not be tokenised are not there. */
function unitsOf(own: readonly Placed[], byId: ReadonlyMap<string, TokenizedDocument>): Unit[] {
  const units = new Map<number, { document: TokenizedDocument; from: number }[]>();
  for (const { source, document: unit, from } of own) {
    const document = byId.get(source.id);
    if (document === undefined || document.ids.length < 2) continue;
    const parts = units.get(unit) ?? [];
    units.set(unit, parts);
    parts.push({ document, from });
  }
  return [...units.values()];
}
