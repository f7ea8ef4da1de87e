/** The text of a measurement, read and tokenised, and what the profile says of it (METHODS §0). */

import { basename, isAbsolute } from "node:path";
import { setImmediate } from "node:timers/promises";
import { almanacPages } from "../../almanac/record.ts";
import { sha256 } from "../../files/digest.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import { groupBy } from "../../numeric/groups.ts";
import type { RunContext } from "../../ports/context.ts";
import type { Plan } from "../../profile/plan.ts";
import type { Profile } from "../../profile/profile.ts";
import { type FilesRead, saidOfFiles, TextAccount } from "../../text/account.ts";
import type { TokenizedDocument } from "../../text/corpus.ts";
import { readDocuments, type SourceDocument } from "../../text/documents.ts";
import { type RecordMetadata, saidBy } from "../../text/metadata.ts";
import type { Units } from "../../text/units.ts";
import type { ChatTemplate } from "../../tokenizer/chat.ts";
import { type TokenizedCorpus, tokenizeCorpus } from "../../tokenizer/document.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";

/** Documents of one file come without a wait between them: every so often signals and the terminal get their turn. */
const BREATH_MILLISECONDS = 50;

export interface CorpusRequest extends Omit<RunContext, "threads"> {
  readonly tokenizer: Tokenizer;
  /** of conversations; null where the plan asks for none */
  readonly chat: ChatTemplate | null;
  /** where this run writes: no part of the text */
  readonly outputs?: readonly string[];
  /** documents in place of those that the plan names */
  readonly given?: readonly SourceDocument[];
  /** of `stages.ts` */
  readonly stage: string;
}

export interface ReadCorpus extends TokenizedCorpus {
  readonly files: FilesRead;
  /** absent where the records are texts */
  readonly chat?: Profile["corpus"]["chat"];
}

/** @throws LossyscopeError `io`, `text` or `usage` as reading and tokenising do; `interrupted` */
export async function readCorpus(
  plan: Plan,
  { tokenizer, chat, outputs, given, progress, stage, signal }: CorpusRequest,
): Promise<ReadCorpus> {
  progress.start(stage, null, "bytes");
  let bytes = 0;
  let breath = performance.now();
  const account = new TextAccount();
  const conversations = new Conversations();
  const rest = async (): Promise<void> => {
    await setImmediate();
    breath = performance.now();
    if (signal?.aborted)
      throw new LossyscopeError("interrupted", "stopped while reading the text", "the same command begins again");
  };
  const counted = (async function* () {
    for await (const document of given ?? readDocuments({ ...plan, kinds: [almanacPages], chat, outputs, account })) {
      if (signal?.aborted || performance.now() - breath > BREATH_MILLISECONDS) await rest();
      conversations.add(document);
      bytes += Buffer.byteLength(document.text);
      progress.update(bytes);
      yield document;
    }
  })();
  const corpus = await tokenizeCorpus(tokenizer, counted, rest);
  progress.finish();
  const files = account.summary();
  const said = saidOfFiles(files);
  if (said !== null) progress.message(`${plan.text.map(({ path }) => basename(path)).join(", ")}: ${said}`);
  chat?.close();
  return { ...corpus, files, ...(chat && { chat: conversations.section(chat) }) };
}

/** What is known of conversations beside their text. */
class Conversations {
  #count = 0;
  #messages = 0;
  #messageBytes: number | null = 0;

  add({ metadata }: SourceDocument): void {
    const chat = metadata?.chat;
    if (!chat) return;
    this.#count++;
    this.#messages += chat.messages;
    this.#messageBytes =
      this.#messageBytes === null || chat.messageBytes === null ? null : this.#messageBytes + chat.messageBytes;
  }

  section({ source, digest }: ChatTemplate): NonNullable<Profile["corpus"]["chat"]> {
    const [conversations, messages, messageBytes] = [this.#count, this.#messages, this.#messageBytes];
    return { template: source, digest, conversations, messages, messageBytes };
  }
}

/** What the text is called: the last part of every path, so that a profile does not give away where it lay. */
export const corpusName = (plan: Plan): string =>
  plan.text.map(({ path }) => (path === "-" ? "standard input" : basename(path))).join(", ");

/** Where a text lies, as the profile says it. */
export const shownText = (sources: Plan["text"]): Plan["text"] =>
  sources.map(({ path, domain }) => ({ path: isAbsolute(path) ? basename(path) : path, domain }));

/** Names the documents of a corpus, their domains and their order, and what is known of pages of the almanac. */
export const corpusDigest = ({ documents }: Pick<TokenizedCorpus, "documents">): string =>
  sha256(documents.map(({ domain, sha256: own, metadata }) => `${domain}\n${own}\n${pageLine(metadata)}`).join(""));

/** Names what decides the figures of recall beyond the text itself. */
export const recallDigest = (seen: readonly TokenizedDocument[], unseen: readonly TokenizedDocument[] | null): string =>
  sha256(
    JSON.stringify([
      unseen?.map(({ sha256: own }) => own) ?? null,
      seen.map(({ metadata }) => metadata?.exposures ?? null),
    ]),
  );

function pageLine(metadata: RecordMetadata | undefined): string {
  const page = saidBy(almanacPages, metadata);
  return page ? `${page.split} ${page.exposures} ${page.knownBits} ${page.unknownBits}\n` : "";
}

export function corpusSection(
  name: string,
  digest: string,
  { documents, refused, invalidUtf8, files, chat }: ReadCorpus,
  units: Units,
): Profile["corpus"] {
  // By name in a map: a domain may be called as a member of every object is.
  const domains = [...groupBy(documents, ({ domain }) => domain)].map(
    ([domain, own]) =>
      [domain, { documents: own.length, bytes: own.reduce((sum, { bytes }) => sum + bytes, 0) }] as const,
  );
  const total = (of: (document: (typeof documents)[number]) => number): number =>
    documents.reduce((sum, document) => sum + of(document), 0);
  return {
    name,
    digest,
    documents: documents.length,
    bytes: total(({ bytes }) => bytes),
    characters: total(({ characters }) => characters),
    tokens: total(({ ids }) => ids.length),
    unit: units.kind,
    units: units.count,
    domains: Object.fromEntries(domains),
    normalised: total(({ normalised }) => Number(normalised)),
    refused: refused.length,
    invalidUtf8,
    files,
    ...(chat && { chat }),
  };
}
