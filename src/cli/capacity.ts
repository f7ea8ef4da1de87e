/** `lossyscope capacity --config config.json --out DIR`: how many bits of random strings a model can hold (METHODS §5). */
import { readdir, readFile, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { Command } from "@commander-js/extra-typings";
import type { Rates } from "../engines/trial.ts";
import { writeAtomic } from "../files/atomic.ts";
import { ioFault, systemCode } from "../files/faults.ts";
import { lockFolder } from "../files/lock.ts";
import {
  CAPACITY_SCHEMA,
  type Capacity,
  type CapacityRun,
  type CapacitySettings,
  parseCapacity,
  plateauOf,
} from "../lab/capacity.ts";
import { memorise, requirePositions } from "../lab/memorise.ts";
import { publishedCapacities } from "../lab/published.ts";
import { readConfig } from "../lab/training.ts";
import { foreseenLearning, trainingSeconds } from "../measure/foresight/training.ts";
import { openCheckpoint } from "../models/checkpoint.ts";
import { specOf } from "../models/config.ts";
import { storageLedger } from "../models/ledger.ts";
import type { DecoderSpec } from "../models/spec.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import type { ForeseenRun } from "../profile/foresight.ts";
import { capacityBlocks, capacityClaim, capacityPage } from "../report/capacity.ts";
import { count, counted, figure } from "../report/format.ts";
import type { Progress } from "../report/progress.ts";
import { formsOf } from "./findings.ts";
import { dryRunOption } from "./foresight.ts";
import { GROUP } from "./groups.ts";
import { interruptible } from "./interrupt.ts";
import { atLeast, force, quiet, seed, threads } from "./options.ts";
import { type Asked, document, Outputs } from "./outputs.ts";
import { progressOf } from "./progress.ts";
import { between, TRAINS, timedUnlessQuiet, told } from "./training.ts";

const RESULT = "capacity.json";

/** `64,128,256` → ascending, each once */
function sizes(text: string): number[] {
  return [...new Set(text.split(",").map(atLeast(1)))].sort((a, b) => a - b);
}

export function capacityCommand() {
  return new Command("capacity")
    .summary("find how many bits of random strings a model can hold")
    .description(
      "Trains the model that config.json describes on n strings of tokens drawn uniformly, for growing n, until it keeps no more of them, and counts the bits it has memorised: their entropy less their code length. The level that this comes to is the model's capacity. Writes capacity.json and report.html into the folder, and a checkpoint for every n and seed.",
    )
    .optionsGroup(GROUP.model)
    .requiredOption("--config <file>", "config.json of the model, as Hugging Face writes it")
    .requiredOption("-o, --out <folder>", "where the result, the report and the checkpoints go")
    .optionsGroup(GROUP.measured)
    .option("--strings <n,...>", "numbers of strings, with commas between", sizes, [64, 128, 256, 512, 1024, 2048])
    .option("--length <tokens>", "tokens of a string", atLeast(1), 64)
    .option("--vocabulary <n>", "tokens to draw from, in place of the config's vocab_size", atLeast(2))
    .option("--seeds <n>", "runs for each number of strings", atLeast(1), 1)
    .option("--steps <n>", "steps of a run at most, if it does not settle before", atLeast(10), 20_000)
    .option("--batch <strings>", "strings of a step", atLeast(1), 64)
    .option("--run-tokens <n>", "tokens that go through the model together", atLeast(1), 4096)
    .option("--rate <number>", "learning rate after the warm-up", between(0, 1e3), 5e-3)
    .addOption(threads())
    .option("--seed <n>", "first of the seeds", seed, 0)
    .option("--resume", "goes on with what the folder holds, or adds strings and seeds to it", false)
    .addOption(force())
    .addOption(dryRunOption(TRAINS))
    .option("--json [file]", "writes the result to a file, or to standard output")
    .addOption(quiet())
    .action(async (options) => {
      const { out, length, steps, batch, runTokens, rate, resume } = options;
      const progress = progressOf(options);
      // of a dry run the folder need not be there, and is not made
      const unlock = options.dryRun ? () => {} : lockFolder(out, "measuring capacity");
      await interruptible(async (signal) => {
        const given = await readConfig(options.config);
        const config = { ...given, ...(options.vocabulary && { vocab_size: options.vocabulary }) };
        const spec = specOf(config);
        const settings: CapacitySettings = { length, steps, batch, runTokens, rate };
        const grid = options.strings.flatMap((strings) =>
          Array.from({ length: options.seeds }, (_, index) => ({ strings, seed: options.seed + index })),
        );
        requirePositions(spec, length);
        const left = await leftIn(out);
        if (left.length > 0 && !(resume || options.force))
          throw new LossyscopeError(
            "usage",
            `${left[0]} exists already`,
            "pass --resume to go on with it or to add strings and seeds, --force to replace it, or another --out",
          );
        const path = join(out, RESULT);
        const earlier = resume ? await runsBefore(path, config, settings) : [];
        const outputs = outputsOf(options, await publishedCapacities());
        await outputs.prepare({ resume: earlier.length > 0, dryRun: options.dryRun });
        const done = ({ strings, seed }: Cell): CapacityRun | undefined =>
          earlier.find((run) => run.strings === strings && run.seed === seed);
        const open = grid.filter((cell) => !done(cell));
        const rates = await timedUnlessQuiet(options, spec.width, signal);
        const ahead = open.map((cell) => foreseenCell(cell, { spec, settings, rates, ...options }));
        const writes = [...outputs.paths, ...open.map((cell) => checkpointOf(out, cell))];
        if (await told(ahead, rates, options, writes, progress)) return;
        for (const one of resume ? [] : left) await rm(one, { recursive: true, force: true });
        progress.announce(ahead.flatMap(({ stages }) => stages));
        progress.expect(
          Object.fromEntries(ahead.flatMap(({ stages }) => stages.map(({ label, seconds }) => [label, seconds]))),
        );
        const runs: CapacityRun[] = [];
        let capacity: Capacity | undefined;
        for (const cell of grid) {
          const { strings, seed } = cell;
          const folder = checkpointOf(out, cell);
          const job = { out: folder, config, spec, settings, strings, seed, threads: options.threads, signal };
          const run = done(cell) ?? (await shown(job, progress));
          runs.push(run);
          const kept = earlier.filter(
            (one) => !runs.some((own) => own.strings === one.strings && own.seed === one.seed),
          );
          capacity = {
            schema: CAPACITY_SCHEMA,
            config,
            settings,
            parameters: await parametersOf(folder),
            runs: [...runs, ...kept],
            plateau: runs.length === grid.length ? plateauOf(runs) : null,
          };
          await writeAtomic(path, document(capacity));
        }
        await outputs.deliver({ capacity: capacity!, shown: { ...capacity!, runs } });
      }).finally(unlock);
    });
}

type Cell = Pick<CapacityRun, "strings" | "seed">;

interface Foreseen {
  readonly spec: DecoderSpec;
  readonly settings: CapacitySettings;
  readonly rates: Rates | undefined;
  readonly config: string;
  readonly threads: number;
}

/** What a cell takes if it does not settle before its last step. */
function foreseenCell(cell: Cell, { spec, settings, rates, config, threads }: Foreseen): ForeseenRun {
  const { steps, batch, length: positions, runTokens } = settings;
  const tokens = steps * batch * positions;
  const part = labelOf(cell);
  const seconds = trainingSeconds({ spec, threads, rates }, { tokens, positions, runTokens });
  return foreseenLearning({
    spec,
    threads,
    name: basename(config),
    part,
    settings: { steps, batch, positions, runTokens },
    tokens,
    settles: true,
    checkpoints: 1,
    dtype: "float32",
    stages: [{ label: part, seconds }],
  });
}

const labelOf = ({ strings, seed }: Cell): string => `${counted(strings, "string")}, seed ${seed}`;

const checkpointOf = (out: string, { strings, seed }: Cell): string => join(out, `strings-${strings}`, `seed-${seed}`);

/** All runs that the folder has, and those that were asked for. */
interface Measured {
  readonly capacity: Capacity;
  readonly shown: Capacity;
}

const outputsOf = (
  { out, json, force, quiet }: Asked,
  published: Awaited<ReturnType<typeof publishedCapacities>>,
): Outputs<Measured> =>
  new Outputs(
    { out, json, force, quiet },
    {
      ...formsOf<Measured>({
        document: ({ capacity }) => capacity,
        blocks: ({ shown }) => capacityBlocks(shown, published),
        page: ({ shown }) => capacityPage(shown, published),
        line: ({ shown }) => capacityClaim(shown),
      }),
      names: { json: RESULT, page: "report.html" },
    },
  );

/** The result and the checkpoints that a run has left in the folder, the result first. */
async function leftIn(out: string): Promise<string[]> {
  const names = await readdir(out).catch((error) =>
    systemCode(error) === "ENOENT" ? [] : Promise.reject(ioFault(error, `read ${out}`)),
  );
  const checkpoints = names.filter((name) => /^strings-\d+$/.test(name)).sort();
  return [...names.filter((name) => name === RESULT), ...checkpoints].map((name) => join(out, name));
}

async function shown(job: Parameters<typeof memorise>[0], progress: Progress): Promise<CapacityRun> {
  progress.start(labelOf(job), job.settings.steps, "steps");
  const run = await memorise({
    ...job,
    onStep: (step, nats) => progress.update(step, `${figure(nats / Math.LN2)} bits a token`),
  }).finally(() => progress.finish());
  progress.message(
    `${labelOf(run)}: ${count(run.flooredBits)} of ${count(run.entropyBits)} bits after ${counted(run.steps, "step")}`,
  );
  return run;
}

async function parametersOf(folder: string): Promise<Capacity["parameters"]> {
  const { config, weights } = await openCheckpoint(folder);
  const { total, nonEmbedding } = storageLedger(config, weights, { name: folder }).parameters;
  return { total, nonEmbedding };
}

/** @throws LossyscopeError `usage` where the folder holds runs of other settings */
async function runsBefore(
  path: string,
  config: Readonly<Record<string, unknown>>,
  settings: CapacitySettings,
): Promise<readonly CapacityRun[]> {
  const text = await readFile(path, "utf8").catch((error) =>
    systemCode(error) === "ENOENT" ? null : Promise.reject(ioFault(error, `read ${path}`)),
  );
  if (text === null) return [];
  const before = parseCapacity(text, path);
  if (JSON.stringify([before.config, before.settings]) !== JSON.stringify([config, settings]))
    throw new LossyscopeError(
      "usage",
      `${path} holds runs of another config or other settings`,
      "repeat that command with --resume, or pass another --out",
    );
  return before.runs;
}
