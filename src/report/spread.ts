/** What a profile says of units and domains (METHODS §4), in the words and lines that terminal and report share. */
import type { Profile } from "../profile/profile.ts";
import { isAboveChance } from "./concepts.ts";
import { count, counted, figure, interval, percent, shareOf, wrap } from "./format.ts";
import { proseWidth } from "./terminal-options.ts";
import { type TextTable, tableLines } from "./text-table.ts";

type Given = Pick<Profile, "spread" | "sharing">;

const listed = (names: readonly string[]): string =>
  names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;

/** The findings in sentences. Plain text. */
export function spreadFindings({ spread, sharing }: Given): string[] {
  const said: string[] = [];
  if (spread) {
    const { domains, units } = spread;
    const halves = domains.flatMap(({ half }) => half.value ?? []);
    const [least, most] = [Math.min(...halves), Math.max(...halves)].map((half) => percent(half));
    const range = least === most ? least : `${least} to ${most}`;
    said.push(
      `Half of what ${counted(units, "MLP unit")} contribute ${domains.length === 1 ? `to ${domains[0].name}` : "to a domain"} comes from ${range} of them.`,
    );
    const chances = domains.filter(({ halfChance }) => halfChance !== null);
    const narrow = chances.filter(({ halfChance }) => isAboveChance(halfChance!)).map(({ name }) => name);
    if (chances.length > 0)
      said.push(
        narrow.length === 0
          ? "No domain is carried by fewer units than as much text of all domains together."
          : `${listed(narrow)} ${narrow.length === 1 ? "is" : "are"} carried by fewer units than as much text of all domains together (p ≤ 0.05).`,
      );
  }
  if (sharing) {
    const { pairs, top } = sharing;
    const apart = pairs.filter(({ overlap }) => isAboveChance(overlap)).length;
    const [furthest] = pairs.toSorted((x, y) => x.overlap.value - y.overlap.value);
    said.push(
      `${apart} of ${counted(pairs.length, "pair")} of domains share fewer of their ${count(top)} top units than the same text dealt anew does${furthest ? `; least ${furthest.a} and ${furthest.b}, ${figure(furthest.overlap.value)} times what chance puts there, dealt anew ${figure(furthest.overlap.chance)} (p\u00a0=\u00a0${figure(furthest.overlap.p, 2)})` : ""}.`,
    );
  }
  return said;
}

/** For the terminal. */
export function spreadLines({ spread, sharing }: Given, width: number): string[] {
  const prose = proseWidth(width);
  const tables: TextTable[] = [
    ...(spread
      ? [
          {
            head: ["domain", "units that carry half", "mixed text", "participation"],
            kinds: ["figures"] as const,
            rows: spread.domains.map(({ name, half, halfChance, participation }) => [
              name,
              shareOf(half),
              halfChance ? percent(halfChance.chance) : "–",
              interval(participation),
            ]),
          },
        ]
      : []),
    ...(sharing
      ? [
          {
            head: ["two domains", "overlap of top units", "dealt anew", "cosine", "dealt anew"],
            kinds: ["figures"] as const,
            rows: sharing.pairs.map(({ a, b, overlap, overlapInterval, cosine, cosineInterval }) => [
              `${a}, ${b}`,
              interval(overlapInterval),
              figure(overlap.chance),
              interval(cosineInterval),
              figure(cosine.chance),
            ]),
          },
        ]
      : []),
  ];
  const [first, ...rest] = spreadFindings({ spread, sharing });
  return [
    ...wrap(`Units: ${first}`, prose),
    ...tables.flatMap((one) => tableLines(one, width)),
    ...rest.flatMap((text) => wrap(text, prose)),
  ];
}
