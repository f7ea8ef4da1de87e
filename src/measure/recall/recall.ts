/**
 * What a model gives back of a text (METHODS §5): verbatim recall by prefix length and by number of occurrences, what of it
 * anybody would guess, gist, and membership against text it has not seen.
 *
 * Memory: the places and their answers, about 1 kB each and 32·d bytes more for the gist; the unseen text and 8 bytes a
 * token; the byte models of `control.ts`; one runtime at a time.
 */

import { RESAMPLES } from "../../numeric/bootstrap.ts";
import { groupsNeed, isMet, unmet } from "../../numeric/needs.ts";
import type { RunContext } from "../../ports/context.ts";
import type { Model } from "../../ports/model.ts";
import { withProgress } from "../../ports/progress.ts";
import type { Probes } from "../../probes/index.ts";
import type { Plan } from "../../profile/plan.ts";
import type { Profile } from "../../profile/profile.ts";
import type { Membership, Recall } from "../../profile/recall.ts";
import type { TokenizedDocument } from "../../text/corpus.ts";
import { occurrences } from "../../text/repeats.ts";
import type { Units } from "../../text/units.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import type { Prepared } from "../prepare.ts";
import { GIST, GUESSES, MEMBERSHIP, PASSAGES } from "../stages.ts";
import { controlFor } from "./control.ts";
import { byOccurrences, groupsByOccurrences, occurrencesNeed, samplesOf, shares, verbatimFigures } from "./figures.ts";
import { gistFigures, gistOf } from "./gist.ts";
import { type InUnit, Means } from "./means.ts";
import { lossesOf, membershipOf, type Side } from "./membership.ts";
import { apart, fittingPrefixes, gistNeed } from "./needs.ts";
import { exposuresOf, type Place, placesOf } from "./places.ts";
import { answers, asked, continuations, guesser } from "./verbatim.ts";

interface RecallRequest extends RunContext {
  readonly model: Model;
  readonly tokenizer: Tokenizer;
  readonly plan: Plan;
  /** of the windows that unseen text is cut into */
  readonly context: number;
  readonly overlap: number;
  /** the text, with what each of its tokens cost */
  readonly seen: Side;
  readonly units: Units;
  /** documents never trained on; null where none were given */
  readonly unseen: readonly TokenizedDocument[] | null;
}

export interface Recalled {
  /** null where nothing could be asked, which was known before (`needs.ts`) */
  readonly recall: Recall | null;
  /** what only the answers show to be missing */
  readonly refusals: Profile["refusals"];
}

/**
 * @param probes that have seen the whole text
 * @returns null where the plan does not ask for it; no recall where the model cannot be asked
 * @throws LossyscopeError as the engine, the session and the tokenizer do; `interrupted`
 */
export async function recallOf(
  request: RunContext & Pick<RecallRequest, "model">,
  { subject: { plan, context, overlap, documents }, tokenizer, unseen }: Prepared,
  { lossesOf, units }: Probes,
): Promise<Recalled | null> {
  if (!plan.with.includes("recall")) return null;
  if (!request.model.can.has("answers")) return { recall: null, refusals: [] };
  const seen = { documents, lossesOf };
  return measureRecall({ ...request, plan, context, overlap, tokenizer, seen, units, unseen });
}

async function measureRecall(request: RecallRequest): Promise<Recalled> {
  const { plan, model, tokenizer, seen, units, progress, signal } = request;
  const { length, passages } = plan.recall;
  const unseen = apart(seen.documents, request.unseen);

  const prefixes = fittingPrefixes(plan.recall, model.positions, tokenizer.prefix);
  const longest = prefixes.at(-1);
  if (longest === undefined) return { recall: null, refusals: [] };
  const shape = { longest, length };
  const places = placesOf(seen.documents, { ...shape, most: passages, seed: plan.seed });
  if (places.length === 0) return { recall: null, refusals: [] };

  progress.start(GUESSES, null, "");
  const repeats = repeatsOf(places, longest + length, seen.documents);
  const control = await controlFor(seen.documents, unseen.documents, { seed: plan.seed, signal });
  progress.finish();
  const questions = prefixes.map((prefix) => asked(places, prefix, shape, tokenizer, units.unitOf));
  const came = await withProgress(progress, PASSAGES, "passages", (update) =>
    continuations(questions, {
      ...request,
      length,
      onPassages: (done) => update(Math.floor(done), places.length * prefixes.length),
    }),
  );
  const guess = guesser(control);
  const byPrefix = questions.map((own, i) => answers(own, came[i], tokenizer, guess));
  const last = byPrefix[byPrefix.length - 1];

  const means = new Means(units, plan.seed);
  const seesStates = model.can.has("states");
  const cosines = await withProgress(progress, GIST, "passages", async (onSequences) =>
    !seesStates
      ? null
      : gistOf(last, {
          ...request,
          prefix: tokenizer.prefix?.id ?? null,
          batchTokens: plan.batchTokens,
          preNorm: plan.preNorm,
          seed: plan.seed,
          onSequences,
        }),
  );
  const membership = await membershipSection(request, unseen);

  const exposed = last.filter(({ place }) => exposuresOf(place) !== null);
  const repeated = new Map(last.map((answer, i) => [answer, repeats[i]]));
  const repeating = groupsByOccurrences(last, (answer) => repeated.get(answer)!);
  const hit = new Set(last.map(({ unit }) => unit)).size;
  const inexact = cosines?.filter(({ exact }) => !exact) ?? [];
  const recall: Recall = {
    passages: places.length,
    documents: new Set(places.map(({ document }) => document)).size,
    length,
    skipped: {
      documents: seen.documents.filter(({ ids }) => ids.length < longest + length).length,
      tokens: longest + length,
    },
    memorised: shares(last, means, control).memorised,
    control: control && { source: control.source, bytes: control.bytes },
    verbatim: byPrefix.map((own, i) => verbatimFigures(prefixes[i], own, means, control)),
    places: (["start", "inside"] as const).flatMap((kind) => {
      const own = last.filter(({ place }) => place.kind === kind);
      return own.length === 0 ? [] : [{ place: kind, ...shares(own, means, control) }];
    }),
    exposures: byOccurrences(
      groupsByOccurrences(exposed, ({ place }) => exposuresOf(place)!),
      means,
      control,
    ),
    repeats: byOccurrences(repeating, means, control),
    gist: cosines && {
      all: gistFigures(cosines, means),
      inexact: gistFigures(inexact, means),
    },
    membership,
    samples: plan.keepText ? samplesOf(last, repeated, tokenizer, plan.seed) : [],
    interval: {
      level: 0.95,
      resamples: means.absent(hit) === null ? RESAMPLES : 0,
      unit: units.kind,
      units: hit,
      absent: means.absent(hit),
    },
  };
  const unitOf = ({ unit }: InUnit): number => unit;
  // Of groups, and where the passages lie in one document, what the places alone decide was known before.
  const groups = unmet([
    occurrencesNeed("recall.repeats.interval", units.kind, repeating, unitOf),
    groupsNeed(
      "recall.gist.inexact.interval",
      units.kind,
      inexact.length === 0 ? [] : [["passages that did not come back exactly", new Set(inexact.map(unitOf)).size]],
    ),
  ]);
  const silent = seesStates && cosines === null && isMet(gistNeed(places));
  const reason = "no two documents came back with anything: there is no other one to compare with";
  return {
    recall,
    refusals: [
      ...(silent ? [{ figure: "recall.gist", reason }] : []),
      ...(means.absent(hit) === null ? groups.map(({ figure, reason: why }) => ({ figure, reason: why })) : []),
    ],
  };
}

/** How often the stretch of each place, as bytes, stands in the text. */
function repeatsOf(places: readonly Place[], tokens: number, documents: readonly TokenizedDocument[]): number[] {
  const stretches = places.map(({ document: { text, byteEnds }, start }) =>
    Buffer.from(text).subarray(start === 0 ? 0 : byteEnds[start - 1], byteEnds[start + tokens - 1]),
  );
  return occurrences(stretches, texts(documents));
}

function* texts(documents: readonly TokenizedDocument[]): Generator<Uint8Array> {
  for (const { text } of documents) yield Buffer.from(text);
}

/** @returns null where no unseen text was given, or none is left to compare */
async function membershipSection(
  request: RecallRequest,
  { documents: others, shared }: ReturnType<typeof apart>,
): Promise<Membership | null> {
  const { tokenizer, plan, seen, signal, progress, unseen } = request;
  if (unseen === null) return null;
  // A probe takes a corpus whose documents are numbered through.
  const documents = others.map((document, index) => ({ ...document, index }));
  const losses = await lossesOf(documents, request);
  progress.start(MEMBERSHIP, null, "");
  const found = await membershipOf({
    seen,
    unseen: { documents, lossesOf: losses },
    shared,
    prefixed: tokenizer.prefix !== null,
    seed: plan.seed,
    signal,
  });
  progress.finish();
  return found;
}
