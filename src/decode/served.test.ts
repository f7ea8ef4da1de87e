/** Questions to a model that a server runs, against the costs and the greedy answers that its model has by itself. */
import { afterEach, describe, expect, it } from "vitest";
import { costsOf, type FakeServer, fakeServer, hashedNats, spellByte } from "../endpoint/endpoint.testing.ts";
import { temporaryFolder } from "../files/folder.testing.ts";
import { writeModel } from "../measure/model.testing.ts";
import { sum } from "../numeric/sums.ts";
import { openModel } from "../references/open.ts";
import { ask, type Question } from "./candidates.ts";
import { servedNats, untilEnd } from "./served.ts";

const at = temporaryFolder();
let server: FakeServer;
afterEach(() => server?.close());
const END = 256;

const QUESTIONS: Question[] = [
  { prompt: "Ada lives in", joint: " ", terminator: ".", candidates: ["Rome", "Romeo", "Bath"] },
  { prompt: "Z", joint: "", terminator: ";", candidates: ["a", "b"] },
];

describe("a served model", () => {
  it.each(["vllm", "sglang"] as const)("of %s is asked as one that is at hand", async (kind) => {
    server = await fakeServer({ kind, next: hashedNats, spell: spellByte });
    const model = await openModel(server.url, { served: { tokenizer: await writeModel(at("model")), concurrency: 3 } });
    const told: string[] = [];
    const replies = await ask(model, QUESTIONS, {
      threads: 1,
      onProgress: (phase, done) => told.push(`${phase} ${done}`),
    });
    for (const [index, { prompt, joint, terminator, candidates }] of QUESTIONS.entries()) {
      const bytes = (text: string): number[] => [END, ...Buffer.from(text)];
      const expected = candidates.map((one) =>
        sum(costsOf(hashedNats, bytes(prompt + joint + one + terminator)).slice(bytes(prompt).length) as number[]),
      );
      expect([...replies[index].nats]).toEqual(expected.map((nats) => expect.closeTo(nats, 6)));
      const said: number[] = [];
      while (said.length < 16) {
        const next = hashedNats([...bytes(prompt), ...said]);
        said.push(next.indexOf(Math.min(...next)));
      }
      const text = Buffer.from(said).toString();
      const answer = text.startsWith(joint) ? text.slice(joint.length) : text;
      const end = answer.indexOf(terminator, 1);
      expect(replies[index].answer).toBe((end < 0 ? answer : answer.slice(0, end)).trim());
      expect(replies[index].candidate).toBeNull();
    }
    expect(told.sort()).toEqual(["answers 1", "answers 2", "candidates 1", "candidates 2"]);
    const greedy = server.asked.at(-1)!.body!;
    expect(greedy.sampling_params ?? greedy).toMatchObject({ temperature: 0, repetition_penalty: 1 });
  });

  it("is not asked for more positions than it has", async () => {
    server = await fakeServer({ next: hashedNats, spell: spellByte, positions: 40 });
    const model = await openModel(server.url, { served: { tokenizer: await writeModel(at("model")) } });
    const long = { ...QUESTIONS[0], candidates: ["x".repeat(40)] };
    await expect(ask(model, [long], { threads: 1 })).rejects.toThrow(/the model has 39 positions, windows of 55 were/);
  });
});

describe("the last token of an answer", () => {
  const asking = {
    concurrency: 1,
    goOn: async () => [],
    score: async (ids: Int32Array, likeliest: number) => ({
      nats: Float64Array.from(ids, (_, place) => (place === 0 ? Number.NaN : place)),
      likeliest: [...ids].map((_, place) =>
        likeliest === 0
          ? []
          : [
              { id: 7, nats: Math.log(2) },
              { id: 9, nats: Math.log(4) },
              { id: 3, nats: place },
            ],
      ),
    }),
  };

  it("stands for all that begin as it does, of those that the server tells, itself once", async () => {
    const tail = { stem: [1, 2], tail: [5, 3] };
    expect(await servedNats(asking, { ...tail, members: new Set([3]) }, undefined)).toBe(2 + 3);
    expect(await servedNats(asking, { ...tail, members: new Set([3, 9]) }, undefined)).toBeCloseTo(
      2 - Math.log(Math.exp(-3) + 1 / 4),
      12,
    );
  });

  it("of a text that ends is the one before its end", () => {
    expect(untilEnd([4, 5, 256, 6], new Set([256]))).toEqual([4, 5]);
    expect(untilEnd([4, 5], new Set([256]))).toEqual([4, 5]);
  });
});
