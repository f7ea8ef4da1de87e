/**
 * Answers of a real vLLM (0.32.0, SmolLM2-135M-Instruct), read as its documentation has them: what is made of each exchange, and
 * what is asked of the server, which takes these very bodies.
 */
import { existsSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LossyscopeError } from "../numeric/errors.ts";
import { echo, type Prompted, SGLANG, TGI, VLLM } from "./dialect.ts";

const EXCHANGES = new URL("../../../shared/fixtures/vllm/exchanges.json", import.meta.url);
const there = existsSync(EXCHANGES);

interface Exchange {
  readonly request: { readonly path: string; readonly body: Record<string, unknown> };
  readonly status: number;
  readonly response: {
    readonly choices: {
      readonly prompt_logprobs: (Record<string, { logprob: number }> | null)[];
      readonly logprobs: { readonly token_logprobs: (number | null)[] };
    }[];
  };
}

const ids = Int32Array.of(504, 3575, 282, 4649, 314);
const france: Prompted = { ids, text: "The capital of France is", likeliest: 0 };

describe.skipIf(!there)("exchanges with vLLM (from ../shared/fixtures/vllm)", () => {
  const exchanges: Readonly<Record<string, Exchange>> = there ? JSON.parse(readFileSync(EXCHANGES, "utf8")) : {};

  it("give the log-probabilities of the tokens that were sent, the same with echo", () => {
    const { response } = exchanges["c-ids-plp1-mt1"];
    const { nats, likeliest } = VLLM.read(response, { ...france, likeliest: 1 });
    const told = response.choices[0].prompt_logprobs;
    expect(nats[0]).toBeNaN();
    for (const [place, id] of [...ids].entries()) if (place > 0) expect(nats[place]).toBe(-told[place]![id].logprob);
    for (let place = 1; place < ids.length; place++) {
      const best = Math.max(...Object.values(told[place]!).map(({ logprob }) => logprob));
      expect(likeliest[place]).toEqual([{ id: expect.any(Number), nats: -best }]);
    }
    for (const name of ["c-ids-echo-lp1-mt0", "c-ids-echo-lp0-mt1", "c-text-echo-lp1-mt0", "c-text-echo-lp5-mt0"]) {
      const echoed = echo("ids").read(exchanges[name].response, france);
      for (let place = 1; place < ids.length; place++) expect(echoed.nats[place]).toBeCloseTo(nats[place], 4);
    }
  });

  it("ask for what vLLM has answered", () => {
    const { cache_salt, temperature, ...body } = VLLM.score({ ...france, likeliest: 1 }, "smollm2-135m-instruct");
    expect(body).toEqual(exchanges["c-ids-plp1-mt1"].request.body);
    expect([typeof cache_salt, temperature]).toEqual(["string", 0]);
    expect(exchanges["c-ids-plp1-mt1"].request.path).toBe(`/v1${VLLM.path}`);
  });

  it("refuse one prompt's answer for another's, and a batch's for one", () => {
    const other = { ...france, ids: ids.with(2, 281) };
    expect(() => VLLM.read(exchanges["c-ids-plp1-mt1"].response, other)).toThrow(
      /token 2 has nothing of id 281, which was sent/,
    );
    expect(() => VLLM.read(exchanges["b-ids"].response, france)).toThrow(/it has 2 choices for one prompt/);
    const text = { ...france, text: "The capital of Spain is" };
    expect(() => echo("ids").read(exchanges["c-ids-echo-lp1-mt0"].response, text)).toThrow(
      /it cuts the text otherwise/,
    );
    // with `return_token_ids` the prompt's ids are told
    const told = exchanges["c-ids-echo-lp1-mt0-retids"].response;
    expect(echo("ids").read(told, france).nats).toHaveLength(5);
    expect(() => echo("ids").read(told, other)).toThrow(/other tokens than those that were sent/);
  });

  it("have characters of several tokens, whose texts say nothing of the bytes", () => {
    const { request, response } = exchanges["s-unicode-astok"];
    const emoji = { ids: Int32Array.from(request.body.prompt as number[]), text: "é 漢🙂 ", likeliest: 0 };
    expect(() => echo("ids").read(response, emoji)).toThrow(/its tokens make "token_id:/);
    expect(
      VLLM.read(exchanges["s-one-token-plp"].response, { ids: Int32Array.of(504), text: "The", likeliest: 0 }).nats,
    ).toEqual(Float64Array.of(Number.NaN));
  });
});

describe("answers of SGLang", () => {
  const answer = (tokens: unknown, tops: unknown = undefined) => ({
    meta_info: { input_token_logprobs: tokens, input_top_logprobs: tops },
  });
  const sent: Prompted = { ids: Int32Array.of(7, 8, 9), text: "", likeliest: 0 };

  it("are read token by token, each of the id that was sent", () => {
    const tokens = [
      [null, 7, null],
      [-1.5, 8, null],
      [-0.25, 9, null],
    ];
    const tops = [
      null,
      [
        [-0.5, 3, null],
        [-1.5, 8, null],
      ],
      [
        [-2, 4, null],
        [-0.25, 9, null],
      ],
    ];
    expect(SGLANG.read(answer(tokens, tops), { ...sent, likeliest: 2 })).toEqual({
      nats: Float64Array.of(Number.NaN, 1.5, 0.25),
      likeliest: [
        [],
        [
          { id: 3, nats: 0.5 },
          { id: 8, nats: 1.5 },
        ],
        [
          { id: 9, nats: 0.25 },
          { id: 4, nats: 2 },
        ],
      ],
    });
    expect(() => SGLANG.read(answer([tokens[0], [-1, 5, null], tokens[2]]), sent)).toThrow(/token 1 is 5, 8 was sent/);
    expect(() => SGLANG.read(answer(tokens.slice(1)), sent)).toThrow(/has 2 places for 3 tokens/);
  });

  it.each([null, 7, [], {}, { meta_info: null }, { choices: "none" }, { choices: [null] }])(
    "that are %j are refused",
    (other) => {
      for (const dialect of [SGLANG, VLLM, TGI, echo("ids")])
        expect(() => dialect.read(other, sent)).toThrow(/the server's answer is not to be used/);
    },
  );

  it("of any shape are read or refused, never anything else", () => {
    const odd = fc.oneof(fc.jsonValue(), fc.double(), fc.constant(undefined));
    const places = fc.array(fc.oneof(odd, fc.array(odd), fc.dictionary(fc.constantFrom("7", "8", "9"), odd)), {
      maxLength: 4,
    });
    const told = fc.record(
      {
        prompt_logprobs: places,
        input_token_logprobs: places,
        input_top_logprobs: places,
        tokens: places,
        token_logprobs: places,
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(told, fc.nat(2), (one, likeliest) => {
        const answer = { choices: [{ ...one, logprobs: one }], meta_info: one, details: { prefill: one.tokens } };
        for (const dialect of [SGLANG, VLLM, TGI, echo("ids")]) {
          try {
            const { nats } = dialect.read(answer, { ...sent, likeliest });
            expect([...nats.subarray(1)].every((value) => value >= 0 && value < 9999)).toBe(true);
          } catch (error) {
            if (!(error instanceof LossyscopeError)) throw error;
          }
        }
      }),
    );
  });
});
