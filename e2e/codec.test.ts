/**
 * Texts through the codec of every specimen, and of a model of another language: the first kilobytes come back bit for bit,
 * from another process of the runtime with another number of threads, and the file is as large as was foretold. Whole texts
 * are `npm run bench -- codec`'s.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { createWorld, documents } from "../src/almanac/almanac.ts";
import { run } from "../src/cli/run.testing.ts";
import { temporaryFolder } from "../src/files/folder.testing.ts";
import { hasShared, hasSpecimens, shared, specimen } from "../src/fixtures.testing.ts";
import { findRun } from "../src/measure/checkpoints/checkpoints.ts";

const at = temporaryFolder();
const BYTES = 4000;
const BLOCK = 1000;

function almanacPages(): Uint8Array {
  const pages = [...documents(createWorld(7, "medium"), "known")].slice(0, 10);
  return Buffer.from(pages.map(({ text }) => text).join("\n\n"));
}

const sharedText = (name: string) => (): Uint8Array => readFileSync(shared(`text/${name}`));

async function holds(model: string, text: Uint8Array): Promise<void> {
  const plain = text.subarray(0, BYTES);
  writeFileSync(at("plain"), plain);
  const common = ["--model", model, "--quiet", "--json"];
  const written = await run(
    "compress",
    at("plain"),
    ...common,
    "--no-verify",
    "--threads",
    "1",
    "--block",
    `${BLOCK}B`,
  );
  expect([written.err, written.code]).toEqual(["", 0]);
  const foretold = await run("compress", at("plain"), ...common, "--dry-run", "--threads", "1", "--block", `${BLOCK}B`);
  const read = await run("decompress", at("plain.lsz"), ...common, "-o", at("back"), "--threads", "3");
  expect([read.err, read.code]).toEqual(["", 0]);
  expect(readFileSync(at("back")).equals(plain)).toBe(true);

  const file = readFileSync(at("plain.lsz"));
  const { fileBytes, codeBits } = JSON.parse(foretold.out) as { fileBytes: number; codeBits: number };
  expect(file.length).toBeLessThan(plain.length);
  expect(Math.abs(file.length - fileBytes)).toBeLessThan((4 * BYTES) / BLOCK + (0.001 * codeBits) / 8 + 1);
}

describe.skipIf(!hasSpecimens)("the specimens (need specimens/main)", () => {
  const names = hasSpecimens
    ? readdirSync(specimen(".")).filter((name) => existsSync(specimen(`${name}/log.jsonl`)))
    : [];
  const last = async (name: string): Promise<string> => (await findRun([specimen(name)])).checkpoints.at(-1)!.model;

  it.each(names)("%s on held-out pages of its world", async (name) => {
    await holds(await last(name), almanacPages());
  });

  describe.skipIf(!hasShared)("on text of other kinds (needs ../shared)", () => {
    it.each(
      names.flatMap((name) => ["tinyshakespeare.txt", "wikitext2-test.txt"].map((text) => [name, text] as const)),
    )("%s on %s", async (name, text) => {
      await holds(await last(name), sharedText(text)());
    });
  });
});

describe.skipIf(!hasShared)("stories260k (needs ../shared)", () => {
  it.each([
    ["tinyshakespeare.txt", sharedText("tinyshakespeare.txt")],
    ["wikitext2-test.txt", sharedText("wikitext2-test.txt")],
    ["pages of the almanac", almanacPages],
  ] as const)("on %s", async (_, text) => {
    await holds(shared("models/stories260k"), text());
  });
});
