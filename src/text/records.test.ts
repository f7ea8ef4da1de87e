/** Where records keep their text, and what those that keep none are told. */
import { describe, expect, it } from "vitest";
import { conversationOf, fieldAt, textOf } from "./records.ts";

const told = (record: unknown, field: string | null = null): string => {
  try {
    return `text: ${textOf(record, field, "r.jsonl, line 3")}`;
  } catch (error) {
    return (error as Error).message;
  }
};

describe("a field", () => {
  it("is named by itself before it is a path", () => {
    expect(fieldAt({ "a.b": "dotted", a: { b: "nested" } }, "a.b")).toBe("dotted");
    expect(fieldAt({ a: { b: ["x", { c: "deep" }] } }, "a.b.1.c")).toBe("deep");
    expect(fieldAt({ a: "text" }, "a.length")).toBeUndefined();
    expect(fieldAt({ a: {} }, "a.constructor")).toBeUndefined();
    expect(fieldAt(null, "a")).toBeUndefined();
  });
});

describe("a record without text", () => {
  it.each<[unknown, string | null, RegExp]>([
    [
      { text: null, title: "x" },
      null,
      /^r\.jsonl, line 3 has null in `text`, no text: leave such records out, or pass --field title$/,
    ],
    [{ text: null, content: "not taken" }, null, /null in `text`/],
    [{ text: 42 }, null, /has the number 42 in `text`, no text \(no field holds text\)/],
    [
      { text: true, a: { b: "long text" }, c: "x" },
      null,
      /the boolean true in `text`.*text is in `a\.b`, `c`\): pass --field a\.b$/,
    ],
    [{ text: ["a", "b"] }, null, /has a list of 2 in `text`/],
    [{ text: { en: "x" } }, null, /has an object \(en\) in `text`.*pass --field text\.en$/],
    [
      { id: 1, body: { html: "<p>" } },
      null,
      /has no text in `text` or `content` \(fields: id, body; text is in `body\.html`\): pass --field body\.html$/,
    ],
    [{ body: "x" }, "boddy", /has no text in `boddy` \(fields: body; text is in `body`\): pass --field body$/],
    [{ messages: [{ role: "user", content: "x" }] }, null, /a conversation in `messages`.*pass --chat/],
    [{ conversations: [{ from: "human", value: "x" }] }, null, /a conversation in `conversations`.*pass --chat/],
    [{ messages: [{ role: "user", content: "x" }] }, "messages", /pass --chat/],
    [[1, 2], null, /is a list of 2, no record/],
    [7, null, /is the number 7, no record/],
    [null, null, /is null, no record/],
  ])("%j with --field %s", (record, field, message) => expect(told(record, field)).toMatch(message));

  it("is none of these", () => {
    expect(told("a lone string")).toBe("text: a lone string");
    expect(told({ content: "c" })).toBe("text: c");
    expect(told({ text: "" })).toBe("text: ");
  });
});

describe("a conversation", () => {
  const read = (record: unknown, field: string | null = null) => conversationOf(record, field, "line 1");

  it("has nothing where a program gives no message", () => {
    expect(() => read([undefined])).toThrow(/^line 1 has nothing as message 1: /);
  });

  it("is read from messages, ShareGPT and a field of one's own, with its tools and what is said in it", () => {
    const said = [{ role: "user", content: "é" }, { role: "assistant", content: [{ type: "text", text: "abc" }, { type: "image" }] }]; // biome-ignore format: short
    expect(read({ messages: said })).toEqual({ messages: said, tools: null, messageBytes: 5 });
    expect(read({ a: { b: said } }, "a.b").messages).toEqual(said);
    const share = { conversations: [{ from: "system", value: "s" }, { from: "human", value: "h" }, { from: "gpt", value: "g" }] }; // biome-ignore format: short
    expect(read(share).messages).toEqual([
      { role: "system", content: "s" },
      { role: "user", content: "h" },
      { role: "assistant", content: "g" },
    ]);
    expect(read({ messages: said, tools: '[{"name":"t"}]' }).tools).toEqual([{ name: "t" }]);
    expect(read({ messages: [{ role: "assistant", content: null, tool_calls: [] }] }).messageBytes).toBe(0);
  });

  it.each<[unknown, string | null, RegExp]>([
    [
      { text: "x" },
      null,
      /^line 1 has no conversation in `messages`, `conversations`, `conversation` \(fields: text\)/,
    ],
    [{ messages: [] }, "messages", /an empty conversation in `messages`/],
    [{ messages: "x" }, "messages", /the text "x" in `messages`/],
    [
      { messages: [{ role: "user", content: "a" }, { content: "x" }] },
      "messages",
      /no role in message 2 \(fields: content\)/,
    ],
    [{ messages: [{ role: "user", content: 3 }] }, null, /the number 3 in message 1/],
    [{ messages: [{ role: "user" }] }, null, /no content in message 1/],
    [{ conversations: [{ from: "bing", value: "x" }] }, null, /a message from "bing", which is no role/],
    [{ messages: [{ role: "user", content: "x" }], tools: 3 }, null, /the number 3 in `tools`/],
  ])("%j with --field %s is refused", (record, field, message) => expect(() => read(record, field)).toThrow(message));
});
