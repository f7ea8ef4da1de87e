/** Two models over one text, from files to figures. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createWorld, documents } from "../../almanac/almanac.ts";
import { temporaryFolder } from "../../files/folder.testing.ts";
import { openSafetensors, writeSafetensors } from "../../files/safetensors.ts";
import { hasSpecimens, specimen } from "../../fixtures.testing.ts";
import { fromFloat32, toFloat32 } from "../../formats/tensor-types.ts";
import type { Model } from "../../ports/model.ts";
import { lockstepSchema } from "../../profile/lockstep.ts";
import { openModel } from "../../references/open.ts";
import { writeGgufModel } from "../gguf.testing.ts";
import { editJson, listener, measureFiles, sampleText, writeModel, writeText } from "../model.testing.ts";
import { validatePlan } from "../plan.ts";
import { unigramModel, unigramNats } from "../unigram.testing.ts";
import { measureLockstep } from "./lockstep.ts";

const temporary = temporaryFolder();
const open = (folder: string): Promise<Model> => openModel(folder, { offline: true, onDownload() {} });

function planOf(text: string, more: Readonly<Record<string, unknown>> = {}) {
  const path = writeText(temporary("pages.txt"), text);
  return validatePlan({ text: [{ path }], splitOn: "\n\n", context: { tokens: 32, asked: true }, ...more });
}

async function lockstep(reference: Model, model: Model, plan: ReturnType<typeof planOf>) {
  const found = await measureLockstep({ reference, model, plan, threads: 1, progress: listener() });
  if ("absent" in found) throw new Error(found.absent);
  expect(lockstepSchema.parse(found)).toEqual(found);
  return found;
}

const noisy = (name: string, values: Float32Array): void => {
  if (name.includes("mlp")) for (const [i, x] of values.entries()) values[i] = x * (1 + 0.2 * Math.sin(i));
};

describe("two models over one text", () => {
  const text = sampleText(24, 90);

  it("spend the bits that each does by itself, and nothing of a model against itself", async () => {
    const [p, q] = [await writeModel(temporary("p")), await writeModel(temporary("q"), { change: noisy })];
    const plan = planOf(text);
    const found = await lockstep(await open(p), await open(q), plan);
    const bitsPerByte = await Promise.all(
      [p, q].map(async (model, index) => {
        const { profile } = await measureFiles({
          ...{ model, text: temporary("pages.txt"), work: temporary(`work${index}`) },
          plan: { context: { tokens: 32, asked: true } },
        });
        return profile.coding!.overall.bitsPerByte.value!;
      }),
    );
    expect(found.overall.bitsPerByte.value).toBeCloseTo(bitsPerByte[1] - bitsPerByte[0], 5);
    const { kl, klQuantiles } = found.overall;
    expect(kl!.low).toBeGreaterThan(0);
    expect(found.tokens[0].kl).toBe(klQuantiles!.maximum);
    expect(found.stretches[0].text).toContain(" ");

    const same = await lockstep(await open(p), await open(p), plan);
    expect(same.overall).toMatchObject({
      kl: { value: 0, low: 0, high: 0 },
      klQuantiles: { maximum: 0 },
      bitsPerByte: { value: 0 },
      agreement: { value: 1 },
      probability: { value: 0 },
    });
    expect(same.stretches).toEqual([]);
  });

  it("of which one is the other in bfloat16 differ by little, and by nothing where only the storage does", async () => {
    const p = await writeModel(temporary("p"));
    const rounded = (values: Float32Array): Float32Array => toFloat32("BF16", fromFloat32("BF16", values));
    const q = await writeModel(temporary("q"), { change: (_, values) => values.set(rounded(values)) });
    const stored = await writeModel(temporary("stored"));
    const file = await openSafetensors(join(q, "model.safetensors"));
    const tensors = [];
    for (const { name, shape } of file.header.tensors.values())
      tensors.push({
        name,
        shape,
        dtype: "BF16" as const,
        data: fromFloat32("BF16", (await file.read(name)) as Float32Array),
      });
    await file.close();
    await writeSafetensors(join(stored, "model.safetensors"), tensors);
    const plan = planOf(text);
    const { overall } = await lockstep(await open(p), await open(stored), plan);
    expect(overall.kl!.value).toBeGreaterThan(0);
    expect(overall.kl!.value).toBeLessThan(1e-3);
    expect(overall.agreement!.value).toBeGreaterThan(0.9);
    expect((await lockstep(await open(q), await open(stored), plan)).overall.klQuantiles!.maximum).toBe(0);
  });

  it("of which one is a GGUF file of the other's numbers differ by nothing, by little where they are 8 bits", async () => {
    const folder = await writeModel(temporary("p"), { config: { hidden_size: 32, intermediate_size: 64 } });
    const [same, small] = await Promise.all(
      (["F32", "Q8_0"] as const).map((as) => writeGgufModel(temporary(`${as}.gguf`), folder, { as })),
    );
    const plan = planOf(text);
    expect((await lockstep(await open(folder), await open(same), plan)).overall.klQuantiles!.maximum).toBe(0);
    const { overall } = await lockstep(await open(folder), await open(small), plan);
    expect(overall.kl!.low).toBeGreaterThan(0);
    expect(overall.kl!.high).toBeLessThan(0.01);
  });

  it("of which one gives losses alone have ΔL, and KL refused by name", async () => {
    const p = await open(await writeModel(temporary("p")));
    const found = await lockstep(p, unigramModel(), planOf("ee zz\n\naa ee"));
    expect(found.refusals.map(({ figure }) => figure)).toEqual(["kl", "klQuantiles", "agreement"]);
    expect(found.refusals[0].reason).toMatch(/the weights of unigram are not at hand/);
    expect(found.overall).toMatchObject({ kl: null, agreement: null, tokens: 10, bytes: 10 });
    const bits = [..."ee zzaa ee"].reduce((sum, letter) => sum + unigramNats(letter.charCodeAt(0)), 0) / Math.LN2;
    const { profile } = await measureFiles({
      ...{ model: temporary("p"), text: temporary("pages.txt"), work: temporary("work") },
      plan: { context: { tokens: 32, asked: true } },
    });
    expect(found.overall.bitsPerByte.value).toBeCloseTo(bits / 10 - profile.coding!.overall.bitsPerByte.value!, 4);
  });

  it("that mean other tokens by their ids are not read together", async () => {
    const [p, q] = [await writeModel(temporary("p")), await writeModel(temporary("q"))];
    editJson(q, "tokenizer.json", ({ model }) => {
      const { vocab } = model as { vocab: Record<string, number> };
      [vocab.a, vocab.b] = [vocab.b, vocab.a];
    });
    const request = { plan: planOf(text), threads: 1, progress: listener() };
    expect(await measureLockstep({ ...request, reference: await open(p), model: await open(q) })).toEqual({
      absent: expect.stringMatching(/differ in 2 of 257 ids \(\d+ is "a" and "b", \d+ is "b" and "a"\)/),
    });
  });

  it("of which one has more rows are compared over those of the other, which a text must not leave", async () => {
    const more = { vocab_size: 300 };
    const [p, q] = [
      await writeModel(temporary("p"), { prefix: false }),
      await writeModel(temporary("q"), {
        ...{ prefix: false, config: more },
        // rows of padding that would have all of the mass
        change: (name, values) => name === "lm_head.weight" && values.fill(40, 257 * 16),
      }),
    ];
    const found = await lockstep(await open(p), await open(q), planOf(text));
    expect(found.vocabulary).toEqual({ shared: 257, reference: 257, model: 300 });
    expect(found.overall.bitsPerByte.value).toBeLessThan(20);
    expect(found.overall.tokens).toBe(found.overall.bytes - 24);

    const fewer = await writeModel(temporary("fewer"), { prefix: false, config: { vocab_size: 98 } });
    const request = { plan: planOf("abc"), threads: 1, progress: listener() };
    expect(await measureLockstep({ ...request, reference: await open(p), model: await open(fewer) })).toEqual({
      absent: expect.stringMatching(/reaches the token "b" \(id 98\), which only one of the models has: leave that/),
    });
  });

  it("keep their text to themselves where asked", async () => {
    const [p, q] = [await writeModel(temporary("p")), await writeModel(temporary("q"), { change: noisy })];
    const found = await lockstep(await open(p), await open(q), planOf(text, { keepText: false }));
    const said = JSON.stringify(found.tokens.concat(found.stretches as never));
    for (const word of text.split(/\s+/).filter(({ length }) => length > 5)) expect(said).not.toContain(word);
  });
});

describe.skipIf(!hasSpecimens)("specimens", () => {
  const pages = (): string => {
    const texts: string[] = [];
    for (const { text } of documents(createWorld(7, "medium"), "known")) if (texts.push(text) === 12) break;
    return texts.join("\n\n");
  };

  it("differ where one knows more, in bits and in what they held for likeliest", async () => {
    const [main, small] = [await open(specimen("main/step-36246")), await open(specimen("small/step-36246"))];
    const plan = planOf(pages(), { context: { tokens: 256, asked: true } });
    const { overall, tokens, vocabulary } = await lockstep(main, small, plan);
    expect(vocabulary.shared).toBe(main.vocabulary);
    expect(overall.bitsPerByte.low).toBeGreaterThan(0);
    // of two that differ, the expected loss is no less than the divergence; over a text that one knows, about as much
    expect(overall.kl!.value! * (overall.tokens / overall.bytes)).toBeCloseTo(overall.bitsPerByte.value!, 1);
    expect(overall.agreement!.high).toBeLessThan(1);
    expect(tokens[0].kl).toBeGreaterThan(overall.klQuantiles!.p99);
  });
});
