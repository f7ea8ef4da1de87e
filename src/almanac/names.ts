/**
 * Names: patterns over lists of parts, every combination equally likely and every combination a name of its own
 * (`almanac.test.ts` holds it). Within a world names are drawn without replacement, so that each by itself is uniform
 * over its pool, which is what a first mention costs when the world is unknown (METHODS §9).
 */
import { type Pattern, pattern, read, spell, words } from "./grammar.ts";

const WOMEN = words(
  "Ada Agnes Alma Amabel Anna Audrey Beatrix Benna Bertha Blanche Brida Cecily Clara Cora Delia Dinah " +
    "Dora Edith Elinor Elsa Emma Esther Etta Eunice Fanny Flora Freda Gerda Greta Gwen Hanna Hilda " +
    "Ida Imogen Ines Iris Isolde Jenny Joan Judith Katrin Leah Letty Lina Lora Lydia Mabel Marta " +
    "Maud Mina Myra Nell Nora Olive Orla Petra Rhoda Rosa Sabina Selma Sybil Thea Una Wilma",
);
const MEN = words(
  "Abel Adam Alban Alfred Ambrose Anselm Arno Basil Bertram Bruno Caleb Casper Cedric Conrad Cuthbert Daniel " +
    "Dirk Edgar Edmund Emil Enoch Ernest Ezra Felix Fergus Gavin Gilbert Godfrey Gregor Guy Harald Hugh " +
    "Isaac Ivo Jasper Joel Jonas Jude Kaspar Lambert Leo Lucas Magnus Martin Matthias Milo Moses Ned " +
    "Noah Oscar Oswald Otto Paul Piers Quentin Ralph Reuben Roland Rufus Silas Simon Stephen Tobias Walter",
);

/** Where women end and men begin among given names. */
export const FIRST_MAN = WOMEN.length;

const PARTS: Readonly<Record<string, readonly string[]>> = {
  given: [...WOMEN, ...MEN],
  family: words(
    "Ald Ash Ames Bal Barn Bel Birch Black Blen Bram Brad Brook Cald Card Clay Corn Cop Cran Dal Dan " +
      "Darn Dray Dun Eld Fair Farn Fen Finch Flax Gar Gil Grim Had Hal Hart Hath Hazel Hol Horn Kel " +
      "Kirk Lang Lark Lin Lock Mar Mead Mil North Oak Pen Pick Quin Rad Rook Sal Sand Stan Swan Tan " +
      "Thorn Ulm Wain West",
  ),
  line: words(
    "acre ard bank beck berg brand croft dale den ell er field gold grave hurst ing lake ley low man " +
      "more nall over rick row shaw son stone wood worth wright yard",
  ),
  rank: ["", "Great ", "Little ", "Nether ", "Upper ", "Market ", "Abbots ", "Kings "],
  place: words(
    "Alder Apple Bar Bax Bitter Bleak Brin Bran Brides Cat Chals Cold Corn Cray Crow Dart Deep Dorn Dry Dun " +
      "Echo Elm Ever Fal Fleet Fox Frost Gales Glaze Gos Green Grims Hamp Haver Hawk Hollow Honey Hops Ing Iron " +
      "Kettle Lamb Lark Loam Long Maple Mist Moor Oxen Peat Pil Quarn Raven Rye Salt Shell Spar Stil Tan Thistle " +
      "Tide Wald Wether Winter",
  ),
  stead: words(
    "borough bridge brook burn bury by chester combe cote cross den fold ford gate ham haven hithe holm hope market " +
      "mere minster mouth ness port stead stow thorpe ton wall well wick",
  ),
  head: words("A Be Bra Ca Co Cre Da Do E Fa Fe Ga Gle Ha He I Ju Ka Lo Ma Mo Ne O Pe Ra Sa Se Ta Tre U Va We"),
  run: words("la le li lo ma na ne ni ra re ri ro sa ta ve vi"),
  fall: words("ck dle lm ln m n nd ne nt rk rn sk ss st th wen"),
  occasion: words(
    "Feast Fair Race Vigil March Council Ball Regatta Pageant Auction Trial Wedding Concert Tournament Parade Jubilee",
  ),
  hue: words(
    "Amber Black Blind Borrowed Broken Burning Copper Crooked Empty First Floating Frozen Gilded Green Grey Hidden " +
      "Hundred Ivory Last Laughing Lonely Lost Missing Painted Quiet Red Scarlet Seven Silent Silver Sleeping White",
  ),
  token: words(
    "Anchors Apples Barrels Bells Boats Bridges Candles Chairs Clocks Crowns Drums Feathers Fiddlers Geese Hats Herons " +
      "Keys Kites Ladders Lanterns Letters Masks Mirrors Oars Pipers Ribbons Riddles Roses Spoons Swans Thimbles Widows",
  ),
};

/** A kind's names. */
export interface NamePool {
  readonly pattern: Pattern;
  readonly size: number;
  readonly bits: number;
}

export function namePool(source: string): NamePool {
  const compiled = pattern(source);
  const size = compiled.slots.reduce((product, slot) => product * PARTS[slot].length, 1);
  return { pattern: compiled, size, bits: Math.log2(size) };
}

/** @returns the number of the part in each slot, of the name with this number in its pool */
export function nameParts({ pattern }: NamePool, name: number): number[] {
  const picks: number[] = [];
  for (const slot of [...pattern.slots].reverse()) {
    picks.unshift(name % PARTS[slot].length);
    name = Math.floor(name / PARTS[slot].length);
  }
  return picks;
}

/** The words of a name by slot: `{ given: "Marta", family: "Hol", line: "low" }`. */
export function nameWords(pool: NamePool, name: number): Readonly<Record<string, string>> {
  const picks = nameParts(pool, name);
  return Object.fromEntries(pool.pattern.slots.map((slot, i) => [slot, PARTS[slot][picks[i]]]));
}

export function spellName(pool: NamePool, name: number): string {
  const picks = nameParts(pool, name);
  return spell(
    pool.pattern,
    pool.pattern.slots.map((slot, i) => PARTS[slot][picks[i]]),
  );
}

/** Every name of the pool that stands at a place of the text. */
export function* readName(pool: NamePool, text: string, at: number): Generator<{ name: number; end: number }> {
  const lists = pool.pattern.slots.map((slot) => PARTS[slot]);
  for (const { picks, end } of read(pool.pattern, lists, text, at)) {
    yield { name: picks.reduce((name, pick, i) => name * lists[i].length + pick, 0), end };
  }
}
