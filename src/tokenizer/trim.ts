/**
 * A vocabulary without the tokens that some texts do not need (METHODS §7.1). What is kept is closed under merges: with a token
 * all tokens that any merge makes it of, so that the merges which once led to it still do, in their order, and none that is gone
 * was ever taken on the way. Ids are given anew, in the old order. Pure.
 */
import { BYTE_CHARACTERS, byteToken } from "./bytes.ts";
import type { TokenizerFile } from "./definition.ts";

const pairOf = (merge: string | readonly [string, string]): readonly [string, string] => {
  if (typeof merge !== "string") return merge;
  const space = merge.indexOf(" ", 1);
  return [merge.slice(0, space), merge.slice(space + 1)];
};

/**
 * Ids that have to stay, rising: those used, single bytes, added tokens, the unknown token, and what merges make them of.
 * @param file tokenizer.json as it is loaded
 */
export function keptIds(file: TokenizerFile, used: Iterable<number>): Int32Array {
  const { model, added_tokens } = file;
  const kept = new Set<number>([...used, ...added_tokens.map(({ id }) => id)]);
  if (Array.isArray(model.vocab)) {
    if (model.unk_id != null) kept.add(model.unk_id);
    const ids = new Map(model.vocab.map(([content], id) => [content, id] as const));
    for (let byte = 0; byte < 256; byte++) {
      const id = ids.get(byteToken(byte));
      if (id !== undefined) kept.add(id);
    }
    return Int32Array.from(kept).sort();
  }
  const vocab = new Map(Object.entries(model.vocab as Readonly<Record<string, number>>));
  const contents = new Map([...vocab].map(([content, id]) => [id, content] as const));
  const alone = [...BYTE_CHARACTERS, ...Array.from({ length: 256 }, (_, byte) => byteToken(byte)), model.unk_token];
  for (const content of alone) if (content != null && vocab.has(content)) kept.add(vocab.get(content)!);
  const parts = new Map<string, string[]>();
  for (const merge of model.merges ?? []) {
    const [left, right] = pairOf(merge);
    const made = parts.get(left + right);
    if (made) made.push(left, right);
    else parts.set(left + right, [left, right]);
  }
  const queue = [...kept];
  for (let id = queue.pop(); id !== undefined; id = queue.pop())
    for (const part of parts.get(contents.get(id) ?? "") ?? []) {
      const own = vocab.get(part);
      if (own === undefined || kept.has(own)) continue;
      kept.add(own);
      queue.push(own);
    }
  return Int32Array.from(kept).sort();
}

type Json = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * tokenizer.json with the tokens that are kept.
 * @param json tokenizer.json as it is written
 * @param newIds of the tokens that are kept, by their ids
 */
export function trimmedTokenizer(json: Json, newIds: ReadonlyMap<number, number>): Json {
  const model = json.model as Json;
  const { vocab, merges, unk_id: unknown } = model;
  const added = Array.isArray(json.added_tokens) ? (json.added_tokens as readonly Json[]) : [];
  const trimmed: Record<string, unknown> = { ...model };
  if (Array.isArray(vocab)) {
    trimmed.vocab = vocab.filter((_, id) => newIds.has(id));
    if (typeof unknown === "number") trimmed.unk_id = newIds.get(unknown) ?? null;
  } else {
    const own = Object.entries(vocab as Readonly<Record<string, number>>).filter(([, id]) => newIds.has(id));
    trimmed.vocab = Object.fromEntries(own.map(([content, id]) => [content, newIds.get(id)!]));
    const left = new Set(own.map(([content]) => content));
    if (Array.isArray(merges))
      trimmed.merges = merges.filter((merge) => {
        const [a, b] = pairOf(merge);
        return left.has(a) && left.has(b) && left.has(a + b);
      });
  }
  return {
    ...json,
    model: trimmed,
    added_tokens: added.flatMap((token) => {
      const id = newIds.get(token.id as number);
      return id === undefined ? [] : [{ ...token, id }];
    }),
    ...("post_processor" in json && { post_processor: renumbered(json.post_processor, newIds) }),
  };
}

/** A post-processor: ids stand in lists under `ids`, and behind a token as `[token, id]` under `cls` and `sep`. */
function renumbered(step: unknown, newIds: ReadonlyMap<number, number>, key = ""): unknown {
  if (Array.isArray(step)) {
    if (key === "ids") return step.map((id) => newIds.get(id) ?? id);
    if (key === "cls" || key === "sep") return [step[0], newIds.get(step[1]) ?? step[1]];
    return step.map((one) => renumbered(one, newIds));
  }
  if (!isObject(step)) return step;
  return Object.fromEntries(Object.entries(step).map(([name, value]) => [name, renumbered(value, newIds, name)]));
}

/**
 * A config whose keys `…_token_id` name tokens, each an id or a list of them.
 * @returns the same with new ids; keys of tokens that are gone are left out
 */
export function renumberedConfig(config: Json, newIds: ReadonlyMap<number, number>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(config).flatMap(([key, value]): [string, unknown][] => {
      if (!/_token_ids?$/.test(key)) return [[key, value]];
      if (typeof value === "number") return newIds.has(value) ? [[key, newIds.get(value)]] : [];
      if (!Array.isArray(value)) return [[key, value]];
      return [[key, value.flatMap((id) => newIds.get(id) ?? [])]];
    }),
  );
}
