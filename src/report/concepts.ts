/** What a profile says of concepts (METHODS §3.1, §4), in the words and lines that terminal, report and guide share. */
import type { Concepts } from "../profile/concepts.ts";
import { counted, figure, interval, percent, sentence, visible, wrap } from "./format.ts";
import { proseWidth } from "./terminal-options.ts";
import { type TextTable, tableLines } from "./text-table.ts";

type AgainstChance = Concepts["layers"][number]["silhouette"];

/** A figure counts against its null from here on. */
const SIGNIFICANT = 0.05;
export const isAboveChance = ({ p }: AgainstChance): boolean => p <= SIGNIFICANT;

/** `0.277, by chance −0.119 (p = 0.005)` */
export const besideChance = ({ value, chance, p }: AgainstChance): string =>
  `${figure(value)}, by chance ${figure(chance)} (p\u00a0=\u00a0${figure(p, 2)})`;

const layerText = ({ layer, low, high }: NonNullable<Concepts["best"]>): string =>
  low === high ? `layer ${layer}` : `layer ${layer} (${low}–${high})`;

/** The one sentence that says most. Plain text. */
export function conceptsClaim({ best, layers, concepts, map }: Concepts): string {
  const top = layers[map.layer];
  if (best)
    return `${counted(concepts.length, "concept")} lie furthest apart at ${layerText(best)}: silhouette ${besideChance(top.silhouette)}.`;
  return isAboveChance(top.silhouette)
    ? `${counted(concepts.length, "concept")} lie furthest apart at layer ${map.layer}: silhouette ${besideChance(top.silhouette)}.`
    : `${counted(concepts.length, "concept")} lie no further apart than shuffled labels do, at any layer.`;
}

/** The findings in sentences. Plain text. */
export function conceptFindings({ layers, map, majority, relations, sharing, concepts }: Concepts): string[] {
  const top = layers[map.layer];
  const said = [
    `There a linear classifier tells the concept of ${percent(top.separability.value)} of texts that it was not fitted to, where naming the largest gets ${percent(majority)} right; of the five nearest texts ${percent(top.purity.value)} are of the same concept, by chance ${percent(top.purity.chance)}.`,
  ];
  for (const [place, { from, to, pairs }] of relations.entries()) {
    const best = layers.reduce((a, b) => (b.analogies[place].value > a.analogies[place].value ? b : a));
    const found = best.analogies[place];
    said.push(
      isAboveChance(found)
        ? `The step from ${from} to ${to} (${counted(pairs, "pair")}) leads to the right one in ${percent(found.value)} of analogies at layer ${best.layer}, with pairs shuffled in ${percent(found.chance)}.`
        : `The step from ${from} to ${to} (${counted(pairs, "pair")}) leads to the right one no more often than with shuffled pairs.`,
    );
  }
  for (const [place, { from, to }] of relations.entries()) {
    const sides = layers.flatMap(({ layer, parallel }) => {
      const found = parallel?.[place];
      return found ? [{ layer, found }] : [];
    });
    if (sides.length === 0) continue;
    const { layer, found } = sides.reduce((a, b) => (b.found.value > a.found.value ? b : a));
    said.push(
      isAboveChance(found)
        ? `Texts of ${from} lie to each other as their counterparts in ${to} do, most at layer ${layer}: linear CKA ${besideChance(found)}.`
        : `Whether texts of ${from} lie to each other as their counterparts in ${to} do cannot be told from pairs shuffled: linear CKA ${besideChance(found)} at layer ${layer}.`,
    );
  }
  const { hierarchy } = top;
  if (hierarchy)
    said.push(
      isAboveChance(hierarchy)
        ? `${percent(hierarchy.value)} of concepts lie nearest to their own parent, by chance ${percent(hierarchy.chance)}.`
        : `Whether concepts lie with their parents cannot be told from chance (${percent(hierarchy.value)}, by chance ${percent(hierarchy.chance)}, p\u00a0=\u00a0${figure(hierarchy.p, 2)}).`,
    );
  if (sharing && sharing.spread.length > 0) {
    const halves = sharing.spread.flatMap(({ half }) => half ?? []);
    const apart = sharing.pairs.filter(({ overlap }) => isAboveChance(overlap)).length;
    said.push(
      `Half of what MLP units contribute to a concept comes from ${percent(Math.min(...halves))} to ${percent(Math.max(...halves))} of them; ${apart} of ${counted(sharing.pairs.length, "pair")} of the ${counted(concepts.length, "concept")} share fewer of their top units than texts dealt anew do.`,
    );
  }
  return said;
}

/** For the terminal. */
export function conceptLines(given: Concepts, width: number): string[] {
  const prose = proseWidth(width);
  const { layers } = given;
  const every = Math.max(1, Math.ceil(layers.length / 8));
  const shown = layers.filter(
    ({ layer }) => layer % every === 0 || layer === layers.length - 1 || layer === given.map.layer,
  );
  const table: TextTable = {
    head: ["layer", "silhouette", "by chance", "purity", "by chance", "told linearly"],
    kinds: ["figures"],
    rows: shown.map(({ layer, silhouette, silhouetteInterval, purity, separability }) => [
      String(layer),
      interval(silhouetteInterval),
      figure(silhouette.chance),
      percent(purity.value),
      percent(purity.chance),
      percent(separability.value),
    ]),
  };
  return [
    ...wrap(`Concepts: ${conceptsClaim(given)}`, prose),
    ...tableLines(table, width),
    ...[...conceptFindings(given), ...given.notes.map(sentence)].flatMap((text) => wrap(visible(text), prose)),
  ];
}
