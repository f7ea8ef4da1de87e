/** `lossyscope gate PROFILE --max coding.overall.bitsPerByte=+1%`: exit code 3 where a threshold is missed. */
import { Command } from "@commander-js/extra-typings";
import { gate, parseThreshold } from "../atlas/gate.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { gateBlocks, gateClaim } from "../report/atlas/gate.ts";
import { readNamed } from "../store/profiles.ts";
import { formsOf } from "./findings.ts";
import { GROUP } from "./groups.ts";
import { collect, force, seed } from "./options.ts";
import { Outputs } from "./outputs.ts";

export function gateCommand() {
  return new Command("gate")
    .summary("hold a profile against thresholds, for continuous integration")
    .description(
      "Holds figures of a profile, by their paths in the JSON, against thresholds: PATH=3.2 absolute, PATH=+0.02 or PATH=+1% against the baseline. A threshold is missed only beyond the error bar; then the exit code is 3.",
    )
    .argument("<profile>", "file that `lossyscope measure --json` wrote, or folder that --out wrote")
    .optionsGroup(GROUP.held)
    .option("--baseline <profile>", "profile that changes are against")
    .option("--max <threshold>", "upper threshold (repeatable)", collect, [] as string[])
    .option("--min <threshold>", "lower threshold (repeatable)", collect, [] as string[])
    .option("--seed <n>", "seed of the resampling", seed, 0)
    .option("--json [file]", "writes the checks to a file, or to standard output")
    .option("--markdown [file]", "writes a summary for a pull request")
    .addOption(force())
    .action(async (file, { baseline, max, min, seed, ...asked }) => {
      const thresholds = [
        ...max.map((one) => parseThreshold(one, "max")),
        ...min.map((one) => parseThreshold(one, "min")),
      ];
      if (thresholds.length === 0) {
        throw new LossyscopeError("usage", "there is no threshold", "pass --max coding.overall.bitsPerByte=+1%");
      }
      const outputs = new Outputs(asked, formsOf({ blocks: gateBlocks }));
      await outputs.prepare();
      const checks = gate(
        await readNamed(file),
        baseline === undefined ? null : await readNamed(baseline),
        thresholds,
        seed,
      );
      await outputs.deliver(checks);
      if (checks.some(({ outcome }) => outcome === "missed")) throw new LossyscopeError("threshold", gateClaim(checks));
    });
}
