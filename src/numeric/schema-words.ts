/**
 * What a zod schema takes, in words: `a whole number of at least 2`, `"error" or "replace"`, `a list of at least 1 entry`.
 * An object is `an object`, whatever it holds: what is wrong inside is said of the place inside. What is wrong with a value
 * is `schema-faults.ts`'s.
 */
import type { $ZodCheck, $ZodChecks, $ZodType, $ZodTypes } from "zod/v4/core";
import { numeral } from "./amounts.ts";
import { shorten } from "./visible.ts";

const CHOICES = 8;
const LONGEST_CHOICE = 30;
/** Of schemas that hold others, unions of unions and lazy ones among them. */
const DEEPEST = 6;

/** A value that is a choice of its own: `"error"`, `0`, `null`. */
export const choice = (value: unknown): string =>
  typeof value === "string"
    ? `"${shorten(value, LONGEST_CHOICE)}"`
    : typeof value === "number" || typeof value === "bigint"
      ? numeral(value)
      : String(value);

/** `a`, `a or b`, `a, b or c`; of many the first eight. */
export function either(alternatives: readonly string[]): string {
  const distinct = [...new Set(alternatives)];
  if (distinct.length > CHOICES)
    return `one of ${distinct.slice(0, CHOICES).join(", ")}, … (${distinct.length} in all)`;
  const last = distinct.pop() ?? "another value";
  return distinct.length === 0 ? last : `${distinct.join(", ")} or ${last}`;
}

/** What the schema takes: `a whole number of at least 2`. */
export const expected = (schema: $ZodType): string => either(alternatives(schema as $ZodTypes, 0));

/** What each of its alternatives is called. */
function alternatives(schema: $ZodTypes, depth: number): string[] {
  const { def } = schema._zod;
  const inside = (inner: unknown): string[] =>
    depth < DEEPEST ? alternatives(inner as $ZodTypes, depth + 1) : ["another value"];
  const checks = checksOf(schema);
  switch (def.type) {
    case "number":
      return [numberWords(checks)];
    case "bigint":
      return [`a bigint${range(checks, false)}`];
    case "string":
      return [textWords(checks)];
    case "array":
      return [`a list${sizeWords(checks, "entry", "entries")}`];
    case "tuple":
      return [def.rest ? "a list" : `a list of ${def.items.length}`];
    case "set":
      return [`a set${sizeWords(checks, "entry", "entries")}`];
    case "map":
      return [`a map${sizeWords(checks, "entry", "entries")}`];
    case "object":
    case "record":
      return ["an object"];
    case "boolean":
      return ["true", "false"];
    case "literal":
      return def.values.map(choice);
    case "enum":
      return Object.entries(def.entries)
        .filter(([, value]) => typeof def.entries[value] !== "number") // the way back of a numeric enum
        .map(([, value]) => choice(value));
    case "union":
      return def.options.flatMap(inside);
    case "intersection": {
      const [left, right] = [def.left, def.right].map((side) => either(inside(side)));
      return [left === right ? left : `what is both ${left} and ${right}`];
    }
    case "nullable":
      return [...inside(def.innerType), "null"];
    case "optional":
    case "nonoptional":
    case "default":
    case "prefault":
    case "catch":
    case "readonly":
      return inside(def.innerType);
    case "pipe":
      return inside(def.in);
    case "lazy":
      return inside(def.getter());
    case "null":
      return ["null"];
    case "undefined":
    case "void":
    case "never":
      return ["nothing"];
    case "any":
    case "unknown":
      return ["anything"];
    case "nan":
      return ["NaN"];
    case "date":
      return ["a date"];
    case "symbol":
    case "function":
    case "promise":
    case "file":
      return [`a ${def.type}`];
    case "template_literal":
      return ["text of a given form"];
    default:
      return ["another value"];
  }
}

/** The checks of a schema, itself included where it is one (`z.int()`, `z.email()`). */
function checksOf(schema: $ZodTypes): readonly $ZodChecks["_zod"]["def"][] {
  const own = "check" in schema._zod.def ? [schema as unknown as $ZodCheck] : [];
  return [...own, ...(schema._zod.def.checks ?? [])].map(({ _zod }) => _zod.def as $ZodChecks["_zod"]["def"]);
}

type Checks = ReturnType<typeof checksOf>;

interface Bound {
  readonly value: number | bigint;
  readonly inclusive: boolean;
}

const WHOLE = /int/;
const INTEGERS: Readonly<Record<string, readonly [number, number]>> = {
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint32: [0, 2 ** 32 - 1],
};

function numberWords(checks: Checks): string {
  const formats = checks.flatMap((check) => (check.check === "number_format" ? [check.format] : []));
  const whole = formats.some((format) => WHOLE.test(format));
  const steps = checks.flatMap((check) => (check.check === "multiple_of" ? [numeral(check.value)] : []));
  const limits = formats.flatMap((format) => (INTEGERS[format] ? [INTEGERS[format]] : []));
  const bounds: Checks = limits.flatMap(([least, most]) => [
    { check: "greater_than", value: least, inclusive: true },
    { check: "less_than", value: most, inclusive: true },
  ]);
  const kind = steps.length > 0 ? `a multiple of ${steps.join(" and ")}` : whole ? "a whole number" : "a number";
  return kind + range([...checks, ...bounds], whole);
}

/** The narrowest of bounds on one side. */
const narrowest = (bounds: readonly Bound[], side: 1 | -1): Bound | undefined =>
  bounds.reduce<Bound | undefined>((best, bound) => {
    const [own, other] = [Number(bound.value) * side, Number(best?.value ?? Number.NaN) * side];
    return best === undefined || own > other || (own === other && !bound.inclusive) ? bound : best;
  }, undefined);

/** ` of at least 2`, ` above 0 and at most 1`, ` from 1 to 9`; whole numbers above 0 are at least 1. */
function range(checks: Checks, whole: boolean): string {
  const bounds = (kind: "greater_than" | "less_than", step: 1 | -1): Bound[] =>
    checks.flatMap((check) => {
      if (check.check !== kind || check.value instanceof Date) return [];
      const closed = whole && !check.inclusive && Number.isInteger(check.value);
      return [closed ? { value: Number(check.value) + step, inclusive: true } : (check as Bound)];
    });
  const low = narrowest(bounds("greater_than", 1), 1);
  const high = narrowest(bounds("less_than", -1), -1);
  if (low?.inclusive && high?.inclusive) return ` from ${numeral(low.value)} to ${numeral(high.value)}`;
  const said = [
    ...(low ? [`${low.inclusive ? "at least" : "above"} ${numeral(low.value)}`] : []),
    ...(high ? [`${high.inclusive ? "at most" : "below"} ${numeral(high.value)}`] : []),
  ].join(" and ");
  return said === "" ? "" : said.startsWith("at") ? ` of ${said}` : ` ${said}`;
}

/** ` of at least 1 entry`, ` of 3 characters` */
function sizeWords(checks: Checks, one: string, many: string): string {
  const noun = (size: number): string => `${numeral(size)} ${size === 1 ? one : many}`;
  let [least, most] = [0, Number.POSITIVE_INFINITY];
  for (const check of checks) {
    if (check.check === "min_length" || check.check === "min_size") least = Math.max(least, check.minimum);
    if (check.check === "max_length" || check.check === "max_size") most = Math.min(most, check.maximum);
    if (check.check === "length_equals") [least, most] = [check.length, check.length];
    if (check.check === "size_equals") [least, most] = [check.size, check.size];
  }
  if (least === most) return ` of ${noun(most)}`;
  if (Number.isFinite(most)) return ` of ${least > 0 ? `${numeral(least)} to` : "at most"} ${noun(most)}`;
  return least > 0 ? ` of at least ${noun(least)}` : "";
}

const FORMS: Readonly<Record<string, string>> = {
  email: "an e-mail address",
  url: "a URL",
  uuid: "a UUID",
  guid: "a GUID",
  datetime: "a date and time (ISO 8601)",
  date: "a date (ISO 8601)",
  time: "a time (ISO 8601)",
  duration: "a duration (ISO 8601)",
  ipv4: "an IPv4 address",
  ipv6: "an IPv6 address",
  lowercase: "text in lower case",
  uppercase: "text in upper case",
  json_string: "JSON",
};

function textWords(checks: Checks): string {
  const size = sizeWords(checks, "character", "characters");
  for (const check of checks) {
    if (check.check !== "string_format") continue;
    if ("prefix" in check) return `text that starts with ${choice(check.prefix)}`;
    if ("suffix" in check) return `text that ends with ${choice(check.suffix)}`;
    if ("includes" in check) return `text with ${choice(check.includes)} in it`;
    if (check.format === "regex") return `text of the form ${shorten(String(check.pattern), LONGEST_CHOICE)}`;
    return (FORMS[check.format] ?? `text of the form ${check.format}`) + size;
  }
  return `text${size}`;
}
