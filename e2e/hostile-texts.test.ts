/**
 * Texts, mutated by the thousand (`src/mutations.testing.ts`): records in JSON lines, JSON and Parquet, gzip, pages of the
 * almanac, conversations and the templates that render them, files of facts.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createWorld, facts as factsOf, documents as pagesOf } from "../src/almanac/almanac.ts";
import { almanacPages } from "../src/almanac/record.ts";
import { temporaryFolder } from "../src/files/folder.testing.ts";
import { fixture } from "../src/fixtures.testing.ts";
import { hold } from "../src/hold.testing.ts";
import { type Mutant, mutatedBytes, mutatedJson, mutatedJsonText } from "../src/mutations.testing.ts";
import { AS_THEY_ARE, readDocuments, type TextOptions } from "../src/text/documents.ts";
import { readFacts, templatesOf } from "../src/text/facts.ts";
import { conversationOf } from "../src/text/records.ts";
import { ChatTemplate, readChatTemplates } from "../src/tokenizer/chat.ts";

const at = temporaryFolder();

/** Reads a file of this content to its end. */
const reading =
  (name: string, options: Partial<TextOptions> = {}) =>
  async (content: Buffer): Promise<void> => {
    writeFileSync(at(name), content);
    const defaults: TextOptions = {
      text: [{ path: at(name), domain: null }],
      ...AS_THEY_ARE,
      kinds: [almanacPages],
      seed: 1,
    };
    for await (const { text } of readDocuments({ ...defaults, ...options })) Buffer.byteLength(text);
  };
const left = (name: string) => ({ left: () => readdirSync(at()).filter((file) => file !== name) });

const gzipped = (mutants: fc.Arbitrary<Mutant<Buffer>>): fc.Arbitrary<Mutant<Buffer>> =>
  mutants.map(({ content, how }) => ({ content: gzipSync(content, { level: 1 }), how }));

const RECORDS = [
  { text: "first\nof two", lang: "en", n: 1, meta: { body: "nested", list: ["a", { b: "c" }] } },
  { text: "zweiter é 😀", lang: "de", n: null, meta: { body: "", list: [] } },
];
const PAGES = [...pagesOf(createWorld(3, "tiny"), "known")].slice(0, 3);
const CONVERSATIONS = [
  {
    messages: [
      { role: "system", content: "be" },
      { role: "user", content: [{ type: "text", text: "x" }] },
      { role: "assistant", content: null, tool_calls: [{ function: { name: "f", arguments: { a: 1 } } }] },
    ],
    tools: [{ type: "function", function: { name: "f", parameters: {} } }],
  },
  { conversations: [{ from: "human", value: "x" }, { from: "gpt", value: "y" }] }, // biome-ignore format: short
];

/** A mutated line among sound ones. */
const lines = (records: readonly unknown[], mutants = mutatedJsonText(records)): fc.Arbitrary<Mutant<Buffer>> => {
  const sound = records.map((record) => Buffer.from(`${JSON.stringify(record)}\n`));
  return fc.tuple(mutants, fc.nat(sound.length)).map(([{ content, how }, place]) => ({
    content: Buffer.concat([...sound.slice(0, place), content, Buffer.from("\n"), ...sound.slice(place)]),
    how,
  }));
};

describe("records", () => {
  it.each<[string, Partial<TextOptions>]>([
    ["as they are", {}],
    ["by a field within them, with labels", { field: "meta.body", labels: ["lang", "n"] }],
    [
      "cut and sampled, their damage replaced",
      { splitOn: "\\n", invalidUtf8: "replace", sample: true, limitBytes: 40 },
    ],
  ])("in JSON lines, %s", async (_, options) => {
    const { sound } = await hold(lines(RECORDS), reading("r.jsonl", options), 300, left("r.jsonl"));
    expect(sound).toBeGreaterThan(0);
  });

  it("in a list of JSON", async () => {
    const { sound } = await hold(mutatedJsonText([RECORDS, RECORDS[0]]), reading("r.json"), 300, left("r.json"));
    expect(sound).toBeGreaterThan(0);
  });

  it("that are pages of the almanac", async () => {
    const { sound } = await hold(lines(PAGES), reading("p.jsonl"), 300, left("p.jsonl"));
    expect(sound).toBeGreaterThan(0);
  });

  it("in gzip, whole and damaged", async () => {
    const whole = gzipSync(RECORDS.map((record) => JSON.stringify(record)).join("\n"));
    const mutants = fc.oneof(mutatedBytes([whole, Buffer.concat([whole, whole])]), gzipped(lines(RECORDS)));
    const { sound } = await hold(mutants, reading("r.jsonl.gz"), 300, left("r.jsonl.gz"));
    expect(sound).toBeGreaterThan(0);
  });

  it("in Parquet", async () => {
    const names = ["none", "snappy", "zstd", "dictionary", "types"];
    const files = names.map((name) => readFileSync(fixture(`parquet/${name}.parquet`)));
    const { sound } = await hold(mutatedBytes(files), reading("r.parquet"), 40, left("r.parquet"));
    expect(sound).toBeGreaterThan(0);
  });
});

describe("plain text", () => {
  const text = Buffer.from("The café, naïve\r\n\tand \u0000 so on 😀.\n".repeat(20));
  it.each<[string, Partial<TextOptions>]>([
    ["strictly", {}],
    ["replacing its damage", { invalidUtf8: "replace", limitBytes: 300 }],
    ["in pieces", { splitOn: "(?<=\\s)and|^" }],
  ])("%s", async (_, options) => {
    const { sound } = await hold(mutatedBytes([text]), reading("t", options), 300, left("t"));
    expect(sound).toBeGreaterThan(0);
  });

  it("in a folder, which leaves out what is none", async () => {
    const read = reading("t", { text: [{ path: at(), domain: null }] });
    const { sound } = await hold(mutatedBytes([text]), read, 200, left("t"));
    expect(sound).toBeGreaterThan(0);
  });
});

describe("facts", () => {
  const facts = [...factsOf(createWorld(3, "tiny"))].slice(0, 3);
  const read = (name: string) => (content: Buffer) => {
    writeFileSync(at(name), content);
    const templates = templatesOf([["born", "{subject} was born in {value}."]]);
    return readFacts(at(name), { limit: 2, prompts: 1, seed: 0, templates });
  };

  it("in JSON lines", async () => {
    const { sound } = await hold(lines(facts), read("f.jsonl"), 500, left("f.jsonl"));
    expect(sound).toBeGreaterThan(0);
  });

  it("in a table", async () => {
    const table = 'subject,relation,value,exposures,priorBits\nAda,born,1815,3,1.5\n"A ""B"", C",born,1912,,\n';
    const { sound } = await hold(mutatedBytes([Buffer.from(table)]), read("f.csv"), 500, left("f.csv"));
    expect(sound).toBeGreaterThan(0);
  });
});

describe("conversations", () => {
  const TEMPLATES = [
    "{{ bos_token }}{% for m in messages %}<|{{ m.role }}|>{{ m['content'] | trim }}{% if not loop.last %}\n{% endif %}{% endfor %}",
    "{% if tools %}{{ tools | tojson(indent=2) }}{% endif %}{% set ns = namespace(i=0) %}{% for m in messages %}{% set ns.i = ns.i + 1 %}{% if m.tool_calls is defined %}{{ m.tool_calls[0].function.name }}{% elif m.content is string %}{{ m.content.split('x')[0] + m.content[1:] }}{% else %}{% for part in m.content %}{{ part.text }}{% endfor %}{% endif %}{% endfor %}{{ raise_exception('no') if ns.i > 9 }}",
    "{% macro say(m, n=3) -%}{{ m.content | upper | replace('X', 'y') }}{%- endmacro %}{% for m in messages if m.role != 'system' %}{{ say(m) }}{{ range(3) | join(',') }}{% endfor %}",
  ];
  const chat = (template: string) =>
    new ChatTemplate(
      { templates: new Map([["default", template]]), source: "chat_template.jinja" },
      new Map([["bos_token", "<s>"]]),
    );

  it("by their records", async () => {
    const renderer = chat(TEMPLATES[1]);
    const mutants = fc.oneof(mutatedJson(CONVERSATIONS), mutatedJson([CONVERSATIONS[0]]));
    const { sound } = await hold(mutants, (record) => renderer.render(conversationOf(record, null, "r"), "r"), 400);
    renderer.close();
    expect(sound).toBeGreaterThan(0);
  });

  it("by what stands in JSON lines", async () => {
    const renderer = chat(TEMPLATES[1]);
    const { sound } = await hold(lines(CONVERSATIONS), reading("c.jsonl", { chat: renderer }), 200, left("c.jsonl"));
    renderer.close();
    expect(sound).toBeGreaterThan(0);
  });

  it("by their templates", async () => {
    const conversation = conversationOf(CONVERSATIONS[0], null, "r");
    const mutants = mutatedBytes(TEMPLATES.map((template) => Buffer.from(template)));
    const { sound } = await hold(
      mutants,
      async (bytes) => {
        writeFileSync(at("chat_template.jinja"), bytes);
        const { templates } = await readChatTemplates(at());
        const renderer = chat(templates.get("default")!);
        try {
          await renderer.render(conversation, "r");
        } finally {
          renderer.close();
        }
      },
      15,
      left("chat_template.jinja"),
    );
    expect(sound).toBeGreaterThan(0);
  });

  it("by the files that hold their templates", async () => {
    const config = { chat_template: [{ name: "default", template: "x" }, { name: "tool_use", template: "y" }] }; // biome-ignore format: short
    const name = "tokenizer_config.json";
    const { sound } = await hold(
      mutatedJsonText([config, { chat_template: { default: "x", rag: "y" } }]),
      (bytes) => {
        writeFileSync(join(at(), name), bytes);
        return readChatTemplates(at());
      },
      300,
      left(name),
    );
    expect(sound).toBeGreaterThan(0);
  });
});
