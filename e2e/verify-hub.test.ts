/** `npm run verify:hub` against a Hub on loopback that serves untrained models under the published ones' names. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import { MODELS, verifyHub } from "../scripts/verify-hub.ts";
import { temporaryFolder } from "../src/files/folder.testing.ts";
import { type FakeHub, fakeHub } from "../src/hub/hub.testing.ts";
import { sampleText, writeModel, writeText } from "../src/measure/model.testing.ts";

const at = temporaryFolder();
const COMMIT = "0123456789abcdef0123456789abcdef01234567";
let hub: FakeHub;

beforeAll(async () => {
  hub = await fakeHub();
});
afterAll(() => hub.close());
afterEach(() => vi.unstubAllEnvs());

async function serve(): Promise<void> {
  const folder = await writeModel(at("model"));
  const files = Object.fromEntries(
    readdirSync(folder).map((name) => [
      name,
      { content: readFileSync(join(folder, name)), lfs: name.endsWith(".safetensors") },
    ]),
  );
  for (const name of MODELS) hub.models[name] = { revisions: { main: COMMIT }, commits: { [COMMIT]: files } };
  vi.stubEnv("HF_ENDPOINT", hub.url);
  vi.stubEnv("HF_HUB_CACHE", at("cache"));
}

it("prints ours beside the published figures, and says which may be compared", async () => {
  await serve();
  const text = writeText(at("text.txt"), sampleText(30, 200));
  const wiki = writeText(at("wiki.txt"), sampleText(10, 300, 1));
  const lines: string[] = [];
  await verifyHub({
    models: MODELS,
    text: [text],
    datasets: new Map([["WikiText2", wiki]]),
    limitBytes: null,
    print: (line) => void lines.push(line),
    quiet: true,
  });
  const line = (start: string): string => lines.find((each) => each.trimStart().startsWith(start)) ?? "";
  expect(line("HuggingFaceTB/SmolLM2-135M on")).toMatch(/text\.txt, \d+ bytes: \d+\.\d{4} bits a byte/);
  // An untrained model of bytes: about 8 bits each, and so many more for a word.
  const [, enwik8] = /enwik8: published 1\.1600 bits\/byte, ours ([\d.]+) \(another text/.exec(line("enwik8"))!;
  expect(Number(enwik8)).toBeGreaterThan(7);
  expect(line("WikiText2")).toMatch(/published 29\.4100 ppl per word, ours \d{4,}.*\(same text, if .*wiki\.txt/);
  expect(line("LAMBADA:")).toContain("published 35.1300 ppl, ours — (not comparable");
  const layers = lines.filter((each) => /^ {2}(embedding|block \d+) /.test(each));
  expect(layers).toHaveLength(3);
  expect(layers[0]).toMatch(/H 0\.935 0\.\d{3} {2}unigram X 0\.431 0\.\d{3} Y 0\.165 0\.\d{3} {2}bigram/);
  expect(hub.asked.filter(({ path }) => path.endsWith("model.safetensors"))).not.toHaveLength(0);
});

it("refuses a dataset that no figure is published on", async () => {
  const options = { models: MODELS, text: [], limitBytes: null, print() {}, quiet: true };
  await expect(verifyHub({ ...options, datasets: new Map([["C4", "c4.txt"]]) })).rejects.toThrow(
    "no figure is published here on C4: name one of reddit, LAMBADA, WikiText2",
  );
});
