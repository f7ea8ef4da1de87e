/** Report section on units: over how many of them each domain is spread, block by block, and which they share (METHODS §4). */
import type { Profile } from "../../profile/profile.ts";
import type { Spread } from "../../profile/spread.ts";
import { ABSENT, count, counted, figure, percent, sentence, shareOf } from "../format.ts";
import { lines } from "../marks/lines.ts";
import { element, markup } from "../marks/svg.ts";
import { spreadFindings } from "../spread.ts";
import { sharedUnits } from "./concepts.ts";
import {
  datum,
  drawn,
  estimate,
  legend,
  missing,
  numbers,
  paragraph,
  refusalsUnder,
  type Section,
  table,
} from "./parts.ts";

type AgainstChance = NonNullable<Spread["domains"][number]["halfChance"]>;

const alone = (value: number) => ({ value, low: null, high: null });

/** A domain a panel, beside the mean of all. */
function panels({ domains }: Spread): string {
  const blocks = domains[0].blocks.map((_, block) => block);
  const mean = blocks.map(
    (block) => domains.reduce((total, one) => total + one.blocks[block].participation, 0) / domains.length,
  );
  return element(
    "div",
    { class: "panels" },
    ...domains.map((domain) =>
      drawn(
        `${domain.name}: part of each block's units that carry it (participation over units)`,
        lines(
          domain.name,
          blocks,
          [
            ...(domains.length > 1
              ? [{ name: "mean of the domains", tone: "faint", style: "broken", values: mean.map(alone) } as const]
              : []),
            {
              name: domain.name,
              tone: "model",
              style: "solid",
              values: domain.blocks.map(({ participation }) => alone(participation)),
            },
          ],
          { least: 0.05, across: "block" },
        ),
      ),
    ),
  );
}

function tables({ spread, sharing }: Pick<Profile, "spread" | "sharing">): string {
  const against = (
    path: readonly (string | number)[],
    given: AgainstChance | null,
    written: (value: number) => string = figure,
  ): string =>
    given === null
      ? ABSENT
      : `${datum([...path, "chance"], given.chance, written)} / ${datum([...path, "p"], given.p, (p) => figure(p, 2))}`;
  return numbers(
    ...(spread
      ? [
          table(
            `Spread over ${counted(spread.units, "unit")}: figure (95 % interval), of mixed text / p`,
            ["domain", "tokens", "units that carry half", "mixed / p", "participation", "mixed / p"],
            spread.domains.map((one, i) => {
              const path = ["spread", "domains", i];
              return [
                element("bdi", {}, markup(one.name)),
                datum([...path, "tokens"], one.tokens, count),
                datum([...path, "half", "value"], one.half.value, () => shareOf(one.half)),
                against([...path, "halfChance"], one.halfChance, percent),
                estimate([...path, "participation"], one.participation),
                against([...path, "participationChance"], one.participationChance),
              ];
            }),
          ),
        ]
      : []),
    ...(sharing
      ? [
          table(
            `What two share: top ${counted(sharing.top, "unit")}, figure (95 % interval), dealt anew / p`,
            ["two domains", "overlap over chance", "dealt anew / p", "cosine", "dealt anew / p"],
            sharing.pairs.map((one, i) => {
              const path = ["sharing", "pairs", i];
              return [
                element("bdi", {}, markup(`${one.a}, ${one.b}`)),
                estimate([...path, "overlapInterval"], one.overlapInterval),
                against([...path, "overlap"], one.overlap),
                estimate([...path, "cosineInterval"], one.cosineInterval),
                against([...path, "cosine"], one.cosine),
              ];
            }),
          ),
        ]
      : []),
  );
}

/** @returns null where it was not asked for */
export function spreadSection(profile: Profile): Section | null {
  const { spread, sharing } = profile;
  if (spread === undefined && sharing === undefined) return null;
  const shared = {
    id: "units",
    title: "Units and domains",
    methods: "§4",
    means: [
      "What the units of the MLPs contribute to each domain of the text: over how many of them it is spread, and whether two domains use the same ones.",
      "A domain of its own units would be carried by few; as much text of all domains mixed is the measure of few.",
    ],
    misread: [
      "Contributions of any two texts are much alike, so that most top units are shared many times over chance; what counts is whether two share less than the same text dealt anew.",
      "That units contribute does not say that a domain needs them: lossyscope ablate takes them away and looks.",
    ],
  };
  const reasons = [...refusalsUnder(profile, "spread"), ...refusalsUnder(profile, "sharing")];
  if (!spread && !sharing) return { ...shared, body: missing(profile, spread === undefined ? "sharing" : "spread") };
  const [first, ...rest] = spreadFindings(profile);
  const absent = [spread, sharing].flatMap((one) => one?.interval.absent ?? []);
  const body = [
    paragraph(first, "lede"),
    ...rest.map((text) => paragraph(text)),
    spread ? panels(spread) : "",
    spread && spread.domains.length > 1
      ? legend([
          { name: "the domain", mark: "dot" },
          { name: "mean of the domains", mark: "faint" },
        ])
      : "",
    sharing ? sharedUnits(sharing.domains, sharing.pairs) : "",
    ...[...new Set(absent)].map((text) => paragraph(sentence(text), "aside")),
    ...reasons.map((reason) => paragraph(`Missing: ${reason}.`, "aside")),
    tables(profile),
  ];
  return { ...shared, body: body.join("") };
}
