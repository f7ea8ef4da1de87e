/** Conversations against transformers' own rendering and ids (fixtures/chat, generate/chat_goldens.py), and templates that do harm. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import type { Message } from "../text/records.ts";
import { conversationOf } from "../text/records.ts";
import { ChatTemplate, readChatTemplates } from "./chat.ts";
import { loadConversing } from "./conversing.ts";
import { tokenizeDocument } from "./document.ts";
import { loadTokenizer } from "./tokenizer.ts";

const at = temporaryFolder();
const fixtures = join(import.meta.dirname, "../../fixtures");

type Rendered = string | { readonly refused: string };
interface Golden {
  readonly templates: Readonly<Record<string, string>>;
  readonly conversations: Readonly<
    Record<string, { readonly messages: readonly Message[]; readonly tools?: readonly unknown[] }>
  >;
  readonly named: Readonly<Record<string, string>>;
  readonly texts: Readonly<Record<string, Readonly<Record<string, Rendered>>>>;
  readonly ids: Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>;
}
const golden: Golden = JSON.parse(readFileSync(join(fixtures, "chat", "golden.json"), "utf8"));

const open: ChatTemplate[] = [];
afterAll(() => {
  for (const chat of open) chat.close();
});
function chatOf(...templates: (readonly [string, string])[]): ChatTemplate {
  const chat = new ChatTemplate(
    { templates: new Map(templates), source: "chat_template.jinja" },
    new Map(Object.entries(golden.named)),
  );
  open.push(chat);
  return chat;
}
const SAID = { messages: [{ role: "user", content: "x" }], tools: null };

describe("a chat template", () => {
  it.each(Object.entries(golden.texts))(
    "%s writes what transformers writes, and refuses where it does",
    async (name, texts) => {
      const chat = chatOf(["default", golden.templates[name]]);
      for (const [key, expected] of Object.entries(texts)) {
        const conversation = conversationOf(golden.conversations[key], null, "here");
        const found = await chat.render(conversation, "here").catch((error: Error) => ({ refused: error.message }));
        if (typeof expected === "string") expect(found, key).toBe(expected);
        else expect(found, key).toHaveProperty("refused");
        if (typeof expected !== "string" && expected.refused.startsWith("roles"))
          expect(found).toHaveProperty(
            "refused",
            expect.stringContaining(`refuses the conversation: ${expected.refused}`),
          );
      }
    },
  );

  it("for tools is the one that is named so, and one of several without a default is asked for", async () => {
    const chat = chatOf(["default", "plain"], ["tool_use", "tools"]);
    expect(await chat.render(SAID, "")).toBe("plain");
    expect(await chat.render({ ...SAID, tools: [{}] }, "")).toBe("tools");
    await expect(chatOf(["rag", "x"], ["tool_use", "y"]).render(SAID, "")).rejects.toThrow(
      /none is the default \(rag, tool_use\)/,
    );
  });

  it("knows no time: it takes its fixed date where it asks, and is refused where it does not", async () => {
    const guarded = "{% if strftime_now is defined %}{{ strftime_now('%Y') }}{% else %}1999{% endif %}";
    expect(await chatOf(["default", guarded]).render(SAID, "")).toBe("1999");
    await expect(chatOf(["default", "{{ strftime_now('%Y') }}"]).render(SAID, "")).rejects.toThrow(
      /today's date \(strftime_now\)/,
    );
  });

  it("that grows without bound, cannot be read or reaches for more fails, and the next conversation goes on", async () => {
    const doubling =
      "{% set ns = namespace(l=[1]) %}{% for i in range(99999) %}{% set ns.l = ns.l + ns.l %}{% endfor %}";
    const chat = chatOf(["default", `{% if messages[0].content == 'x' %}${doubling}{% endif %}fine`]);
    await expect(chat.render(SAID, "r.jsonl, line 1")).rejects.toThrow(
      /^r\.jsonl, line 1: the chat template .* fails: /,
    );
    expect(await chat.render({ messages: [{ role: "user", content: "y" }], tools: null }, "")).toBe("fine");
    await expect(chatOf(["default", "{{ range(10000000) | length }}"]).render(SAID, "")).rejects.toThrow(/too long/);
    await expect(chatOf(["default", "{% for %}"]).render(SAID, "")).rejects.toMatchObject({ fault: "unsupported" });
    await expect(
      chatOf(["default", "{{ process.exit(3) }}{{ messages.constructor('x')() }}"]).render(SAID, ""),
    ).rejects.toThrow(/fails/);
    await expect(chatOf(["default", "{{ nothing_there() }}"]).render(SAID, "")).rejects.toThrow(
      /fails: it calls what cannot be called: /,
    );
  });

  it("that does not come to an end is ended", async () => {
    const endless = "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}";
    const started = performance.now();
    await expect(chatOf(["default", endless]).render(SAID, "r.jsonl, line 1")).rejects.toThrow(
      /^r\.jsonl, line 1: the chat template of the model \(chat_template\.jinja\) fails: it takes more than 4 s: /,
    );
    expect(performance.now() - started).toBeLessThan(5_000);
    await expect(chatOf(["default", "{% for i in range(10**9) %}{% endfor %}"]).render(SAID, "")).rejects.toMatchObject(
      {
        name: "LossyscopeError",
      },
    );
  });

  it("is found where models keep it, in transformers' order", async () => {
    mkdirSync(at("m", "additional_chat_templates"), { recursive: true });
    await expect(readChatTemplates(at("m"))).rejects.toThrow(/m has no chat template/);
    const found = async () => Object.fromEntries((await readChatTemplates(at("m"))).templates);
    writeFileSync(at("m", "chat_template.json"), '{"chat_template":"of the processor"}');
    expect(await found()).toEqual({ default: "of the processor" });
    writeFileSync(at("m", "tokenizer_config.json"), '{"chat_template":"in the config"}');
    expect(await found()).toEqual({ default: "in the config" });
    const list = [{ name: "default", template: "a" }, { name: "tool_use", template: "b" }]; // biome-ignore format: short
    writeFileSync(at("m", "tokenizer_config.json"), JSON.stringify({ chat_template: list }));
    expect(await found()).toEqual({ default: "a", tool_use: "b" });
    writeFileSync(at("m", "tokenizer_config.json"), '{"chat_template":[1]}');
    await expect(found()).rejects.toThrow(/tokenizer_config\.json has a chat_template that is none/);
    writeFileSync(at("m", "chat_template.jinja"), "a file");
    writeFileSync(at("m", "additional_chat_templates", "rag.jinja"), "further");
    expect(await found()).toEqual({ default: "a file", rag: "further" });
  });
});

describe("tokens of a conversation", () => {
  it.each(Object.entries(golden.ids))(
    "are transformers' with %s: the opening is the prefix and stands nowhere else",
    async (name, cases) => {
      const folder = join(fixtures, "tokenizers", name);
      for (const [key, expected] of Object.entries(cases)) {
        const [template, conversation] = key.split(" ");
        const plain = await loadTokenizer(folder, {}, { specialTokens: true });
        const chat = new ChatTemplate(
          { templates: new Map([["default", golden.templates[template]]]), source: "" },
          plain.control.names,
        );
        open.push(chat);
        const text = await chat.render({ messages: golden.conversations[conversation].messages, tools: null }, "");
        const tokenizer = plain.openedBy(text);
        const document = tokenizeDocument(tokenizer, { id: "d", domain: "text", text, replaced: 0 }, 0);
        const opened = tokenizer !== plain;
        expect([...(opened ? [tokenizer.prefix!.id] : []), ...document.ids], key).toEqual(expected);
        // Every byte of the text belongs to a token, the opening's to none.
        expect(document.byteEnds.at(-1)).toBe(document.bytes);
        expect(document.bytes).toBe(Buffer.byteLength(document.text));
        expect(text.endsWith(document.text)).toBe(true);
      }
    },
  );

  it("come from the model's own folder", async () => {
    mkdirSync(at("m"));
    for (const file of ["tokenizer.json", "tokenizer_config.json"])
      writeFileSync(at("m", file), readFileSync(join(fixtures, "tokenizers", "smollm", file)));
    writeFileSync(at("m", "chat_template.jinja"), golden.templates.brackets);
    const { tokenizer, chat } = await loadConversing(at("m"), {});
    open.push(chat);
    expect(chat.source).toBe("chat_template.jinja");
    expect(tokenizer.prefix).not.toBeNull();
  });
});
