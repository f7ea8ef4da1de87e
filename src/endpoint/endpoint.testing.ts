/**
 * A server on loopback that answers as vLLM, SGLang or a plain OpenAI-compatible server does, for a model that a test gives as
 * a function from tokens to costs; and that can be made to fail as servers do.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

/** A model: what each next token costs in nats, after some tokens. [V] */
export type NextNats = (context: readonly number[]) => ArrayLike<number>;

export interface AskedOf {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: Record<string, unknown> | null;
}

export interface ServerOptions {
  readonly kind?: "vllm" | "sglang" | "tgi" | "openai";
  /** what TGI puts before every text */
  readonly bos?: number;
  readonly next: NextNats;
  /** text of a token */
  readonly spell: (id: number) => string;
  /** tokens of a text, where the server takes texts */
  readonly cut?: (text: string) => readonly number[];
  readonly name?: string;
  readonly root?: string;
  readonly positions?: number;
  readonly ownedBy?: string;
  /** changes the costs of a prompt before they are sent */
  readonly change?: (nats: (number | null)[], ids: readonly number[], call: number) => (number | null)[];
}

export interface FakeServer {
  readonly url: string;
  readonly asked: AskedOf[];
  /** most prompts that were under way together */
  readonly together: number;
  /** Sees every request before it is answered; true: it answers itself. */
  intercept: ((asked: AskedOf, response: ServerResponse, call: number) => boolean | Promise<boolean>) | undefined;
  close(): Promise<void>;
}

const bodyOf = async (message: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
};

export const send = (response: ServerResponse, status: number, json: unknown, headers: Record<string, string> = {}) => {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(typeof json === "string" ? json : JSON.stringify(json));
};

/** Costs of a prompt's own tokens, null for the first. */
export const costsOf = (next: NextNats, ids: readonly number[]): (number | null)[] =>
  ids.map((id, place) => (place === 0 ? null : next(ids.slice(0, place))[id]));

export async function fakeServer(options: ServerOptions): Promise<FakeServer> {
  const { kind = "vllm", next, spell, cut, name = "served", root = name, positions = 64, change } = options;
  const asked: AskedOf[] = [];
  let calls = 0;
  let running = 0;
  let together = 0;
  const costs = (ids: readonly number[]): (number | null)[] => {
    const own = costsOf(next, ids);
    return change ? change(own, ids, calls) : own;
  };
  const likeliest = (context: readonly number[], k: number): { id: number; nats: number; rank: number }[] =>
    (k === 0 ? [] : Array.from(next(context), (nats, id) => ({ id, nats })))
      .sort((a, b) => a.nats - b.nats)
      .slice(0, k)
      .map((one, index) => ({ ...one, rank: index + 1 }));
  const minus = (nats: number | null): number | null => (nats === null ? null : -nats);
  const drawn = (ids: readonly number[], most: number): { id: number; nats: number }[] => {
    const all = [...ids];
    return Array.from({ length: most }, () => {
      const [one] = likeliest(all, 1);
      all.push(one.id);
      return one;
    });
  };

  const vllm = (body: Record<string, unknown>, ids: readonly number[]): unknown => {
    const k = body.prompt_logprobs as number | undefined;
    const own = costs(ids);
    const went = drawn(ids, Number(body.max_tokens));
    const told = own.map((nats, place) => {
      if (place === 0 && nats === null) return null;
      const top = likeliest(ids.slice(0, place), k ?? 0).map(({ id, nats: cost, rank }) => [
        String(id),
        { logprob: -cost, rank, decoded_token: spell(id) },
      ]);
      return Object.fromEntries([...top, [String(ids[place]), { logprob: minus(nats), rank: 1, decoded_token: "" }]]);
    });
    const logprobs =
      body.logprobs === undefined
        ? null
        : { tokens: went.map(({ id }) => spell(id)), token_logprobs: went.map(({ nats }) => -nats) };
    return {
      choices: [
        {
          index: 0,
          text: went.map(({ id }) => spell(id)).join(""),
          logprobs,
          token_ids: body.return_token_ids ? went.map(({ id }) => id) : null,
          prompt_logprobs: k === undefined ? null : told,
        },
      ],
    };
  };
  const sglang = (body: Record<string, unknown>): unknown => {
    const ids = body.input_ids as number[];
    const { max_new_tokens: most } = body.sampling_params as { max_new_tokens: number };
    const k = Number(body.top_logprobs_num ?? 0);
    return {
      text: drawn(ids, most)
        .map(({ id }) => spell(id))
        .join(""),
      meta_info: {
        input_token_logprobs: costs(ids).map((nats, place) => [minus(nats), ids[place], null]),
        input_top_logprobs: ids.map((_, place) =>
          place === 0 ? null : likeliest(ids.slice(0, place), k).map(({ id, nats }) => [-nats, id, null]),
        ),
        output_token_logprobs: drawn(ids, most).map(({ id, nats }) => [-nats, id, null]),
      },
    };
  };
  const tgi = (body: Record<string, unknown>): unknown => {
    const ids = [...(options.bos === undefined ? [] : [options.bos]), ...cut!(String(body.inputs))];
    const { max_new_tokens: most, decoder_input_details } = body.parameters as Record<string, number>;
    const went = drawn(ids, most);
    const own = costs(ids);
    return {
      generated_text: went.map(({ id }) => spell(id)).join(""),
      details: {
        prefill: decoder_input_details
          ? ids.map((id, place) => ({ id, text: spell(id), logprob: minus(own[place]) }))
          : [],
        tokens: went.map(({ id, nats }) => ({ id, text: spell(id), logprob: -nats, special: false })),
      },
    };
  };
  const plain = (body: Record<string, unknown>, ids: readonly number[]): unknown => {
    const went = drawn(ids, Number(body.max_tokens));
    const before = body.echo ? ids.map((id, place) => ({ id, nats: costs(ids)[place] })) : [];
    const all = [...before, ...went];
    return {
      choices: [
        {
          text: all.map(({ id }) => spell(id)).join(""),
          logprobs: { tokens: all.map(({ id }) => spell(id)), token_logprobs: all.map(({ nats }) => minus(nats)) },
        },
      ],
    };
  };
  const answer = (path: string, body: Record<string, unknown> | null, response: ServerResponse): void => {
    if (path === "/v1/models") {
      const described = {
        id: name,
        object: "model",
        owned_by: options.ownedBy ?? (kind === "tgi" ? name : kind),
        root,
        max_model_len: positions,
      };
      send(response, 200, { object: "list", data: [described] });
    } else if (path === "/version" && kind === "vllm") send(response, 200, { version: "0.0.1" });
    else if (path === "/info" && kind === "tgi")
      send(response, 200, { model_id: name, version: "3.3.6", max_input_tokens: positions - 1 });
    else if (path === "/generate" && kind === "tgi" && body) send(response, 200, tgi(body));
    else if (path === "/generate" && kind === "sglang" && body) send(response, 200, sglang(body));
    else if (path === "/v1/completions" && body && kind !== "sglang" && kind !== "tgi") {
      const prompt = body.prompt as readonly number[] | string;
      if (typeof prompt !== "string" && kind === "openai" && cut) {
        send(response, 500, { error: { message: "prompts are texts" } });
        return;
      }
      const ids = typeof prompt === "string" ? cut!(prompt) : prompt;
      send(response, 200, kind === "vllm" ? vllm(body, ids) : plain(body, ids));
    } else send(response, 404, { detail: "Not Found" });
  };

  const sockets = new Set<Socket>();
  const server = createServer((message, response) => {
    void (async () => {
      const text = await bodyOf(message);
      const one: AskedOf = {
        method: message.method ?? "",
        path: message.url ?? "",
        authorization: message.headers.authorization,
        body: text === "" ? null : JSON.parse(text),
      };
      asked.push(one);
      calls++;
      running++;
      together = Math.max(together, running);
      // Others that came with it have come by now.
      await new Promise((turn) => setTimeout(turn, 1));
      if (!(await fake.intercept?.(one, response, calls))) answer(one.path, one.body, response);
      running--;
    })();
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const fake: FakeServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    asked,
    get together() {
      return together;
    },
    intercept: undefined,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((closed) => server.close(closed));
    },
  };
  return fake;
}

/** A model of bytes whose costs follow from all that stands before: a hash of it, as logits. [257] */
export function hashedNats(context: readonly number[]): Float64Array {
  let hash = 0x811c9dc5;
  for (const id of context) hash = Math.imul(hash ^ id, 0x01000193) >>> 0;
  const before = known.get(hash);
  if (before) return before;
  const logits = Float64Array.from({ length: 257 }, (_, id) => {
    const mixed = Math.imul((hash ^ Math.imul(id + 1, 0x9e3779b1)) >>> 0, 0x85ebca6b) >>> 0;
    // What it draws are characters by themselves.
    return (((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32) * 8 + (id >= 32 && id < 127 ? 9 : 0);
  });
  const total = logits.reduce((sum, one) => sum + Math.exp(one), 0);
  const nats = logits.map((one) => Math.log(total) - one);
  known.set(hash, nats);
  return nats;
}
const known = new Map<number, Float64Array>();

export const spellByte = (id: number): string => (id === 256 ? "<|endoftext|>" : Buffer.of(id).toString());
/** Bytes, and the one special token where it is spelt. */
export const cutBytes = (text: string): number[] =>
  text.split("<|endoftext|>").flatMap((part, index) => [...(index > 0 ? [256] : []), ...Buffer.from(part)]);
