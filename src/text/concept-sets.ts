/**
 * Concept sets that come with the tool, each small and with its source. Words, of which what is true is their meaning, not the text
 * around them; and one set of passages, of four kinds of text, in files (`data/domains`). Sets that belong together say so by a
 * parent; words that stand for each other, and passages that are translations, by a pair.
 */
import { readFileSync } from "node:fs";

export interface ConceptRecord {
  readonly concept: string;
  /** a concept of concepts; null where none is said */
  readonly parent: string | null;
  readonly text: string;
  /** a word is read at the end of neutral sentences, a passage as it is */
  readonly as: "word" | "passage";
  /** texts of one document are never parted; null: a document of its own */
  readonly document: string | null;
  /** what two texts of two concepts that stand for each other share */
  readonly pair: string | null;
}

interface BuiltIn {
  /** where the words are from, and what for */
  readonly source: string;
  /** passages, which are not set beside words: no part of all sets together */
  readonly passages?: true;
  records(): readonly ConceptRecord[];
}

const words = (concept: string, parent: string | null, list: string): ConceptRecord[] =>
  list.split(" ").map((text) => ({ concept, parent, text, as: "word", document: null, pair: null }));

/** `Greece:Athens`, a space between pairs. */
function pairs(names: readonly [string, string], parent: string, list: string): ConceptRecord[] {
  return list
    .split(" ")
    .flatMap((entry) =>
      entry
        .split(":")
        .map(
          (text, side) => ({ concept: names[side], parent, text, as: "word", document: null, pair: entry }) as const,
        ),
    );
}

/** Files of passages, a blank line between two. */
const DOMAINS = ["english", "german", "code", "numbers"];
/** Of those that are the same text. */
const TRANSLATED = ["english", "german"];

function passages(domain: string): ConceptRecord[] {
  const text = readFileSync(new URL(`../../data/domains/${domain}.txt`, import.meta.url), "utf8");
  return text
    .trim()
    .split("\n\n")
    .map((passage, place) => ({
      concept: `${domain} text`,
      parent: TRANSLATED.includes(domain) ? "language" : "symbols",
      text: passage,
      as: "passage",
      document: null,
      pair: TRANSLATED.includes(domain) ? `passage ${place}` : null,
    }));
}

export const BUILT_IN: Readonly<Record<string, BuiltIn>> = {
  months: {
    source: "the months of the Gregorian calendar",
    records: () =>
      words("months", "time", "January February March April May June July August September October November December"),
  },
  weekdays: {
    source: "the days of the week",
    records: () => words("weekdays", "time", "Monday Tuesday Wednesday Thursday Friday Saturday Sunday"),
  },
  numbers: {
    source: "English names of the numbers from one to twenty",
    records: () =>
      words(
        "numbers",
        null,
        "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty",
      ),
  },
  capitals: {
    source: "the 23 pairs of capital-common-countries in the analogies of Mikolov et al. 2013 (arXiv 1301.3781)",
    records: () =>
      pairs(
        ["countries", "capitals"],
        "places",
        "Greece:Athens Iraq:Baghdad Thailand:Bangkok China:Beijing Germany:Berlin Switzerland:Bern Egypt:Cairo Australia:Canberra Vietnam:Hanoi Cuba:Havana Finland:Helsinki Pakistan:Islamabad Afghanistan:Kabul England:London Spain:Madrid Russia:Moscow Norway:Oslo Canada:Ottawa France:Paris Italy:Rome Sweden:Stockholm Iran:Tehran Japan:Tokyo",
      ),
  },
  keywords: {
    source:
      "keywords of Python (Language Reference 3.13, §2.3.1), those left out that are common English words of another use",
    records: () =>
      words(
        "keywords",
        null,
        "assert async await break class continue def del elif except finally global import lambda nonlocal pass raise return try while yield",
      ),
  },
  sentiment: {
    source: "a list of our own: pairs of English adjectives that praise and blame",
    records: () =>
      pairs(
        ["praise", "blame"],
        "sentiment",
        "good:bad happy:sad beautiful:ugly kind:cruel honest:dishonest brave:cowardly clever:stupid pleasant:unpleasant friendly:hostile generous:greedy excellent:terrible wonderful:awful gentle:harsh loyal:disloyal useful:useless lovely:horrible",
      ),
  },
  animals: {
    source: "a list of our own: common English names of animals",
    records: () =>
      words(
        "animals",
        "things",
        "dog cat horse cow sheep goat pig rabbit mouse lion tiger elephant bear wolf fox deer monkey eagle owl snake frog whale shark salmon",
      ),
  },
  tools: {
    source: "a list of our own: common English names of tools",
    records: () =>
      words(
        "tools",
        "things",
        "hammer saw drill wrench screwdriver chisel axe shovel rake hoe pliers knife scissors needle ladder rope brush broom bucket anvil lathe crowbar sickle tongs",
      ),
  },
  texts: {
    source: "passages of our own: English, the same in German, Python, numbers (data/domains)",
    passages: true,
    records: () => DOMAINS.flatMap(passages),
  },
};

/** All sets of words together. */
export const ALL_SETS = "all";

/** Names that `--concepts` takes for sets of ours. */
export const SET_NAMES: readonly string[] = [...Object.keys(BUILT_IN), ALL_SETS];
/** Those of `ALL_SETS`. */
export const WORD_SETS: readonly string[] = Object.keys(BUILT_IN).filter((name) => !BUILT_IN[name].passages);
