/** Servers that are what they should be, and those that are not: what each is refused for. */
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Patience } from "../endpoint/client.ts";
import {
  cutBytes,
  type FakeServer,
  fakeServer,
  hashedNats,
  type ServerOptions,
  send,
  spellByte,
} from "../endpoint/endpoint.testing.ts";
import { temporaryFolder } from "../files/folder.testing.ts";
import { writeModel } from "../measure/model.testing.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { describeEngine } from "../ports/engine.testing.ts";
import { describeModel } from "../ports/model.testing.ts";
import type { Model } from "../ports/model.ts";
import { openModel, referenceTo } from "./open.ts";

const at = temporaryFolder();
const PATIENCE: Patience = { attempts: 3, firstMs: 1, longestMs: 5, answerMs: 5_000 };
const open: FakeServer[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  await Promise.all(open.splice(0).map((server) => server.close()));
});

async function serving(options: Partial<ServerOptions> = {}): Promise<FakeServer> {
  const server = await fakeServer({ next: hashedNats, spell: spellByte, ...options });
  open.push(server);
  return server;
}

/** The bytes' own tokenizer, in a folder without weights. */
const tokenizer = (): Promise<string> => writeModel(at("tokenizer"));

async function opening(server: { readonly url: string }, more: object = {}): Promise<Model> {
  return openModel(server.url, { served: { tokenizer: await tokenizer(), patience: PATIENCE, ...more } });
}

async function refusal(work: Promise<unknown>): Promise<LossyscopeError> {
  const error = await work.catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(LossyscopeError);
  return error as LossyscopeError;
}

describe.each(["vllm", "sglang", "openai"] as const)("a model that %s serves", (kind) => {
  const make = async () => opening(await serving({ kind }));
  describeModel("behind an address", { make });
  describeEngine("endpoint", {
    async make() {
      const { runs } = await make();
      if (runs.kind !== "engine") throw new Error("it brings its engine");
      return runs.create({ threads: 1, longest: 8, describe: () => "a window" });
    },
    vocabulary: 257,
  });

  it("is known by its name, has positions for what is drawn behind a prompt, and shows no layers", async () => {
    const model = await opening(await serving({ kind, name: "org/name", positions: 64 }));
    expect(model).toMatchObject({ name: "org/name", vocabulary: 257, positions: 63, layers: null, width: null });
    expect([...model.can]).toEqual(kind === "openai" ? ["losses"] : ["losses", "likeliest", "answers"]);
    expect(model.served!.sent().tokens).toBeGreaterThan(100);
  });
});

describe("a model that TGI serves", () => {
  it("is asked with text, and its ids are those of the text, with BOS before them or without", async () => {
    for (const bos of [undefined, 256]) {
      const server = await serving({ kind: "tgi", cut: cutBytes, bos });
      const model = await opening(server);
      expect(model).toMatchObject({ name: "served", positions: 63, served: { server: "TGI 3.3.6", asking: null } });
      expect([...model.can]).toEqual(["losses"]);
      expect(server.asked.find(({ path }) => path === "/generate")!.body!.inputs).toMatch(/^The capital/);
    }
    const cut = (text: string): number[] => cutBytes(text.replace("capital", "Capital"));
    expect((await refusal(opening(await serving({ kind: "tgi", cut })))).message).toMatch(
      /it cuts the text otherwise: token 4 is 67, where 99 was meant/,
    );
  });

  it("is refused where it was started without log-probabilities of prompts", async () => {
    const server = await serving({ kind: "tgi", cut: cutBytes });
    server.intercept = (asked, response) => {
      if (asked.path !== "/generate") return false;
      send(response, 200, { generated_text: "a", details: { prefill: [], tokens: [] } });
      return true;
    };
    expect((await refusal(opening(server))).message).toMatch(
      /\(TGI\) gives no log-probabilities of a prompt: start it with --enable-prefill-logprobs/,
    );
  });
});

describe("an address", () => {
  it.each([
    ["http://host:8000", "endpoint"],
    ["https://host/api/v1/", "endpoint"],
    ["http://host/v1/completions", "endpoint"],
    ["https://huggingface.co/org/name", "hub"],
  ])("%s is of %s", async (reference, kind) => {
    expect(await referenceTo(reference)).toMatchObject({ kind });
  });

  it("carries no secrets, and no other model has options of a served one", async () => {
    expect((await refusal(openModel("http://name:secret@host/v1"))).message).toBe(
      "the address of host carries a name or a password: leave it out, and set LOSSYSCOPE_API_KEY",
    );
    expect((await refusal(openModel("http://host/v1?key=secret"))).message).not.toContain("secret");
    const error = await refusal(openModel(await tokenizer(), { served: { model: "x" } }));
    expect(error.message).toMatch(/--served-model is for a model behind an address/);
  });

  it("where nobody listens, or something else does, is said to be that", async () => {
    const closed = await serving();
    await closed.close();
    expect((await refusal(opening(closed))).message).toMatch(
      /127\.0\.0\.1:\d+ gave no answer for its models in 3 attempts/,
    );
    const page = await serving();
    page.intercept = (_, response) => {
      response.writeHead(404, { "content-type": "text/html" });
      response.end("<h1>Not here</h1>");
      return true;
    };
    expect((await refusal(opening(page))).message).toMatch(/has no \/v1\/models.*Not here.*: pass the address/);
  });
});

describe("the key", () => {
  it("goes to the server, and shows in no error", async () => {
    vi.stubEnv("LOSSYSCOPE_API_KEY", "sk-secret");
    vi.stubEnv("OPENAI_API_KEY", "sk-other");
    const server = await serving();
    await opening(server);
    expect(new Set(server.asked.map(({ authorization }) => authorization))).toEqual(new Set(["Bearer sk-secret"]));
    server.intercept = (_, response) => {
      send(response, 401, { error: "Incorrect API key provided: sk-secret" });
      return true;
    };
    expect((await refusal(opening(server))).message).toMatch(
      /does not accept the key \(401: Incorrect API key provided: …\): set LOSSYSCOPE_API_KEY/,
    );
  });

  it("of OPENAI_API_KEY goes to this machine and by TLS alone", async () => {
    const { endpointAddress } = await import("../endpoint/address.ts");
    const keys = { OPENAI_API_KEY: "sk-other" };
    expect(endpointAddress("http://127.0.0.1:8000", keys)).toMatchObject({
      base: "http://127.0.0.1:8000/v1",
      key: "sk-other",
    });
    expect(endpointAddress("https://host/v1", keys).key).toBe("sk-other");
    expect(endpointAddress("http://host/v1", keys).key).toBeUndefined();
    expect(endpointAddress("http://host/v1", { ...keys, LOSSYSCOPE_API_KEY: "own" }).key).toBe("own");
    expect(() => endpointAddress("http://host/v1", { LOSSYSCOPE_API_KEY: "two\nlines" })).toThrow(
      /no header can carry/,
    );
  });
});

describe("which model is meant", () => {
  it("has to be said where several are served, and to be one of them", async () => {
    const server = await serving();
    const two = { data: [{ id: "a" }, { id: "b" }] };
    server.intercept = (asked, response) => {
      if (asked.path !== "/v1/models") return false;
      send(response, 200, two);
      return true;
    };
    expect((await refusal(opening(server))).message).toMatch(/serves 2 models: "a", "b": name one with --served-model/);
    expect((await refusal(opening(server, { model: "c" }))).message).toMatch(/serves no model "c", but "a", "b"/);
    expect((await opening(server, { model: "b" })).name).toBe("b");
    server.intercept = (_, response) => {
      send(response, 200, { models: [] });
      return true;
    };
    expect((await refusal(opening(server))).message).toMatch(/lists its models as something that is no list/);
  });

  it("has a tokenizer that is named, or that lies where the server says it loaded it from", async () => {
    const root = await tokenizer();
    const told: string[] = [];
    const server = await serving({ root });
    const model = await openModel(server.url, {
      onDownload: (event) => told.push(event.kind === "note" ? event.note : event.kind),
    });
    expect(told).toEqual(["the tokenizer is that of tokenizer, which the server says it serves"]);
    expect(model.vocabulary).toBe(257);
    const error = await refusal(openModel((await serving({ root: "/nowhere" })).url, { offline: true }));
    expect(error.message).toMatch(
      /tokenizer of "served" is not at hand.*"\/nowhere": name a model that has it with --tokenizer/,
    );
  });

  it("is refused with the tokenizer of another", async () => {
    const server = await serving();
    server.intercept = (asked, response) => {
      if (asked.path !== "/tokenize") return false;
      send(response, 200, { tokens: [...Buffer.from(String(asked.body!.prompt))].with(3, 7) });
      return true;
    };
    expect((await refusal(opening(server))).message).toMatch(
      /cuts text otherwise than the tokenizer that was named: in place 3 it has the id 7, the tokenizer 49/,
    );
  });
});

/** A server whose prompt costs are changed in some way. */
const changed = (change: ServerOptions["change"], more: Partial<ServerOptions> = {}) =>
  serving({ change, ...more })
    .then(opening)
    .then(
      () => "passes",
      (error: LossyscopeError) => error.message,
    );

describe("the test before the run refuses", () => {
  it("a server without log-probabilities of prompts, with what it was asked", async () => {
    const llama = await changed(undefined, { ownedBy: "llamacpp" });
    expect(llama).toMatch(/^llama-server gives no log-probabilities of a prompt, only of what it draws/);
    const server = await serving();
    server.intercept = (asked, response) => {
      if (asked.path !== "/v1/completions") return false;
      send(response, 200, { choices: [{ text: "a", logprobs: null }] });
      return true;
    };
    expect((await refusal(opening(server))).message).toMatch(
      /gives no log-probabilities of a prompt, asked as vLLM is/,
    );
  });

  it("values that change from call to call", async () => {
    const noisy = await changed((nats, _, call) => nats.map((one) => (one === null ? one : one + (call % 3) * 0.2)));
    expect(noisy).toMatch(/the same 20 tokens, read again among other prompts, change by 0\.\d+ nats a token/);
    const quiet = await changed((nats, _, call) => nats.map((one) => (one === null ? one : one + (call % 3) * 0.002)));
    expect(quiet).toBe("passes");
  });

  it("values that a cache holds of another prompt", async () => {
    const held: (number | null)[] = [];
    const stale = await changed((nats) => nats.map((one, place) => (held[place] ??= one)));
    expect(stale).toMatch(
      /token 11 is another costs the same.*answered from a cache: start the server without its cache/,
    );
  });

  it("values a position off, as llama-cpp-python has them: what the token before said of the token itself", async () => {
    const shifted = await changed((nats, ids) =>
      nats.map((_, place) => (place === 0 ? null : hashedNats(ids.slice(0, place + 1))[ids[place]])),
    );
    expect(shifted).toMatch(/behind 7 tokens it draws .* values stand a position off.*llama-cpp-python/);
  });

  it("values that are those of the token behind, or before", async () => {
    const early = await changed((nats) => nats.map((_, place) => (place === 0 ? null : (nats[place + 1] ?? 1))));
    expect(early).toMatch(/what tokens cost changes with|stand a position off/);
    const late = await changed((nats) => nats.map((_, place) => (place === 0 ? null : (nats[place - 1] ?? 1))));
    expect(late).toMatch(/values stand a position late/);
  });

  it.each<[string, ServerOptions["change"], RegExp]>([
    ["more than certain", (nats) => nats.with(3, -0.5), /token 3 has the log-probability 0\.5, more than certain/],
    [
      "what stands for minus infinity",
      (nats) => nats.with(3, 9999),
      /token 3 has -9999, which stands for a probability of 0/,
    ],
    ["nothing", (nats) => nats.with(3, null), /token 3 has the log-probability null/],
    ["something of the first token", (nats) => nats.with(0, 1), /the first token, which nothing comes before, has/],
    ["too few", (nats) => nats.slice(0, -1), /has \d+ places for \d+ tokens that were sent/],
  ])("%s in place of a log-probability", async (_, change, message) => {
    expect(await changed(change)).toMatch(message);
  });

  it("NaN, which is no JSON", async () => {
    const server = await serving();
    server.intercept = (asked, response) => {
      if (asked.path !== "/v1/completions") return false;
      send(response, 200, '{"choices": [{"prompt_logprobs": [null, {"1": {"logprob": NaN}}]}]}');
      return true;
    };
    expect((await refusal(opening(server))).message).toMatch(/no JSON: NaN among its numbers/);
  });

  it("texts that are cut otherwise, where a server says no ids", async () => {
    const cut = (text: string): number[] => cutBytes(text.replace("capital", "Capital"));
    expect(await changed(undefined, { kind: "openai", cut })).toMatch(
      /its tokens make ".*Capital.*" where .* was sent/,
    );
    expect(await changed(undefined, { kind: "openai", cut: cutBytes })).toBe("passes");
  });
});

describe("a request", () => {
  it("is made again where the server has too much to do, is in trouble, or breaks off, and not where it refuses", async () => {
    const server = await serving();
    const seen = new Map<string, number>();
    const faults = ["busy", "trouble", "half", "no JSON"] as const;
    server.intercept = (asked, response, call) => {
      if (asked.path !== "/v1/completions" || asked.body?.logprobs !== undefined) return false;
      const key = JSON.stringify(asked.body?.prompt);
      const times = (seen.get(key) ?? 0) + 1;
      seen.set(key, times);
      if (times > 1 || seen.size === 1) return false;
      const fault = faults[call % faults.length];
      if (fault === "busy") send(response, 429, { error: { message: "later" } }, { "retry-after": "0" });
      else if (fault === "trouble") send(response, 500, "oops");
      else if (fault === "no JSON") send(response, 200, "<html>");
      else {
        response.writeHead(200, { "content-length": "1000" });
        response.write('{"choices": [', () => response.destroy());
      }
      return true;
    };
    const { served } = await opening(server);
    expect(served!.sent().again).toBeGreaterThan(3);
    const refusing = await serving();
    refusing.intercept = (asked, response) => {
      if (asked.path !== "/v1/completions" || !asked.body?.return_token_ids) return false;
      send(response, 400, { error: { message: "no token ids today", code: 400 } });
      return true;
    };
    expect((await refusal(opening(refusing))).message).toMatch(
      /refuses the tokens of the test.*\(400: no token ids today\)/,
    );
    expect(refusing.asked.filter(({ body }) => body?.return_token_ids)).toHaveLength(1);
  });

  it("waits for as long as it is asked to, and gives up where that is too long", async () => {
    const { askedPause } = await import("../endpoint/client.ts");
    expect(askedPause("2")).toBe(2000);
    expect(askedPause("Fri, 01 Jan 2100 00:00:10 GMT", Date.UTC(2100, 0, 1))).toBe(10_000);
    expect([askedPause(null), askedPause("soon")]).toEqual([null, null]);
    const server = await serving();
    server.intercept = (_, response) => {
      send(response, 429, { detail: "quota" }, { "retry-after": "86400" });
      return true;
    };
    expect((await refusal(opening(server))).message).toMatch(/429: quota, and asks for 1 d/);
    expect(server.asked).toHaveLength(1);
  });

  it("that is not answered in time, is sent elsewhere, or answered with more than any answer is, ends", async () => {
    const server = await serving();
    server.intercept = () => true;
    const slow = { ...PATIENCE, attempts: 2, answerMs: 200 };
    expect((await refusal(opening(server, { patience: slow }))).message).toMatch(
      /in 2 attempts \(no answer in 0\.2 s\)/,
    );
    server.intercept = (_, response) => {
      send(response, 307, "", { location: "http://elsewhere/v1/models?token=x" });
      return true;
    };
    expect((await refusal(opening(server))).message).toMatch(
      /sends its models on to "http:\/\/elsewhere\/v1\/models" \(307\)/,
    );
    server.intercept = (_, response) => {
      response.writeHead(200);
      const more = (): void => {
        while (!response.destroyed && response.write(" ".repeat(65_536)));
        if (!response.destroyed) response.once("drain", more);
      };
      more();
      return true;
    };
    expect((await refusal(opening(server))).message).toMatch(/the answer for its models is larger than 4\.00 MB/);
  });

  it("has no more company than is allowed, and ends when it is asked to", async () => {
    const server = await serving();
    await opening(server, { concurrency: 2 });
    expect(server.together).toBe(2);
    const stop = new AbortController();
    server.intercept = () => {
      stop.abort();
      return true;
    };
    const stopped = openModel(server.url, { signal: stop.signal, served: { tokenizer: await tokenizer() } });
    expect((await refusal(stopped)).fault).toBe("interrupted");
  });
});
