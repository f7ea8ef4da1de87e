/**
 * `npm run squeeze-real`: a real model squeezed in every way that its shapes allow, on paragraphs of WikiText-2, for
 * docs/guide/squeezing-a-real-model.md. The model is the one that `npm run real-models` fetches; the text is read from
 * `../shared/fixtures/text`, or from where `--wikitext` says. A run that is stopped goes on where it was. What is found goes to
 * `data/squeezing/smollm2.json`; `npm run docs` draws tables and picture from there.
 *
 *     npm run squeeze-real -- [--model FILE] [--wikitext FILE] [--threads N]
 */
import { copyFile, mkdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { writeAtomic } from "../src/files/atomic.ts";
import { smollm2 } from "./real-models.ts";
import { isProgram, lossyscope } from "./tool.ts";

const path = (relative: string): string => fileURLToPath(new URL(`../${relative}`, import.meta.url));
const work = (file: string): string => path(`work/squeeze-real/${file}`);

/** Characters of a paragraph to be taken, and what is taken of it. */
const SHORTEST = 500;
const LONGEST = 260;
/** Documents of the measured text: enough for them to be what is resampled. */
const MEASURED = 24;

/** The first long paragraph of every article, in turn for the measured text and the one to calibrate on. */
export function paragraphsOf(wikitext: string): { readonly measured: string[]; readonly calibration: string[] } {
  const articles = wikitext.split(/\n = [^=\n].*? = \n/).slice(1);
  const firsts = articles.flatMap((article) => {
    const long = article.split("\n").map((line) => line.trim());
    const first = long.find((line) => line.length > SHORTEST && !line.startsWith("="));
    return first === undefined ? [] : [first.slice(0, LONGEST).replace(/ [^ ]*$/, "")];
  });
  const every = (start: number): string[] => firsts.filter((_, index) => index % 2 === start);
  return { measured: every(0).slice(0, MEASURED), calibration: every(1) };
}

/** Groups that divide rows of 576 and 1,536 values; types of blocks that do. */
const TRIED = [
  ...["--try", "q8,q6,q5,q4,q3,q2,q4g32a,Q4_0", "--groups", "32,64,192"],
  ...["--prune", "10,30,50", "--nm", "2:4", "--rank", "0.99,0.9"],
];

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: {
      model: { type: "string", default: smollm2 },
      wikitext: { type: "string", default: path("../shared/fixtures/text/wikitext2-test.txt") },
      threads: { type: "string", default: "2" },
    },
  });
  await mkdir(work("out"), { recursive: true });
  const { measured, calibration } = paragraphsOf(await readFile(values.wikitext, "utf8"));
  await writeAtomic(work("wikitext.txt"), measured.join("\n\n"));
  await writeAtomic(work("calibration.txt"), calibration.join("\n\n"));
  await lossyscope(
    ...["squeeze", values.model, "--text", work("wikitext.txt"), "--calibration", work("calibration.txt")],
    ...["--split-on", "\n\n", ...TRIED, "--bound", "--threads", values.threads, "--work", work("points")],
    ...["--resume", "--force", "--out", work("out")],
  );
  await mkdir(path("data/squeezing"), { recursive: true });
  await copyFile(work("out/squeeze.json"), path("data/squeezing/smollm2.json"));
}

if (isProgram(import.meta.url)) await run();
