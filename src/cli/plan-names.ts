/** What the options of a plan are called on the command line, for what is said of them there. */
import type { Naming } from "../numeric/schema-faults.ts";

/** By path in the plan; what lies inside goes by the name of what it lies in. */
export const OPTION_OF: Readonly<Record<string, string>> = {
  text: "--text",
  unseen: "--unseen",
  field: "--field",
  splitOn: "--split-on",
  labels: "--label",
  limitBytes: "--limit-bytes",
  limitDocuments: "--limit-documents",
  sample: "--sample",
  invalidUtf8: "--invalid-utf8",
  specialTokens: "--special-tokens",
  chat: "--chat",
  context: "--context",
  overlap: "--overlap",
  batchTokens: "--batch-tokens",
  precision: "--precision",
  seed: "--seed",
  "plane.points": "--points",
  "plane.pointsDigest": "--reference-points",
  "plane.draws": "--reference-seeds",
  "plane.temperature": "--temperature",
  "plane.allPositions": "--all-positions",
  "plane.frontier.vocabulary": "--frontier-vocabulary",
  geometry: "--no-geometry",
  preNorm: "--pre-norm",
  baselines: "--no-baselines",
  likeLmEval: "--like",
  likeLlamaCpp: "--like",
  entropy: "--entropy",
  trainingTokens: "--training-tokens",
  trainingBytes: "--training-bytes",
  keepText: "--no-text",
  keep: "--keep",
  with: "--with",
  "recall.prefixes": "--prefix",
  "recall.length": "--length",
  "recall.passages": "--passages",
  concepts: "--concepts",
  pairs: "--pairs",
  "pairs.limit": "--limit-pairs",
  facts: "--facts",
  "facts.limit": "--limit-facts",
  "facts.prompts": "--prompts",
  "facts.templates": "--template",
};

/** `--points` of `plane.points`; undefined for what no option sets. */
export const optionOf: Naming = (path) => {
  const names = path.filter((key) => typeof key === "string");
  for (let length = names.length; length > 0; length--) {
    const name = names.slice(0, length).join(".");
    if (Object.hasOwn(OPTION_OF, name)) return OPTION_OF[name];
  }
  return undefined;
};
