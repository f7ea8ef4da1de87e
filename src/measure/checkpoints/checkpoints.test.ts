import { mkdirSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../../files/folder.testing.ts";
import { findRun } from "./checkpoints.ts";

const at = temporaryFolder();

function checkpoints(...names: string[]): void {
  for (const name of names) {
    mkdirSync(at("run", name), { recursive: true });
    writeFileSync(at("run", name, "config.json"), "{}");
  }
}
const steps = async (...names: string[]) => (await findRun(names)).checkpoints.map(({ step, name }) => [step, name]);

describe("findRun", () => {
  it("puts the checkpoints of a folder in the order of their steps", async () => {
    checkpoints("step-100", "step-9", "step-0", "best");
    mkdirSync(at("run", "step-7"));
    writeFileSync(at("run", "step-8"), "");
    expect(await steps(at("run"))).toEqual([
      [0, "step-0"],
      [9, "step-9"],
      [100, "step-100"],
    ]);
    expect((await findRun([at("run")])).name).toBe("run");
  });

  it.each([
    ["checkpoint-1000", 1000],
    ["llama3-step2000", 2000],
    ["stage1-step1500-tokens5B", 1500],
    ["step_0012", 12],
    ["run2-000050-hf", 50],
  ])("reads the step out of %s", async (name, step) => {
    checkpoints(name);
    expect(await steps(at("run"))).toEqual([[step, name]]);
    expect(await steps(at("run", name))).toEqual([[step, name]]);
  });

  it("takes revisions of the Hub, whose model may have a number of its own", async () => {
    const run = await findRun(["org/pythia-70m@step1000,step0", "org/pythia-70m@step20"]);
    expect(run).toEqual({
      name: "org/pythia-70m",
      log: null,
      checkpoints: [
        { step: 0, name: "step0", model: "org/pythia-70m@step0" },
        { step: 20, name: "step20", model: "org/pythia-70m@step20" },
        { step: 1000, name: "step1000", model: "org/pythia-70m@step1000" },
      ],
    });
  });

  it("reads the log of the run, and not what is no record of a step", async () => {
    checkpoints("step-0", "step-2");
    expect((await findRun([at("run")])).log).toBeNull();
    const lines = [
      '{"checkpoint":"step-0","step":0,"heldOutBitsPerByte":3.6}',
      '{"step":1,"tokens":10,"lossNats":2.5,"nllNats":2.4}',
      '{"step":2,"tokens":20,"lossNats":2.25,"nllNats":2.2}',
      '{"step":3,"tok',
    ];
    writeFileSync(at("run", "log.jsonl"), lines.join("\n"));
    const log = [
      { step: 1, tokens: 10, nats: 2.4 },
      { step: 2, tokens: 20, nats: 2.2 },
    ];
    expect((await findRun([at("run")])).log).toEqual(log);
    expect((await findRun([at("run", "step-0"), at("run", "step-2")])).log).toEqual(log);
  });

  it("refuses what is no run, with the next step", async () => {
    checkpoints("step-1", "checkpoint-1", "final");
    await expect(findRun([at("run")])).rejects.toThrow(
      /both say that they are step 1: name the checkpoints of one run/,
    );
    await expect(findRun([at("run", "final")])).rejects.toThrow(/final does not say which step it is/);
    mkdirSync(at("empty"));
    await expect(findRun([at("empty")])).rejects.toThrow(/holds no checkpoints: none of its 0 entries/);
    await expect(findRun(["org/model"])).rejects.toThrow(/names no revisions: name .* org\/name@step1000,step2000/);
    await expect(findRun(["org/model@main"])).rejects.toThrow(/main does not say which step it is/);
  });
});
