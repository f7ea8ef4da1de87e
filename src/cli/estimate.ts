/** `lossyscope estimate FILE.safetensors`: what dumped hidden states know of the labels beside them (METHODS §2). */
import { Command, InvalidArgumentError } from "@commander-js/extra-typings";
import type { TemperatureRule } from "../info/temperature.ts";
import { ESTIMATE, estimate } from "../library/estimate.ts";
import type { Estimation } from "../measure/states/estimate.ts";
import { ABSENT, count, counted, figure, interval, shorten } from "../report/format.ts";
import { type TerminalOptions, terminalOptions } from "../report/terminal-options.ts";
import { asText, proseLines, shownTable } from "../report/text-table.ts";
import { GROUP } from "./groups.ts";
import { interruptible } from "./interrupt.ts";
import { atLeast, force, quiet, seed } from "./options.ts";
import { document, Outputs } from "./outputs.ts";
import { progressOf } from "./progress.ts";

export function estimateCommand() {
  return new Command("estimate")
    .summary("estimate what dumped hidden states know of their labels")
    .description(
      "Estimates, layer by layer, the information that hidden states carry about labels. FILE holds z [N,d], or resid.{layer} [N,d], or hidden_states [tokens,layers,d] with token_ids; every other integer tensor [N] is a label set under its own name (x1..x4 and y1..y4 back off along their order), and doc [N] names the documents.",
    )
    .argument("<file>", "safetensors file")
    .optionsGroup(GROUP.measured)
    .option("--reference-points <file>", "safetensors file with the reference points W [m,d]; may be the same file")
    .option("--m <n>", "reference points to draw where no file gives them", atLeast(2), ESTIMATE.m)
    .option("--temperature <rule>", "bound, exact, leading-order, or a number", temperature, ESTIMATE.temperature)
    .option("--seed <n>", "seed of everything random", seed, ESTIMATE.seed)
    .option("--json [file]", "writes the figures to a file, or to standard output")
    .addOption(force())
    .addOption(quiet())
    .action(async (file, { referencePoints, m, temperature, seed, quiet, ...asked }) => {
      const outputs = new Outputs<Estimation>(
        { ...asked, quiet },
        {
          text: (estimation) => estimationText(estimation, terminalOptions(process.stdout, process.env)),
          line: bestClaim,
          json: document,
        },
      );
      await outputs.prepare();
      const progress = progressOf({ quiet });
      try {
        const stages = { positions: "reading the states", layers: "layers" };
        progress.announce(Object.values(stages).map((label) => ({ label })));
        let stage = "";
        const estimation = await interruptible((signal) =>
          estimate(file, {
            m,
            points: referencePoints ?? null,
            temperature,
            seed,
            signal,
            onProgress(done, total, what) {
              if (stage !== stages[what]) progress.start((stage = stages[what]), total, what);
              progress.update(done);
            },
          }),
        );
        progress.finish();
        await outputs.deliver(estimation);
      } finally {
        progress.finish();
      }
    });
}

function temperature(text: string): TemperatureRule | number {
  if (text === "bound" || text === "exact" || text === "leading-order") return text;
  const value = Number(text);
  if (!(value > 0 && value < Infinity)) {
    throw new InvalidArgumentError("expected bound, exact, leading-order, or a number above 0");
  }
  return value;
}

const HEADINGS = ["layer", "label", "H(Z)", "held out", "plug-in", "chance", "excess", "adjusted"];

/** The figures as a person reads them: shares of ln m. */
const aboutFile = ({ file, positions, width, referencePoints, source }: Estimation): string =>
  `${file}: ${count(positions)} positions of width ${width}, ${referencePoints} reference points (${shorten(source, 24)})`;

/** The layer that knows most of each label. */
function bestClaim(estimation: Estimation): string {
  const { layers, referencePoints } = estimation;
  const best = Object.keys(layers[0].labels).map((label) => {
    const known = (at: number): number => {
      const { heldOut, plugin } = layers[at].labels[label];
      return heldOut.value ?? plugin;
    };
    const most = layers.reduce((best, _, at) => (known(at) > known(best) ? at : best), 0);
    return `${label} most at layer ${layers[most].layer}, ${figure(known(most))} of ln ${referencePoints}`;
  });
  return [aboutFile(estimation), ...best].join("; ");
}

export function estimationText(estimation: Estimation, terminal: TerminalOptions): string {
  const { referencePoints, unit, units, orders, absent, ignored, layers } = estimation;
  const rows = layers.flatMap(({ layer, entropy, labels }) => {
    const sets = Object.entries(labels);
    if (sets.length === 0) return [[String(layer), ABSENT, figure(entropy)]];
    return sets.map(([name, label], i) => [
      i === 0 ? String(layer) : "",
      name,
      i === 0 ? figure(entropy) : "",
      interval(label.heldOut),
      figure(label.plugin),
      figure(label.null),
      figure(label.excess),
      figure(label.adjusted),
    ]);
  });
  const notes = [
    aboutFile(estimation),
    `${counted(units.fitted + units.evaluated, unit)}, ${count(units.evaluated)} of them held out; temperature ${figure(layers[0].temperature)}; shares of ln ${referencePoints}`,
    ...(orders === 1 ? ["no document holds two n-grams of 4 tokens: single tokens alone"] : []),
    ...(absent ? [absent] : []),
    ...(ignored.length > 0 ? [`left alone, not [N]: ${ignored.join(", ")}`] : []),
  ];
  const table = shownTable({ head: HEADINGS, rows, keys: 2, kinds: ["figures", "name"] }, terminal);
  return asText([proseLines(notes, terminal), table], terminal);
}
