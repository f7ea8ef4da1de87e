import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { modelProfile } from "../atlas/sample.testing.ts";
import { writeSafetensors } from "../files/safetensors.ts";
import { editJson, sampleText, writeModel, writeText } from "../measure/model.testing.ts";
import type { Foresight } from "../profile/foresight.ts";
import { lockstepSchema } from "../profile/lockstep.ts";
import { run } from "./run.testing.ts";

let folder: string;
const at = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "compare-cli-"));
  const models = { large: [0.8, 1_000_000], near: [0.803, 500_000], small: [1, 100_000] } as const;
  for (const [name, [bitsPerByte, parameters]] of Object.entries(models)) {
    await writeFile(at(`${name}.json`), JSON.stringify(modelProfile({ name, bitsPerByte, parameters })));
  }
  const few = modelProfile({ name: "few", bitsPerByte: 1, documents: 12 });
  await writeFile(at("few.json"), JSON.stringify({ ...few, corpus: { ...few.corpus, digest: "ff" } }));
  await writeFile(at("old.json"), JSON.stringify({ schema: "lossyscope.profile/0" }));
  await writeFile(
    at("prices.csv"),
    "model,price,licence\nlarge,2,MIT\nnear,1,Llama 2 community\nsmall,0.5,Apache-2.0\n",
  );
});
afterAll(() => rm(folder, { recursive: true }));

describe("lossyscope compare", () => {
  it("says who needs fewer bits and draws it", async () => {
    const { code, out } = await run("compare", at("large.json"), at("small.json"), "--report", at("c.html"));
    expect(code).toBe(0);
    expect(out).toMatch(/^small needs 2\d\.\d % more bits than large\./);
    expect(out).toMatch(/2 domains? won|0 domains won, 0 tied, 2 lost/);
    expect(await readFile(at("c.html"), "utf8")).toMatch(/<h1>small needs/);
  });

  it("compares the states kept beside the profiles, and says how to keep them where there are none", async () => {
    const documents = Array.from({ length: 30 }, (_, index) => index % 10);
    const bytes = Array.from({ length: 30 }, (_, index) => 10 + index);
    for (const [name, scale] of Object.entries({ one: 1, two: 2 })) {
      await mkdir(at(name));
      const profile = modelProfile({ name, bitsPerByte: 1, documents: 12 });
      await writeFile(at(`${name}/profile.json`), JSON.stringify(profile));
      const states = Float32Array.from({ length: 2 * 30 * 3 }, (_, index) => scale * ((index * index) % 17));
      await writeSafetensors(
        at(`${name}/states.safetensors`),
        [
          { name: "states", dtype: "F32", shape: [2, 30, 3], data: states },
          { name: "doc", dtype: "I32", shape: [30], data: Int32Array.from(documents) },
          { name: "byte_end", dtype: "U32", shape: [30], data: Uint32Array.from(bytes) },
        ],
        { profile: profile.id },
      );
    }
    const { out, err } = await run("compare", at("one/profile.json"), at("two/profile.json"));
    expect(out).toMatch(
      /Layers of one most alike to layers 0 to 1 of two: 0 1 \(linear\s+CKA, 1.00 to 1.00; 30 places/,
    );
    expect([out.includes("Not compared: similarity"), err]).toEqual([false, ""]);
    const { pairs } = JSON.parse((await run("compare", at("one/profile.json"), at("two/profile.json"), "--json")).out);
    expect(pairs[0].similarity.cka[1][1]).toBeCloseTo(1, 9);
    const bare = await run("compare", at("large.json"), at("small.json"));
    // Where lines break depends on how long the folder's name is.
    expect(bare.out.replaceAll(/\s+/g, "")).toContain(
      `Notcompared:similarity:nostateswerekeptbeside${at("large.json").replaceAll(/\s+/g, "")}:measurewith--keep`,
    );
  });

  it("measures models first, keeps what it measured, and takes it the next time", async () => {
    vi.stubEnv("XDG_CACHE_HOME", at("cache"));
    await writeModel(at("plain"));
    await writeModel(at("wide"), { config: { intermediate_size: 48 } });
    writeText(at("pages.txt"), sampleText(24, 60));
    const quick = ["--no-plane", "--no-geometry", "--no-baselines", "--threads", "1", "--context", "32"];
    const on = ["--text", at("pages.txt"), "--split-on", "\\n\\n", ...quick, "--out", at("kept")];
    const first = await run("compare", at("plain"), at("wide"), ...on, "--keep", "states");
    expect([first.code, first.out]).toEqual([
      0,
      expect.stringMatching(/Layers of plain most alike to layers 0 to 2 of\s+wide/),
    ]);
    expect(await readdir(at("kept"))).toEqual(["1-plain", "2-wide"]);
    const again = await run("compare", at("plain"), at("wide"), ...on, "--keep", "states", "--resume");
    expect(again.out).toBe(first.out);
    expect(again.err).toMatch(/1-plain[\\/]profile\.json is taken from an earlier run[\s\S]*2-wide/);
    expect(again.err).not.toMatch(/measuring /);
    const mix = (...more: string[]) =>
      run("compare", at("kept/1-plain/profile.json"), at("wide"), ...on, "--resume", "--quiet", ...more);
    expect(await mix()).toMatchObject({
      code: 2,
      err: expect.stringMatching(
        /2-wide\/profile\.json and .*report\.html exist and were not left by this run: .*--force/,
      ),
    });
    const mixed = await mix("--keep", "states");
    expect([mixed.code, mixed.out]).toEqual([0, expect.stringMatching(/^(plain|wide) /)]);
    vi.unstubAllEnvs();
  });

  describe("of models of one vocabulary", () => {
    const quick = ["--split-on", "\\n\\n", "--no-plane", "--no-geometry", "--no-baselines", "--threads", "1"];
    const on = (...more: string[]) => ["--text", at("both.txt"), ...quick, "--context", "32", ...more];
    beforeAll(async () => {
      vi.stubEnv("XDG_CACHE_HOME", at("cache"));
      await writeModel(at("p"));
      await writeModel(at("q"), { change: (name, values) => name.includes("mlp") && values.reverse() });
      await writeModel(at("other"));
      editJson(at("other"), "tokenizer.json", ({ model }) => {
        const { vocab } = model as { vocab: Record<string, number> };
        [vocab.a, vocab.b] = [vocab.b, vocab.a];
      });
      writeText(at("both.txt"), sampleText(12, 60));
    });
    afterAll(() => vi.unstubAllEnvs());

    it("reads them side by side, each beside the first, and says how far apart they are", async () => {
      const { out, err } = await run("compare", at("p"), at("q"), at("p"), ...on("--json", at("three.json")));
      expect(out).toMatch(
        /q diverges from p.* by \d\.\d+ \(\d\.\d+–\d\.\d+\) bits a token \(KL, over [\d,]+ tokens; median/,
      );
      expect(out.replaceAll(/\s+/g, " ")).toMatch(
        /give every token of the vocabulary the same probability, to the last bit/,
      );
      expect(err).toMatch(/model 2 beside the first/);
      const { pairs, refusals } = JSON.parse(await readFile(at("three.json"), "utf8"));
      const [q, same] = pairs.map(({ lockstep }: { lockstep: unknown }) => lockstepSchema.parse(lockstep));
      expect([q.reference, q.model]).toEqual(["p", "q"]);
      expect(q.overall.bitsPerByte.value).toBeCloseTo(pairs[0].overall.difference.value, 5);
      expect(same.overall.klQuantiles.maximum).toBe(0);
      expect(JSON.stringify(refusals)).not.toContain("token by token");
    });

    it("prints llama-perplexity's table of them where asked, and refuses to of profiles", async () => {
      const like = ["--like", "llama.cpp"];
      const { out } = await run("compare", at("p"), at("q"), ...on(...like));
      expect(out).toMatch(/KL divergence statistics, as llama-perplexity --kl-divergence[\s\S]*Mean KLD +\d\.\d{6} ± /);
      const foreseen = JSON.parse((await run("compare", at("p"), at("q"), ...on(...like, "--dry-run", "--json"))).out);
      expect(foreseen.runs[1].stages.map(({ label }: { label: string }) => label)).toContain(
        "as llama-perplexity, KL divergence",
      );
      expect(await run("compare", at("large.json"), at("small.json"), ...like)).toMatchObject({
        code: 2,
        err: expect.stringContaining("--like is for models, and these are profiles"),
      });
    });

    it("says which ids differ where they mean different tokens, and leaves it out where told to", async () => {
      const apart = await run("compare", at("p"), at("other"), ...on());
      expect(apart.out.replaceAll(/\s+/g, " ")).toMatch(
        /Not compared: token by token, other: the vocabularies differ in 2 of 257 ids \(\d+ is "a" and "b", /,
      );
      expect((await run("compare", at("p"), at("other"), ...on("--dry-run"))).out.replaceAll(/\s+/g, " ")).toMatch(
        /Will be missing of model 2 of 2: token by token: the vocabularies differ in 2 .*; it would take two models of one/,
      );
      const { out } = await run("compare", at("p"), at("q"), ...on("--no-lockstep", "--json"));
      expect(JSON.parse(out).pairs[0].lockstep).toBeNull();
    });

    it("foretells it, and draws it", async () => {
      const { out } = await run("compare", at("p"), at("q"), ...on("--dry-run", "--json"));
      const { runs } = JSON.parse(out);
      const labels = runs.map(({ stages }: Foresight["runs"][number]) => stages.map(({ label }) => label));
      expect(labels.map((own: string[]) => own.includes("token by token"))).toEqual([false, true]);
      expect(runs[1].seconds).toBeGreaterThan(runs[0].seconds);
      expect(runs[1].memoryBytes).toBeGreaterThan(runs[0].memoryBytes);
      await run("compare", at("p"), at("q"), ...on("--quiet", "--report", at("two.html")));
      const page = await readFile(at("two.html"), "utf8");
      expect(page).toMatch(/How far each is from the first, token by token/);
      expect(page).toMatch(/aria-label="text shaded by what q lost/);
    });
  });

  it("takes the folder of a profile for the profile, and tells it from that of a model", async () => {
    for (const name of ["large", "small"]) {
      await mkdir(at(`out/${name}`), { recursive: true });
      await writeFile(at(`out/${name}/profile.json`), await readFile(at(`${name}.json`)));
    }
    const files = await run("compare", at("large.json"), at("small.json"), "--json");
    const folders = await run("compare", at("out/large"), at("out/small"), "--json");
    expect(folders).toEqual({ ...files, out: folders.out });
    expect(JSON.parse(folders.out).pairs[0].difference).toEqual(JSON.parse(files.out).pairs[0].difference);
    const threshold = ["--max", "coding.overall.bitsPerByte=+1%"];
    expect((await run("gate", at("out/small"), "--baseline", at("out/large"), ...threshold)).code).toBe(3);
    expect((await run("choose", at("out/large"), at("out/small"))).out).toMatch(/^Take large/);

    expect(await run("compare", at("out"), at("large.json"))).toMatchObject({
      code: 1,
      err: expect.stringMatching(
        /out holds neither a model \(config\.json, or a GGUF file\) nor a profile \(profile\.json\): name the folders in it: .*large, .*small/,
      ),
    });
    await writeFile(at("out/large/config.json"), "{}");
    expect(await run("compare", at("out/large"), at("out/small"))).toMatchObject({
      code: 2,
      err: expect.stringMatching(
        /large holds a model \(config\.json\) and a profile \(profile\.json\): name .*large\/pro/,
      ),
    });
  });

  it.each([
    [["large.json", "small.json", "--text", "x"], /--text is for models, and these are profiles: leave out --text/],
    [["large.json", "small.json", "--out", "x"], /--out is for models/],
    [
      ["large.json", "org/model"],
      /name a text to measure org\/model on, or its profile: --text FILE…, a folder, or - for standard input/,
    ],
    [["org/model", "--text", "x"], /there is nothing to compare org\/model with/],
    [["org/a", "org/b", "--text", "-"], /standard input can be read once, not for every model: pass a file/],
    [["org/a", "org/b", "--text", "x", "--keep", "states"], /states are kept beside profiles: pass --out/],
  ])("refuses %j", async (given, message) => {
    const args = given.map((one) => (one.endsWith(".json") ? at(one) : one));
    expect(await run("compare", ...args)).toMatchObject({ code: 2, err: expect.stringMatching(message) });
  });

  it("refuses other texts, other versions, one profile", async () => {
    expect(await run("compare", at("large.json"), at("few.json"))).toMatchObject({
      code: 1,
      err: expect.stringMatching(/different texts: .*--common/),
    });
    expect((await run("compare", at("large.json"), at("old.json"))).err).toMatch(/of schema lossyscope.profile\/0/);
    expect((await run("compare", at("large.json"))).code).toBe(2);
    expect((await run("compare")).code).toBe(2);
  });

  it("refuses profiles that have no document in common, or none with bytes", async () => {
    const one = modelProfile({ name: "one", bitsPerByte: 1, documents: 12 });
    const other = modelProfile({ name: "other", bitsPerByte: 1, documents: 12 });
    const elsewhere = other.documents.map((document) => ({ ...document, sha256: `f${document.sha256.slice(1)}` }));
    await writeFile(at("here.json"), JSON.stringify(one));
    await writeFile(at("elsewhere.json"), JSON.stringify({ ...other, documents: elsewhere }));
    expect(await run("compare", at("here.json"), at("elsewhere.json"), "--common")).toMatchObject({
      code: 1,
      out: "",
      err: expect.stringMatching(
        /here\.json has 12 documents, .*elsewhere\.json has 12 documents, 0 are in all: measure/,
      ),
    });
    const empty = { ...one.documents[0], sha256: "e".repeat(64), bytes: 0, nats: 0 };
    await writeFile(at("here.json"), JSON.stringify({ ...one, documents: [...one.documents, empty] }));
    await writeFile(at("elsewhere.json"), JSON.stringify({ ...other, documents: [...elsewhere, empty] }));
    expect(await run("compare", at("here.json"), at("elsewhere.json"), "--common")).toMatchObject({
      code: 1,
      out: "",
      err: expect.stringMatching(
        /no bytes in what all profiles have \(1 document\): measure all models on the same text/,
      ),
    });
  });
});

describe("lossyscope gate", () => {
  const gate = (...args: string[]) => run("gate", at("small.json"), "--baseline", at("large.json"), ...args);

  it("ends with 3 where a threshold is missed, and writes a summary", async () => {
    const { code, err } = await gate(
      "--max",
      "coding.overall.bitsPerByte=+1%",
      "--max",
      "ledger.weightBytes=+0%",
      "--markdown",
      at("g.md"),
    );
    expect([code, err]).toEqual([3, "lossyscope: 1 of 2 thresholds missed\n"]);
    expect(await readFile(at("g.md"), "utf8")).toMatch(
      /\| coding.overall.bitsPerByte \| [^|]+ \| [^|]+ \| 2\d\.\d \(2\d\.\d–2\d\.\d\) % \| ≤ \+1.00 % \| missed \| paired over 40 documents \|/,
    );
  });

  it("ends with 0 on a tie", async () => {
    const { code, out } = await run(
      "gate",
      at("near.json"),
      "--baseline",
      at("large.json"),
      "--max",
      "coding.overall.bitsPerByte=+0.4%",
    );
    expect(code).toBe(0);
    expect(out).toMatch(/≤ \+0\.400 % +tie/);
  });

  it.each([
    [["--max", "coding.overall.bits=+1%"], 2, /has no coding.overall.bits/],
    [["--max", "coding.overall.bitsPerByte"], 2, /is no threshold/],
    [[], 2, /there is no threshold/],
  ])("refuses %j", async (args, code, message) => {
    const ran = await gate(...args);
    expect(ran.code).toBe(code);
    expect(ran.err).toMatch(message);
  });
});

describe("lossyscope choose", () => {
  const choose = (...args: string[]) => run("choose", at("large.json"), at("near.json"), at("small.json"), ...args);

  it("recommends within constraints, with the price of this text", async () => {
    const { code, out } = await choose(
      "--memory",
      "16GiB",
      "--license",
      "permissive",
      "--price",
      at("prices.csv"),
      "--report",
      at("w.html"),
    );
    expect(code).toBe(0);
    expect(out).toMatch(/^Take large: of 2 candidates that meet the constraints, it writes tinyshakespeare smallest\./);
    expect(out).toMatch(/near .* out: licence Llama 2 community is not\s+permissive/);
    expect(await readFile(at("w.html"), "utf8")).toMatch(/<h1>Take large/);
  });

  it("breaks a tie by cost, and foresees scores", async () => {
    const { out } = await choose("--price", at("prices.csv"), "--set", "last-word");
    expect(out).toMatch(
      /^Take near: of 3 candidates .* as\s+small\s+as\s+large,\s+as\s+far\s+as\s+can\s+be\s+told,\s+and\s+costs\s+least/,
    );
    expect(out).toMatch(/not predicted: bits_per_word/);
  });

  it("says so where nothing meets the constraints", async () => {
    const files = ["--json", at("none.json"), "--markdown", at("none.md"), "--report", at("none.html")];
    const { code, out, err } = await choose("--memory", "1kB", ...files);
    expect(code).toBe(3);
    expect(out).toMatch(/^No candidate meets the constraints\.\n/);
    expect(out).toMatch(/^large: 4\.00 MB of weights, 4\.00 MB more than the 1\.00 kB of memory\.$/m);
    expect(out).toMatch(/^small: 400 kB of weights, 399 kB more than the 1\.00 kB of memory\.$/m);
    expect(out).toMatch(/^Nearest: --memory 400kB lets small through\.$/m);
    expect(err).toBe("lossyscope: none of 3 candidates meets the constraints: --memory 400kB lets small through\n");
    expect(JSON.parse(await readFile(at("none.json"), "utf8"))).toMatchObject({
      recommendation: null,
      excluded: [
        { model: "large" },
        { model: "near" },
        { model: "small", misses: [{ limit: "memory", own: 400_000 }] },
      ],
      nearest: [{ model: "small", limits: [{ limit: "memory", value: 400_000 }] }],
    });
    expect(await readFile(at("none.md"), "utf8")).toMatch(/^No candidate meets the constraints\./);
    expect(await readFile(at("none.html"), "utf8")).toMatch(/<h1>No candidate meets the constraints/);
    expect(await choose("--memory", "400kB")).toMatchObject({ code: 0, out: expect.stringMatching(/^Take small/) });
  });

  it("says what has to be known where a limit is on what nobody said", async () => {
    const { code, err } = await choose("--max-price", "1");
    expect([code, err]).toEqual([
      3,
      "lossyscope: none of 3 candidates meets the constraints: say what is not known in a table with the columns model and price: --price FILE\n",
    ]);
  });

  it("refuses a table that names a stranger", async () => {
    await writeFile(at("odd.csv"), "model,price\nlarg,2\n");
    expect(await choose("--price", at("odd.csv"))).toMatchObject({
      code: 1,
      err: expect.stringMatching(/names larg, of which there is no profile/),
    });
  });
});
