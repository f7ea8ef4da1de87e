/**
 * What a point of `squeeze` takes beside a plain lockstep pass of the same text, in turns: processor seconds of this process and
 * of the runtime's, and seconds by the wall. A point is what one more takes: a run of three less a run of one, halved. Meant
 * to be at most 1.3 times the pass, which reads the original beside itself.
 *
 *     [REAL_MODEL=FOLDER or model.gguf] npm run bench -- squeeze [--bytes 20000] [--threads 2] [--rounds 3]
 *
 * Processor seconds come from /proc: elsewhere there are those of the wall alone. Without REAL_MODEL the specimen is read.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { measureLockstep } from "../src/measure/lockstep/lockstep.ts";
import { validatePlan } from "../src/measure/plan.ts";
import { askedPoints, usualGroups } from "../src/measure/squeeze/points.ts";
import { measureSqueezing } from "../src/measure/squeeze/squeeze.ts";
import { requireDecoder } from "../src/ports/model.ts";
import { SILENT } from "../src/ports/progress.ts";
import { openModel } from "../src/references/open.ts";
import { numbers, table } from "./report.ts";

const { bytes, threads, rounds } = numbers({ bytes: 20_000, threads: 2, rounds: 3 });
const TICKS = 100;
const PROC = "/proc/self/stat";

/** Of this process and of its children that have ended; null where nothing tells. */
function processorSeconds(): number | null {
  if (!existsSync(PROC)) return null;
  // Behind the name, which may hold spaces, the state is the first field: utime is the 12th.
  const fields = readFileSync(PROC, "utf8")
    .replace(/^.*\) /, "")
    .split(" ")
    .map(Number);
  return (fields[11] + fields[12] + fields[13] + fields[14]) / TICKS;
}

interface Taken {
  readonly processor: number | null;
  readonly wall: number;
}

async function taken(work: () => Promise<unknown>): Promise<Taken> {
  const [before, began] = [processorSeconds(), performance.now()];
  await work();
  const after = processorSeconds();
  return { processor: before === null ? null : after! - before, wall: (performance.now() - began) / 1000 };
}

/** What one more point takes. */
const perPoint = (three: Taken, one: Taken): Taken => ({
  processor: one.processor === null ? null : (three.processor! - one.processor) / 2,
  wall: (three.wall - one.wall) / 2,
});

const folder = mkdtempSync(join(tmpdir(), "lossyscope-squeeze-"));
try {
  const path = process.env.REAL_MODEL ?? join(import.meta.dirname, "../specimens/main/step-36246");
  const pages = ["../README.md", "../docs/METHODS.md"].map((page) =>
    readFileSync(join(import.meta.dirname, page), "utf8"),
  );
  const text = join(folder, "text");
  writeFileSync(text, pages.join("\n\n").slice(0, bytes));
  const model = await openModel(path, { offline: true, onDownload() {} });
  const plan = validatePlan({
    text: [{ path: text }],
    splitOn: "\\n## ",
    plane: null,
    geometry: false,
    baselines: false,
  });
  const [group] = usualGroups(requireDecoder(model, "the benchmark").spec);
  const kinds: Readonly<Record<string, readonly string[]>> = {
    "rounded to nearest": ["q8", "q6", "q4"].map((bits) => `${bits}${group === "row" ? "row" : `g${group}`}`),
    pruned: ["prune30", "prune50", "prune70"],
  };
  const squeeze = (names: readonly string[]) => () =>
    measureSqueezing({
      ...{ model, plan, also: [], spared: [], sensitivity: null, bound: false, threads, progress: SILENT },
      points: askedPoints({
        ...{ try: names, groups: [], asymmetric: false, prune: [], patterns: [], rank: [], dropBlocks: [] },
      }),
      ...{ work: join(folder, "work"), resume: false, commandOf: (name: string) => name },
    });
  const pass = () => measureLockstep({ reference: model, model, plan, threads, progress: SILENT });
  // Files are read once before anything is timed.
  await pass();
  const found: { kind: string; point: Taken; beside: Taken }[] = [];
  for (let round = 0; round < rounds; round++)
    for (const [kind, names] of Object.entries(kinds)) {
      const [before, one] = [await taken(pass), await taken(squeeze(names.slice(0, 1)))];
      const [three, after] = [await taken(squeeze(names)), await taken(pass)];
      const beside = {
        processor: before.processor === null ? null : (before.processor + after.processor!) / 2,
        wall: (before.wall + after.wall) / 2,
      };
      found.push({ kind, point: perPoint(three, one), beside });
    }
  const shown = (value: number | null): string => (value === null ? "" : value.toFixed(2));
  const ratio = ({ point, beside }: (typeof found)[number]): number =>
    (point.processor ?? point.wall) / (beside.processor ?? beside.wall);
  table([
    ["point", "processor s", "of a pass", "wall s", "of a pass", "ratio"],
    ...found.map((one) => [
      one.kind,
      shown(one.point.processor),
      shown(one.beside.processor),
      shown(one.point.wall),
      shown(one.beside.wall),
      ratio(one).toFixed(2),
    ]),
  ]);
  for (const kind of Object.keys(kinds)) {
    const ratios = found
      .filter((one) => one.kind === kind)
      .map(ratio)
      .sort((a, b) => a - b);
    console.log(
      `${kind}: ${ratios[0].toFixed(2)} at least, ${ratios[ratios.length >> 1].toFixed(2)} in the middle, of a plain lockstep pass`,
    );
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
