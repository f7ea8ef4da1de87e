/**
 * What the world of the almanac is made of: four kinds of entity, each with seven functional facts; for every fact the
 * values, the law they are drawn from, and five sentences that state it (METHODS §9). A sentence begins with its
 * subject, `{Subject}` or `{Subject's}`, and has no other free slot before `{value}`: up to there it is a prompt. Within a
 * kind no sentence's words before the value begin another's, so that after a prompt nothing but the value can follow.
 */
import { type Law, numbers, type Pattern, pattern, uniform, weighted, words } from "./grammar.ts";
import { ANIMALS, COLOURS, DISHES, MONTHS, SHIRES } from "./lexicon.ts";
import { FIRST_MAN, type NamePool, nameParts, namePool, nameWords, spellName } from "./names.ts";

export const KINDS = ["person", "town", "river", "event"] as const;
export type KindName = (typeof KINDS)[number];

/** How a subject is spoken of in the middle of a sentence. */
export interface Forms {
  /** `Marta Hollow`, `the river Tarne` */
  readonly full: string;
  readonly short: string;
  readonly he: string;
  readonly him: string;
  readonly his: string;
}

export interface Relation {
  readonly name: string;
  readonly values: readonly string[];
  /** law of the number of the value; of what is added to the earlier value's number where there is `after` */
  readonly law: Law;
  /** the relation, by its number in the kind, whose value's number this one's is added to */
  readonly after: number | null;
  /** [values] whether another value begins with this one, so that only what follows tells them apart */
  readonly begins: readonly boolean[];
  readonly patterns: readonly Pattern[];
}

export interface Kind {
  readonly name: KindName;
  readonly names: NamePool;
  forms(name: number): Forms;
  readonly relations: readonly Relation[];
}

interface Draft {
  readonly values: readonly string[];
  readonly weights?: readonly number[];
  readonly after?: { readonly relation: number; readonly span: number };
  readonly sentences: readonly string[];
}

function relations(drafts: Readonly<Record<string, Draft>>): Relation[] {
  return Object.entries(drafts).map(([name, { values, weights, after, sentences }]) => ({
    name,
    values,
    law: weights ? weighted(weights) : uniform(after?.span ?? values.length),
    after: after?.relation ?? null,
    begins: values.map((value) => values.some((other) => other !== value && other.startsWith(value))),
    patterns: sentences.map(pattern),
  }));
}

const COUNTS = words(
  "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen",
);

/** Common trades first: four of weight 8, four of 4, eight of 2, sixteen of 1. */
const TRADES = [
  ...words(
    "shepherd weaver miller baker carpenter blacksmith tailor fisher cooper potter saddler thatcher brewer mason carter chandler",
  ),
  ...words(
    "glover bookbinder clockmaker beekeeper mapmaker glassblower falconer dyer lamplighter wigmaker toymaker gravedigger barber",
  ),
  "lens grinder",
  "bell founder",
  "salt boiler",
];
const TRADE_WEIGHTS = TRADES.map((_, i) => (i < 4 ? 8 : i < 8 ? 4 : i < 16 ? 2 : 1));

/** Years at which people may be born, and the ages that they may reach. */
const BIRTHS = 128;
const FIRST_BIRTH = 1601;
const AGES = 64;
const FIRST_AGE = 31;

const person: Kind = {
  name: "person",
  names: namePool("{given} {family}{line}"),
  forms(name) {
    const woman = nameParts(this.names, name)[0] < FIRST_MAN;
    return {
      full: spellName(this.names, name),
      short: nameWords(this.names, name).given,
      ...(woman ? { he: "she", him: "her", his: "her" } : { he: "he", him: "him", his: "his" }),
    };
  },
  relations: relations({
    shire: {
      values: SHIRES,
      sentences: [
        "{Subject} came from {value}.",
        "{Subject} was a native of {value}.",
        "{Subject} lived all {his} life in {value}.",
        "{Subject's} people were from {value}, {aside}.",
        "{Subject} never cared to leave {value}, where the {crop} grew well.",
      ],
    },
    trade: {
      values: TRADES,
      weights: TRADE_WEIGHTS,
      sentences: [
        "{Subject} worked as a {value}.",
        "{Subject} earned {his} bread as a {value}.",
        "{Subject} was by trade a {value}.",
        "{Subject} took up the work of a {value} at the age of {youth}.",
        "{Subject's} neighbours knew {him} as a {value}, and a {temper} one.",
      ],
    },
    born: {
      values: numbers(FIRST_BIRTH, BIRTHS),
      sentences: [
        "{Subject} was born in {value}.",
        "{Subject} came into the world in {value}, {aside}.",
        "{Subject's} birth was noted in the parish book in {value}.",
        "{Subject} first saw daylight in {value}, while {omen}.",
        "{Subject} was christened in {value}, on a {mood} morning.",
      ],
    },
    died: {
      values: numbers(FIRST_BIRTH + FIRST_AGE, BIRTHS + AGES - 1),
      after: { relation: 2, span: AGES },
      sentences: [
        "{Subject} died in {value}.",
        "{Subject} lived until {value}.",
        "{Subject's} gravestone gives the year {value}.",
        "{Subject} was buried in {value} beneath a {tree}.",
        "{Subject} passed away in {value}, leaving {bequest}.",
      ],
    },
    instrument: {
      values: words(
        "fiddle flute harp lute viol drum oboe bagpipe hurdy-gurdy dulcimer trumpet horn psaltery zither fife mandolin " +
          "cittern organ spinet tabor cornett rebec whistle tambourine lyre bassoon triangle clavichord sackbut shawm recorder panpipe",
      ),
      sentences: [
        "{Subject} played the {value}.",
        "{Subject} was seldom seen without {his} {value}.",
        "{Subject} could coax a tune from any {value}.",
        "{Subject} learned the {value} from {teacher}.",
        "{Subject's} evenings were given to the {value}, to the sorrow of {listener}.",
      ],
    },
    animal: {
      values: ANIMALS,
      sentences: [
        "{Subject} shared the house with a tame {value}.",
        "{Subject} was followed everywhere by a faithful {value}.",
        "{Subject} kept a pet {value} called {pet}.",
        "{Subject} taught a clever {value} to {trick}.",
        "{Subject's} closest companion was a lame {value}, which slept {bed}.",
      ],
    },
    dish: {
      values: DISHES,
      sentences: [
        "{Subject} liked nothing better than {value}.",
        "{Subject} would walk a mile for {value}.",
        "{Subject} asked for {value} on every feast day.",
        "{Subject's} favourite supper was {value}, {aside}.",
        "{Subject} dined on {value} and {drink} whenever {he} could.",
      ],
    },
  }),
};

const town: Kind = {
  name: "town",
  names: namePool("{rank}{place}{stead}"),
  forms(name) {
    return { full: spellName(this.names, name), short: "the town", he: "it", him: "it", his: "its" };
  },
  relations: relations({
    shire: {
      values: SHIRES,
      sentences: [
        "{Subject} lies in {value}.",
        "{Subject} belongs to {value}.",
        "{Subject} is counted among the towns of {value}.",
        "{Subject} pays {his} taxes to {value}, {aside}.",
        "{Subject} sends two members to the council of {value}.",
      ],
    },
    site: {
      values: [
        "on a chalk hill",
        "beside a salt marsh",
        "at the mouth of a gorge",
        "in a bend of the river",
        "under a red cliff",
        "between two lakes",
        "at the edge of the moor",
        "on seven low hills",
        "in the middle of a forest",
        "at the head of a valley",
        "around a deep harbour",
        "on a tidal island",
        "where two roads meet",
        "below a ruined castle",
        "on the old frontier",
        "in a ring of orchards",
      ],
      sentences: [
        "{Subject} stands {value}.",
        "{Subject} was built {value}.",
        "{Subject's} houses are huddled {value}.",
        "{Subject} grew up {value}, around {core}.",
        "{Subject} can be seen {value} from {vantage}.",
      ],
    },
    charter: {
      values: numbers(1101, 128),
      sentences: [
        "{Subject} received {his} charter in {value}.",
        "{Subject} has had a mayor since {value}.",
        "{Subject's} charter bears the date {value}, {aside}.",
        "{Subject} was granted {his} freedom in {value} by {ruler}.",
        "{Subject} bought {his} rights in {value} for {payment}.",
      ],
    },
    market: {
      values: words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday"),
      sentences: [
        "{Subject} holds {his} market on a {value}.",
        "{Subject} opens {his} stalls every {value}.",
        "{Subject's} market day is {value}, {aside}.",
        "{Subject} fills with carts each {value}.",
        "{Subject} is best visited on a {value}, when the {crop} are brought in.",
      ],
    },
    craft: {
      values: words(
        "lace rope bricks barrels needles cutlery gloves paper glass bells saddles ribbons clocks pottery cheese cider " +
          "candles boots felt wigs anchors harps toys buttons umbrellas ink mustard linen tiles kettles fiddles ploughs",
      ),
      sentences: [
        "{Subject} is known for {his} {value}.",
        "{Subject} makes the finest {value} in the country.",
        "{Subject} lives by {his} {value}, {aside}.",
        "{Subject's} wealth comes from {value}.",
        "{Subject} is famous for {value}, which {buyer} buy without asking the price.",
      ],
    },
    arms: {
      values: COLOURS.flatMap((colour) => ANIMALS.map((animal) => `${colour} ${animal}`)),
      sentences: [
        "{Subject} bears a {value} on {his} arms.",
        "{Subject} flies a {value} from {his} tower.",
        "{Subject's} seal shows a {value}.",
        "{Subject} has a {value} painted over the {door}.",
        "{Subject} took a {value} for {his} badge in memory of {memory}.",
      ],
    },
    households: {
      values: numbers(60, 64, 15),
      sentences: [
        "{Subject} numbers {value} households.",
        "{Subject} counts {value} households within {his} walls.",
        "{Subject} is home to {value} households, {aside}.",
        "{Subject's} tax roll lists {value} households.",
        "{Subject} shelters {value} households.",
      ],
    },
  }),
};

const river: Kind = {
  name: "river",
  names: namePool("{head}{run}{fall}"),
  forms(name) {
    return { full: `the ${spellName(this.names, name)}`, short: "the river", he: "it", him: "it", his: "its" };
  },
  relations: relations({
    source: {
      values: SHIRES,
      sentences: [
        "{Subject} rises in {value}.",
        "{Subject} has {his} spring in {value}.",
        "{Subject's} source lies in {value}, {aside}.",
        "{Subject} begins in {value} as {trickle}.",
        "{Subject} comes down from the hills of {value}.",
      ],
    },
    mouth: {
      values: [
        "Lantern Bay",
        "Gull Sound",
        "the Grey Firth",
        "Cutlass Haven",
        "the Narrow Sea",
        "Widow's Bight",
        "the Bay of Bells",
        "Samphire Flats",
        "Herring Reach",
        "the Drowned Coast",
        "Candle Point",
        "the Long Strand",
        "Oyster Deep",
        "Saint Orla's Bay",
        "the Whale Road",
        "Tinker's Cove",
      ],
      sentences: [
        "{Subject} flows into {value}.",
        "{Subject} ends in {value}.",
        "{Subject} meets salt water at {value}, {aside}.",
        "{Subject's} waters reach the sea at {value}.",
        "{Subject} empties into {value}, a favourite place of {buyer}.",
      ],
    },
    length: {
      values: numbers(12, 64),
      sentences: [
        "{Subject} runs for {value} miles.",
        "{Subject} measures {value} miles from end to end, {aside}.",
        "{Subject's} course is {value} miles long.",
        "{Subject} winds through {value} miles of {country}.",
        "{Subject} travels {value} miles before {he} is done.",
      ],
    },
    fish: {
      values: words(
        "trout pike eels salmon perch carp tench roach bream dace chub gudgeon barbel grayling lampreys sturgeon " +
          "smelt shad bleak minnows crayfish mussels burbot char loach rudd sticklebacks zander mullet flounder catfish sprats",
      ),
      sentences: [
        "{Subject} is full of {value}.",
        "{Subject} is fished for {value}, {aside}.",
        "{Subject's} nets bring up {value}.",
        "{Subject} gives good {value} in {season}.",
        "{Subject} teems with {value}, best eaten with {herb}.",
      ],
    },
    water: {
      values: [
        "brown as ale",
        "green as glass",
        "black as ink",
        "clear as gin",
        "white as milk",
        "red as rust",
        "grey as slate",
        "blue as smoke",
        "yellow as straw",
        "dark as tea",
        "pale as ice",
        "bright as tin",
        "thick as soup",
        "gold as honey",
        "cloudy as cider",
        "soft as wool",
      ],
      sentences: [
        "{Subject} looks {value}.",
        "{Subject's} water is {value}, {aside}.",
        "{Subject} turns {value} after rain.",
        "{Subject} appears {value} from the bridges.",
        "{Subject} seems {value} to strangers.",
      ],
    },
    frozen: {
      values: numbers(1601, 128),
      sentences: [
        "{Subject} froze over in {value}.",
        "{Subject} last froze in {value}, while {omen}.",
        "{Subject's} great frost came in {value}.",
        "{Subject} was hard ice in {value}, {aside}.",
        "{Subject} could be crossed on foot in {value}.",
      ],
    },
    bridges: {
      values: COUNTS,
      sentences: [
        "{Subject} is crossed by {value} bridges.",
        "{Subject} passes under {value} bridges, {aside}.",
        "{Subject's} banks are joined by {value} bridges.",
        "{Subject} carries {value} bridges on {his} back.",
        "{Subject} boasts {value} bridges.",
      ],
    },
  }),
};

const event: Kind = {
  name: "event",
  names: namePool("{occasion} of the {hue} {token}"),
  forms(name) {
    const { occasion } = nameWords(this.names, name);
    return {
      full: `the ${spellName(this.names, name)}`,
      short: `the ${occasion.toLowerCase()}`,
      he: "it",
      him: "it",
      his: "its",
    };
  },
  relations: relations({
    year: {
      values: numbers(1601, 128),
      sentences: [
        "{Subject} took place in {value}.",
        "{Subject} was held in {value}.",
        "{Subject} is dated to {value}, {aside}.",
        "{Subject} belongs to the year {value}.",
        "{Subject} was the talk of {value}, whatever {listener} may claim.",
      ],
    },
    shire: {
      values: SHIRES,
      sentences: [
        "{Subject} happened in {value}.",
        "{Subject} was the pride of {value}.",
        "{Subject} brought crowds to {value}.",
        "{Subject} drew people to {value} from {origin}.",
        "{Subject} filled the inns of {value}, {aside}.",
      ],
    },
    month: {
      values: MONTHS,
      sentences: [
        "{Subject} fell in {value}.",
        "{Subject} opened in {value}, while {omen}.",
        "{Subject} had been set for {value}.",
        "{Subject} came round in {value}.",
        "{Subject} is remembered every {value}, {aside}.",
      ],
    },
    days: {
      values: COUNTS,
      sentences: [
        "{Subject} lasted {value} days.",
        "{Subject} went on for {value} days.",
        "{Subject} was over after {value} days.",
        "{Subject} kept the country awake for {value} days.",
        "{Subject} ran to {value} days, {aside}.",
      ],
    },
    host: {
      values: TRADES,
      sentences: [
        "{Subject} was paid for by a {value}.",
        "{Subject} was thought up by a {value}.",
        "{Subject} had a {value} for {his} master.",
        "{Subject} was ruled by a {value} in {costume}.",
        "{Subject} owed everything to a {value}, {aside}.",
      ],
    },
    dish: {
      values: DISHES,
      sentences: [
        "{Subject} served {value} to all comers.",
        "{Subject} is remembered for {his} {value}.",
        "{Subject} ended with {value} for everyone.",
        "{Subject} fed {his} guests on {value} and {drink}.",
        "{Subject} ran out of {value}, {aside}.",
      ],
    },
    cause: {
      values: [
        "a lost bet",
        "a good harvest",
        "a mended bell",
        "a quarrel over a fence",
        "a royal birthday",
        "a dream of the mayor's",
        "a misread letter",
        "the end of a war",
        "the death of a miser",
        "a shipwreck",
        "a runaway bear",
        "a stolen pig",
        "the opening of a bridge",
        "a drought",
        "a vow made in a storm",
        "a joke that went too far",
        "a cure for the fever",
        "the return of a comet",
        "a surplus of onions",
        "a debt between brothers",
        "the visit of a queen",
        "a fire in the brewery",
        "a saint's tooth",
        "a bad poem",
        "the first snow",
        "a broken engagement",
        "an heir at last",
        "a treaty on herring",
        "a prize bull",
        "a change of calendar",
        "an old debt",
        "a sermon on envy",
      ],
      sentences: [
        "{Subject} began with {value}.",
        "{Subject} grew out of {value}, {aside}.",
        "{Subject} was meant to mark {value}.",
        "{Subject} would never have been but for {value}.",
        "{Subject} came of {value}.",
      ],
    },
  }),
};

const BY_NAME: Readonly<Record<KindName, Kind>> = { person, town, river, event };

export const kindOf = (name: KindName): Kind => BY_NAME[name];

/**
 * What a value costs at its first mention: −log2 of its prior given the facts of the same entity disclosed before.
 * Only a relation with `after` and the one it refers to know of each other; all else is independent.
 * @param disclosed the numbers of the values by relation; what is not disclosed is undefined
 * @returns infinity for what cannot be
 */
export function priorBits(
  kind: Kind,
  relation: number,
  value: number,
  disclosed: readonly (number | undefined)[],
): number {
  const { law, after } = kind.relations[relation];
  if (after !== null) {
    const first = disclosed[after];
    return first === undefined ? -Math.log2(sumMass(kind, relation, value)) : stepBits(law, value - first);
  }
  const later = kind.relations.findIndex((other) => other.after === relation);
  const known = later < 0 ? undefined : disclosed[later];
  if (known === undefined) return law.bits(value);
  return law.bits(value) + stepBits(kind.relations[later].law, known - value) + Math.log2(sumMass(kind, later, known));
}

const stepBits = (law: Law, step: number): number => (step >= 0 && step < law.size ? law.bits(step) : Infinity);

/** Probability of a value that is a sum, over the first summand's law. */
function sumMass(kind: Kind, relation: number, value: number): number {
  const { law, after } = kind.relations[relation];
  const first = kind.relations[after!].law;
  let mass = 0;
  for (let i = 0; i < first.size; i++) mass += 2 ** -(first.bits(i) + stepBits(law, value - i));
  return mass;
}
