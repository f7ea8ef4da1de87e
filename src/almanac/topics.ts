/**
 * What a page of the almanac says that is no fact of the world: its heading, the openers of its sentences, and the notes
 * at its foot by topic. All of it is language, charged by both floors (METHODS §9).
 */
import { type Law, type Pattern, pattern, uniform, weighted } from "./grammar.ts";

/** Alternatives with their law. */
export interface Phrasing {
  readonly patterns: readonly Pattern[];
  readonly law: Law;
}

function phrasing(...sources: readonly string[]): Phrasing {
  return { patterns: sources.map(pattern), law: uniform(sources.length) };
}

/** Whether a page has a heading: 0 it has none. */
export const HEADED = weighted([1, 3]);

export const HEADING = phrasing(
  "{month} {day}: {sky}, wind {quarter}; sun {dawn}:{minute} to {dusk}:{minute}.",
  "{month} {day}: {sky}; high water {clock}:{minute} and {clock}:{minute}.",
  "{day} {month}, {sky}; sun {dawn}:{minute} to {dusk}:{minute}, high water {clock}:{minute}.",
);

/** What may stand before the subject of any sentence but the first; the empty one is twice as likely as all others. */
export const OPENERS = [
  "",
  "They say that ",
  "By all accounts ",
  "Most people agree that ",
  "If the old clerk is right, ",
  "So far as anyone remembers, ",
  "According to the parish book, ",
  "The story goes that ",
  "Every schoolchild knows that ",
];
/** How the subject of any sentence but the first is named. */
export const NAMINGS = ["he", "short", "full"] as const;

/** Law of opener and naming together: `opener · 3 + naming`. */
export const SUBJECT = weighted(
  OPENERS.flatMap((_, opener) => [5, 2, 1].map((weight) => weight * (opener === 0 ? 16 : 1))),
);

export const TOPICS: readonly Phrasing[] = [
  phrasing(
    "At market: {goods} at {price}, {goods} at {price}, {goods} at {price}.",
    "The market offered {goods}, {goods} and {goods}, with {goods} at {price}.",
    "Little was sold but {goods} and {goods}; the {goods} fetched {price}.",
  ),
  phrasing(
    "A {quality} {thing} {outdoes} a {quality} {thing}.",
    "Better a {quality} {thing} than a {quality} {thing}.",
    "Never trade a {quality} {thing} for a {quality} {thing}.",
    "Where the {quality} {thing} goes, the {thing} follows.",
  ),
  phrasing(
    "Lost near the {spot}, a {colour} {thing}; the finder shall have {goods}.",
    "Found by the {spot}, a {colour} {thing}, a {quality} {thing} and some {goods}.",
    "Stolen from the {spot}, a {quality} {thing} and all the {goods}.",
  ),
  phrasing(
    "The moon {phase} and stands in the {sign}.",
    "The {sign} rises at {clock}:{minute}, the {sign} at {clock}:{minute}.",
    "Whoever is born under the {sign} can expect {fate} and {fate}.",
  ),
  phrasing(
    "A good day for {task} and {task}, a poor one for {task}.",
    "Leave {task} until the {bird} is heard, and see to {task}.",
    "The wise begin {task} before {hour} and leave {task} for another day.",
  ),
  phrasing(
    "The road to {shire} is {condition}; the road to {shire} is {condition}.",
    "The coach for {shire} leaves from the {spot} at {clock}:{minute}, the ferry at {clock}:{minute}.",
    "Travellers from {shire} bring {goods}, {goods} and news of {fate}.",
  ),
  phrasing(
    "For {ailment}, boil {herb} and {herb} in {liquid}.",
    "Against {ailment}, sleep on a pillow of {herb}, {herb} and {herb}.",
    "To be rid of {ailment}, mix {herb} with {liquid} and drink it at {hour}.",
  ),
  phrasing(
    "To dream of a {colour} {animal} means {fate}.",
    "To dream of a {quality} {thing} means {fate}, and of a {quality} {animal}, {fate}.",
    "If a {bird} sits on the {spot}, expect {fate}.",
  ),
  phrasing(
    "Lucky numbers: {number}, {number}, {number} and {number}.",
    "The lottery fell on {number} and {number}; the prize was a {quality} {thing}.",
    "Ticket {number} of series {number} has won a {colour} {thing}.",
  ),
];

/** Notes on a page: `LEAST_NOTES`, then one more and one more by this law (1 goes on) until there are `MOST_NOTES`. */
export const ANOTHER = weighted([1, 4]);
export const LEAST_NOTES = 3;
export const MOST_NOTES = 6;
