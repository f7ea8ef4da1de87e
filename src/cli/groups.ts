/**
 * The headings under which help lists options. A command says `.optionsGroup(GROUP.read)` before the options that belong
 * there; options that are the same thing in every command have their place in `COMMON` and need nothing said.
 */
import { type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { everyCommand } from "./commands.ts";

/** In the order in which help has them. */
export const GROUP = {
  read: "What is read:",
  facts: "Facts:",
  squeezed: "How it is squeezed:",
  chosen: "What a model has to keep to:",
  held: "Thresholds:",
  foreseen: "What is foreseen, and from what:",
  measured: "How it is measured:",
  plane: "The information plane:",
  model: "The model:",
  served: "A model behind an address:",
  trained: "How it is trained:",
  tried: "What checkpoints are tried on:",
  drawn: "How tokens are drawn:",
  coded: "How it is coded:",
  options: "Options:",
  written: "What is written:",
  run: "The run:",
} as const;

/** Options that mean the same wherever they stand, by name, in the order in which help has them. */
const COMMON: ReadonlyMap<string, string> = new Map(
  [
    { heading: GROUP.written, names: ["out", "report", "json", "markdown", "store", "keep", "no-text", "no-logits"] },
    { heading: GROUP.written, names: ["shard", "force"] },
    { heading: GROUP.run, names: ["dry-run", "seed", "threads", "batch-tokens", "run-tokens", "work", "resume"] },
    { heading: GROUP.run, names: ["offline", "quiet", "help"] },
  ].flatMap(({ heading, names }) => names.map((name) => [name, heading] as const)),
);

const HEADINGS: readonly string[] = Object.values(GROUP);
const PLACES = [...COMMON.keys()];

/** Gives every option of a program the heading it belongs under. */
export function groupOptions(program: CommandUnknownOpts): void {
  for (const command of everyCommand(program)) {
    const help = new Option("-h, --help", "shows this");
    const common = command === program ? new Map<string, string>() : COMMON;
    for (const option of [...command.options, help])
      option.helpGroup(common.get(option.name()) ?? option.helpGroupHeading ?? GROUP.options);
    command.addHelpOption(help);
  }
}

/** @returns the groups in the order of `GROUP`, headings of other things behind, common options last in theirs */
export function ordered<T>(groups: ReadonlyMap<string, readonly T[]>): Map<string, T[]> {
  const place = (heading: string): number => (HEADINGS.includes(heading) ? HEADINGS.indexOf(heading) : HEADINGS.length);
  const placeOf = (item: T): number => (item instanceof Option ? PLACES.indexOf(item.name()) : -1);
  return new Map(
    [...groups]
      .filter(([, items]) => items.length > 0)
      .sort(([a], [b]) => place(a) - place(b))
      .map(([heading, items]) => [heading, items.toSorted((a, b) => placeOf(a) - placeOf(b))]),
  );
}
