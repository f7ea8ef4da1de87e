import { mkdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
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

describe("a folder of all kinds as the text", () => {
  const FIRST = ["--threads", "1", "--no-plane", "--no-geometry", "--no-baselines"];
  const READ = ["data.csv", "main.py", "notes", "package.json", "page.html", "records.jsonl", "unpacked.gz"];

  function writeFolder(): string {
    writeText(at("text", "main.py"), `# ${sampleText(1, 120, 1)}\nprint("é")\n`);
    writeText(at("text", "page.html"), `<!doctype html><title>a page</title><p>${sampleText(1, 120, 2)}</p>\n`);
    writeText(at("text", "data.csv"), `name,value\n"${sampleText(1, 120, 3)}",1\n`);
    writeText(at("text", "notes"), sampleText(1, 120, 4));
    writeText(at("text", "unpacked.gz"), gzipSync(sampleText(1, 120, 5)));
    writeText(at("text", "records.jsonl"), `${JSON.stringify({ text: sampleText(1, 120, 6) })}\n`);
    writeText(at("text", "package.json"), '{ "name": "stray", "version": "1.0.0" }\n');
    writeText(at("text", "deep", "picture"), Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 1, 2]));
    writeText(at("text", "noise.bin"), Buffer.alloc(300, "\0\x01\xff", "latin1"));
    writeText(at("text", "wide.txt"), Buffer.from("\ufeffwide letters", "utf16le"));
    writeText(at("text", ".hidden"), "not for us");
    return at("text");
  }

  const filesIn = (path: string) => JSON.parse(readFileSync(path, "utf8")).corpus.files;
  const namesIn = (path: string): string[] =>
    JSON.parse(readFileSync(path, "utf8"))
      .documents.map(({ id }: { id: string }) => id.replace(/#\d+$/, ""))
      .sort();

  it("is read but for what is no text, which one sentence in the terminal counts by reason", async () => {
    const given = ["measure", await writeModel(at("model")), "--text", writeFolder(), "--work", at("work"), ...FIRST];
    const { code, out } = await run(...given, "--json", at("p.json"));
    expect(code).toBe(0);
    expect(out.replaceAll(/\s+/g, " ")).toContain(
      "7 files read; left out 4 (1 UTF-16 text, 1 binary, 1 hidden, 1 image); 1 file of JSON without records as plain text (package.json). ",
    );
    expect(namesIn(at("p.json"))).toEqual(READ);
  });

  it("holds none of what the run itself writes, first or again, wherever that lies", async () => {
    const model = await writeModel(at("model"));
    const text = writeFolder();
    const inside = (...extra: string[]) =>
      run("measure", model, "--text", text, "--work", at("text", "work"), "--resume", ...FIRST, ...extra);
    const outputs = ["--out", at("text", "out"), "--json", at("text", "p.json"), "--report", at("text", "r.html")];
    mkdirSync(at("text", "out"));
    for (const round of ["first", "again"]) {
      expect(await inside(...outputs), round).toMatchObject({ code: 0 });
      expect(filesIn(at("text", "p.json")), round).toMatchObject({ read: 7, leftOut: { total: 4 } });
      expect(namesIn(at("text", "p.json")), round).toEqual(READ);
    }
    // where the folder is itself the place, the files that go there are no part of it; those of another run are left out
    writeText(at("text", "profile.json"), "left by an earlier run");
    const { code } = await inside("--out", text, "--keep", "losses", "--force", ...outputs.slice(2));
    expect(code).toBe(0);
    expect(filesIn(at("text", "profile.json")).leftOut.reasons).toMatchObject({ "written by lossyscope": 2 });
  });
});
