/**
 * Which tokens of which domain are summed together (METHODS §4): the sampling units of each domain, documents or blocks, are dealt to
 * pools of about as many tokens each. By the lengths of the documents and the seed alone, so that a run that goes on and the
 * shards of one deal alike.
 *
 * Memory: 4 bytes a unit.
 */
import { FEWEST_POOLS, POOLS } from "../../info/concepts/domains.ts";
import { count, counted } from "../../numeric/amounts.ts";
import { groupBy } from "../../numeric/groups.ts";
import { groupsNeed, isMet, type Need } from "../../numeric/needs.ts";
import { random } from "../../numeric/random.ts";
import { sum } from "../../numeric/sums.ts";
import type { Pools } from "../../ports/observation.ts";
import type { TokenizedDocument, WindowBatch } from "../../text/corpus.ts";
import { BLOCK_TOKENS, type Units } from "../../text/units.ts";

/** Tokens of a domain that say over which units it is spread: fifty for each pool. */
export const FEWEST_TOKENS = 50 * POOLS;
/** What every two of are compared. */
export const MOST_DOMAINS = 12;

type Sized = Pick<TokenizedDocument, "domain"> & { readonly ids: { readonly length: number } };

interface DomainUnits {
  readonly name: string;
  readonly units: readonly { readonly unit: number; readonly tokens: number }[];
  readonly tokens: number;
}

/** Of every domain that has tokens, in order of name. */
function domainsIn(documents: readonly Sized[], units: Units): DomainUnits[] {
  const found = documents.flatMap(({ domain, ids: { length } }, document) => {
    const cut = units.kind === "block" ? BLOCK_TOKENS : Math.max(1, length);
    return Array.from({ length: Math.ceil(length / cut) }, (_, part) => ({
      domain,
      unit: units.unitOf(document, part * cut),
      tokens: Math.min(cut, length - part * cut),
    }));
  });
  return [...groupBy(found, ({ domain }) => domain)]
    .map(([name, own]) => ({ name, units: own, tokens: sum(own.map(({ tokens }) => tokens)) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

const isEnough = ({ units, tokens }: DomainUnits): boolean => units.length >= FEWEST_POOLS && tokens >= FEWEST_TOKENS;

export interface DealtDomain {
  readonly name: string;
  readonly tokens: number;
  /** tokens of each of its pools */
  readonly pools: readonly number[];
}

export interface Dealt {
  readonly domains: readonly DealtDomain[];
  /** pools of all domains, one after the other */
  readonly count: number;
  /** the sums of a batch, and which pool each is of; those alone that it has tokens of */
  readonly poolsOf: (batch: WindowBatch) => Pools & { readonly of: readonly number[] };
}

/** @returns null where no domain is long enough, or they are too many */
export function dealt(documents: readonly Sized[], units: Units, seed: number): Dealt | null {
  const all = domainsIn(documents, units);
  const domains = all.filter(isEnough);
  if (domains.length === 0 || all.length > MOST_DOMAINS) return null;
  const poolOf = new Int32Array(units.count).fill(-1);
  let before = 0;
  const given = domains.map(({ name, units: own, tokens }): DealtDomain => {
    const sizes = new Array<number>(Math.min(POOLS, own.length)).fill(0);
    // The longest first, each to the emptiest pool; those of one length in an order drawn by the seed.
    const order = random(seed, "unit pools", name).shuffle([...own]);
    order.sort((a, b) => b.tokens - a.tokens);
    for (const { unit, tokens: length } of order) {
      const emptiest = sizes.indexOf(Math.min(...sizes));
      sizes[emptiest] += length;
      poolOf[unit] = before + emptiest;
    }
    before += sizes.length;
    return { name, tokens, pools: sizes };
  });
  return { domains: given, count: before, poolsOf: (batch) => sumsOf(batch, units, poolOf) };
}

function sumsOf(
  { windows }: WindowBatch,
  units: Units,
  poolOf: Int32Array,
): Pools & { readonly of: readonly number[] } {
  const found: number[] = [];
  for (const { document, ids, start, fresh, prefixSlots } of windows)
    for (let slot = fresh; slot < ids.length; slot++)
      found.push(slot < prefixSlots ? -1 : poolOf[units.unitOf(document, start + slot - prefixSlots)]);
  const of = [...new Set(found)].filter((pool) => pool >= 0);
  const place = new Map(of.map((pool, index) => [pool, index]));
  const weights = new Float32Array(of.length * found.length);
  for (const [row, pool] of found.entries()) if (pool >= 0) weights[place.get(pool)! * found.length + row] = 1;
  return { of, count: of.length, weights };
}

const LIKE_THESE = "more text of it, or other domains";

/** What the spread of the domains takes of a text; `sharing` takes two of them besides. */
export function spreadNeeds(
  documents: readonly Sized[],
  units: Units,
  asked: { readonly spread: boolean; readonly sharing: boolean },
): Need[] {
  const all = domainsIn(documents, units);
  const sections = [...(asked.spread ? ["spread"] : []), ...(asked.sharing ? ["sharing"] : [])];
  const ofEach = (needOf: (section: string) => Need[]): Need[] => sections.flatMap(needOf);
  const tooMany: Need[] = ofEach((figure) => [
    {
      figure,
      have: all.length,
      needs: MOST_DOMAINS,
      bound: "most",
      unit: "domain",
      reason: `the text is of ${counted(all.length, "domain")}, at most ${MOST_DOMAINS} are compared`,
      remedy: { kind: "said", text: "fewer domains: --domain NAME=PATH for each" },
    },
  ]);
  if (!tooMany.every(isMet)) return tooMany;
  const enough = all.filter(isEnough);
  const short = all.filter((one) => !isEnough(one));
  const tooShort = ofEach((section) =>
    short.flatMap(({ name, units: own, tokens }): Need[] => {
      const figure = enough.length === 0 ? section : `${section}.domains`;
      const lacking = own.length < FEWEST_POOLS;
      return [
        {
          figure,
          have: lacking ? own.length : tokens,
          needs: lacking ? FEWEST_POOLS : FEWEST_TOKENS,
          bound: "least",
          unit: lacking ? units.kind : "token",
          reason: lacking
            ? `the domain ${name} has ${counted(own.length, units.kind)}, each takes ${FEWEST_POOLS}`
            : `the domain ${name} has ${counted(tokens, "token")}, each takes ${count(FEWEST_TOKENS)}`,
          remedy: { kind: "said", text: LIKE_THESE },
        },
      ];
    }),
  );
  const two: Need[] = asked.sharing
    ? [
        {
          figure: "sharing",
          have: enough.length,
          needs: 2,
          bound: "least",
          unit: "domain",
          reason: `units are shared between domains, and ${enough.length === 0 ? "none is" : `${counted(enough.length, "domain")} ${enough.length === 1 ? "is" : "are"}`} long enough`,
          remedy: { kind: "said", text: "two domains or more: --domain prose=a/ --domain code=b/" },
        },
      ]
    : [];
  return [
    ...tooShort,
    ...two,
    ...ofEach((section) =>
      enough.length === 0
        ? []
        : [
            groupsNeed(
              `${section}.interval`,
              units.kind,
              enough.map(({ name, units: own }) => [name, own.length] as const),
            ),
          ],
    ),
  ];
}
