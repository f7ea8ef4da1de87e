/** Files through the codec, for its tests: what is written and given back, and that nothing is left of what failed. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { expect } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { sampleText } from "../measure/model.testing.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { random } from "../numeric/random.ts";
import type { Model } from "../ports/model.ts";
import { openModel } from "../references/open.ts";
import { type CompressOptions, compress } from "./compress.ts";
import { type DecompressOptions, decompress } from "./decompress.ts";
import { writeLetterModel } from "./model.testing.ts";

export const DEFAULTS = { blockBytes: 400, rows: 8, context: 64, overlap: 32, threads: 1, verify: false };

/** A folder of the test file's own, and what is done in it. */
export function codecFolder() {
  const at = temporaryFolder();

  async function letters(name = "model", choice: Parameters<typeof writeLetterModel>[1] = {}): Promise<Model> {
    return openModel(await writeLetterModel(at(name), choice));
  }

  async function compressed(model: Model, bytes: Uint8Array, options: Partial<CompressOptions> = {}) {
    const [input, output] = [at("plain"), at("plain.lsz")];
    writeFileSync(input, bytes);
    const result = await compress(model, { ...DEFAULTS, input, output, ...options });
    const file = readFileSync(output);
    expect(file).toHaveLength(result.fileBytes);
    return { ...result, file };
  }

  async function restored(model: Model, file: Uint8Array, options: Partial<DecompressOptions> = {}) {
    const [input, output] = [at("file.lsz"), at("restored")];
    writeFileSync(input, file);
    const result = await decompress(model, { input, output, threads: 3, salvage: false, ...options });
    return { ...result, bytes: readFileSync(output) };
  }

  /** Nothing may be left of a file that was not finished. */
  async function leavesNothing(work: Promise<unknown>, message: RegExp, fault?: string): Promise<void> {
    const error = await work.then(
      () => undefined,
      (caught: unknown) => caught,
    );
    expect(error).toBeInstanceOf(LossyscopeError);
    expect((error as LossyscopeError).message).toMatch(message);
    if (fault) expect((error as LossyscopeError).fault).toBe(fault);
    expect(existsSync(at("restored"))).toBe(false);
    expect(readdirSync(at()).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  }

  return { at, letters, compressed, restored, leavesNothing };
}

const noise = random(1, "codec test");
export const KINDS: readonly (readonly [string, Uint8Array])[] = [
  ["nothing", new Uint8Array()],
  ["one byte", Buffer.from("a")],
  ["one byte that is no text", Uint8Array.of(0x80)],
  ["text", Buffer.from(sampleText(1, 300))],
  ["text of every width", Buffer.from("aé€😀 naïve ".repeat(15))],
  ["Latin-1", Buffer.from("d\u00e9j\u00e0 vu, caf\u00e9 cr\u00e8me, na\u00efve fa\u00e7ade; ".repeat(6), "latin1")],
  ["a binary", Uint8Array.from({ length: 400 }, () => noise.below(256))],
  [
    "text between bytes",
    Buffer.concat([
      Buffer.from("a heading\0\0\0\0"),
      Uint8Array.from({ length: 256 }, (_, i) => i),
      Buffer.from(sampleText(1, 100)),
    ]),
  ],
];
