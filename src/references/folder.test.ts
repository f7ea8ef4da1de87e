/** A folder as a model: the suite for models, and what it says of the files that it has beside the weights. */
import { appendFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { writeModel } from "../measure/model.testing.ts";
import { describeModel } from "../ports/model.testing.ts";
import { openFolder } from "./folder.ts";

const at = temporaryFolder();

describeModel("a folder", {
  make: async () => openFolder(await writeModel(at("model"))),
  change: () => appendFileSync(at("model", "config.json"), " "),
});

describe("a folder", () => {
  it("is called by its own name, or as it is said", async () => {
    const folder = await writeModel(at("tiny"));
    expect(await openFolder(folder)).toMatchObject({ name: "tiny", revision: null, folder });
    const called = { name: "org/tiny", revision: "c".repeat(40) };
    expect(await openFolder(folder, called)).toMatchObject(called);
  });

  it("ends texts as config.json and generation_config.json say", async () => {
    const folder = await writeModel(at("model"));
    const model = await openFolder(folder);
    expect(await model.ends()).toEqual(new Set([256]));
    writeFileSync(at("model", "generation_config.json"), JSON.stringify({ eos_token_id: [256, 10] }));
    expect(await model.ends()).toEqual(new Set([256, 10]));
    writeFileSync(at("model", "generation_config.json"), "[1]");
    await expect(model.ends()).rejects.toThrow(/generation_config\.json .*: fetch the file again/);
  });
});
