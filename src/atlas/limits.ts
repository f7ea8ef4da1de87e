/**
 * The limits of a choice (METHODS §11): which of them a candidate misses and by how much, and, where none is left, the nearest
 * limits that would let one through. What is not known of a candidate is not met, and no limit lets it through.
 */
import { figure, sizeText } from "../numeric/amounts.ts";

export interface Constraints {
  /** weights that fit into memory */
  readonly memoryBytes?: number;
  /** weights that fit on the disk, or through the wire */
  readonly weightBytes?: number;
  /** `permissive`, or names of licences */
  readonly licences?: readonly string[];
  readonly tokensPerSecond?: number;
  /** for a million tokens */
  readonly price?: number;
}

/** What limits are held against. */
export interface Limited {
  /** null where they are not at hand */
  readonly weightBytes: number | null;
  readonly licence: string | null;
  readonly tokensPerSecond: number | null;
  readonly price: number | null;
}

/** As the options of the command line name them. */
export type Limit = "memory" | "bytes" | "max-price" | "tokens-per-second" | "licence";

/** A limit that a candidate does not keep. */
export interface Miss {
  readonly limit: Limit;
  /** the candidate's: bytes, price, tokens a second, name; null where it is not known */
  readonly own: number | string | null;
  /** by how much it is missed, as a share of the limit; null where that is not a matter of degree */
  readonly excess: number | null;
  /** in words, with the numbers */
  readonly reason: string;
}

/** Limits that one candidate keeps, in place of those that were given. */
export interface Way {
  readonly model: string;
  readonly limits: readonly { readonly limit: Limit; readonly value: number | string }[];
}

/** Licences that ask for no more than attribution, as SPDX names them. */
const PERMISSIVE = new Set([
  "0bsd",
  "apache-2.0",
  "bsd-2-clause",
  "bsd-3-clause",
  "bsl-1.0",
  "cc-by-4.0",
  "cc0-1.0",
  "isc",
  "mit",
  "unlicense",
  "zlib",
]);

const isAllowed = (licence: string, allowed: readonly string[]): boolean =>
  allowed.some((one) =>
    one === "permissive" ? PERMISSIVE.has(licence.toLowerCase()) : one.toLowerCase() === licence.toLowerCase(),
  );

const unknown = (limit: Limit, what: string): Miss => ({
  limit,
  own: null,
  excess: null,
  reason: `${what} is not known`,
});

/** The limits that a candidate does not keep; none where it meets everything. */
export function missesOf(candidate: Limited, constraints: Constraints): Miss[] {
  const { weightBytes, price, tokensPerSecond, licence } = candidate;
  const misses: Miss[] = [];
  const size = (limit: "memory" | "bytes", what: string, most: number | undefined): void => {
    if (most === undefined) return;
    if (weightBytes === null) {
      misses.push(unknown(limit, "size of the weights"));
      return;
    }
    if (weightBytes <= most) return;
    const reason = `${sizeText(weightBytes)} of weights, ${sizeText(weightBytes - most)} more than the ${sizeText(most)} ${what}`;
    misses.push({ limit, own: weightBytes, excess: weightBytes / most - 1, reason });
  };
  size("memory", "of memory", constraints.memoryBytes);
  size("bytes", "that they may take", constraints.weightBytes);

  const { price: highest, tokensPerSecond: least, licences } = constraints;
  if (highest !== undefined) {
    if (price === null) misses.push(unknown("max-price", "price"));
    else if (price > highest) {
      const reason = `price ${figure(price)}, ${figure(price - highest)} above ${figure(highest)}`;
      misses.push({ limit: "max-price", own: price, excess: price / highest - 1, reason });
    }
  }
  if (least !== undefined) {
    if (tokensPerSecond === null) misses.push(unknown("tokens-per-second", "speed"));
    else if (tokensPerSecond < least) {
      const reason = `${figure(tokensPerSecond)} tokens a second, ${figure(least - tokensPerSecond)} short of ${figure(least)}`;
      misses.push({ limit: "tokens-per-second", own: tokensPerSecond, excess: 1 - tokensPerSecond / least, reason });
    }
  }
  if (licences !== undefined) {
    if (licence === null) misses.push(unknown("licence", "licence"));
    else if (!isAllowed(licence, licences))
      misses.push({
        limit: "licence",
        own: licence,
        excess: null,
        reason: `licence ${licence} is not ${licences.join(" or ")}`,
      });
  }
  return misses;
}

/** `value` with three digits, on the side that lets it through. */
function rounded(value: number, towards: "ceil" | "floor"): number {
  if (value === 0) return 0;
  const step = 10 ** (Math.floor(Math.log10(Math.abs(value))) - 2);
  return step >= 1 ? Math[towards](value / step) * step : value;
}

function wayOf(model: string, misses: readonly Miss[]): Way {
  const limits = misses.map(({ limit, own }) => ({
    limit,
    value:
      typeof own !== "number" || limit === "max-price"
        ? own!
        : rounded(own, limit === "tokens-per-second" ? "floor" : "ceil"),
  }));
  return { model, limits };
}

const nearness = (misses: readonly Miss[]): [limits: number, kinds: number, excess: number] => [
  misses.length,
  misses.filter(({ excess }) => excess === null).length,
  misses.reduce((sum, { excess }) => sum + (excess ?? 0), 0),
];

/**
 * The nearest ways to let a candidate through: for every limit that would do alone the least change of it, else the candidate
 * of fewest limits, and among those of the smallest change.
 * @returns nearest first; none where something of every candidate is not known
 */
export function nearestWays(excluded: readonly { readonly model: string; readonly misses: readonly Miss[] }[]): Way[] {
  const open = excluded
    .filter(({ misses }) => misses.every(({ own }) => own !== null))
    .map((one) => ({ ...one, near: nearness(one.misses) }))
    .sort((a, b) => a.near[0] - b.near[0] || a.near[1] - b.near[1] || a.near[2] - b.near[2]);
  const alone = open.filter(({ misses }) => misses.length === 1);
  const first = alone.filter(
    ({ misses: [one] }, index) => alone.findIndex(({ misses: [other] }) => other.limit === one.limit) === index,
  );
  return (first.length > 0 ? first : open.slice(0, 1)).map(({ model, misses }) => wayOf(model, misses));
}

const UNITS = [
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
] as const;

/** A limit as the command line takes it: `--memory 4.01MB`, `--licence 'Llama 2'`. */
function argument({ limit, value }: Way["limits"][number]): string {
  if (typeof value === "string") return `--${limit} ${/^[\w.-]+$/.test(value) ? value : `'${value}'`}`;
  if (limit === "max-price" || limit === "tokens-per-second") return `--${limit} ${value}`;
  const [scale, prefix] = UNITS.find(([least]) => value >= least) ?? [1, ""];
  return `--${limit} ${value / scale}${prefix}B`;
}

/** `--memory 4.01MB lets small through`, or what has to be known first. */
export function waysText(ways: readonly Way[], excluded: readonly { readonly misses: readonly Miss[] }[]): string {
  if (ways.length > 0)
    return ways
      .map(({ model, limits }) => {
        const given = limits.map(argument).join(" and ");
        return `${given} ${limits.length === 1 ? "lets" : "let"} ${model} through`;
      })
      .join(", or ");
  const missing = new Set(
    excluded.flatMap(({ misses }) => misses.flatMap(({ own, limit }) => (own === null ? [limit] : []))),
  );
  const told = [...missing].filter((limit) => limit !== "memory" && limit !== "bytes");
  if (told.length === 0) return "measure a model whose weights are at hand";
  const columns = told.map((limit) => (limit === "max-price" ? "price" : limit.replaceAll("-", "_")));
  return `say what is not known in a table with the columns model and ${columns.join(", ")}: --price FILE`;
}
