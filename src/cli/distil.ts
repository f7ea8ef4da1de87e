/** `lossyscope distil --teacher MODEL --config config.json --text … --out DIR`: a smaller model from a larger one. */
import { join } from "node:path";
import { Option } from "@commander-js/extra-typings";
import { runtimeBytes } from "../engines/memory.ts";
import { requireFree } from "../lab/checkpoint.ts";
import { retention, studentConfig } from "../lab/distil.ts";
import type { Trained } from "../lab/trainer.ts";
import { prepareTraining, readConfig, runTraining } from "../lab/training.ts";
import { heldOutBitsPerByte, unigramBitsPerByte } from "../lab/validate.ts";
import { downloadProgress } from "../library/download.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { type Model, requireDecoder } from "../ports/model.ts";
import { openModel } from "../references/open.ts";
import { figure } from "../report/format.ts";
import { terminalOptions } from "../report/terminal-options.ts";
import { asText, shownTable } from "../report/text-table.ts";
import { GROUP } from "./groups.ts";
import { interruptible } from "./interrupt.ts";
import { oneLine, resultLine } from "./output.ts";
import { progressOf } from "./progress.ts";
import { between, TrainingForesight, timedUnlessQuiet, told, trainingCommand, trainingStages } from "./training.ts";

interface Distilled {
  readonly folder: string;
  readonly bitsPerByte: number;
  readonly retention: number;
  /** bits a token, from the teacher */
  readonly klBits: number;
}

const TEACHER = "teacher on held-out text";
const DISTILLING = "distilling";
const ALONE = "training alone";
/** How much longer a run takes with a teacher beside it, about. */
const TAUGHT = 1.5;

export function distilCommand() {
  return trainingCommand("distil")
    .alias("distill")
    .summary("train a model on what another one expects")
    .description(
      "Trains the model that config.json describes on a text and on the teacher's distributions over it, with the teacher's tokenizer, into OUT/student; and the same model on the text alone, from the same seed, into OUT/alone, as the control. Prints what of the teacher's knowledge each retains on held-out text.",
    )
    .optionsGroup(GROUP.model)
    .requiredOption(
      "--teacher <model>",
      "folder in the Hugging Face layout, or org/name[@revision] or its address on the Hub",
    )
    .optionsGroup(GROUP.trained)
    .option("--temperature <number>", "softens both distributions", between(0.01, 100), 2)
    .option("--alpha <share>", "share of the divergence in the loss", between(0, 1), 0.5)
    .addOption(new Option("--no-control", "does not train the same model alone"))
    .option("--offline", "downloads nothing", false)
    .action(async (options) => {
      if (options.heldOut === 0 && !options.heldOutText)
        throw new LossyscopeError("usage", "retention is taken on held-out text, and none is", "pass --held-out 0.05");
      const progress = progressOf(options);
      await interruptible(async (signal) => {
        const { offline, context, threads, resume, force: replace } = options;
        const [taught, control] = ["student", "alone"].map((name) => join(options.out, name));
        for (const run of options.control ? [taught, control] : [taught]) requireFree(run, { resume, replace });
        progress.announce(trainingStages(TEACHER, DISTILLING, ...(options.control ? [ALONE] : [])));
        const model = await openModel(options.teacher, { offline, signal, onDownload: downloadProgress(progress) });
        const { spec, weights } = requireDecoder(model, "distilling");
        const folder = folderOf(model);
        const config = studentConfig(await readConfig(options.config), { config: model.config, spec }, context);
        const { out } = options;
        const prepared = await prepareTraining(
          options,
          config,
          { tokenizer: folder, vocabulary: null },
          { out, progress },
        );
        const { heldOut: documents, tokenizer, train } = prepared;
        const { prefix } = tokenizer;
        const rates = await timedUnlessQuiet(options, prepared.spec.width, signal);
        const ahead = new TrainingForesight(options, prepared, rates);
        const learning = { [TEACHER]: ahead.heldOutSeconds(spec), [DISTILLING]: TAUGHT * ahead.seconds };
        const beside = runtimeBytes(spec, weights, { longest: context, batchTokens: options.runTokens });
        const run = ahead.run(learning, options.control ? "student" : undefined);
        const runs = [
          { ...run, memoryBytes: run.memoryBytes! + beside },
          ...(options.control ? [ahead.run({ [ALONE]: ahead.seconds }, "alone")] : []),
        ];
        const writes = (options.control ? [taught, control] : [taught]).flatMap((folder) => ahead.writes(folder));
        if (await told(runs, rates, options, writes, progress)) return;
        progress.expect({ ...learning, [ALONE]: ahead.seconds });
        progress.start(TEACHER, null, "");
        const teacherBits = await heldOutBitsPerByte(model, { documents, prefix, context, threads, signal });
        const unigram = unigramBitsPerByte(train, documents, spec.vocabulary);
        progress.finish();
        progress.message(
          `teacher: held out ${figure(teacherBits, 4)} bits per byte, single tokens ${figure(unigram, 4)}`,
        );

        const { weights: digest } = await model.digests({ signal });
        const teacher = {
          spec,
          weights,
          temperature: options.temperature,
          weight: options.alpha,
          digest: digest!,
        };
        const judged = { by: teacher, documents, prefix };
        const job = { plan: options, prepared, threads, resume, replace, progress, signal, judged };
        const summary = ({ last, klNats }: Trained): Distilled => ({
          folder: last.folder,
          bitsPerByte: last.heldOutBitsPerByte!,
          retention: retention(unigram, teacherBits, last.heldOutBitsPerByte!),
          klBits: klNats! / Math.LN2,
        });
        const student = summary(await runTraining({ ...job, teacher, out: taught, label: DISTILLING }));
        const alone = options.control ? summary(await runTraining({ ...job, out: control, label: ALONE })) : null;
        await model.refuseChanges();
        const result = { teacherBitsPerByte: teacherBits, unigramBitsPerByte: unigram, student, alone };
        process.stdout.write(
          options.json ? `${JSON.stringify(result)}\n` : options.quiet ? oneLine(claimOf(result)) : written(result),
        );
      });
    });
}

/** The student takes the files of its teacher's tokenizer. */
function folderOf({ name, folder }: Model): string {
  if (folder !== null) return folder;
  throw new LossyscopeError(
    "unsupported",
    `${name} has no folder with the files of its tokenizer, which the student takes over`,
    "name a teacher in the Hugging Face layout",
  );
}

const claimOf = ({ student, alone }: { readonly student: Distilled; readonly alone: Distilled | null }): string =>
  Object.entries({ student, ...(alone && { alone }) })
    .map(
      ([name, { bitsPerByte, retention }]) =>
        `${name} ${figure(bitsPerByte, 4)} bits per byte, retention ${figure(retention)}`,
    )
    .join("; ");

function written(result: {
  teacherBitsPerByte: number;
  unigramBitsPerByte: number;
  student: Distilled;
  alone: Distilled | null;
}): string {
  const { student, alone } = result;
  const trained = (name: string, { bitsPerByte, retention, klBits }: Distilled): string[] => [
    name,
    bitsPerByte.toFixed(4),
    retention.toFixed(3),
    klBits.toFixed(4),
  ];
  const terminal = terminalOptions(process.stdout, process.env);
  const table = {
    head: ["", "bits per byte", "retention", "KL, bits a token"],
    rows: [
      ["single tokens", result.unigramBitsPerByte.toFixed(4)],
      ["teacher", result.teacherBitsPerByte.toFixed(4)],
      trained("student", student),
      ...(alone ? [trained("alone", alone)] : []),
    ],
  };
  const folders = Object.entries({ student, alone }).map(([name, one]) =>
    one ? resultLine(`${name}: ${one.folder}`) : "",
  );
  return `${asText([shownTable(table, terminal)], terminal)}\n${folders.join("")}`;
}
