import { beforeEach, expect, it, vi } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { FRONTIER } from "../probes/plane/probe.ts";
import { listener, measureFiles, sampleText, writeModel, writeText } from "./model.testing.ts";
import { validatePlan } from "./plan.ts";
import { DIGEST, READING, stagesOf } from "./stages.ts";

const at = temporaryFolder();
beforeEach(() => {
  vi.stubEnv("XDG_CACHE_HOME", at("cache"));
  return () => vi.unstubAllEnvs();
});

it.each([
  ["code lengths alone", {}],
  ["the plane without its frontier", { plane: { points: 20, frontier: null } }],
  ["what takes the weights and other compressors", { geometry: true, baselines: true, entropy: true }],
  ["what llama-perplexity would report", { likeLlamaCpp: true, context: { tokens: 24, asked: true } }],
  [
    "the plane with its frontier, recall",
    { plane: { points: 20 }, with: ["recall"], recall: { prefixes: [4], length: 4 } },
  ],
])("stages of a plan for %s are those that it goes through, each with a time that it may take", async (_, asked) => {
  const model = await writeModel(at("model"));
  const text = writeText(at("text.txt"), sampleText(24, 60));
  const plan = validatePlan({ text: [{ path: text }], plane: null, geometry: false, baselines: false, ...asked });
  const progress = listener();
  progress.announce(stagesOf(plan));
  await measureFiles({ model, text, work: at("work"), plan: asked, progress });
  expect(progress.began).toEqual(progress.announced);
  // Of the frontier only what is left after the layers beside it: that may be nothing.
  for (const label of progress.began.filter((one) => one !== READING && one !== DIGEST))
    expect(progress.expected[label], label).toBeGreaterThan(label === FRONTIER ? -1 : 0);
});
