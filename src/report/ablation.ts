/** What taking parts away has shown (METHODS §4), in the words and lines that terminal and report share. */
import type { Ablation } from "../profile/ablation.ts";
import { count, counted, figure, interval, percent, wrap } from "./format.ts";
import { proseWidth } from "./terminal-options.ts";
import { type TextTable, tableLines } from "./text-table.ts";

/** `461 units` */
export const takenText = ({ sites, taken, total }: Pick<Ablation, "sites" | "taken" | "total">): string =>
  `${count(taken)} of ${count(total)} ${sites}`;

/** `domain` */
export const nounOf = ({ of }: Pick<Ablation, "of">): string => (of === "concepts" ? "concept" : "domain");

/** The one sentence that says most. Plain text. */
export function ablationClaim(found: Ablation): string {
  const own = found.matrix.filter(({ localised }) => localised).map(({ domain }) => domain);
  if (own.length === 0)
    return `No ${nounOf(found)} has ${found.sites} of its own: taking away ${takenText(found)} does no more than taking away as many that contribute alike, or as much elsewhere.`;
  const rest = found.matrix.length - own.length;
  return `${own.join(", ")} ${own.length === 1 ? "has" : "have"} ${found.sites} of ${own.length === 1 ? "its" : "their"} own, ${takenText(found)}${rest > 0 ? `; ${counted(rest, nounOf(found))} ${rest === 1 ? "has" : "have"} not` : ""}.`;
}

/** The findings in sentences. Plain text. */
export const ablationFindings = ({ matrix, domains, curves }: Ablation): string[] =>
  matrix.map(({ domain, effects, shares, matched, localised }, place) => {
    const own = domains.findIndex(({ name }) => name === domain);
    return `Without the ones that ${domain} needs most, ${domain} costs ${interval(effects[own])} bits a byte more (${percent(shares[own])} of the whole effect); as many that contribute alike cost it ${figure(matched[own].mean)}, at most ${figure(matched[own].high)} in 95 % of draws: ${localised ? "they are its own" : "they are not its own"}. The area between the curves is ${interval(curves[place].areaInterval)} bits a byte.`;
  });

/** What has no part in it, in sentences. Plain text. */
export const leftOut = ({ left }: Ablation): string[] => left.map(({ reason }) => `Left out: ${reason}.`);

/** For the terminal. */
export function ablationLines(found: Ablation, width: number): string[] {
  const prose = proseWidth(width);
  const table: TextTable = {
    head: ["without those of", ...found.domains.map(({ name }) => name), "by chance", "own"],
    kinds: ["figures"],
    rows: found.matrix.map(({ domain, effects, matched, localised }, row) => [
      domain,
      ...effects.map(({ value }) => figure(value)),
      figure(matched[row].high),
      localised ? "yes" : "no",
    ]),
  };
  return [
    ...wrap(ablationClaim(found), prose),
    ...wrap(
      `Bits a byte more on each ${nounOf(found)}; by chance: 95 % of ${count(found.draws)} draws of matched ${found.sites}, on the ${nounOf(found)} itself.`,
      prose,
    ),
    ...tableLines(table, width),
    ...ablationFindings(found).flatMap((text) => wrap(text, prose)),
    ...leftOut(found).flatMap((text) => wrap(text, prose)),
  ];
}
