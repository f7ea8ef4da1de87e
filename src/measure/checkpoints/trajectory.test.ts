/** Runs of tiny checkpoints measured from end to end: kept profiles taken up again, stopped, damaged, from the Hub. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { temporaryFolder } from "../../files/folder.testing.ts";
import { fakeHub } from "../../hub/hub.testing.ts";
import type { Profile } from "../../profile/profile.ts";
import { editJson, figuresOf, listener, measureFiles, sampleText, writeModel, writeText } from "../model.testing.ts";
import { validatePlan } from "../plan.ts";
import { findRun } from "./checkpoints.ts";
import { measureRun, type RunRequest } from "./trajectory.ts";

const at = temporaryFolder();
const PLANE = { points: 8, frontier: { vocabulary: 8, clusters: 4 } };

/** Checkpoints whose weights grow with the step. */
async function writeRun(...steps: number[]): Promise<void> {
  for (const step of steps) {
    const scale = 1 + step / 10;
    await writeModel(at("run", `step-${step}`), {
      change: (_, values) => values.forEach((value, i) => void (values[i] = value * scale)),
    });
  }
}

async function measured(more: Partial<RunRequest> = {}, plan: Readonly<Record<string, unknown>> = {}) {
  const text = writeText(at("text.txt"), sampleText(24, 60));
  const progress = listener();
  const steps = await measureRun({
    checkpoints: (await findRun([at("run")])).checkpoints,
    plan: validatePlan({
      text: [{ path: text }],
      splitOn: "\n\n",
      plane: PLANE,
      geometry: false,
      baselines: false,
      ...plan,
    }),
    points: null,
    threads: 1,
    work: at("work"),
    profiles: at("out"),
    resume: false,
    progress,
    ...more,
  });
  return { steps, said: progress.said };
}
const kept = (step: number): Profile => JSON.parse(readFileSync(at("out", `step-${step}.json`), "utf8"));
const verbs = (said: readonly string[]): string[] => said.map((line) => /: (wrote|taken)/.exec(line)?.[1] ?? line);

describe("measureRun", () => {
  it("measures every checkpoint as measure does, and what is the text's alone once", async () => {
    await writeRun(0, 2, 9);
    const { steps } = await measured({}, { baselines: true });
    expect(steps.map(({ step }) => step)).toEqual([0, 2, 9]);
    const profiles = [0, 2, 9].map(kept);
    expect(profiles.map(({ plane }) => plane!.frontier !== undefined)).toEqual([true, false, false]);
    expect(profiles.map(({ coding }) => coding!.overall.baselines.length > 0)).toEqual([true, false, false]);
    expect(new Set(profiles.map(({ plane }) => JSON.stringify(plane!.evaluated!.positions))).size).toBe(1);
    expect(new Set(profiles.map(({ plane }) => plane!.summary[1].complexity.value)).size).toBe(3);
    steps.forEach(({ profile }, index) => {
      expect(profile).toEqual({ ...profiles[index], documents: [], passages: [] });
      expect(profiles[index].documents).toHaveLength(24);
    });
    const plan = { plane: { ...PLANE, frontier: null } };
    const alone = await measureFiles({ model: at("run", "step-9"), text: at("text.txt"), work: at("work"), plan });
    expect(figuresOf(kept(9))).toEqual(figuresOf(alone.profile));
  });

  it("takes kept profiles of the same measurement, and measures the others again", async () => {
    await writeRun(0, 2, 9);
    const { checkpoints } = await findRun([at("run")]);
    const again = async (plan = {}, chosen = checkpoints) =>
      verbs((await measured({ resume: true, checkpoints: chosen }, { plane: null, ...plan })).said);
    await again({}, checkpoints.slice(0, 2));
    const first = kept(0);
    writeFileSync(at("out", "step-9.json"), readFileSync(at("out", "step-2.json")));
    writeFileSync(at("out", "step-2.json"), "{");
    expect(await again()).toEqual(["taken", "wrote", "wrote"]);
    expect(kept(0)).toEqual(first);
    expect(new Set([0, 2, 9].map((step) => kept(step).id)).size).toBe(3);
    expect(await again()).toEqual(["taken", "taken", "taken"]);
    expect(await again({ seed: 1 }, checkpoints.slice(0, 1))).toEqual(["wrote"]);
  });

  it("leaves what is finished when it is stopped, and goes on to the same figures", async () => {
    await writeRun(0, 2, 9);
    const whole = (await measured()).steps.map(({ profile }) => figuresOf(profile));
    const stop = new AbortController();
    const progress = listener((label) => label.startsWith("checkpoint 2 of 3:") && stop.abort());
    const stopped = measured({ profiles: at("out2"), signal: stop.signal, progress });
    await expect(stopped).rejects.toMatchObject({ fault: "interrupted" });
    expect(readdirSync(at("out2"))).toEqual(["step-0.json"]);
    const { steps, said } = await measured({ profiles: at("out2"), resume: true });
    expect(verbs(said)).toEqual(["taken", "wrote", "wrote"]);
    expect(steps.map(({ profile }) => figuresOf(profile))).toEqual(whole);
  });

  it("refuses a checkpoint of another run before it measures it", async () => {
    await writeRun(0);
    await writeModel(at("run", "step-2"), { config: { num_hidden_layers: 1 } });
    await expect(measured({ profiles: null })).rejects.toThrow(
      /^step-2 is no checkpoint of the run that step-0 is of: blocks 1 instead of 2: name checkpoints of one training run/,
    );
    await writeRun(2);
    editJson(at("run", "step-2"), "tokenizer_config.json", (json) => {
      json.clean_up_tokenization_spaces = true;
    });
    await expect(measured({ profiles: null })).rejects.toThrow(
      /step-2 .*: tokenizer [0-9a-f]{12} instead of [0-9a-f]{12}/,
    );
  });

  it("refuses standard input, which can be read once", async () => {
    await writeRun(0);
    const plan = { text: [{ path: "-" }] };
    await expect(measured({}, plan)).rejects.toThrow("standard input can be read once, not for every checkpoint");
  });

  it("measures revisions of a model on the Hub in the order of their steps", async () => {
    const hub = await fakeHub();
    onTestFinished(() => hub.close());
    vi.stubEnv("HF_ENDPOINT", hub.url);
    vi.stubEnv("HF_HUB_CACHE", at("cache"));
    vi.stubEnv("HF_HUB_OFFLINE", "");
    vi.stubEnv("HF_TOKEN", "");
    onTestFinished(() => void vi.unstubAllEnvs());
    await writeRun(0, 20);
    const steps = [0, 20];
    const commits = steps.map((_, index) => `${index}`.repeat(40));
    hub.models["org/tiny-7m"] = {
      revisions: Object.fromEntries(steps.map((step, index) => [`step${step}`, commits[index]])),
      commits: Object.fromEntries(
        steps.map((step, index) => [
          commits[index],
          Object.fromEntries(
            readdirSync(at("run", `step-${step}`)).map((name) => [
              name,
              { content: readFileSync(join(at("run", `step-${step}`), name)), lfs: name.endsWith("safetensors") },
            ]),
          ),
        ]),
      ),
    };
    const { checkpoints } = await findRun(["org/tiny-7m@step20,step0"]);
    const downloads = vi.fn(() => () => {});
    const remote = await measured({ checkpoints, profiles: null, downloads });
    expect(downloads).toHaveBeenCalledTimes(2);
    expect(remote.steps.map(({ profile }) => profile.model.revision)).toEqual(commits);
    const local = await measured({ profiles: null });
    expect(remote.steps.map(({ profile }) => profile.plane)).toEqual(
      local.steps.map(({ profile }, index) => ({
        ...profile.plane,
        ...(index === 0 && { frontier: { ...profile.plane!.frontier, seconds: expect.any(Number) } }),
      })),
    );
  });
});
