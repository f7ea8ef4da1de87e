/** What a reference is taken for, and what is told while it becomes a model. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { editJson, writeModel } from "../measure/model.testing.ts";
import { type OpenEvent, openModel, referenceTo } from "./open.ts";

const at = temporaryFolder();

describe("a reference", () => {
  it("is a folder where there is one, whatever else its name could be", async () => {
    const folder = await writeModel(at("org/model"));
    expect(await referenceTo(folder)).toEqual({ kind: "folder", folder });
    expect(await openModel(folder)).toMatchObject({ name: "model", revision: null });
  });

  it.each(["org/name", "org/name@main", "https://huggingface.co/org/name", "hf://org/name"])(
    "%s is the Hub's",
    async (name) => {
      expect(await referenceTo(name)).toEqual({ kind: "hub", name });
    },
  );

  it("that is a file, or nothing, is refused with what to pass", async () => {
    writeFileSync(join(await writeModel(at("model")), "notes.txt"), "");
    await expect(openModel(at("model", "notes.txt"))).rejects.toThrow(/notes\.txt is a file: pass the folder/);
    await expect(openModel("nowhere", { offline: true })).rejects.toThrow(/there is no folder nowhere/);
  });

  it("tells what of the model was read otherwise than its config says", async () => {
    const folder = await writeModel(at("model"));
    editJson(folder, "config.json", (config) => {
      config.tie_word_embeddings = true;
    });
    const told: OpenEvent[] = [];
    const { notes } = await openModel(folder, { onDownload: (event) => told.push(event) });
    expect(notes).toHaveLength(1);
    expect(told).toEqual(notes.map((note) => ({ kind: "note", note })));
  });
});
