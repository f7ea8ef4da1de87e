// Chooses among models within constraints, and foresees scores of benchmarks from a calibration set. Profiles may come from
// files as well: `await readProfile("out/profile.json")`, as `lossyscope measure --out out` leaves them.
import { choose, measure, predict } from "lossyscope";

const SPECIMENS = "node_modules/lossyscope/specimens";
const MODELS = [`${SPECIMENS}/main/step-36246`, `${SPECIMENS}/small/step-36246`];
const TEXT = "node_modules/lossyscope/docs/guide";
/** One of `lossyscope atlas`. */
const SET = "llm-compression";

const profiles = [];
for (const model of MODELS)
  profiles.push(await measure(model, { text: TEXT, limitBytes: 10_000, plane: null, baselines: false }));

const { recommendation, excluded } = choose(profiles, { weightBytes: 500_000 });
for (const { model, misses } of excluded) console.log(`not ${model}: ${misses.map(({ reason }) => reason).join("; ")}`);
console.log(recommendation ? `take ${recommendation.model}` : "none is left");

for (const { model, predictions } of (await predict(profiles, { set: SET })).models)
  for (const one of predictions)
    if (one.kind === "refused") console.log(`${model}, ${one.area}: not foreseen: ${one.reasons.join("; ")}`);
    else console.log(`${model}, ${one.area}: ${one.score} (${one.interval?.low} to ${one.interval?.high})`);
