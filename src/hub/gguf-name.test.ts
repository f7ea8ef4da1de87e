import { describe, expect, it } from "vitest";
import { ggufFilesOf, ggufOfFolder, parseGgufName } from "./gguf-name.ts";

const HUB = "https://huggingface.co";
const parse = (name: string, endpoint = HUB) => parseGgufName(name, endpoint);

describe("names of GGUF files on the Hub", () => {
  it.each<[string, string | null, string]>([
    ["org/name:file.gguf", null, "file.gguf"],
    ["org/name:Q4_K_M", null, "Q4_K_M"],
    ["org/name@v1:Q8_0", "v1", "Q8_0"],
    ["org/name@refs/pr/1:Q8_0", "refs/pr/1", "Q8_0"],
    ["org/name:Q8_0/file-00001-of-00002.gguf", null, "Q8_0/file-00001-of-00002.gguf"],
    ["hf.co/org/name:q4_0", null, "q4_0"],
    ["hf://org/name@main:IQ2_XS", "main", "IQ2_XS"],
    ["https://huggingface.co/org/name:F16", null, "F16"],
    ["https://huggingface.co/org/name/blob/main/a/file.gguf", "main", "a/file.gguf"],
    ["https://huggingface.co/org/name/resolve/v2/file.gguf?download=true", "v2", "file.gguf"],
  ])("%j", (name, revision, which) => {
    expect(parse(name)).toEqual({ id: "org/name", revision, which });
  });

  it.each([
    "org/name",
    "org/name@main",
    "folder/file.gguf",
    "C:\\models\\file.gguf",
    "C:/models/file.gguf",
    "ollama:llama3.2:1b",
    "https://huggingface.co/org/name",
    "https://huggingface.co/org/name/blob/main/config.json",
    "file.gguf",
    "",
  ])("%j is none", (name) => {
    expect(parse(name)).toBeNull();
  });

  it("on a mirror with a port", () => {
    const endpoint = "http://localhost:8080";
    expect(parse("http://localhost:8080/org/name", endpoint)).toBeNull();
    expect(parse("http://localhost:8080/org/name:Q4_0", endpoint)).toMatchObject({ id: "org/name", which: "Q4_0" });
    expect(parse("http://localhost:8080/org/name/resolve/main/x.gguf", endpoint)).toMatchObject({ which: "x.gguf" });
  });

  it.each([
    "org/name:",
    "org/name:../x.gguf",
    "org/name:a/../x.gguf",
    "org/name:a b",
    "org/name:..",
    "org/name:x.bin/y",
  ])("%j is refused", (name) => {
    expect(() => parse(name)).toThrow(/names no GGUF file of org\/name: name one, or how its weights are stored/);
  });
});

describe("files of a repository", () => {
  const files = [
    "README.md",
    "config.json",
    "mmproj-model-f16.gguf",
    "imatrix.gguf",
    "model-Q4_K.gguf",
    "model-Q4_K_M.gguf",
    "model_q8_0.gguf",
    "model.F16.imat.gguf",
    "BF16/model-BF16-00001-of-00002.gguf",
    "BF16/model-BF16-00002-of-00002.gguf",
    "Q6_K/part-00001-of-00002.gguf",
    "Q6_K/part-00002-of-00002.gguf",
    "lost-Q5_0-00001-of-00003.gguf",
    "lost-Q5_0-00003-of-00003.gguf",
    "a-Q2_K.gguf",
    "b-Q2_K.gguf",
  ];
  const of = (which: string) => ggufFilesOf(files, which, "org/name");

  it.each<[string, string[]]>([
    ["Q4_K_M", ["model-Q4_K_M.gguf"]],
    ["q4_k", ["model-Q4_K.gguf"]],
    ["Q8_0", ["model_q8_0.gguf"]],
    ["F16", ["model.F16.imat.gguf"]],
    ["BF16", ["BF16/model-BF16-00001-of-00002.gguf", "BF16/model-BF16-00002-of-00002.gguf"]],
    ["Q6_K", ["Q6_K/part-00001-of-00002.gguf", "Q6_K/part-00002-of-00002.gguf"]],
    ["b-Q2_K.gguf", ["b-Q2_K.gguf"]],
    ["mmproj-model-f16.gguf", ["mmproj-model-f16.gguf"]],
    ["Q6_K/part-00002-of-00002.gguf", ["Q6_K/part-00001-of-00002.gguf", "Q6_K/part-00002-of-00002.gguf"]],
  ])("%s", (which, found) => {
    expect(of(which)).toEqual(found);
  });

  it.each<[string, RegExp]>([
    ["Q3_K_S", /org\/name has no model in GGUF called Q3_K_S; it has .*model-Q4_K_M\.gguf.*: name one of them/],
    ["model-Q4.gguf", /org\/name has no model-Q4\.gguf; it has/],
    ["Q2_K", /has 2 models in GGUF called Q2_K: a-Q2_K\.gguf, b-Q2_K\.gguf: name the file: org\/name:a-Q2_K\.gguf/],
    ["Q5_0", /org\/name has 2 of the 3 parts of lost-Q5_0-00001-of-00003\.gguf/],
    [".*", /org\/name has no model in GGUF called \.\*/],
  ])("%s is refused with what there is", (which, message) => {
    expect(() => of(which)).toThrow(message);
  });

  it("that lead out of its folder are none", () => {
    expect(() =>
      ggufFilesOf(["../x-Q4_0.gguf", "/x-Q4_0.gguf", "a/../../x-Q4_0.gguf", "a\\x-Q4_0.gguf"], "Q4_0", "o/n"),
    ).toThrow("o/n has no model in GGUF");
  });

  it("without a model in GGUF are refused with what to pass", () => {
    expect(() => ggufFilesOf(["model.safetensors"], "Q4_0", "org/name")).toThrow(
      "org/name has no model in GGUF: name the model itself: org/name",
    );
  });
});

describe("a folder", () => {
  it("with one model in GGUF and no config is that model", () => {
    const files = ["m-00001-of-00002.gguf", "m-00002-of-00002.gguf"];
    expect(ggufOfFolder(["model.gguf", "mmproj-model.gguf", "README.md"], "folder")).toEqual(["model.gguf"]);
    expect(ggufOfFolder(files, "folder")).toEqual(files);
    expect(ggufOfFolder(["config.json", "model.gguf"], "folder")).toBeNull();
    expect(ggufOfFolder(["model.safetensors"], "folder")).toBeNull();
  });

  it("with several is refused, naming them, and with some parts of one", () => {
    expect(() => ggufOfFolder(["a.gguf", "b.gguf"], "folder")).toThrow(
      "folder has 2 models in GGUF: a.gguf, b.gguf: pass the file that is meant",
    );
    expect(() => ggufOfFolder(["m-00002-of-00002.gguf"], "folder")).toThrow("folder has 1 of the 2 parts of");
  });
});
