/** Report sections on parts taken away: the matrix of effects, and how the curves part (METHODS §4). */
import type { Ablation } from "../../profile/ablation.ts";
import { ablationFindings, leftOut, nounOf, takenText } from "../ablation.ts";
import { count, figure, interval, percent } from "../format.ts";
import { lines } from "../marks/lines.ts";
import { square } from "../marks/square.ts";
import { element, markup } from "../marks/svg.ts";
import { drawn, estimate, legend, numbers, paragraph, type Section, table } from "./parts.ts";

export function ablationSections(found: Ablation): Section[] {
  const { domains, matrix, curves, sites, fill } = found;
  const noun = nounOf(found);
  const largest = Math.max(1e-12, ...matrix.flatMap(({ effects }) => effects.map(({ value }) => Math.abs(value ?? 0))));
  const names = domains.map(({ name }) => name);
  const picture = `Bits a byte more on each ${noun} (across) without the ${sites} of each (down)`;
  const heat = square(
    picture,
    { rows: names, columns: names, head: ["bits a byte", "low", "high", "matched, mean", "matched, 95 %"] },
    matrix.map(({ effects, matched }) =>
      effects.map((effect, other) => ({
        depth: Math.max(0, effect.value ?? 0) / largest,
        written: figure(effect.value, 2),
        tooltip: `${interval(effect)}; matched ${figure(matched[other].mean)}, 95 % below ${figure(matched[other].high)}`,
        numbers: [effect.value, effect.low, effect.high, matched[other].mean, matched[other].high],
      })),
    ),
  );
  const panels = curves.map(({ domain, points, areaInterval }) => {
    const title = `Without those of ${domain}: area ${interval(areaInterval)} bits a byte`;
    return drawn(
      title,
      lines(
        title,
        points.map(({ share }) => 100 * share),
        [
          {
            name: "the others, mean",
            tone: "faint",
            style: "broken",
            values: points.map(({ othersInterval }) => othersInterval),
          },
          { name: domain, tone: "model", style: "solid", values: points.map(({ ownInterval }) => ownInterval) },
        ],
        { least: 0.01, across: "per cent taken away" },
      ),
    );
  });
  return [
    {
      id: "matrix",
      title: `What each ${noun} needs`,
      methods: "§4",
      means: [
        `The ${sites} that contribute to a ${noun} more than to the others give ${fill === "mean" ? "their mean" : "nothing"} instead of what they compute (${takenText(found)}), and the ${noun}'s other documents are read again.`,
        `A ${noun} has parts of its own only where that does more than taking away as many that contribute alike, and more to it than to any other ${noun}.`,
        ...(found.of === "concepts"
          ? [
              "A word is read behind four others of its concept: what it costs there is what the model knows of how the list goes on.",
            ]
          : []),
      ],
      misread: [
        `A part that many ${noun}s need is nobody's own; what does not show here may still be needed.`,
        `Where a ${noun} is hurt little, others may do what was taken away.`,
      ],
      body: [
        ...ablationFindings(found).map((text) => paragraph(text)),
        drawn(picture, heat),
        ...leftOut(found).map((text) => paragraph(text, "aside")),
        numbers(
          table(
            "Δ bits per byte (95 % interval)",
            ["without those of", ...names, "matched: 95 %", "own"],
            matrix.map(({ domain, effects, matched, localised }, row) => [
              element("bdi", {}, markup(domain)),
              ...effects.map((effect, other) => estimate(["matrix", row, "effects", other], effect)),
              figure(matched[row].high),
              localised ? "yes" : "no",
            ]),
          ),
          table(
            found.of === "concepts" ? "Concepts" : "Domains",
            [noun, "documents that choose", "documents that show", "bits per byte"],
            domains.map(({ name, chosen, evaluated, bitsPerByte }, row) => [
              element("bdi", {}, markup(name)),
              count(chosen),
              count(evaluated),
              estimate(["domains", row, "bitsPerByte"], bitsPerByte),
            ]),
          ),
        ),
      ].join(""),
    },
    {
      id: "separability",
      title: "How separable they are",
      methods: "§4",
      means: [
        `More and more is taken away, the most a ${noun}'s own first. The further its curve runs above that of the others, the more separable it is.`,
      ],
      misread: [`Curves that rise together say that a model is broken, not that ${noun}s are one.`],
      body: [
        element("div", { class: "panels" }, ...panels),
        legend([
          { name: `the ${noun} itself`, mark: "dot" },
          { name: "the others, mean", mark: "faint" },
        ]),
        numbers(
          table(
            "Δ bits per byte by the share taken away",
            [noun, "share", "taken", "itself", "the others"],
            curves.flatMap(({ domain, points }) =>
              points.map(({ share, taken, ownInterval, othersInterval }) => [
                element("bdi", {}, markup(domain)),
                percent(share),
                count(taken),
                interval(ownInterval),
                interval(othersInterval),
              ]),
            ),
          ),
        ),
      ].join(""),
    },
  ];
}
