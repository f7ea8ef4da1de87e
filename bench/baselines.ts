/**
 * Speed of the compressors that stand beside a model, against gzip on the same bytes in the same run, and of the order-2
 * model's decoder. Text: the files given as arguments, else a megabyte of seeded words.
 *
 *     npm run bench -- baselines [FILE …]
 */
import { readFileSync } from "node:fs";
import { Order2Encoder, order2Decode } from "../src/coding/order2.ts";
import { COMPRESSORS } from "../src/measure/static/compressors.ts";
import { random } from "../src/numeric/random.ts";

const PART_BYTES = 2 ** 16;

/** Words of a made-up language, the r-th of them 1/r as frequent as the first. */
function seededWords(bytes: number): Uint8Array {
  const stream = random(1, "bench", "words");
  const words = Array.from({ length: 4096 }, () =>
    Array.from({ length: 2 + stream.below(8) }, () => "etaoinshrdlucmfwyp"[stream.below(18)]).join(""),
  );
  let text = "";
  while (text.length < bytes) text += `${words[Math.floor(words.length ** stream.uniform()) - 1]} `;
  return Buffer.from(text.slice(0, bytes));
}

async function* inParts(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += PART_BYTES) yield bytes.subarray(at, at + PART_BYTES);
}

const files = process.argv.slice(2);
const text = files.length > 0 ? Buffer.concat(files.map((file) => readFileSync(file))) : seededWords(2 ** 20);

const line = (name: string, size: number, seconds: number, reference: number): void =>
  console.log(
    `${name.padEnd(22)}${String(size).padStart(10)} bytes${((8 * size) / text.length).toFixed(4).padStart(9)} bits/byte${(
      text.length /
      seconds /
      1e6
    )
      .toFixed(2)
      .padStart(9)} MB/s${(reference / seconds).toFixed(3).padStart(8)} of gzip's speed`,
  );

let gzipSeconds = Number.NaN;
for (const { name, load } of COMPRESSORS) {
  const { compressedSize } = await load();
  const started = performance.now();
  const size = await compressedSize(inParts(text), text.length);
  const seconds = (performance.now() - started) / 1000;
  if (Number.isNaN(gzipSeconds)) gzipSeconds = seconds;
  line(name, size, seconds, gzipSeconds);
}

const encoder = new Order2Encoder();
encoder.write(text);
const code = encoder.finish();
const started = performance.now();
const back = order2Decode(code, text.length);
if (Buffer.compare(back, text) !== 0) throw new Error("the order-2 model did not give the text back");
line("order-2, decoding", code.length, (performance.now() - started) / 1000, gzipSeconds);
