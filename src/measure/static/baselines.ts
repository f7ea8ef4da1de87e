/**
 * How small gzip, brotli, zstd, xz, bzip2 and an order-2 byte model make the same bytes (METHODS §1): each over the
 * documents one after the other as one stream, for the whole corpus and for each domain. Compressors run in child
 * processes, one after the other: in one of its own each, for the memory that the last one left, or, over a short text, in
 * the same one, since a process takes longer to start than such a text to compress. One that cannot be loaded, dies, or would
 * not hold the text is a refusal by name, and the others go on.
 *
 * Memory here: one document's bytes at a time; in the child what `compressors.ts` says.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { sizeText } from "../../numeric/amounts.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import type { Need } from "../../numeric/needs.ts";
import type { Baseline } from "../../profile/coding.ts";
import type { Profile } from "../../profile/profile.ts";
import type { TokenizedDocument } from "../../text/corpus.ts";
import type { FromCompressor, ToCompressor } from "./compressor-messages.ts";
import { COMPRESSORS } from "./compressors.ts";

/** What goes to a child at once. */
const PART_BYTES = 2 ** 18;

/** Streams that all compressors together read in one process: what the libraries hold of them is less than they begin with. */
const SHORT_BYTES = 2 ** 21;

type Document = Pick<TokenizedDocument, "domain" | "text">;

export interface Baselines {
  readonly overall: readonly Baseline[];
  /** by domain; domains without a byte are left out */
  readonly domains: Readonly<Record<string, readonly Baseline[]>>;
  readonly refusals: Profile["refusals"];
}

export interface BaselineProgress {
  readonly compressor: string;
  /** bytes given to compressors so far, and in all */
  readonly done: number;
  readonly total: number;
}

export interface BaselineOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: BaselineProgress) => void;
  /** @internal the module that runs as the child, where a test brings its own */
  readonly child?: string;
}

/** A stream to compress: the documents of one domain, or all of them. */
interface Stream {
  /** null: the whole corpus */
  readonly domain: string | null;
  readonly bytes: number;
}

/** From sources (tests) the compiled child is started: plain Node cannot load TypeScript on every supported version. */
function compiledChild(): string {
  const here = import.meta.url;
  return fileURLToPath(
    new URL(here.endsWith(".ts") ? "../../../dist/measure/static/compressor-child.js" : "./compressor-child.js", here),
  );
}

/** The whole corpus first, then the domains in the order of their first documents; a lone domain is the corpus. */
function streamsOf(documents: readonly Document[]): Stream[] {
  const byDomain = new Map<string, number>();
  let bytes = 0;
  for (const { domain, text } of documents) {
    const length = Buffer.byteLength(text);
    byDomain.set(domain, (byDomain.get(domain) ?? 0) + length);
    bytes += length;
  }
  if (bytes === 0) return [];
  const domains = [...byDomain].map(([domain, bytes]): Stream => ({ domain, bytes })).filter(({ bytes }) => bytes > 0);
  return [{ domain: null, bytes }, ...(domains.length > 1 ? domains : [])];
}

/** The bytes of a stream in parts of about `PART_BYTES`. */
function* partsOf(documents: readonly Document[], domain: string | null): Generator<Buffer> {
  let held: Buffer[] = [];
  let heldBytes = 0;
  for (const document of documents) {
    if (domain !== null && document.domain !== domain) continue;
    const bytes = Buffer.from(document.text);
    for (let at = 0; at < bytes.length; at += PART_BYTES) {
      const part = bytes.subarray(at, at + PART_BYTES);
      held.push(part);
      heldBytes += part.length;
      if (heldBytes < PART_BYTES) continue;
      yield Buffer.concat(held);
      held = [];
      heldBytes = 0;
    }
  }
  if (heldBytes > 0) yield Buffer.concat(held);
}

const figureOf = ({ domain }: Stream, name: string): string =>
  `coding.${domain === null ? "overall" : `domains.${domain}`}.baselines: ${name}`;

/** What the compressors take: most of them any text, some no more than they can hold. */
export const baselineNeeds = (documents: readonly Document[]): Need[] =>
  streamsOf(documents).flatMap((stream) =>
    COMPRESSORS.map(
      ({ name, mostBytes }): Need => ({
        figure: figureOf(stream, name),
        have: stream.bytes,
        needs: mostBytes,
        bound: "most",
        unit: "byte",
        reason: `${sizeText(stream.bytes)} are more than the ${sizeText(mostBytes)} that this compressor takes here`,
        remedy: { kind: "said", text: `--limit-bytes ${mostBytes}` },
      }),
    ),
  );

interface Sizes {
  readonly implementation: string;
  /** compressed bytes, by stream */
  readonly bytes: number[];
}

/** One compressor's work: the streams that it takes. */
interface Work {
  readonly name: string;
  readonly streams: readonly Stream[];
}

/**
 * Runs compressors one after the other over their streams, in one child.
 * @param onBytes hears what a compressor was given
 * @returns what came of the first of them, in their order, and why the next has nothing, if one has not
 * @throws LossyscopeError `interrupted` on abort
 */
async function compress(
  works: readonly Work[],
  documents: readonly Document[],
  options: BaselineOptions,
  onBytes: (work: Work, bytes: number) => void,
): Promise<{ readonly sizes: readonly Sizes[]; readonly failure: string | null }> {
  const { signal } = options;
  const child = fork(options.child ?? compiledChild(), [], {
    stdio: ["pipe", "ignore", "ignore", "ipc"],
    execArgv: [],
  });
  const stop = (): void => void child.kill("SIGKILL");
  signal?.addEventListener("abort", stop, { once: true });
  if (signal?.aborted) stop();
  const sizes: Sizes[] = [];
  try {
    const answered = answersOf(child, works, sizes);
    const request: ToCompressor = {
      works: works.map(({ name, streams }) => ({ compressor: name, streams: streams.map(({ bytes }) => bytes) })),
    };
    child.send(request, () => {});
    await feed(child, works, documents, onBytes, answered);
    await answered;
    return { sizes, failure: null };
  } catch (error) {
    if (signal?.aborted) throw new LossyscopeError("interrupted", "stopped", undefined, { cause: error });
    const whole = sizes.filter(({ bytes }, index) => bytes.length === works[index].streams.length);
    return { sizes: whole, failure: error instanceof Error ? error.message : String(error) };
  } finally {
    signal?.removeEventListener("abort", stop);
    stop();
  }
}

/** Collects what the child says of its streams until it goes. */
function answersOf(child: ChildProcess, works: readonly Work[], sizes: Sizes[]): Promise<void> {
  const expected = works.reduce((sum, { streams }) => sum + streams.length, 0);
  const answers = new Promise<void>((resolve, reject) => {
    let failure: string | undefined;
    child.on("message", (message: FromCompressor) => {
      if (message.kind === "loaded") sizes.push({ implementation: message.implementation, bytes: [] });
      else if (message.kind === "size") sizes.at(-1)!.bytes.push(message.bytes);
      else failure = message.message;
    });
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (failure !== undefined) reject(new Error(failure));
      else if (signal)
        reject(new Error(`it was ended by ${signal}${signal === "SIGKILL" ? ", probably out of memory" : ""}`));
      else if (code !== 0 || sizes.reduce((sum, { bytes }) => sum + bytes.length, 0) < expected)
        reject(new Error(`it ended with code ${code}`));
      else resolve();
    });
  });
  // Heard by whoever awaits it; until then, feeding the child comes first.
  answers.catch(() => {});
  return answers;
}

/** Writes all streams to the child as fast as it takes them; stops where the child has gone, which settles `answers`. */
async function feed(
  child: ChildProcess,
  works: readonly Work[],
  documents: readonly Document[],
  onBytes: (work: Work, bytes: number) => void,
  answers: Promise<void>,
): Promise<void> {
  const input = child.stdin;
  if (!input) return;
  input.on("error", () => {});
  const gone = answers.catch(() => {});
  for (const work of works) {
    for (const { domain } of work.streams) {
      for (const part of partsOf(documents, domain)) {
        if (!input.writable) return;
        if (!input.write(part)) await Promise.race([once(input, "drain").catch(() => {}), gone]);
        onBytes(work, part.length);
      }
    }
  }
  input.end();
}

/**
 * Compresses the corpus with everything in `COMPRESSORS`.
 * @param documents in the order of the corpus
 * @returns sizes over the corpus and by domain, and what could not be had, with the reason
 * @throws LossyscopeError `interrupted` on abort
 */
export async function measureBaselines(
  documents: readonly Document[],
  options: BaselineOptions = {},
): Promise<Baselines> {
  const streams = streamsOf(documents);
  const found = streams.map((): Baseline[] => []);
  const refusals: Profile["refusals"] = [];
  const works = COMPRESSORS.map(({ name, mostBytes }): Work => {
    return { name, streams: streams.filter(({ bytes }) => bytes <= mostBytes) };
  }).filter((work) => work.streams.length > 0);
  const bytesOf = (some: readonly Work[]): number =>
    some.reduce((sum, work) => sum + work.streams.reduce((own, { bytes }) => own + bytes, 0), 0);
  const total = bytesOf(works);
  const together = total <= SHORT_BYTES ? works.length : 1;

  for (let first = 0; first < works.length; ) {
    let done = bytesOf(works.slice(0, first));
    const now = works.slice(first, first + together);
    const { sizes, failure } = await compress(now, documents, options, ({ name }, given) => {
      done += given;
      options.onProgress?.({ compressor: name, done, total });
    });
    for (const [w, { implementation, bytes }] of sizes.entries()) {
      now[w].streams.forEach((stream, i) => {
        const bitsPerByte = (8 * bytes[i]) / stream.bytes;
        found[streams.indexOf(stream)].push({ name: now[w].name, implementation, bytes: bytes[i], bitsPerByte });
      });
    }
    first += sizes.length;
    if (failure === null) continue;
    const { name, streams: without } = works[first];
    for (const stream of without) refusals.push({ figure: figureOf(stream, name), reason: failure });
    first++;
  }

  const overall = found[0] ?? [];
  const domains = streams.flatMap(({ domain }, i) => (domain === null ? [] : [[domain, found[i]] as const]));
  const lone = documents.find(({ text }) => text !== "");
  if (domains.length === 0 && lone) domains.push([lone.domain, overall]);
  return { overall, domains: Object.fromEntries(domains), refusals };
}
