/**
 * What serves at an address: which models, and how it is asked for the log-probabilities of a prompt. A server that says of
 * itself what it is is believed as far as that is of use; what it answers decides.
 */
import { z } from "zod";
import { counted } from "../numeric/amounts.ts";
import { LossyscopeError, shown } from "../numeric/errors.ts";
import { checked, fitting } from "../numeric/schema-faults.ts";
import { type EndpointClient, Refusal } from "./client.ts";
import { type Dialect, echo, type Prompted, SGLANG, TGI, VLLM } from "./dialect.ts";

/** A model as its server describes it. */
export interface ServedModel {
  readonly id: string;
  /** what it was loaded from: a folder on the server, or a name on the Hub; null where the server does not say */
  readonly root: string | null;
  /** tokens of the longest prompt with what is drawn behind it; null where the server does not say */
  readonly positions: number | null;
  readonly ownedBy: string | null;
}

const modelsSchema = z.object({
  data: z.array(
    z.object({
      id: z.string().min(1),
      owned_by: z.string().nullish(),
      root: z.string().nullish(),
      max_model_len: z.number().int().positive().nullish(),
    }),
  ),
});

/**
 * @param asked name of the model; null: the only one
 * @throws LossyscopeError `network`; `usage` where there are several and none was named, or none of that name
 */
export async function servedModel(
  client: EndpointClient,
  asked: string | null,
  signal: AbortSignal | undefined,
): Promise<ServedModel> {
  const answer = await client.ask({ path: "/models", what: "its models", signal }).catch((error) => {
    if (!(error instanceof Refusal && error.status === 404)) throw error;
    throw new LossyscopeError(
      "input",
      `${client.host} has no ${new URL(client.address.base).pathname}/models: ${error.said}`,
      "pass the address of an OpenAI-compatible server as far as its /v1",
    );
  });
  const { data } = checked(
    modelsSchema,
    answer,
    (faults) =>
      new LossyscopeError(
        "input",
        `${client.host} lists its models as something that is no list of them (${faults})`,
        "pass the address of an OpenAI-compatible server as far as its /v1",
      ),
  );
  const names = data.map(({ id }) => shown(id)).join(", ");
  const named = asked === null ? data : data.filter(({ id }) => id === asked);
  if (named.length !== 1)
    throw new LossyscopeError(
      "usage",
      asked === null
        ? `${client.host} serves ${counted(data.length, "model")}${data.length > 0 ? `: ${names}` : ""}`
        : `${client.host} serves no model ${shown(asked)}, but ${names || "none"}`,
      data.length > 0 ? "name one with --served-model" : "start it with a model",
    );
  const [{ id, root, owned_by, max_model_len }] = named;
  return { id, root: root ?? null, positions: max_model_len ?? null, ownedBy: owned_by ?? null };
}

/** Who gives none, by what they say of themselves. */
const SILENT_SERVERS: Readonly<Record<string, string>> = {
  llamacpp: "llama-server gives no log-probabilities of a prompt, only of what it draws behind one",
};

/** How a server is asked, and what else it says of itself. */
export interface Found {
  readonly dialect: Dialect;
  /** empty where it does not say */
  readonly version: string;
  /** tokens of the longest prompt; null where it does not say */
  readonly positions: number | null;
}

/**
 * @param prompted a short prompt to try with
 * @throws LossyscopeError `unsupported` where the server gives no log-probabilities of a prompt
 */
export async function serverOf(
  client: EndpointClient,
  served: ServedModel,
  prompted: Prompted,
  signal: AbortSignal | undefined,
): Promise<Found> {
  const tgi = await tgiAt(client, served, prompted, signal);
  if (tgi) return tgi;
  const dialect = await dialectOf(client, served, prompted, signal);
  const positions = served.positions === null ? null : served.positions - dialect.spare;
  return { dialect, version: await versionOf(client, dialect, signal), positions };
}

/** Who says at once what they are. */
const KNOWN = ["vllm", "sglang", "llamacpp"];

const infoSchema = z.object({
  model_id: z.string(),
  version: z.string().nullish(),
  max_input_tokens: z.number().int().positive().nullish(),
  max_input_length: z.number().int().positive().nullish(),
});

/**
 * Text Generation Inference, which serves one model and describes it; null where something else is there.
 * @throws LossyscopeError `unsupported` where it was started without log-probabilities of prompts
 */
async function tgiAt(
  client: EndpointClient,
  { id, ownedBy }: ServedModel,
  prompted: Prompted,
  signal: AbortSignal | undefined,
): Promise<Found | null> {
  if (KNOWN.includes(ownedBy?.toLowerCase() ?? "")) return null;
  const said = await client
    .ask({ path: "/info", of: "root", what: "what it is", signal, once: true })
    .catch((error) => {
      if (signal?.aborted) throw error;
      return null;
    });
  const info = fitting(infoSchema, said);
  if (!info) return null;
  const { path, of } = TGI;
  const answer = await client.ask({ path, of, body: TGI.score(prompted, id), what: "a short prompt", signal });
  const prefill = (answer as { details?: { prefill?: unknown } } | null)?.details?.prefill;
  if (!Array.isArray(prefill) || prefill.length < 2)
    throw new LossyscopeError(
      "unsupported",
      `${client.host} (TGI) gives no log-probabilities of a prompt`,
      "start it with --enable-prefill-logprobs, which it needs since its version 3",
    );
  const version = /^[\w.+-]{1,40}$/.test(info.version ?? "") ? info.version! : "";
  return { dialect: TGI, version, positions: info.max_input_tokens ?? info.max_input_length ?? null };
}

/** @throws LossyscopeError `unsupported` where the server gives no log-probabilities of a prompt */
async function dialectOf(
  client: EndpointClient,
  { id, ownedBy }: ServedModel,
  prompted: Prompted,
  signal: AbortSignal | undefined,
): Promise<Dialect> {
  const silent = ownedBy === null ? undefined : SILENT_SERVERS[ownedBy.toLowerCase()];
  if (silent !== undefined) throw gives(silent);
  if (ownedBy === "sglang") return SGLANG;
  const heard: string[] = [];
  for (const dialect of [VLLM, echo("ids"), echo("text")]) {
    try {
      const { path, of } = dialect;
      const body = dialect.score(prompted, id);
      const answer = await client.ask({ path, of, body, what: "a short prompt", signal, once: true });
      if (hasLogProbabilities(dialect, answer, prompted)) return dialect;
      heard.push("an answer without them");
    } catch (error) {
      if (signal?.aborted || !(error instanceof LossyscopeError)) throw error;
      if (error instanceof Refusal && [401, 402, 403, 407].includes(error.status)) throw error;
      heard.push(error.said);
    }
  }
  throw gives(
    `${client.host} gives no log-probabilities of a prompt, asked as vLLM is (${heard[0]}), with \`echo\` of token ids (${heard[1]}) and of text (${heard[2]})`,
  );
}

const gives = (said: string): LossyscopeError =>
  new LossyscopeError("unsupported", said, "serve the model with vLLM, SGLang or TGI, or measure its weights");

/** Whether an answer says something of the prompt; whether that can be used is another question. */
function hasLogProbabilities({ name }: Dialect, answer: unknown, { ids }: Prompted): boolean {
  const choice = (answer as { choices?: Record<string, unknown>[] } | null)?.choices?.[0];
  if (name === "vllm") return Array.isArray(choice?.prompt_logprobs);
  const told = choice?.logprobs as { token_logprobs?: unknown } | null | undefined;
  // Without the prompt, it is of the one token that was drawn.
  return Array.isArray(told?.token_logprobs) && told.token_logprobs.length >= ids.length - 1;
}

const versionSchema = z.object({ version: z.string().regex(/^[\w.+-]{1,40}$/) });

/** What the server says of its version; empty where it says nothing of use. */
async function versionOf(client: EndpointClient, { name }: Dialect, signal: AbortSignal | undefined): Promise<string> {
  if (name !== "vllm") return "";
  const answer = await client
    .ask({ path: "/version", of: "root", what: "its version", signal, once: true })
    .catch(() => null);
  return fitting(versionSchema, answer)?.version ?? "";
}
