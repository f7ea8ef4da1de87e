import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { sampleText, writeModel, writeText } from "../measure/model.testing.ts";
import { run } from "./run.testing.ts";

const at = temporaryFolder();

it("calls the model what it is told to", async () => {
  const measure = async (name: string) =>
    run(
      ...[
        "measure",
        await writeModel(at("final")),
        "--text",
        writeText(at("a.txt"), sampleText(4, 200)),
        "--name",
        name,
      ],
      ...["--json", at("p.json"), "--work", at("work"), "--threads", "1", "--quiet"],
      ...["--no-plane", "--no-geometry", "--no-baselines"],
    );
  expect(await measure("org/mine, final")).toMatchObject({ code: 0 });
  expect(JSON.parse(readFileSync(at("p.json"), "utf8")).model.name).toBe("org/mine, final");
  const refused = await measure("two\nlines");
  expect(refused.code).toBe(2);
  expect(refused.err).toMatch(/expected a name of 1 to 200 characters/);
});
