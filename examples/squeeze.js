// Squeezes a model in three ways, beside the original token by token, and writes one of them as a folder.
import { squeeze } from "lossyscope";

const MODEL = "node_modules/lossyscope/specimens/small/step-36246";
const TEXT = "node_modules/lossyscope/docs/guide";
/** A folder that is not there yet. */
const OUT = "squeezed";

const found = await squeeze(MODEL, {
  text: TEXT,
  splitOn: "\\n## ",
  limitBytes: 6_000,
  try: ["q8row", "q6row", "q4row"],
  write: { point: "q6row", path: OUT, dtype: "bfloat16" },
});

for (const { name, rate, overall } of found.points)
  console.log(
    `${name}: ${rate.bitsPerParameter.toFixed(2)} bits a parameter, KL ${overall.kl?.value?.toFixed(3)} bits a token`,
  );
console.log(`no other is smaller and nearer: ${found.frontier.join(", ")}`);
