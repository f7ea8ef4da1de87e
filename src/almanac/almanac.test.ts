import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Order2Encoder } from "../coding/order2.ts";
import { random } from "../numeric/random.ts";
import { type AlmanacDocument, census, createWorld, documents, facts, floors, parse, SPLITS } from "./almanac.ts";
import { LEXICON } from "./lexicon.ts";
import { readName, spellName } from "./names.ts";
import { drawPage, languageBits, type Page, promptsOf, readPages, type Subject, spellPage } from "./page.ts";
import { KINDS, type KindName, kindOf, priorBits } from "./relations.ts";
import { HEADING, LEAST_NOTES, SUBJECT, TOPICS } from "./topics.ts";
import { factBits, kindShare, SIZES, subjectBits } from "./world.ts";

const world = createWorld(7, "tiny");
const pages = Object.fromEntries(SPLITS.map((split) => [split, [...documents(world, split)]])) as Record<
  (typeof SPLITS)[number],
  AlmanacDocument[]
>;
const everything = SPLITS.flatMap((split) => pages[split]);

function anySubject(seed: number, kind: KindName): Subject {
  const stream = random(seed, "subject", kind);
  const values: number[] = [];
  for (const { law, after } of kindOf(kind).relations)
    values.push((after === null ? 0 : values[after]) + law.draw(stream));
  return { kind, name: stream.below(kindOf(kind).names.size), values };
}

const anyPage = (seed: number, kind: KindName): Page => drawPage(anySubject(seed, kind), random(seed, "page"));

describe("the grammar is uniquely decodable", () => {
  it("gives every page back from its text, and only it", () => {
    fc.assert(
      fc.property(fc.integer(), fc.constantFrom(...KINDS), (seed, kind) => {
        const page = anyPage(seed, kind);
        expect([...readPages(spellPage(page))]).toEqual([page]);
      }),
      { numRuns: 400 },
    );
  });

  it("reads documents back in their world, to the same floors", () => {
    for (const { text, split, knownBits, unknownBits } of everything) {
      expect(floors(parse(text, world), world, split)).toEqual({ knownBits, unknownBits });
    }
  });

  it("has one full stop a sentence, at its end, so that no sentence begins another", () => {
    const sentences = [
      ...HEADING.patterns,
      ...TOPICS.flatMap((topic) => topic.patterns),
      ...KINDS.flatMap((kind) => kindOf(kind).relations.flatMap((relation) => relation.patterns)),
    ];
    for (const { literals } of sentences) expect(literals.join("").indexOf(".")).toBe(literals.join("").length - 1);
    const fillers = [
      ...Object.values(LEXICON).flat(),
      ...KINDS.flatMap((kind) => kindOf(kind).relations.flatMap((relation) => relation.values)),
    ];
    expect(fillers.filter((word) => /[.\n]|^ | $/.test(word))).toEqual([]);
  });

  it("has lists without doublets and names that are all different", () => {
    for (const list of Object.values(LEXICON)) expect(new Set(list).size).toBe(list.length);
    for (const kind of KINDS.map(kindOf)) {
      for (const { values } of kind.relations) expect(new Set(values).size).toBe(values.length);
      const names = new Set<string>();
      for (let name = 0; name < kind.names.size; name++) names.add(spellName(kind.names, name));
      expect(names.size).toBe(kind.names.size);
      expect([...names].filter((name) => !/^[A-Z][A-Za-z ]+$/.test(name) || /(.)\1\1/.test(name))).toEqual([]);
    }
  });

  it("reads names by their number", () => {
    for (const { names } of KINDS.map(kindOf)) {
      const text = `${spellName(names, names.size - 2)} `;
      const read = [...readName(names, text, 0)].filter(({ end }) => end === text.length - 1);
      expect(read).toEqual([{ name: names.size - 2, end: text.length - 1 }]);
    }
  });

  it("refuses text that is no page, and pages of another world", () => {
    const [{ text }] = pages.train;
    expect(() => parse("Once upon a time.", world)).toThrow(
      /17 characters that begins "Once upon a time\." is no page/,
    );
    expect(() => parse(text.slice(0, -1), null)).toThrow(/is no page of the almanac/);
    expect(() => parse(`${text} `, null)).toThrow(/is no page of the almanac/);
    expect(() => parse(text, createWorld(8, "tiny"))).toThrow(/is not true of the world of seed 8/);
    expect(parse(text, null)).toEqual(parse(text, world));
  });
});

describe("the law", () => {
  /** Σ 2^−bits over alternatives that replace a part of the page, as a share of the page without that part. */
  const mass = (alternatives: Iterable<Page>): number => {
    let total = 0;
    for (const page of alternatives) total += 2 ** -languageBits(page);
    return total;
  };
  const page = { ...anyPage(3, "person"), heading: null };
  const kind = kindOf("person");

  /** All ways to fill the slots that are different where they are drawn from one list. */
  function* fillings(
    slots: readonly string[],
    sizes: readonly number[],
    picks: readonly number[] = [],
  ): Generator<number[]> {
    if (picks.length === slots.length) {
      yield [...picks];
      return;
    }
    for (let pick = 0; pick < sizes[picks.length]; pick++) {
      if (picks.some((other, i) => other === pick && slots[i] === slots[picks.length])) continue;
      yield* fillings(slots, sizes, [...picks, pick]);
    }
  }

  /** The naive twin of the sum over slots: how many fillings there are, by falling factorials. */
  function waysToFill(slots: readonly string[]): number {
    let ways = 1;
    for (const slot of new Set(slots)) {
      const draws = slots.filter((other) => other === slot).length;
      for (let i = 0; i < draws; i++) ways *= LEXICON[slot].length - i;
    }
    return ways;
  }

  it("charges a heading as one of so many, on three pages in four", () => {
    for (const [pattern, { slots }] of HEADING.patterns.entries()) {
      const headed = languageBits({ ...page, heading: { pattern, picks: slots.map((_, i) => i) } });
      const ways = HEADING.patterns.length * waysToFill(slots);
      expect(headed - languageBits(page)).toBeCloseTo(Math.log2(4 / 3) + Math.log2(ways) - Math.log2(4), 9);
    }
  });

  it("charges a note as one of so many", () => {
    const [first, second, third] = page.notes;
    const ways = [first, second, third].reduce(
      (product, { topic, pattern }, i) =>
        product *
        (TOPICS.length - i) *
        TOPICS[topic].patterns.length *
        waysToFill(TOPICS[topic].patterns[pattern].slots),
      1,
    );
    const bits = languageBits({ ...page, notes: [first, second, third] }) - languageBits({ ...page, notes: [] });
    expect(bits).toBeCloseTo(Math.log2(ways), 9);
  });

  it("fills a sentence in as many ways as there are", () => {
    const slots = ["quality", "thing", "thing"];
    const sizes = slots.map((slot) => LEXICON[slot].length);
    expect([...fillings(slots, sizes)]).toHaveLength(waysToFill(slots));
    expect(waysToFill(slots)).toBe(32 * 64 * 63);
  });

  it("sums to one over the ways to state the last fact", () => {
    const last = page.entry[6];
    const { patterns, values } = kind.relations[last.relation];
    const value = page.entry[6].picks[patterns[last.pattern].slots.indexOf("value")];
    const statements = patterns.flatMap(({ slots }, pattern) => {
      const sizes = slots.map((slot) =>
        slot === "value" ? 1 : slot.startsWith("Subject") ? SUBJECT.size : (LEXICON[slot]?.length ?? 1),
      );
      return [...fillings(slots, sizes)].map((picks) => ({
        relation: last.relation,
        pattern,
        picks: picks.map((pick, i) => (slots[i] === "value" ? value : pick)),
      }));
    });
    expect(values.length).toBeGreaterThan(value);
    const entry = page.entry.slice(0, 6);
    const before = languageBits({ ...page, entry });
    expect(mass(statements.map((statement) => ({ ...page, entry: [...entry, statement] }))) * 2 ** before).toBeCloseTo(
      1,
      9,
    );
  });

  it("is the one that pages are drawn by", () => {
    const draws = 12_000;
    const tallies = new Map<string, Map<number, number>>();
    const tally = (site: string, choice: number): void => {
      const counts = tallies.get(site) ?? new Map<number, number>();
      tallies.set(site, counts.set(choice, (counts.get(choice) ?? 0) + 1));
    };
    const subject = anySubject(11, "town");
    const { relations } = kindOf("town");
    for (let i = 0; i < draws; i++) {
      const { heading, entry, notes } = drawPage(subject, random(i, "law of pages"));
      tally("heading", heading ? 1 : 0);
      tally("first", entry[0].relation);
      tally("third", entry[2].relation);
      tally("sentence", entry[4].pattern);
      tally("subject", entry[1].picks[0]);
      expect(relations[entry[1].relation].patterns[entry[1].pattern].slots[0]).toMatch(/^Subject/);
      tally("topic", notes[0].topic);
      tally("second topic", notes[1].topic);
      tally("notes", notes.length);
    }
    const check = (site: string, expected: readonly number[], from = 0): void => {
      expected.forEach((p, choice) => {
        const count = tallies.get(site)?.get(choice + from) ?? 0;
        const slack = 5 * Math.sqrt(draws * p * (1 - p));
        expect(Math.abs(count - draws * p), `${site} ${choice + from}`).toBeLessThan(slack);
      });
    };
    const even = (n: number): number[] => Array.from({ length: n }, () => 1 / n);
    check("heading", [1 / 4, 3 / 4]);
    check("first", even(7));
    check("third", even(7));
    check("sentence", even(5));
    check(
      "subject",
      Array.from({ length: SUBJECT.size }, (_, i) => 2 ** -SUBJECT.bits(i)),
    );
    check("topic", even(TOPICS.length));
    check("second topic", even(TOPICS.length));
    check("notes", [0.2, 0.8 * 0.2, 0.8 ** 2 * 0.2, 0.8 ** 3], LEAST_NOTES);
  });

  it("does not charge the decision to stop", () => {
    const notes = [0, 1, 2, 3].map((topic) => ({ topic, pattern: 0, picks: [] }));
    const three = languageBits({ ...page, notes: notes.slice(0, 3) });
    const more =
      languageBits({ ...page, notes }) -
      three -
      Math.log2((TOPICS.length - 3) * 3 * waysToFill(TOPICS[3].patterns[0].slots));
    expect(more).toBeCloseTo(Math.log2(5 / 4), 12);
  });
});

describe("priors", () => {
  const person = kindOf("person");
  const [born, died] = ["born", "died"].map((name) => person.relations.findIndex((relation) => relation.name === name));
  const bits = (relation: number, value: number, disclosed: (number | undefined)[] = []): number =>
    priorBits(person, relation, value, disclosed);
  const at = (relation: number, value: number): (number | undefined)[] => {
    const disclosed: (number | undefined)[] = [];
    disclosed[relation] = value;
    return disclosed;
  };

  it("sum to one, alone and given the related fact", () => {
    for (const kind of KINDS.map(kindOf)) {
      kind.relations.forEach(({ values }, relation) => {
        const total = values.reduce((sum, _, value) => sum + 2 ** -priorBits(kind, relation, value, []), 0);
        expect(total).toBeCloseTo(1, 12);
      });
    }
    const years = [0, 17, 127];
    for (const year of years) {
      const deaths = person.relations[died].values.map((_, value) => 2 ** -bits(died, value, at(born, year)));
      expect(deaths.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
      expect(deaths.filter((p) => p > 0)).toHaveLength(64);
      const births = person.relations[born].values.map((_, value) => 2 ** -bits(born, value, at(died, year)));
      expect(births.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
    }
  });

  it("cost the same in either order", () => {
    for (const [birth, death] of [
      [0, 0],
      [5, 60],
      [127, 190],
    ]) {
      const forward = bits(born, birth) + bits(died, death, at(born, birth));
      const backward = bits(died, death) + bits(born, birth, at(died, death));
      expect(forward).toBeCloseTo(13, 12);
      expect(backward).toBeCloseTo(13, 9);
    }
    expect(bits(died, 64, at(born, 0))).toBe(Infinity);
    expect(bits(born, 64, at(died, 10))).toBe(Infinity);
  });

  it("are the laws that worlds are drawn by", () => {
    const { known } = createWorld(5, "small");
    const trades = kindOf("person").relations[1];
    const people = known.filter(({ kind }) => kind === "person");
    const counts = trades.values.map((_, trade) => people.filter(({ values }) => values[1] === trade).length);
    counts.forEach((count, trade) => {
      const p = 2 ** -priorBits(kindOf("person"), 1, trade, []);
      expect(Math.abs(count - people.length * p)).toBeLessThan(5 * Math.sqrt(people.length * p));
    });
  });
});

describe("splits", () => {
  it("are drawn from laws that sum to one", () => {
    for (const size of ["tiny", "small"] as const) {
      const drawn = createWorld(2, size);
      for (const split of SPLITS) {
        const entities = [...drawn.known, ...drawn.unseen];
        const share = (kind: KindName): number =>
          entities
            .filter((entity) => entity.kind === kind)
            .reduce((sum, entity) => sum + 2 ** -subjectBits(drawn, split, entity), 0);
        const shares = KINDS.map(share);
        expect(shares.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
        expect(KINDS.reduce((sum, kind) => sum + kindShare(size, split, kind), 0)).toBeCloseTo(1, 12);
        // whose kinds are drawn with those shares
        if (split === "unseen") continue;
        KINDS.forEach((kind, i) => {
          expect(shares[i]).toBeCloseTo(kindShare(size, split, kind), 12);
        });
      }
    }
  });

  it("state every fact in as many training pages as its exposure", () => {
    const stated = new Map<string, number>();
    for (const { subjects, text } of pages.train) {
      const { entry } = parse(text, world);
      expect(new Set(entry.map(({ relation }) => relation)).size).toBe(7);
      stated.set(subjects[0], (stated.get(subjects[0]) ?? 0) + 1);
    }
    for (const { subject, exposures } of facts(world)) expect(stated.get(subject) ?? 0).toBe(exposures);
  });

  it.each([
    ["small", [1, 2, 4, 8, 16, 32, 64, 128, 256]],
    ["few", [64, 128, 256, 512]],
  ] as const)("halve the entities from exposure to exposure: %s", (size, exposures) => {
    const { entities } = census(createWorld(1, size));
    const { least, rarest } = SIZES[size];
    const expected = (times: number): number =>
      KINDS.reduce((sum, kind) => sum + Math.floor((rarest[kind] * least) / times), 0);
    expect(entities).toEqual(exposures.map((times) => ({ exposures: times, count: expected(times) })));
  });

  it("keep what is never seen out of training, and held-out pages too", () => {
    const train = pages.train.map(({ text }) => text).join("\n");
    for (const { subjects } of pages.unseen) expect(train.toLowerCase()).not.toContain(subjects[0].toLowerCase());
    const read = new Set(pages.train.map(({ text }) => text));
    expect([...pages.known, ...pages.balanced].filter(({ text }) => read.has(text))).toEqual([]);
    expect(new Set(everything.map(({ id }) => id)).size).toBe(everything.length);
  });

  it("balance exposures", () => {
    const counts = [...world.levels.keys()].map(
      (level) => pages.balanced.filter(({ exposures }) => exposures === level).length,
    );
    expect(counts).toEqual(counts.map(() => SIZES.tiny.balanced));
  });
});

describe("floors", () => {
  it("differ by what there is to know of the subject", () => {
    for (const { text, split, knownBits, unknownBits } of everything) {
      const page = parse(text, world);
      const entity = world.entity(page.kind, page.name)!;
      const name = kindOf(page.kind).names.bits - Math.log2(kindShare("tiny", split, page.kind));
      const apart = name + factBits(entity) - subjectBits(world, split, entity);
      expect(unknownBits - knownBits).toBeCloseTo(apart, 9);
      expect(knownBits).toBeGreaterThan(0);
    }
  });

  it("are infinite for what cannot be", () => {
    const page = parse(pages.known[0].text, world);
    expect(floors(page, world, "unseen").knownBits).toBe(Infinity);
    expect(floors(page, createWorld(8, "tiny"), "known").knownBits).toBe(Infinity);
    expect(floors(page, createWorld(8, "tiny"), "known").unknownBits).toBe(pages.known[0].unknownBits);
  });

  it("lie below gzip, brotli and the order-2 byte model on held-out pages", () => {
    const small = createWorld(7, "small");
    for (const split of ["known", "unseen"] as const) {
      const drawn = [...documents(small, split)];
      const text = Buffer.from(drawn.map(({ text }) => text).join(""));
      const encoder = new Order2Encoder();
      encoder.write(text);
      const sizes = {
        gzip: gzipSync(text, { level: 9 }).length,
        brotli: brotliCompressSync(text, {
          params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 24 },
        }).length,
        order2: encoder.drain().length + encoder.finish().length,
      };
      const unknown = drawn.reduce((sum, { unknownBits }) => sum + unknownBits, 0) / text.length;
      for (const size of Object.values(sizes)) expect((8 * size) / text.length).toBeGreaterThan(unknown);
    }
  });
});

describe("facts", () => {
  it("are asked in the words of a page's first sentence, and answered by its next", () => {
    for (const { subjects, text } of everything) {
      const { kind, name, heading, entry } = parse(text, world);
      const { relation, pattern } = entry[0];
      const entity = world.entity(kind, name)!;
      const { text: prompt, terminator } = promptsOf(entity, relation)[pattern];
      const answer = kindOf(kind).relations[relation].values[entity.values[relation]];
      const start = heading ? text.indexOf("\n") + 1 : 0;
      expect(text.slice(start).startsWith(`${prompt} ${answer}${terminator}`)).toBe(true);
      expect(prompt.toLowerCase()).toContain(subjects[0].toLowerCase());
    }
  });

  it("leave nothing but the value to follow a prompt", () => {
    for (const kind of KINDS) {
      for (const seed of [1, 2, 3, 4]) {
        const subject = anySubject(seed, kind);
        const prompts = kindOf(kind).relations.flatMap((_, relation) => promptsOf(subject, relation));
        expect(prompts).toHaveLength(35);
        for (const [i, { text }] of prompts.entries()) {
          expect(prompts.filter((other, j) => j !== i && other.text.startsWith(text))).toEqual([]);
        }
      }
    }
  });

  it("have candidates of which none begins another", () => {
    for (const { candidates, value, prompts } of facts(world)) {
      expect(candidates).toContain(value);
      for (const { terminator } of prompts) expect(terminator).toMatch(/^[ .,]$/);
    }
    for (const { values } of KINDS.flatMap((kind) => kindOf(kind).relations)) {
      for (const value of values) {
        expect(
          values.filter(
            (other) => other !== value && /^[ .,]/.test(other.slice(value.length)) && other.startsWith(value),
          ),
        ).toEqual([]);
      }
    }
  });

  it("add up to the world", () => {
    const { facts: count, factBits: bits } = census(world);
    const seen = [...facts(world)].filter(({ exposures }) => exposures > 0);
    expect(seen).toHaveLength(count);
    // a death alone says less than a death after a birth: the sum over facts by themselves is the larger one
    const alone = seen.reduce((sum, { priorBits }) => sum + priorBits, 0);
    expect(bits).toBeCloseTo(
      world.known.reduce((sum, entity) => sum + factBits(entity), 0),
      9,
    );
    expect(alone).toBeGreaterThan(bits);
  });
});

describe("the text", () => {
  it("is plain ASCII in good order", () => {
    for (const { text, bytes } of everything) {
      expect(text).toMatch(/^[\x20-\x7e\n]+$/);
      expect(bytes).toBe(Buffer.byteLength(text));
      expect(text).not.toMatch(/ {2}|\n\n| \n|\n$|[,.;][A-Za-z]/);
      expect(text).not.toMatch(/\b[Aa] (?:[aeioAEIO]|u[^n]|honest|hour|heir)|\b[Aa]n (?:[^aeiouh]|h(?!onest|our|eir))/);
      for (const sentence of text.split(/\. |\.\n|\.$/).slice(0, -1)) expect(sentence).toMatch(/^[A-Z0-9]/);
    }
  });

  it("is the same everywhere", () => {
    expect(pages.train[0].text).toMatchInlineSnapshot(`
      "22 Budmonth, heavy dew; sun 4:32 to 18:18, high water 8:26.
      Mina Gardale came from Stowland. Her closest companion was a lame rooster, which slept in a barrel of wool. She earned her bread as a carter. Most people agree that she dined on quince jelly and barley water whenever she could. Every schoolchild knows that she learned the bagpipe from a blind uncle. Mina Gardale first saw daylight in 1689, while a storm took the chimney. So far as anyone remembers, she was buried in 1770 beneath a mulberry.
      Ticket 59 of series 26 has won a golden hammer. Travellers from Farrowdale bring linen, tiles and news of a quarrel with a miller. Lost near the orchard lane, a green song; the finder shall have brooms. If a rook sits on the orchard lane, expect a broken window. Against hiccups, sleep on a pillow of rue, fennel and dill. Whoever is born under the Hare can expect trouble with geese and money by the post."
    `);
  });
});
