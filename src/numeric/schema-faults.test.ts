import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { LossyscopeError } from "./errors.ts";
import { checked, expecting, fitting, found } from "./schema-faults.ts";

const refused = (faults: string): LossyscopeError => new LossyscopeError("input", faults);

/** What is said of a value that does not fit; null of one that does. */
function said(schema: z.ZodType, value: unknown): string | null {
  try {
    checked(schema, value, refused);
    return null;
  } catch (error) {
    if (error instanceof LossyscopeError) return error.message;
    throw error;
  }
}

const plan = z.strictObject({
  points: z.number().int().positive().min(2).default(100),
  rule: z.union([z.enum(["bound", "exact"]), z.number().positive()]).default("bound"),
});

describe("what is wrong with a value", () => {
  it.each<[string, z.ZodType, unknown, string]>([
    [
      "a range",
      z.object({ plan }),
      { plan: { points: -3 } },
      "plan.points: expected a whole number of at least 2, found -3",
    ],
    ["a fraction", plan, { points: 2.5 }, "points: expected a whole number of at least 2, found 2.5"],
    ["two bounds", z.number().min(0).max(1), 1.5, "expected a number from 0 to 1, found 1.5"],
    ["an open bound", z.number().positive().max(1), 0, "expected a number above 0 and at most 1, found 0"],
    [
      "the narrower bound",
      z.number().min(3).min(5).lt(9).lte(9),
      4,
      "expected a number of at least 5 and below 9, found 4",
    ],
    [
      "a number of 32 bits",
      z.int32().min(0),
      2 ** 31,
      "expected a whole number from 0 to 2,147,483,647, found 2,147,483,648",
    ],
    ["steps", z.number().multipleOf(8).min(8), 12, "expected a multiple of 8 of at least 8, found 12"],
    ["a missing key", z.object({ a: z.object({ b: z.string() }) }), { a: {} }, "a.b: expected text, found nothing"],
    ["a missing whole", z.object({}), undefined, "expected an object, found nothing"],
    ["no number", z.array(z.number()), [1, Number.NaN], "[1]: expected a number, found NaN"],
    ["a truth", z.boolean(), "true", 'expected true or false, found "true"'],
    ["an unknown key", plan, { poins: 3 }, 'unknown key "poins" (did you mean "points"?)'],
    ["a key like none", plan, { elephants: 3 }, 'unknown key "elephants"'],
    ["unknown keys", plan, { a: 1, b: 1, c: 1, d: 1 }, 'unknown keys "a", "b" and 2 more'],
    ["a choice", z.enum(["error", "replace"]), "ignore", 'expected "error" or "replace", found "ignore"'],
    ["one choice", z.literal("x/1"), 1, 'expected "x/1", found 1'],
    [
      "many choices",
      z.literal([..."abcdefghij"]),
      "",
      'expected one of "a", "b", "c", "d", "e", "f", "g", "h", … (10 in all), found ""',
    ],
    ["a short list", z.array(z.string()).min(1), [], "expected a list of at least 1 entry, found an empty list"],
    ["a long list", z.array(z.unknown()).max(2), [1, 2, 3], "expected a list of at most 2 entries, found a list of 3"],
    ["a pair", z.tuple([z.string(), z.number()]), ["a", "b"], '[1]: expected a number, found "b"'],
    ["half a pair", z.tuple([z.string(), z.number()]), ["a"], "expected a list of 2, found a list of 1"],
    ["no list", z.tuple([z.string()]), {}, "expected a list of 1, found an object"],
    ["no text", z.object({ a: z.string().min(1) }), { a: "" }, 'a: expected text of at least 1 character, found ""'],
    ["a form", z.string().regex(/^[0-9]+$/), "x", 'expected text of the form /^[0-9]+$/, found "x"'],
    ["an address", z.email(), "x", 'expected an e-mail address, found "x"'],
    [
      "a name in a record",
      z.record(z.string().regex(/^\d$/), z.number()),
      { x: 1 },
      'x: as a name, expected text of the form /^\\d$/, found "x"',
    ],
    [
      "a check of one's own",
      z.number().refine((n) => n % 2 === 0, { error: expecting("an even number") }),
      3,
      "expected an even number, found 3",
    ],
    ["a check without a word", z.number().refine((n) => n % 2 === 0), 3, "expected another value, found 3"],
    ["a wrapped schema", z.string().nullable().default(null).readonly(), 3, "expected text, found 3"],
    ["an alternative of its kind", plan, { rule: 0 }, "rule: expected a number above 0, found 0"],
    ["no alternative", plan, { rule: null }, 'rule: expected "bound", "exact" or a number above 0, found null'],
    [
      "the nearest alternative",
      z.union([z.string(), z.object({ a: z.number(), b: z.number() }), z.object({ a: z.number(), c: z.number() })]),
      { a: 1, c: "x" },
      'c: expected a number, found "x"',
    ],
    [
      "alternatives of alternatives",
      z.object({ at: z.union([z.null(), z.union([z.array(z.number()), z.object({ id: z.number() })])]) }),
      { at: { id: "x" } },
      'at.id: expected a number, found "x"',
    ],
    [
      "a discriminator",
      z.object({
        of: z.discriminatedUnion("kind", [z.object({ kind: z.literal("a") }), z.object({ kind: z.literal("b") })]),
      }),
      { of: { kind: "c" } },
      'of.kind: expected "a" or "b", found "c"',
    ],
    [
      "a strange key on the way",
      z.object({ "a b": z.array(z.string()) }),
      { "a b": ["", 3] },
      '["a b"][1]: expected text, found 3',
    ],
    [
      "what hides",
      z.object({ a: z.number() }),
      { a: "\u001b[31m\u202e" },
      'a: expected a number, found "\\u001b[31m⟨U+202E⟩"',
    ],
    [
      "a long text",
      z.number(),
      "x".repeat(70_000),
      `expected a number, found "${"x".repeat(31)}…" (70,000 characters)`,
    ],
  ])("%s", (_, schema, value, expected) => expect(said(schema, value)).toBe(expected));

  it("spells out three faults and counts the others", () =>
    expect(said(z.array(z.number()), Array.from("abcdefghij"))).toBe(
      '[0]: expected a number, found "a"; [1]: expected a number, found "b"; [2]: expected a number, found "c"; and 7 more',
    ));

  it("words no more of them than anybody reads, and counts all", () => {
    const many = Array.from({ length: 100_000 }, () => ({ name: "x" }));
    expect(said(z.array(z.number()), many)).toBe(
      "[0]: expected a number, found an object; [1]: expected a number, found an object; [2]: expected a number, found an object; and 99,997 more",
    );
  });

  it("says the first where a list within has more than a call takes", () => {
    const steps = z.object({ steps: z.array(z.object({ layers: z.array(z.object({ layer: z.number() })) })) });
    const layers = new Array<number>(300_000).fill(0);
    expect(said(steps, { steps: [{ layers }] })).toBe("steps[0].layers[0]: expected an object, found 0");
    expect(fitting(steps, { steps: [{ layers }] })).toBeUndefined();
  });

  it("shows the end of a long path", () => {
    const deep = Array.from({ length: 60 }, (_, at) => `key${at}`);
    const value = deep.reduceRight<unknown>((inner, key) => ({ [key]: inner }), 1);
    const schema = deep.reduceRight<z.ZodType>((inner, key) => z.object({ [key]: inner }), z.string());
    expect(said(schema, value)).toMatch(/^….{40,53}\.key58\.key59: expected text, found 1$/u);
  });

  it("fills in defaults, and asks without complaint", () => {
    expect(checked(plan, { points: 3 }, refused)).toEqual({ points: 3, rule: "bound" });
    expect(fitting(plan, { points: 3 })).toEqual({ points: 3, rule: "bound" });
    expect(fitting(plan, { points: 1 })).toBeUndefined();
  });

  it("names a place as it is told to", () => {
    const nameOf = (path: readonly PropertyKey[]) => (path[0] === "points" ? "--points" : undefined);
    expect(() => checked(plan, { points: 1, rule: 0 }, refused, nameOf)).toThrow(
      "--points: expected a whole number of at least 2, found 1; rule: expected a number above 0, found 0",
    );
  });

  it.each<[unknown, string]>([
    [12_345, "12,345"],
    [-1234.5, "-1234.5"],
    [10n ** 12n, "1,000,000,000,000"],
    [{}, "an object"],
    [new Map(), "a map"],
    [() => 1, "a function"],
    [Symbol("x"), "a symbol"],
    ['a "quoted" word', '"a \\"quoted\\" word"'],
  ])("found %s", (value, words) => expect(found(value)).toBe(words));
});

/** Schemas of every kind, in each other. */
const { schema: anySchema } = fc.letrec<{ schema: z.ZodType; leaf: z.ZodType }>((tie) => {
  const bounds = fc.tuple(fc.integer({ min: -5, max: 5 }), fc.nat(5));
  const size = fc.nat(3);
  const word = fc.constantFrom("a", "b", "kind", "c d", "__proto__", "\u202e", "\u0007");
  const shape = fc.dictionary(
    word.filter((key) => key !== "__proto__"),
    tie("schema"),
    { maxKeys: 3 },
  );
  return {
    leaf: fc.oneof(
      bounds.map(([low, span]) =>
        z
          .number()
          .min(low)
          .lt(low + span),
      ),
      bounds.map(([low]) => z.int().gt(low)),
      fc.constantFrom<z.ZodType[]>(
        z.number().multipleOf(3),
        z.int32(),
        z.uint32(),
        z.float32(),
        z.bigint().positive(),
        z.int64(),
        z.boolean(),
        z.null(),
        z.undefined(),
        z.never(),
        z.nan(),
        z.date().min(new Date(0)),
        z.symbol(),
        z.file(),
        z.function() as unknown as z.ZodType,
        z.instanceof(Date),
        z.email(),
        z.url(),
        z.uuid(),
        z.base64(),
        z.jwt(),
        z.ipv4(),
        z.iso.datetime(),
        z.iso.duration(),
        z.e164(),
        z.hex(),
        z.hash("sha256"),
        z.stringbool(),
        z.templateLiteral(["a-", z.number()]),
        z.string().regex(/^x+$/),
        z.string().startsWith("x").endsWith("y").includes("z"),
        z.string().lowercase(),
        z.string().length(7),
        z.string().trim().min(4),
        z.coerce.number().int(),
        z.coerce.date(),
        z.custom((value) => value === "z"),
        z.json(),
        z.string().superRefine((_, context) => void context.addIssue({ code: "custom" })),
        z.string().check(z.property("length", z.number().min(9))),
        z.enum({ a: 0, b: 1 }),
      ),
      fc
        .uniqueArray(fc.oneof(word, fc.integer(), fc.boolean(), fc.constant(null)), { minLength: 1 })
        .map((values) => z.literal(values)),
    ),
    schema: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      tie("leaf"),
      fc.tuple(tie("schema"), size).map(([inner, least]) =>
        z
          .array(inner)
          .min(least)
          .max(least + 1),
      ),
      fc.array(tie("schema"), { maxLength: 3 }).map((items) => z.tuple(items as [z.ZodType, ...z.ZodType[]])),
      shape.map((own) => z.object(own)),
      shape.map((own) => z.strictObject(own)),
      shape.map((own) => z.looseObject(own)),
      fc.tuple(shape, tie("schema")).map(([own, rest]) => z.object(own).catchall(rest)),
      tie("schema").map((inner) => z.record(z.string().min(2), inner)),
      tie("schema").map((inner) => z.record(z.enum(["a", "b"]), inner)),
      tie("schema").map((inner) => z.partialRecord(z.enum(["a", "b"]), inner)),
      fc.tuple(tie("schema"), tie("schema"), size).map(([key, inner, least]) => z.map(key, inner).min(least)),
      fc.tuple(tie("schema"), size).map(([inner, least]) => z.set(inner).size(least)),
      fc.array(tie("schema"), { minLength: 1, maxLength: 3 }).map((options) => z.union(options)),
      fc.array(tie("schema"), { minLength: 1, maxLength: 3 }).map((options) => z.xor(options)),
      shape.map((own) =>
        z.discriminatedUnion("kind", [
          z.object({ ...own, kind: z.literal("a") }),
          z.strictObject({ ...own, kind: z.literal(["b", 3]) }),
        ]),
      ),
      fc.tuple(shape, shape).map(([left, right]) => z.intersection(z.object(left), z.object(right))),
      tie("schema").map((inner) => inner.nullable()),
      tie("schema").map((inner) => inner.optional()),
      tie("schema").map((inner) => z.nonoptional(inner.optional())),
      tie("schema").map((inner) => inner.readonly()),
      tie("schema").map((inner) => inner.refine(() => false)),
      tie("schema").map((inner) => inner.brand("x").describe("y")),
      tie("schema").map((inner) => z.lazy(() => inner)),
      tie("schema").map((inner) => z.preprocess((value) => value, inner)),
      fc.tuple(tie("schema"), tie("schema")).map(([from, to]) => from.transform((value) => value).pipe(to as never)),
    ),
  };
});

const anyValue = fc.anything({
  withBigInt: true,
  withDate: true,
  withMap: true,
  withSet: true,
  withNullPrototype: true,
  withSparseArray: true,
  withUnicodeString: true,
  key: fc.oneof(fc.constantFrom("a", "b", "kind", "c d"), fc.string({ unit: "binary" })),
  values: [
    fc.constantFrom("a", "b", 3, "x".repeat(1_000), "\u001b]0;\u0007", "\u202e", "\ud800"),
    fc.integer(),
    fc.double(),
    fc.boolean(),
    fc.string({ unit: "binary" }),
    fc.constantFrom(null, undefined, Number.NaN, Symbol("y"), () => 1),
  ],
});

/** What zod says in its own words. */
const FOREIGN =
  /Invalid |Too (small|big)|Unrecognized|received|expected (string|number|int|boolean|array|object|record|tuple|map|set|date|bigint|symbol|undefined)\b|must (be|have|match|start|end|include)|[<>]=?\d|more than one option/;
const HIDDEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
  /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;

describe("whatever the schema, whatever the value", () => {
  it("a fault is in our words, short, and shows what hides", () => {
    let faults = 0;
    fc.assert(
      fc.property(anySchema, anyValue, (schema, value) => {
        const words = said(schema, value);
        if (words === null) return;
        faults++;
        expect(words).not.toMatch(FOREIGN);
        expect(words).not.toMatch(HIDDEN);
        expect(words).toMatch(/expected|unknown key/);
        expect(words.length).toBeLessThan(600);
      }),
      { numRuns: 1_500 },
    );
    expect(faults).toBeGreaterThan(700);
  }, 60_000);

  it("holds of zod's own words that they are foreign", () =>
    fc.assert(
      fc.property(anySchema, anyValue, (schema, value) => {
        const own = schema.safeParse(value);
        if (!own.success) expect(own.error.issues.map(({ message }) => message).join()).toMatch(FOREIGN);
      }),
      { numRuns: 300 },
    ));
});
