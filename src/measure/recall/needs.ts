/**
 * What recall takes (METHODS §5), all of it known before the model is asked: positions for prompt and passage, documents long
 * enough for both, others to learn guesses from and to compare gist with, and unseen text for membership.
 */
import type { DecoderSpec } from "../../models/spec.ts";
import { count } from "../../numeric/amounts.ts";
import { groupBy } from "../../numeric/groups.ts";
import { groupsNeed, isMet, type Need, needed } from "../../numeric/needs.ts";
import { type Capability, capabilityNeed } from "../../ports/model.ts";
import type { Plan } from "../../profile/plan.ts";
import type { Prefix, TokenizedDocument } from "../../text/corpus.ts";
import { intervalNeed, type Units } from "../../text/units.ts";
import { halves, someOf } from "./control.ts";
import { groupsByOccurrences, occurrencesNeed } from "./figures.ts";
import { askedAt, exposuresOf, type Place, placesOf } from "./places.ts";

export interface RecallGround {
  readonly plan: Pick<Plan, "recall" | "seed">;
  readonly positions: DecoderSpec["positions"];
  readonly can: ReadonlySet<Capability>;
  /** what opens every prompt */
  readonly prefix: Prefix | null;
  readonly documents: readonly TokenizedDocument[];
  readonly units: Units;
  /** null where none was given */
  readonly unseen: readonly TokenizedDocument[] | null;
}

/** Positions of prompt and passage: the last token is predicted and never read. */
const positionsFor = (prefix: number, length: number, opening: Prefix | null): number =>
  Number(opening !== null) + prefix + length - 1;

const rising = (prefixes: readonly number[]): number[] => [...new Set(prefixes)].sort((a, b) => a - b);

/** Prefixes, rising, that the model has positions for. */
export const fittingPrefixes = (
  { prefixes, length }: Plan["recall"],
  positions: DecoderSpec["positions"],
  opening: Prefix | null,
): number[] =>
  rising(prefixes).filter((prefix) => positions === null || positionsFor(prefix, length, opening) <= positions);

/** Unseen documents that are none of the text's own, and how many are. */
export function apart(seen: readonly TokenizedDocument[], unseen: readonly TokenizedDocument[] | null) {
  const known = new Set(seen.map(({ sha256: own }) => own));
  const documents = (unseen ?? []).filter(({ sha256: own }) => !known.has(own));
  return { documents, shared: (unseen?.length ?? 0) - documents.length };
}

/** Documents of which some token is predicted. */
const scorable = (documents: readonly TokenizedDocument[], prefix: Prefix | null): number =>
  documents.filter(({ ids }) => ids.length > Number(prefix === null)).length;

export const gistNeed = (places: readonly Place[]): Need => ({
  figure: "recall.gist",
  have: new Set(places.map(({ document }) => document.sha256)).size,
  needs: 2,
  bound: "least",
  unit: "document",
  reason: "the passages lie in one document: there is no other one to compare with",
  remedy: { kind: "said", text: "a second document as long" },
});

export function recallNeeds(ground: RecallGround): Need[] {
  const { plan, positions, prefix, documents, units, unseen } = ground;
  const { length, passages } = plan.recall;
  const fitting = fittingPrefixes(plan.recall, positions, prefix);
  const room = positionNeeds(plan.recall, positions, prefix, fitting);
  const longest = fitting.at(-1);
  if (longest === undefined) return room;
  const shape = { longest, length };
  const places = placesOf(documents, { ...shape, most: passages, seed: plan.seed });
  const most = documents.reduce((tokens, { ids }) => Math.max(tokens, ids.length), 0);
  const place: Need = {
    figure: "recall",
    have: most,
    needs: longest + length,
    bound: "least",
    unit: "token",
    reason: `the longest document has ${count(most)} tokens, a prefix of ${count(longest)} and a passage of ${count(length)} need ${count(longest + length)}`,
    remedy: { kind: "document", or: shorter(plan.recall, most) },
  };
  if (!isMet(place)) return [...room, place];
  const unitOf = (one: Place): number => units.unitOf(one.document.index, askedAt(one, longest, shape).from);
  const hit = new Set(places.map(unitOf)).size;
  const interval = intervalNeed("recall.interval", { ...units, count: hit }, longest + length);
  return [
    ...room,
    interval,
    ...(isMet(interval) ? groupNeeds(places, units, unitOf) : []),
    needed(
      "recall.control",
      apart(documents, unseen).documents.some(({ bytes }) => bytes > 0) ||
        halves(documents.filter(({ bytes }) => bytes > 0)).size > 1,
      "document",
      "the text is one document and no unseen text was given: nothing to learn guesses from",
      "a second document, or --unseen PATH",
    ),
    ground.can.has("states") ? gistNeed(places) : capabilityNeed("recall.gist", ground.can, "states"),
    ...membershipNeeds(ground),
  ];
}

/** Of the prefixes that were asked for, each needs positions; the first that has too few says so. */
function positionNeeds(
  { prefixes, length }: Plan["recall"],
  positions: DecoderSpec["positions"],
  prefix: Prefix | null,
  fitting: readonly number[],
): Need[] {
  if (positions === null) return [];
  const first = rising(prefixes)[Math.min(fitting.length, rising(prefixes).length - 1)];
  const needs = positionsFor(first, length, prefix);
  const least = length - (needs - positions);
  return [
    {
      figure: fitting.length === 0 ? "recall" : "recall.verbatim",
      have: positions,
      needs,
      bound: "least",
      unit: "position",
      reason: `a prefix of ${count(first)} tokens and a passage of ${count(length)} need ${count(needs)} positions, the model has ${count(positions)}`,
      remedy: {
        kind: "said",
        text: least > 0 ? `\`lossyscope recall --length ${least}\`` : "`lossyscope recall` with a shorter --prefix",
      },
    },
  ];
}

/** The options that ask a document of so many tokens; none for what has no token to follow another. */
function shorter({ prefixes, length }: Plan["recall"], tokens: number): string | undefined {
  if (tokens < 2) return undefined;
  const fitting = rising(prefixes).filter((prefix) => prefix + length <= tokens);
  const ask = (prefix: readonly number[], passage: number): string =>
    `\`lossyscope recall --prefix ${prefix.join(",")}${passage === length ? "" : ` --length ${passage}`}\``;
  if (fitting.length > 0) return ask(fitting, length);
  const prefix = Math.min(rising(prefixes)[0], Math.floor(tokens / 2));
  return ask([prefix], Math.min(length, tokens - prefix));
}

/** What intervals by place and by exposures take; those by repeats are known once the text was looked through for them. */
function groupNeeds(places: readonly Place[], { kind }: Units, unitOf: (place: Place) => number): Need[] {
  const exposed = groupsByOccurrences(
    places.filter((place) => exposuresOf(place) !== null),
    (place) => exposuresOf(place)!,
  );
  const where = [...groupBy(places, (place) => place.kind)];
  return [
    groupsNeed(
      "recall.places.interval",
      kind,
      where.map(([name, own]) => [name, new Set(own.map(unitOf)).size]),
    ),
    occurrencesNeed("recall.exposures.interval", kind, exposed, unitOf),
  ];
}

function membershipNeeds({ documents, unseen, prefix, plan }: RecallGround): Need[] {
  const figure = "recall.membership";
  if (unseen === null)
    return [needed(figure, false, "text", "no text was given that the model has not seen", "--unseen PATH")];
  const { documents: others, shared } = apart(documents, unseen);
  const [seenCount, unseenCount] = [scorable(documents, prefix), scorable(others, prefix)];
  const both: Need = {
    figure,
    have: Math.min(seenCount, unseenCount),
    needs: 1,
    bound: "least",
    unit: "document",
    reason: `of ${count(unseen.length)} unseen documents none is left to compare: ${count(shared)} are in the text`,
    remedy: { kind: "said", text: "unseen text that is not in the text" },
  };
  if (!isMet(both)) return [both];
  const kinds = [documents, others].map(
    (side) =>
      halves(
        someOf(
          side.filter(({ bytes }) => bytes > 0),
          plan.seed,
        ),
      ).size,
  );
  const side = seenCount <= unseenCount ? "--text" : "--unseen";
  const few = intervalNeed(`${figure}.interval`, { kind: "document", count: both.have });
  return [
    { ...few, remedy: { kind: "said", text: `${count(few.needs - few.have)} more documents of ${side}` } },
    {
      figure: `${figure}.blind`,
      have: Math.min(...kinds),
      needs: 2,
      bound: "least",
      unit: "document",
      reason: "byte statistics learn one half of the documents and score the other: a side has one document",
      remedy: { kind: "said", text: `a second document of ${kinds[0] < 2 ? "--text" : "--unseen"}` },
    },
  ];
}
