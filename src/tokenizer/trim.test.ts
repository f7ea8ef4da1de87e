/** A vocabulary trimmed to a text: the text stays the same tokens, any other text is still spelled. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fixture } from "../fixtures.testing.ts";
import { createTokenizer, loadDefinition, loadTokenizer } from "./tokenizer.ts";
import { keptIds, renumberedConfig, trimmedTokenizer } from "./trim.ts";

const README = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
const [TEXT, OTHER] = [README.slice(0, 1500), `${README.slice(4000, 6000)} naïve 你好 🙂\r\n\t12345`];

describe("a trimmed vocabulary", () => {
  it.each(["gpt2", "llama3", "qwen", "neox", "smollm", "gemma", "metaspace-first", "unigram"])("%s", async (name) => {
    const folder = fixture(`tokenizers/${name}`);
    const whole = await loadTokenizer(folder, {});
    const file = await loadDefinition(folder, {});
    const used = whole.encode(TEXT).ids;
    const kept = keptIds(file, [...used, ...(whole.prefix ? [whole.prefix.id] : [])]);
    expect([...kept].every((id, index) => index === 0 || id > kept[index - 1])).toBe(true);
    if (name !== "unigram") expect(kept.length).toBeLessThan(whole.vocabularySize);
    const newIds = new Map([...kept].map((id, index) => [id, index]));
    const json = JSON.parse(readFileSync(join(folder, "tokenizer.json"), "utf8"));
    const config = JSON.parse(readFileSync(join(folder, "tokenizer_config.json"), "utf8"));
    delete config.added_tokens_decoder;
    const trimmed = createTokenizer(trimmedTokenizer(json, newIds), { tokenizerConfig: config });
    expect([...trimmed.encode(TEXT).ids]).toEqual(Array.from(used, (id) => newIds.get(id)));
    expect(trimmed.prefix?.id).toBe(whole.prefix ? newIds.get(whole.prefix.id) : undefined);
    for (const [id, own] of newIds) expect(trimmed.contentOf(own)).toBe(whole.contentOf(id));
    // What another text loses are joined tokens, no bytes but those that the whole vocabulary loses too.
    const [before, after] = [whole.encode(OTHER), trimmed.encode(OTHER)];
    expect(after.ids.length).toBeGreaterThanOrEqual(before.ids.length);
    if (before.repairs.length === 0) expect(after.repairs).toEqual([]);
  });

  it("gives the ids of configs anew, and leaves out those that are gone", () => {
    const newIds = new Map([
      [7, 0],
      [9, 1],
    ]);
    const config = { eos_token_id: [7, 8, 9], bos_token_id: 9, pad_token_id: 8, unk_token_id: null, hidden_size: 9 };
    expect(renumberedConfig(config, newIds)).toEqual({
      ...{ eos_token_id: [0, 1], bos_token_id: 1, unk_token_id: null, hidden_size: 9 },
    });
  });
});
