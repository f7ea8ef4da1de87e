/**
 * The almanac: text whose entropy is known (METHODS §9). From a seed and a size come a world, the pages of its splits with
 * both floors, and its facts as questions; any text is read back into the choices that made it. The floors of a page, as
 * the beginning of a text (the decision to stop is free):
 *
 *   known   = −log2 P(subject | world, split) − log2 P(language | subject, facts)
 *   unknown = −log2 P(kind | split) − log2 P(name | kind) − Σ log2 P(fact | facts disclosed before) − log2 P(language | …)
 *
 * The unknown floor is the page's exact probability under a world that is drawn anew: names are uniform over their pools
 * and facts independent of one another between entities, and no page speaks of two. Training and balanced pages are charged
 * each by itself, not as one of a set without replacement.
 */
import { count } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { random } from "../numeric/random.ts";
import {
  drawPage,
  languageBits,
  type Page,
  type Prompt,
  promptsOf,
  readPages,
  spellPage,
  statedValue,
  valuePlaces,
} from "./page.ts";
import { type KindName, kindOf, priorBits } from "./relations.ts";
import { factBits, kindShare, type SizeName, type Split, subjectBits, subjectsOf, type World } from "./world.ts";

export type { Page } from "./page.ts";
export type { KindName } from "./relations.ts";
export { createWorld, type Entity, SIZES, type SizeName, SPLITS, type Split, type World } from "./world.ts";

export interface Floors {
  readonly knownBits: number;
  readonly unknownBits: number;
}

export interface AlmanacDocument extends Floors {
  /** `known#12`: the thirteenth page of its split */
  readonly id: string;
  readonly split: Split;
  readonly kind: KindName;
  /** names of the entities that the page states facts of: one */
  readonly subjects: readonly string[];
  /** training pages that state them */
  readonly exposures: number;
  /** of the text, which is ASCII */
  readonly bytes: number;
  readonly text: string;
}

/** The pages of a split, one at a time; each depends on the world, the split and its place alone. */
export function* documents(world: World, split: Split): Generator<AlmanacDocument> {
  for (const [index, entity] of subjectsOf(world, split).entries()) {
    const page = drawPage(entity, random(world.seed, "almanac", "page", split, index));
    const text = spellPage(page);
    yield {
      id: `${split}#${index}`,
      split,
      kind: entity.kind,
      subjects: [kindOf(entity.kind).forms(entity.name).full],
      exposures: entity.exposures,
      bytes: text.length,
      ...floors(page, world, split),
      text,
    };
  }
}

/**
 * Reads a page back.
 * @param world where given, the page must be about one of its entities and state its facts
 * @returns the choices that made the text, the only ones that make it
 * @throws LossyscopeError `text` where the grammar does not give the text, or the world contradicts it
 */
export function parse(text: string, world: World | null): Page {
  const [page, other] = readPages(text);
  const start = JSON.stringify(text.slice(0, 40));
  if (!page)
    throw new LossyscopeError(
      "text",
      `the text of ${count(text.length)} characters that begins ${start} is no page of the almanac`,
    );
  if (other) throw new Error(`two derivations of the page that begins ${start}`);
  if (world && !isTrue(page, world)) {
    throw new LossyscopeError(
      "text",
      `the page that begins ${start} is not true of the world of seed ${world.seed} and size ${world.size}`,
      "give the seed and size that it was written from",
    );
  }
  return page;
}

function isTrue(page: Page, world: World): boolean {
  const entity = world.entity(page.kind, page.name);
  const kind = kindOf(page.kind);
  return entity !== undefined && page.entry.every((said) => statedValue(kind, said) === entity.values[said.relation]);
}

/**
 * Both floors of a page in bits.
 * @param world its seed decides the known floor alone; its size the shares of the kinds in the unknown one
 * @returns infinity where the page cannot have come from the world and the split, or from any
 */
export function floors(page: Page, world: World, split: Split): Floors {
  const language = languageBits(page);
  const entity = world.entity(page.kind, page.name);
  const name = kindOf(page.kind).names.bits - Math.log2(kindShare(world.size, split, page.kind));
  const unknownBits = priorsOf(page).reduce((total, bits) => total + bits, language + name);
  const subject = entity && isTrue(page, world) ? subjectBits(world, split, entity) : Infinity;
  return { knownBits: subject + language, unknownBits };
}

/** −log2 of the prior of every fact that the page states, in its order, given those that it has stated before. */
function priorsOf(page: Page): number[] {
  const kind = kindOf(page.kind);
  const disclosed: number[] = [];
  return page.entry.map((said) => {
    const value = statedValue(kind, said);
    const bits = priorBits(kind, said.relation, value, disclosed);
    disclosed[said.relation] = value;
    return bits;
  });
}

/**
 * Where a page states a fact. With everything before `start` read, nothing but one of the relation's values can follow;
 * at `end`, and not before, it is certain which one stands there, whichever it is.
 */
export interface StatedFact {
  /** with its kind: `person.trade` */
  readonly relation: string;
  /** of the space before the value */
  readonly start: number;
  /** behind the value, or behind the character after it where another value begins with this one */
  readonly end: number;
  /** given the facts that the page has stated before */
  readonly priorBits: number;
}

/** The facts of a page, in the order in which its text states them. */
export function statedFacts(page: Page): StatedFact[] {
  const { relations } = kindOf(page.kind);
  const places = valuePlaces(page);
  const priors = priorsOf(page);
  return page.entry.map((said, i) => {
    const { name, begins } = relations[said.relation];
    const [start, end] = places[i];
    return {
      relation: `${page.kind}.${name}`,
      start: start - 1,
      end: end + Number(begins[statedValue(kindOf(page.kind), said)]),
      priorBits: priors[i],
    };
  });
}

/** A functional fact of the world, as a question with a finite set of answers (METHODS §6). */
export interface AlmanacFact {
  readonly subject: string;
  readonly kind: KindName;
  /** with its kind: `person.trade` */
  readonly relation: string;
  readonly value: string;
  /** all values of the relation; none of them, with a terminator behind it, begins another */
  readonly candidates: readonly string[];
  /** an answer is a space, a candidate and the terminator */
  readonly prompts: readonly Prompt[];
  /** training pages that state the fact; 0: never seen */
  readonly exposures: number;
  /** −log2 of the prior of the value where the subject's name is all that is known */
  readonly priorBits: number;
}

/** All facts of the world, those of entities never seen at the end. */
export function* facts({ known, unseen }: World): Generator<AlmanacFact> {
  for (const entity of [...known, ...unseen]) {
    const kind = kindOf(entity.kind);
    for (const [relation, { name, values }] of kind.relations.entries()) {
      yield {
        subject: kind.forms(entity.name).full,
        kind: kind.name,
        relation: `${kind.name}.${name}`,
        value: values[entity.values[relation]],
        candidates: values,
        prompts: promptsOf(entity, relation),
        exposures: entity.exposures,
        priorBits: priorBits(kind, relation, entity.values[relation], []),
      };
    }
  }
}

/** What there is to know of a world, entities never seen left out. */
export interface Census {
  readonly size: SizeName;
  /** entities by exposure, rising */
  readonly entities: readonly { readonly exposures: number; readonly count: number }[];
  readonly unseen: number;
  readonly facts: number;
  /** Σ −log2 prior of the facts */
  readonly factBits: number;
  /** Σ −log2 prior of the names, each by itself */
  readonly nameBits: number;
}

/** Counts what there is to know of a world, in bits. */
export function census({ size, known, unseen, levels }: World): Census {
  return {
    size,
    entities: [...levels].map(([exposures, { length }]) => ({ exposures, count: length })),
    unseen: unseen.length,
    facts: known.reduce((sum, { values }) => sum + values.length, 0),
    factBits: known.reduce((sum, entity) => sum + factBits(entity), 0),
    nameBits: known.reduce((sum, { kind }) => sum + kindOf(kind).names.bits, 0),
  };
}
