/** Which engine a model gets: one that gives what the model says that it can. */
import { describe, expect, it } from "vitest";
import { fixture } from "../fixtures.testing.ts";
import { unigramModel } from "../measure/unigram.testing.ts";
import type { Model } from "../ports/model.ts";
import { openFolder } from "../references/folder.ts";
import { createEngine } from "./create.ts";

const CONTEXT = { threads: 1, longest: 8, describe: () => "a batch" };
/** What no engine gives: a model that is asked, led on, or looked at. */
const BESIDE = new Set(["answers", "steps", "weights"]);

describe("the engine of a model", () => {
  it.each<[string, () => Promise<Model>]>([
    ["whose weights are at hand", () => openFolder(fixture("models/llama"))],
    ["that brings one of its own", async () => unigramModel()],
  ])("%s gives what the model can", async (_, make) => {
    const model = await make();
    const engine = createEngine(model, CONTEXT);
    expect(engine.gives).toEqual(new Set([...model.can].filter((one) => !BESIDE.has(one))));
    if (model.layers !== null) expect([engine.layerCount, engine.width]).toEqual([model.layers + 1, model.width]);
    await engine.close();
  });
});
