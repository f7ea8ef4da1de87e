/**
 * A model behind an address (`endpoint/`): its server gives the losses of the text's own tokens and nothing of the layers. Its
 * tokens are ours to send, cut by the tokenizer that was named or that is found beside what the server loaded; before the
 * first of a text is sent, the server has to pass the test of `endpoint/check.ts`.
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { endpointAddress } from "../endpoint/address.ts";
import { apart, changes, changeText, checkServer, checkTokenizer, knownTokens } from "../endpoint/check.ts";
import { EndpointClient, type Patience } from "../endpoint/client.ts";
import { EndpointEngine } from "../endpoint/engine.ts";
import { Scorer, textOfTokens } from "../endpoint/scorer.ts";
import { type ServedModel, servedModel, serverOf } from "../endpoint/server.ts";
import { modelOfPath } from "../hub/name.ts";
import { LossyscopeError, shown } from "../numeric/errors.ts";
import type { Asking, Capability, Model } from "../ports/model.ts";
import type { TokenizerSource } from "./tokenizer-of.ts";

/** How a served model is asked for. */
export interface ServedOptions {
  /** its name on the server; the only one where it is left out */
  readonly model?: string;
  /** a model whose tokenizer it has */
  readonly tokenizer?: string;
  /** requests under way together, at most */
  readonly concurrency?: number;
  /** of a million tokens sent, for what a run costs to be said */
  readonly price?: number;
  /** how long and how often a server is waited for */
  readonly patience?: Patience;
}

export const CONCURRENCY = 8;

/**
 * @param openTokenizer opens what a reference names, for its tokenizer
 * @param tell says a sentence
 * @throws LossyscopeError `usage`, `input`, `network` where nothing is served there; `unsupported` where the server gives no
 * log-probabilities of a prompt; `engine` where it does not pass the test; `model` where its tokenizer is another
 */
export async function openEndpoint(
  reference: string,
  { model: asked, tokenizer: named, concurrency = CONCURRENCY, price, patience }: ServedOptions,
  openTokenizer: (reference: string) => Promise<TokenizerSource>,
  tell: (sentence: string) => void,
  signal: AbortSignal | undefined,
): Promise<Model> {
  const client = new EndpointClient(endpointAddress(reference), concurrency, patience);
  const served = await servedModel(client, asked ?? null, signal);
  const source = await sourceOf(served, named, openTokenizer, tell);
  const tokenizer = await source.tokenizer();
  const known = knownTokens(tokenizer);
  const prompted = { ids: known, text: textOfTokens(known, tokenizer), likeliest: 0 };
  const { dialect, version, positions } = await serverOf(client, served, prompted, signal);
  const scorer = new Scorer(client, dialect, served.id, tokenizer);
  await checkTokenizer(scorer, tokenizer, signal);
  const first = await checkServer(scorer, known, tokenizer, signal);
  const can: Capability[] = ["losses", ...(dialect.likeliest ? (["likeliest", "answers"] as const) : [])];
  return {
    name: modelOfPath(served.id),
    revision: null,
    architecture: null,
    layers: null,
    width: null,
    vocabulary: source.vocabulary,
    positions,
    can: new Set(can),
    runs: { kind: "engine", create: (context) => new EndpointEngine(scorer, version, context) },
    served: {
      server: `${dialect.called} ${version}`.trim(),
      price: price ?? null,
      sent: () => ({ ...client.sent }),
      asking: dialect.likeliest ? askingOf(scorer) : null,
    },
    config: {},
    folder: null,
    weightFileBytes: 0,
    tokenizerFiles: source.tokenizerFiles,
    aside: [],
    notes: [],
    tokenizer: (options) => source.tokenizer({ rows: source.vocabulary, ...options }),
    conversing: () => source.conversing(),
    ends: () => source.ends(),
    digests: async () => ({ config: null, weights: null, tokenizer: tokenizer.digest }),
    async refuseChanges() {
      const ids = known.slice(0, first.length);
      const now = await scorer
        .score({ ids, what: "the tokens that the model is known by", once: true })
        .catch((error: LossyscopeError) => {
          // Who does not answer has not changed; what asks for more than this hears of it.
          if (error.fault === "network") return null;
          throw error;
        });
      if (now === null) return;
      const moved = apart(first, now.nats);
      if (!changes(moved)) return;
      throw new LossyscopeError(
        "model",
        `the server is not the one that the run began with: the tokens of the test cost otherwise now, ${changeText(moved)}`,
        "start the run afresh, without --resume",
      );
    },
  };
}

/** A server that tells ids, as what facts and recall ask. */
function askingOf(scorer: Scorer): Asking {
  return {
    concurrency: scorer.client.concurrency,
    score: (ids, likeliest, signal) => scorer.score({ ids, likeliest, what: "a question", signal }),
    async goOn(ids, tokens, signal) {
      const { ids: came } = await scorer.goOn({ ids, what: "a question", signal }, tokens);
      if (came !== null) return came;
      throw new LossyscopeError(
        "engine",
        "the server does not tell the ids of what it goes on with",
        "use a later version of it, or leave out facts and recall",
      );
    },
  };
}

/** The tokenizer that was named; else the one beside what the server says that it loaded. */
async function sourceOf(
  { id, root }: ServedModel,
  named: string | undefined,
  openTokenizer: (reference: string) => Promise<TokenizerSource>,
  tell: (sentence: string) => void,
): Promise<TokenizerSource> {
  if (named !== undefined) return openTokenizer(named);
  for (const candidate of new Set([root ?? id, id])) {
    const isHere = await stat(join(candidate, "tokenizer.json")).then(
      () => true,
      () => false,
    );
    if (!isHere && !/^[\w.-]+\/[\w.-]+$/.test(candidate)) continue;
    const source = await openTokenizer(candidate).catch((error: unknown) => {
      if (error instanceof LossyscopeError && error.fault !== "interrupted") return null;
      throw error;
    });
    if (source === null) continue;
    tell(`the tokenizer is that of ${source.name}, which the server says it serves`);
    return source;
  }
  throw new LossyscopeError(
    "usage",
    `the tokenizer of ${shown(id)} is not at hand: nothing here is called ${shown(root ?? id)}`,
    "name a model that has it with --tokenizer: a folder, a GGUF file, or org/name",
  );
}
