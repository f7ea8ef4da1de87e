/**
 * The codec's size and speed, both ways, beside the compressors that a profile shows, on the same bytes in the same run:
 * bits a byte, the size as a share of gzip's, kilobytes a second of writing and of reading. One block is the smallest file,
 * blocks share the model's steps.
 *
 *     npm run bench -- codec [--model FOLDER] [--bytes 20000] [--threads 1] [FILE …]
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { compress } from "../src/decode/compress.ts";
import { decompress } from "../src/decode/decompress.ts";
import { predict } from "../src/decode/predict.ts";
import { hasShared, shared } from "../src/fixtures.testing.ts";
import { COMPRESSORS } from "../src/measure/compressors.ts";
import { openModel } from "../src/measure/model.ts";
import { table, timed } from "./report.ts";

const { values, positionals: files } = parseArgs({
  options: { model: { type: "string" }, bytes: { type: "string" }, threads: { type: "string" } },
  allowPositionals: true,
});
const bytes = Number(values.bytes ?? 20_000);
const threads = Number(values.threads ?? 1);
if (files.length === 0 && hasShared) files.push(shared("text/tinyshakespeare.txt"), shared("text/wikitext2-test.txt"));
const model = await openModel(values.model ?? shared("models/stories260k"));
const context = Math.min(model.spec.positions ?? 1024, 1024);
const folder = mkdtempSync(join(tmpdir(), "lossyscope-bench-"));

for (const file of files) {
  const plain = readFileSync(file).subarray(0, bytes);
  const [input, output, back] = ["plain", "lsz", "back"].map((name) => join(folder, name));
  writeFileSync(input, plain);
  const rate = (seconds: number): string => (plain.length / seconds / 1e3).toPrecision(3);
  const rows = [["", "bytes", "bits a byte", "of gzip -9", "kB/s", "reading, kB/s"]];
  let gzip = Number.NaN;
  const add = (name: string, size: number, ...rates: readonly string[]): void => {
    if (Number.isNaN(gzip)) gzip = size;
    rows.push([name, String(size), ((8 * size) / plain.length).toFixed(3), (size / gzip).toFixed(3), ...rates]);
  };
  for (const { name, load } of COMPRESSORS) {
    const { compressedSize } = await load();
    const stream = (async function* () {
      yield plain;
    })();
    const { value, seconds } = await timed(() => compressedSize(stream, plain.length));
    add(name, value, rate(seconds), "");
  }
  for (const blocks of [1, 16]) {
    const layout = {
      input,
      blockBytes: Math.ceil(plain.length / blocks),
      rows: null,
      context,
      overlap: context / 2,
      threads,
    };
    const foretold = await timed(() => predict(model, layout));
    const written = await timed(() => compress(model, { ...layout, output, verify: false }));
    const read = await timed(() => decompress(model, { input: output, output: back, threads, salvage: false }));
    if (!readFileSync(back).equals(plain)) throw new Error(`${file} did not come back`);
    const name = `${model.name}, ${blocks} ${blocks === 1 ? "block" : "blocks"}`;
    add(name, written.value.fileBytes, rate(written.seconds), rate(read.seconds));
    add(`  foretold`, foretold.value.fileBytes, rate(foretold.seconds), "");
  }
  console.log(`${basename(file)}, ${plain.length} bytes, ${threads} of the runtime's threads`);
  table(rows);
  console.log();
}
rmSync(folder, { recursive: true });
