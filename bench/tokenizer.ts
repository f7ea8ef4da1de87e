/**
 * Tokenising: MB/s on natural text against the library's own `encode` on the same text in the same run, for every kind of
 * tokenizer that the fixtures hold. `first` has seen nothing, `again` has seen the text's words. Ours also says which bytes
 * every token stands for; the library does not.
 *
 *     npm run bench -- tokenizer [FILE.txt …]
 */
import { existsSync, readFileSync } from "node:fs";
import { fixture, hasShared, shared } from "../src/fixtures.testing.ts";
import { Tokenizer as Library } from "../src/tokenizer/library.ts";
import { loadTokenizer } from "../src/tokenizer/tokenizer.ts";

const ROUNDS = 3;
const KINDS = ["gpt2", "neox", "llama3", "qwen", "smollm", "falcon", "gemma", "metaspace-first"];

const given = process.argv.slice(2);
const files = given.length > 0 ? given : [shared("text/wikitext2-test.txt"), fixture("README.md")].filter(existsSync);
const folders = KINDS.map((kind) => ({ kind, folder: fixture(`tokenizers/${kind}`) }));
if (hasShared) folders.push({ kind: "stories260k", folder: shared("models/stories260k") });

/** seconds of one call */
function seconds(work: () => unknown): number {
  const start = performance.now();
  work();
  return (performance.now() - start) / 1000;
}

for (const file of files) {
  const text = readFileSync(file, "utf8");
  const megabytes = Buffer.byteLength(text) / 1e6;
  const rate = (times: readonly number[]) => megabytes / Math.min(...times);
  console.log(`${file.split("/").at(-1)}, ${megabytes.toFixed(2)} MB, best of ${ROUNDS}, MB/s`);
  console.log(["tokenizer".padEnd(16), "first", "again", "library", "first/library"].join("\t"));
  for (const { kind, folder } of folders) {
    const first: number[] = [];
    const again: number[] = [];
    const library: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const ours = await loadTokenizer(folder, {});
      const theirs = new Library(JSON.parse(readFileSync(`${folder}/tokenizer.json`, "utf8")), {});
      first.push(seconds(() => ours.encode(text)));
      again.push(seconds(() => ours.encode(text)));
      library.push(seconds(() => theirs.encode(text)));
    }
    const [a, b, c] = [first, again, library].map(rate);
    console.log([kind.padEnd(16), a.toFixed(1), b.toFixed(1), c.toFixed(2), (a / c).toFixed(1)].join("\t"));
  }
}
