/**
 * Pairs of completions (METHODS §2.3 Preference information), from a file of JSON lines: what a prompt is followed by, once as
 * it was chosen and once as it was rejected. A pair that comes twice counts once, one of two equal completions not at all;
 * where there are more than are asked for, some are drawn by the seed while the file is read.
 *
 * Memory: the texts of the pairs that are kept, and some 80 bytes a pair of the file.
 */
import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { z } from "zod";
import { parseJson } from "../formats/json.ts";
import { count } from "../numeric/amounts.ts";
import { LossyscopeError, shown } from "../numeric/errors.ts";
import { random } from "../numeric/random.ts";
import { checked, expecting } from "../numeric/schema-faults.ts";
import { lines } from "./documents.ts";
import { findTextFiles, type TextFile } from "./sources.ts";

export interface CompletionPair {
  /** line of the file, from 1 */
  readonly line: number;
  /** may be empty */
  readonly prompt: string;
  /** right behind the prompt */
  readonly chosen: string;
  readonly rejected: string;
}

export interface PairSet {
  /** of the file, without the folders it lies in */
  readonly name: string;
  /** SHA-256 over the file */
  readonly digest: string;
  /** in the order of the file */
  readonly pairs: readonly CompletionPair[];
  /** records of the file; those that came twice, and those whose completions are equal */
  readonly total: number;
  readonly repeated: number;
  readonly equal: number;
}

const text = z
  .string()
  .refine((value) => !/\p{Surrogate}/u.test(value), { error: expecting("text without half a surrogate pair") });
const completion = text.refine((value) => /\S/.test(value), { error: expecting("text that is not blank") });
const recordSchema = z.object({ prompt: text.default(""), chosen: completion, rejected: completion });

/**
 * @param limit pairs at most; null: all
 * @throws LossyscopeError `io` where the file cannot be read; `input` for what is wrong in it, with its line; `usage` for
 *   another kind of file
 */
export async function readPairs(path: string, limit: number | null, seed: number): Promise<PairSet> {
  const file = await fileOf(path);
  const hash = createHash("sha256");
  const seen = new Set<string>();
  const draw = random(seed, "pairs");
  const kept: CompletionPair[] = [];
  let [total, equal, fit, line] = [0, 0, 0, 0];
  for await (const { bytes } of lines(file)) {
    hash.update(bytes).update("\n");
    const where = `${file.name}, line ${count(++line)}`;
    if (!isUtf8(bytes)) throw new LossyscopeError("input", `${where} is not UTF-8`, "convert the file");
    const content = new TextDecoder().decode(bytes);
    if (content.trim() === "") continue;
    total++;
    const pair = { line, ...recordOf(content, where) };
    if (pair.chosen === pair.rejected) {
      equal++;
      continue;
    }
    const key = createHash("sha256")
      .update(JSON.stringify([pair.prompt, pair.chosen, pair.rejected]))
      .digest("base64");
    if (seen.has(key)) continue;
    seen.add(key);
    // Vitter's algorithm R: every pair until now is kept with the same probability.
    const place = limit === null || fit < limit ? fit : draw.below(fit + 1);
    fit++;
    if (limit === null || place < limit) kept[place] = pair;
  }
  if (kept.length === 0)
    throw new LossyscopeError(
      "input",
      total === 0
        ? `${file.name} has no pairs`
        : `${file.name} has ${count(total)} pairs, and the two completions of each are equal`,
      "write a record of prompt, chosen, rejected a line",
    );
  return {
    name: file.name,
    digest: hash.digest("hex"),
    pairs: kept.sort((a, b) => a.line - b.line),
    total,
    repeated: total - equal - fit,
    equal,
  };
}

async function fileOf(path: string): Promise<TextFile> {
  const [file] = await findTextFiles([{ path, domain: null }]);
  if (file?.format === "jsonl" && file.path === path) return file;
  throw new LossyscopeError("usage", `${shown(path)} is no file of pairs`, "name one file in JSON lines (.jsonl)");
}

function recordOf(content: string, where: string): Omit<CompletionPair, "line"> {
  const value = parseJson(content, (why) => new LossyscopeError("input", `${where} ${why}`, "write a record a line"));
  return checked(
    recordSchema,
    value,
    (faults) =>
      new LossyscopeError(
        "input",
        `${where}: ${faults}`,
        "a record has prompt, chosen, rejected, each a text; conversations are written out first",
      ),
  );
}
