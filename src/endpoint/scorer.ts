/** A served model as what is asked of it: what the tokens of a prompt cost, and how it goes on. */
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import type { EndpointClient } from "./client.ts";
import type { Answered, Continued, Dialect } from "./dialect.ts";

export interface ScoreRequest {
  readonly ids: Int32Array;
  /** what errors name */
  readonly what: string;
  /** likeliest tokens wanted at every place; 0 where it is left out */
  readonly likeliest?: number;
  /** as `Asking.once` */
  readonly once?: boolean;
  readonly signal?: AbortSignal;
}

/** Bytes of an answer: so many without any token, a token, and each of the likeliest; generously. */
const ANSWER = { bytes: 1_000_000, token: 600, likeliest: 400 };

export class Scorer {
  readonly client: EndpointClient;
  readonly dialect: Dialect;
  /** the model as the server calls it */
  readonly model: string;
  readonly #tokenizer: Pick<Tokenizer, "bytesOf" | "prefix">;

  constructor(
    client: EndpointClient,
    dialect: Dialect,
    model: string,
    tokenizer: Pick<Tokenizer, "bytesOf" | "prefix">,
  ) {
    this.client = client;
    this.dialect = dialect;
    this.model = model;
    this.#tokenizer = tokenizer;
  }

  /** @throws LossyscopeError `network`, `interrupted`; `engine` where the answer is not one of this prompt */
  async score({ ids, what, likeliest = 0, once, signal }: ScoreRequest): Promise<Answered> {
    const { dialect, model } = this;
    const prompted = { ids, text: this.#textOf(ids), likeliest };
    const body = dialect.score(prompted, model);
    const mostBytes = ANSWER.bytes + ids.length * (ANSWER.token + likeliest * ANSWER.likeliest);
    const { path, of } = dialect;
    const answer = await this.client.ask({ path, of, body, mostBytes, tokens: ids.length, what, once, signal });
    return dialect.read(answer, prompted);
  }

  /** Goes on greedily. @throws LossyscopeError as `score` */
  async goOn({ ids, what, signal }: Omit<ScoreRequest, "likeliest">, tokens: number): Promise<Continued> {
    const { dialect, model } = this;
    const body = dialect.goOn({ ids, text: this.#textOf(ids) }, tokens, model);
    const { path, of } = dialect;
    return dialect.continued(await this.client.ask({ path, of, body, tokens: ids.length, what, signal }));
  }

  #textOf(ids: Int32Array): string {
    const { prompt, name, opens } = this.dialect;
    if (prompt === "ids" && name !== "openai") return "";
    const { prefix } = this.#tokenizer;
    const own = opens && prefix?.addedByTokenizer && ids[0] === prefix.id ? ids.subarray(1) : ids;
    return textOfTokens(own, this.#tokenizer);
  }
}

export const textOfTokens = (ids: Int32Array, tokenizer: Pick<Tokenizer, "bytesOf">): string =>
  Buffer.concat(Array.from(ids, (id) => tokenizer.bytesOf(id))).toString();
