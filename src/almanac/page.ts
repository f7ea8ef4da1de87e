/**
 * A page as the choices that made it, and the page as text, one and the same thing (METHODS §9): a heading or none, one
 * sentence for each fact of the subject in any order, and notes at the foot. `drawPage` makes the choices, `spellPage`
 * writes them down, `readPages` finds all choices that give a text (there is never more than one), `languageBits` is −log2
 * of their probability with subject and facts given. The law, sentence by sentence:
 *
 *   heading: HEADED, then HEADING. Entry: which of the facts not yet stated (uniform), which of its sentences (uniform);
 *   in all but the first, opener and naming (SUBJECT). Notes: which of the topics not yet used (uniform), which of its
 *   sentences (uniform); ANOTHER for each note after LEAST_NOTES. Every other slot is uniform over the words of its list
 *   that the sentence does not have yet.
 *
 * Every sentence ends at its only full stop, so that a text which ends at one is the beginning of no page with other
 * choices up to there; the decision to stop after the last note is not charged.
 */
import type { Random } from "../numeric/random.ts";
import { type Pattern, type Reading, read, spell } from "./grammar.ts";
import { LEXICON } from "./lexicon.ts";
import { readName } from "./names.ts";
import { type Forms, KINDS, type Kind, type KindName, kindOf } from "./relations.ts";
import {
  ANOTHER,
  HEADED,
  HEADING,
  LEAST_NOTES,
  MOST_NOTES,
  NAMINGS,
  OPENERS,
  type Phrasing,
  SUBJECT,
  TOPICS,
} from "./topics.ts";

/** A sentence: which pattern, and the number of what fills each of its slots. */
export interface Sentence {
  readonly pattern: number;
  readonly picks: readonly number[];
}

/** The sentence that states a fact; the pick of its slot `value` is the number of the value. */
export interface Statement extends Sentence {
  readonly relation: number;
}

export interface Note extends Sentence {
  readonly topic: number;
}

/** All choices that make a page's text. */
export interface Page {
  readonly kind: KindName;
  /** the subject's name, by its number in the pool of its kind */
  readonly name: number;
  readonly heading: Sentence | null;
  /** one for each relation of the kind */
  readonly entry: readonly Statement[];
  readonly notes: readonly Note[];
}

/** Who a page is about, and the number of the value of each of its relations. */
export interface Subject {
  readonly kind: KindName;
  readonly name: number;
  readonly values: readonly number[];
}

/** What the slots of a statement may hold: of the language, the subject's forms, the values of the relation. */
class Slots {
  readonly #kind: Kind;
  readonly #forms: Forms;
  /** by slot: in the first sentence, and in the later ones */
  readonly #subjects: Readonly<Record<string, { first: readonly string[]; later: readonly string[] }>>;

  constructor(kind: Kind, name: number) {
    this.#kind = kind;
    const forms = kind.forms(name);
    this.#forms = forms;
    const spellings = (possessive: boolean) => {
      const named = (naming: (typeof NAMINGS)[number]): string =>
        possessive ? (naming === "he" ? forms.his : `${forms[naming]}'s`) : forms[naming];
      return {
        first: [capitalise(named("full"))],
        later: OPENERS.flatMap((opener) => NAMINGS.map((naming) => capitalise(opener + named(naming)))),
      };
    };
    this.#subjects = { Subject: spellings(false), "Subject's": spellings(true) };
  }

  /** The alternatives of each slot of a statement's pattern. */
  lists({ slots }: Pattern, relation: number, first: boolean): (readonly string[])[] {
    return slots.map((slot) => {
      if (slot in this.#subjects) return this.#subjects[slot][first ? "first" : "later"];
      if (slot === "value") return this.#kind.relations[relation].values;
      if (slot === "he" || slot === "him" || slot === "his") return [this.#forms[slot]];
      return LEXICON[slot];
    });
  }

  /** The beginning of a statement up to its value, as a page that opens with it has it. */
  prompt(pattern: Pattern, relation: number): string {
    const before = pattern.slots.indexOf("value");
    const lists = this.lists(pattern, relation, true);
    const words = pattern.slots.slice(0, before).map((_, i) => lists[i][0]);
    return spell({ literals: pattern.literals.slice(0, before + 1), slots: pattern.slots.slice(0, before) }, words);
  }
}

const capitalise = (text: string): string => text[0].toUpperCase() + text.slice(1);

const isSubject = (slot: string): boolean => slot === "Subject" || slot === "Subject's";

/** How often a slot's list was drawn from before, in this sentence. */
function drawnBefore(slots: readonly string[], at: number): number {
  let count = 0;
  for (let i = 0; i < at; i++) if (slots[i] === slots[at]) count++;
  return count;
}

/** Fills a slot with a word of its list that the sentence does not have yet. */
function drawWord(slots: readonly string[], picks: readonly number[], random: Random): number {
  const slot = slots[picks.length];
  for (;;) {
    const pick = random.below(LEXICON[slot].length);
    if (!picks.some((other, i) => other === pick && slots[i] === slot)) return pick;
  }
}

const wordBits = (slots: readonly string[], at: number): number =>
  Math.log2(LEXICON[slots[at]].length - drawnBefore(slots, at));

const repeats = (slots: readonly string[], picks: readonly number[]): boolean =>
  slots.some(
    (slot, i) => slot in LEXICON && slots.some((other, j) => j < i && other === slot && picks[i] === picks[j]),
  );

const valueSlot = (pattern: Pattern): number => pattern.slots.indexOf("value");

/** @returns the number of the value that the statement states */
export const statedValue = (kind: Kind, { relation, pattern, picks }: Statement): number =>
  picks[valueSlot(kind.relations[relation].patterns[pattern])];

function drawSentence({ patterns, law }: Phrasing, random: Random): Sentence {
  const pattern = law.draw(random);
  const { slots } = patterns[pattern];
  const picks: number[] = [];
  while (picks.length < slots.length) picks.push(drawWord(slots, picks, random));
  return { pattern, picks };
}

function drawStatement(
  relation: number,
  value: number,
  patterns: readonly Pattern[],
  first: boolean,
  random: Random,
): Statement {
  const pattern = random.below(patterns.length);
  const { slots } = patterns[pattern];
  const picks: number[] = [];
  for (const slot of slots) {
    if (slot === "value") picks.push(value);
    else if (slot in LEXICON) picks.push(drawWord(slots, picks, random));
    else picks.push(isSubject(slot) && !first ? SUBJECT.draw(random) : 0);
  }
  return { relation, pattern, picks };
}

export function drawPage({ kind: name, name: subject, values }: Subject, random: Random): Page {
  const { relations } = kindOf(name);
  const heading = HEADED.draw(random) === 1 ? drawSentence(HEADING, random) : null;
  const unstated = relations.map((_, relation) => relation);
  const entry = relations.map((_, i): Statement => {
    const [relation] = unstated.splice(random.below(unstated.length), 1);
    return drawStatement(relation, values[relation], relations[relation].patterns, i === 0, random);
  });
  const unused = TOPICS.map((_, topic) => topic);
  const notes: Note[] = [];
  do {
    const [topic] = unused.splice(random.below(unused.length), 1);
    notes.push({ topic, ...drawSentence(TOPICS[topic], random) });
  } while (notes.length < LEAST_NOTES || (notes.length < MOST_NOTES && ANOTHER.draw(random) === 1));
  return { kind: name, name: subject, heading, entry, notes };
}

function spellSentence({ patterns }: Phrasing, { pattern, picks }: Sentence): string {
  const { slots } = patterns[pattern];
  return spell(
    patterns[pattern],
    picks.map((pick, i) => LEXICON[slots[i]][pick]),
  );
}

/** A statement as it is spelled, and where its value stands in it. */
interface Spelled {
  readonly text: string;
  readonly value: readonly [start: number, end: number];
}

/** The sentences of the entry, each without the space before it. */
function spellEntry({ kind: name, name: subject, entry }: Page): Spelled[] {
  const kind = kindOf(name);
  const slots = new Slots(kind, subject);
  return entry.map(({ relation, pattern: number, picks }, i) => {
    const pattern = kind.relations[relation].patterns[number];
    const lists = slots.lists(pattern, relation, i === 0);
    const words = picks.map((pick, slot) => lists[slot][pick]);
    const at = valueSlot(pattern);
    const start = spell(pattern, words.slice(0, at)).length;
    return { text: spell(pattern, words), value: [start, start + words[at].length] };
  });
}

const spellHeading = ({ heading }: Page): string => (heading ? `${spellSentence(HEADING, heading)}\n` : "");

export function spellPage(page: Page): string {
  const entry = spellEntry(page).map(({ text }) => text);
  const notes = page.notes.map((note) => spellSentence(TOPICS[note.topic], note));
  return `${spellHeading(page)}${entry.join(" ")}\n${notes.join(" ")}`;
}

/** Where in the page's text each statement of the entry has its value. */
export function valuePlaces(page: Page): [start: number, end: number][] {
  let at = spellHeading(page).length;
  return spellEntry(page).map(({ text, value: [start, end] }) => {
    const place: [number, number] = [at + start, at + end];
    at += text.length + 1;
    return place;
  });
}

function sentenceBits({ patterns, law }: Phrasing, { pattern }: Sentence): number {
  return patterns[pattern].slots.reduce((bits, _, i, slots) => bits + wordBits(slots, i), law.bits(pattern));
}

/** −log2 P(the page | its subject and the subject's facts). */
export function languageBits({ kind: name, heading, entry, notes }: Page): number {
  const { relations } = kindOf(name);
  let bits = HEADED.bits(heading ? 1 : 0) + (heading ? sentenceBits(HEADING, heading) : 0);
  entry.forEach(({ relation, pattern, picks }, i) => {
    const { patterns } = relations[relation];
    bits += Math.log2(relations.length - i) + Math.log2(patterns.length);
    patterns[pattern].slots.forEach((slot, s, slots) => {
      if (slot in LEXICON) bits += wordBits(slots, s);
      else if (isSubject(slot) && i > 0) bits += SUBJECT.bits(picks[s]);
    });
  });
  notes.forEach((note, i) => {
    bits +=
      (i < LEAST_NOTES ? 0 : ANOTHER.bits(1)) + Math.log2(TOPICS.length - i) + sentenceBits(TOPICS[note.topic], note);
  });
  return bits;
}

function* readSentence({ patterns }: Phrasing, text: string, at: number): Generator<Sentence & Reading> {
  for (const [number, pattern] of patterns.entries()) {
    const lists = pattern.slots.map((slot) => LEXICON[slot]);
    for (const reading of read(pattern, lists, text, at)) {
      if (!repeats(pattern.slots, reading.picks)) yield { pattern: number, ...reading };
    }
  }
}

/** A stretch of sentences that was read, and where the text goes on. */
interface Stretch<T> {
  readonly sentences: readonly T[];
  readonly end: number;
}

function* readEntry(
  kind: Kind,
  slots: Slots,
  text: string,
  at: number,
  stated: readonly Statement[],
): Generator<Stretch<Statement>> {
  if (stated.length === kind.relations.length) {
    yield { sentences: stated, end: at };
    return;
  }
  const first = stated.length === 0;
  if (!first && text[at++] !== " ") return;
  for (const [relation, { patterns }] of kind.relations.entries()) {
    if (stated.some((statement) => statement.relation === relation)) continue;
    for (const [pattern, compiled] of patterns.entries()) {
      for (const { picks, end } of read(compiled, slots.lists(compiled, relation, first), text, at)) {
        if (repeats(compiled.slots, picks)) continue;
        yield* readEntry(kind, slots, text, end, [...stated, { relation, pattern, picks }]);
      }
    }
  }
}

function* readNotes(text: string, at: number, noted: readonly Note[]): Generator<readonly Note[]> {
  if (at === text.length && noted.length >= LEAST_NOTES) yield noted;
  if (noted.length === MOST_NOTES) return;
  if (noted.length > 0 && text[at++] !== " ") return;
  for (const [topic, phrasing] of TOPICS.entries()) {
    if (noted.some((note) => note.topic === topic)) continue;
    for (const { pattern, picks, end } of readSentence(phrasing, text, at)) {
      yield* readNotes(text, end, [...noted, { topic, pattern, picks }]);
    }
  }
}

/** Where names begin at a place of the text: a kind, a name and its slots for each of them. */
function* readSubjects(text: string, at: number): Generator<{ kind: Kind; name: number }> {
  for (const kind of KINDS.map(kindOf)) {
    const article = capitalise(kind.forms(0).full).startsWith("The ") ? "The " : "";
    if (!text.startsWith(article, at)) continue;
    for (const { name } of readName(kind.names, text, at + article.length)) yield { kind, name };
  }
}

/** All choices that give the text; the grammar is such that there are none or there is one. */
export function* readPages(text: string): Generator<Page> {
  const headings: { heading: Sentence | null; end: number }[] = [{ heading: null, end: 0 }];
  for (const { pattern, picks, end } of readSentence(HEADING, text, 0)) {
    if (text[end] === "\n") headings.push({ heading: { pattern, picks }, end: end + 1 });
  }
  for (const { heading, end } of headings) {
    for (const { kind, name } of readSubjects(text, end)) {
      for (const entry of readEntry(kind, new Slots(kind, name), text, end, [])) {
        if (text[entry.end] !== "\n") continue;
        for (const notes of readNotes(text, entry.end + 1, [])) {
          yield { kind: kind.name, name, heading, entry: entry.sentences, notes };
        }
      }
    }
  }
}

/** A question that a page's first sentence asks and answers. */
export interface Prompt {
  /** the sentence before its value, the space between them left out */
  readonly text: string;
  /** what stands right after the value */
  readonly terminator: string;
}

/** One prompt for every sentence that states the relation. */
export function promptsOf({ kind: name, name: subject }: Subject, relation: number): Prompt[] {
  const kind = kindOf(name);
  const slots = new Slots(kind, subject);
  return kind.relations[relation].patterns.map((pattern) => ({
    text: slots.prompt(pattern, relation).trimEnd(),
    terminator: pattern.literals[valueSlot(pattern) + 1][0],
  }));
}
