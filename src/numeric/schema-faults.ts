/**
 * The one place where a value is held against a zod schema, and what is wrong with it put into words: where, what was
 * expected, what was found: `plane.points: expected a whole number of at least 2, found -3`. Of a union the nearest
 * alternative speaks; three faults at most are spelled out. zod's own sentences are for developers, and reach nobody.
 */
import type { z } from "zod";
import type { $ZodErrorMap, $ZodIssue, $ZodType, $ZodTypes } from "zod/v4/core";
import { numeral } from "./amounts.ts";
import { editDistance } from "./edit-distance.ts";
import { choice, either, expected } from "./schema-words.ts";
import { shorten } from "./visible.ts";

const MOST_FAULTS = 3;
/** Faults that are put into words, of which the first are spelled out: a list of a million wrong values is one mistake. */
const MOST_WORDED = 1_000;
const LONGEST_PLACE = 55;
const LONGEST_EXPECTED = 85;
const LONGEST_TEXT = 32;
const LONGEST_FAULT = 130;

/** What a place is called, where it has another name than its path: `--points` of `plane.points`. */
export type Naming = (path: readonly PropertyKey[]) => string | undefined;

/**
 * The value as the schema has it, defaults filled in.
 * @param refusal what is thrown, of the faults in words
 */
export function checked<S extends z.ZodType>(
  schema: S,
  value: unknown,
  refusal: (faults: string) => Error,
  nameOf: Naming = () => undefined,
): z.output<S> {
  let worded = 0;
  const error: $ZodErrorMap = (issue) => (worded++ < MOST_WORDED ? inWords(issue) : "");
  const found = parsed(schema, value, { error, reportInput: true });
  if (found.success) return found.data;
  throw refusal(sentenceOf(faultsOf(found.error.issues, []), nameOf));
}

/** zod hands faults on as arguments of one call, and so many as a list may have are too many: then the first must do. */
function parsed<S extends z.ZodType>(schema: S, value: unknown, how: Parameters<S["safeParse"]>[1]) {
  try {
    return schema.safeParse(value, how);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return schema.safeParse(value, { ...how, abortEarly: true } as typeof how);
  }
}

/** The value as the schema has it, or undefined where it does not fit and that is no fault. */
export const fitting = <S extends z.ZodType>(schema: S, value: unknown): z.output<S> | undefined =>
  parsed(schema, value, { error: () => "" }).data;

/** A value as it was found, shortened: `-3`, `"text"`, `a list of 3`, `nothing`. */
export function found(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "string") {
    // A character takes two places at most.
    const start = JSON.stringify(value.slice(0, 2 * LONGEST_TEXT)).slice(1, -1);
    const text = `"${shorten(start, LONGEST_TEXT)}"`;
    return value.length > LONGEST_TEXT ? `${text} (${numeral(value.length)} characters)` : text;
  }
  if (typeof value === "bigint") return shorten(numeral(value), LONGEST_TEXT);
  if (typeof value === "function" || typeof value === "symbol") return `a ${typeof value}`;
  if (typeof value !== "object" || value === null) return choice(value);
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : `a list of ${numeral(value.length)}`;
  if (value instanceof Date) return Number.isNaN(value.valueOf()) ? "no date" : "a date";
  if (value instanceof Map) return "a map";
  return value instanceof Set ? "a set" : "an object";
}

const inWords: $ZodErrorMap = (issue) => {
  switch (issue.code) {
    case "unrecognized_keys":
      return unknownKeys(issue.keys, issue.schema);
    case "invalid_union": {
      if (issue.inclusive === false) return "expected one alternative, found what fits several";
      if (issue.discriminator === undefined) break;
      const own = (issue.input as Record<string, unknown>)[issue.discriminator];
      return unlike(either((issue.options ?? []).map(choice)), own);
    }
    case "custom":
      return unlike("another value", issue.input);
  }
  return unlike(issue.schema ? expected(issue.schema) : "another value", issue.input);
};

/** What a check of one's own expected, as `z.custom` and `refine` take it. */
export const expecting =
  (what: string) =>
  ({ input }: { readonly input?: unknown }): string =>
    unlike(what, input);

const unlike = (what: string, value: unknown): string =>
  `expected ${shorten(what, LONGEST_EXPECTED)}, found ${found(value)}`;

/** `unknown key "poins" (did you mean "points"?)` */
function unknownKeys(keys: readonly string[], schema: $ZodType | undefined): string {
  const def = (schema as $ZodTypes | undefined)?._zod.def;
  const [first] = keys;
  if (keys.length === 1) {
    const near = def?.type === "object" ? nearest(first, Object.keys(def.shape)) : undefined;
    return `unknown key ${choice(first)}${near === undefined ? "" : ` (did you mean ${choice(near)}?)`}`;
  }
  const rest = keys.length - 2;
  return `unknown keys ${keys
    .slice(0, 2)
    .map(choice)
    .join(rest > 0 ? ", " : " and ")}${rest > 0 ? ` and ${numeral(rest)} more` : ""}`;
}

/** The known word that a third of the letters or fewer lead to. */
function nearest(word: string, known: readonly string[]): string | undefined {
  if (word.length > LONGEST_TEXT) return undefined;
  const letters = (text: string): number[] => [...text].map((letter) => letter.codePointAt(0)!);
  const distances = known.map((other) => ({ other, distance: editDistance(letters(word), letters(other)) }));
  const [best] = distances.sort((a, b) => a.distance - b.distance);
  return best !== undefined && best.distance <= Math.max(1, word.length / 3) ? best.other : undefined;
}

interface PlacedFault {
  readonly path: readonly PropertyKey[];
  readonly what: string;
  /** whether the value as a whole is of another kind, so that nothing inside it was looked at */
  readonly isWhole: boolean;
  readonly isMissing: boolean;
}

function faultsOf(issues: readonly $ZodIssue[], before: readonly PropertyKey[]): PlacedFault[] {
  return issues.flatMap((issue) => {
    const path = [...before, ...issue.path];
    const own: PlacedFault = {
      path,
      what: issue.message,
      isWhole: issue.path.length === 0 && issue.code !== "unrecognized_keys",
      isMissing: issue.input === undefined,
    };
    switch (issue.code) {
      case "invalid_union":
        return nearestAlternative(issue.errors, path) ?? [own];
      case "invalid_key":
        return [{ ...own, what: `as a name, ${faultsOf(issue.issues, [])[0].what}` }];
      case "invalid_element":
        return faultsOf(issue.issues, path).map((fault) => ({ ...fault, isWhole: false }));
      default:
        return [own];
    }
  });
}

/**
 * The faults of the alternative that is of the value's own kind and has fewest, of those the one that lacks least; null
 * where none is of its kind.
 */
function nearestAlternative(
  alternatives: readonly (readonly $ZodIssue[])[],
  path: readonly PropertyKey[],
): PlacedFault[] | null {
  const missing = (faults: readonly PlacedFault[]): number => faults.filter((fault) => fault.isMissing).length;
  const near = alternatives
    .map((issues) => faultsOf(issues, path))
    .filter((faults) => !faults.some((fault) => fault.isWhole))
    .sort((a, b) => a.length - b.length || missing(a) - missing(b));
  return near[0] ?? null;
}

/** `documents[3].bytes`, `a["b c"]`; of a long path its end */
function dotted(path: readonly PropertyKey[]): string {
  const written = path.map((key) =>
    typeof key === "number"
      ? `[${key}]`
      : /^[\p{L}\p{N}_$-]+$/u.test(String(key))
        ? `.${String(key)}`
        : `[${choice(key)}]`,
  );
  const letters = [...written.join("").replace(/^\./, "")];
  return letters.length > LONGEST_PLACE ? `…${letters.slice(1 - LONGEST_PLACE).join("")}` : letters.join("");
}

function sentenceOf(faults: readonly PlacedFault[], nameOf: Naming): string {
  const said = new Set(
    faults.slice(0, MOST_WORDED).map(({ path, what }) => {
      const place = nameOf(path) ?? dotted(path);
      return `${place}${place === "" ? "" : ": "}${shorten(what, LONGEST_FAULT)}`;
    }),
  );
  const all = [...said];
  const rest = all.length - MOST_FAULTS + Math.max(0, faults.length - MOST_WORDED);
  return `${all.slice(0, MOST_FAULTS).join("; ")}${rest > 0 ? `; and ${numeral(rest)} more` : ""}`;
}
