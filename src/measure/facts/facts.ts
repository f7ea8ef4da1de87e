/**
 * Facts as questions to a model (METHODS §6): every prompt's candidates are scored and its greedy answer taken
 * (`decode/candidates.ts`), then the figures (`figures.ts`) and some answers to be looked at.
 *
 * Memory: what asking and figures take.
 */

import { ask, type Question, type Reply } from "../../decode/candidates.ts";
import { LIKELIEST_SERVED } from "../../decode/served.ts";
import { storageLedger } from "../../models/ledger.ts";
import { count } from "../../numeric/amounts.ts";
import { groupBy } from "../../numeric/groups.ts";
import { random } from "../../numeric/random.ts";
import { quietContext, type RunContext } from "../../ports/context.ts";
import { decoderOf, type Model } from "../../ports/model.ts";
import type { Facts, Verdict } from "../../profile/facts.ts";
import type { Fact, FactSet } from "../../text/facts.ts";
import type { Prepared } from "../prepare.ts";
import { ANSWERS, CANDIDATES } from "../stages.ts";
import { type Answered, factFigures } from "./figures.ts";

export interface FactsRequest extends RunContext {
  readonly model: Model;
  readonly facts: FactSet;
  readonly seed: number;
  /** false: no examples */
  readonly keepText: boolean;
}

/** Facts shown, for each number of exposures. */
const EXAMPLES = 3;
/** Answers made up with confidence that are kept, of all. */
const MISTAKES = 12;

/**
 * What a measurement's facts come to.
 * @returns null where none are asked for, or the model cannot be asked
 * @throws LossyscopeError as `measureFacts`
 */
export async function factsOf(
  request: RunContext & Pick<FactsRequest, "model">,
  { subject: { plan }, facts }: Prepared,
): Promise<Facts | null> {
  if (!facts || !request.model.can.has("answers")) return null;
  return measureFacts({ ...request, seed: plan.seed, keepText: plan.keepText, facts });
}

interface Asked {
  /** index of the fact */
  readonly fact: number;
  readonly question: Question;
  /** place of the true value among the candidates */
  readonly truth: number;
}

/**
 * Asks a model for facts, and says what it knows and what it makes up.
 * @throws LossyscopeError `input` or `usage` for prompts that the model cannot be asked; `engine`, `memory`; `interrupted`
 */
export async function measureFacts(request: FactsRequest): Promise<Facts> {
  const { model, facts: set, seed, keepText } = request;
  const { facts } = set;
  const { asked, replies, judged } = await answersOf(request);
  const { name, config } = model;
  const decoder = decoderOf(model);
  const figures = factFigures(facts, judged, {
    parameters: decoder && storageLedger(config, decoder.weights, { name }).parameters.total,
    commonest: (relation) => set.relations.get(relation)!.commonest,
    seed,
  });
  const write = (index: number): Example =>
    exampleOf(facts[asked[index].fact], asked[index], replies[index], judged[index]);
  return {
    source: { name: set.name, digest: set.digest },
    ...figures,
    notes: [
      ...figures.notes,
      ...notesOf(set),
      ...(model.served ? [SERVED] : []),
      ...(decoder?.precision === "fast" ? [FAST] : []),
    ],
    examples: keepText ? examplesOf(facts, asked, seed, write) : [],
    ...(keepText && { mistakes: mistakesOf(asked, judged, write) }),
  };
}

interface Answers {
  readonly asked: readonly Asked[];
  readonly replies: readonly Reply[];
  readonly judged: readonly Answered[];
}

/**
 * What a model answers, question by question, and what that is worth.
 * @throws LossyscopeError as `measureFacts`
 */
export async function answersOf(request: Omit<FactsRequest, "seed" | "keepText">): Promise<Answers> {
  const {
    model,
    facts: { facts },
    progress,
  } = request;
  const asked = facts.flatMap(({ prompts, candidates, value }, fact) =>
    prompts.map(({ text, joint, terminator }): Asked => {
      const question = { prompt: text, joint, terminator, candidates };
      return { fact, question, truth: candidates.indexOf(value) };
    }),
  );
  const stages = { candidates: CANDIDATES, answers: ANSWERS };
  let stage = "";
  const replies = await ask(
    model,
    asked.map(({ question }) => question),
    {
      ...quietContext(request),
      onProgress(phase, done) {
        if (stages[phase] !== stage) progress.start((stage = stages[phase]), asked.length, "questions");
        progress.update(done);
      },
    },
  );
  progress.finish();
  await model.refuseChanges();
  return { asked, replies, judged: asked.map((one, index) => judge(one, replies[index])) };
}

const SERVED = `of the tokens that may end an answer the server's ${LIKELIEST_SERVED} likeliest are counted, so that candidates cost a little more than they would where all are known`;

/** A model whose inputs are rounded. */
const FAST =
  "asked with what meets codes of weights rounded to 8 bits (--fast), which moves every probability a little: exact ones take a run without it";

function notesOf({ facts, total, relations }: FactSet): string[] {
  const counted = [...relations.values()].filter(({ commonestFrom }) => commonestFrom === "counts").length;
  return [
    ...(facts.length < total
      ? [
          `${count(facts.length)} facts of the file's ${count(total)} were asked for, balanced over exposures and weighted to the file`,
        ]
      : []),
    ...(counted > 0
      ? [`what guessing scores is from the file's own counts of values for ${counted} of ${relations.size} relations`]
      : []),
  ];
}

function judge({ fact, truth }: Asked, { nats, candidate }: Reply): Answered {
  const least = nats.reduce((a, b) => Math.min(a, b));
  const mass = nats.reduce((sum, one) => sum + Math.exp(least - one), 0);
  const better = nats.reduce((count, one) => count + Number(one < nats[truth]), 0);
  const equal = nats.reduce((count, one) => count + Number(one === nats[truth]), 0);
  return {
    fact,
    verdict: verdictOf(candidate, truth),
    chosen: nats.indexOf(least) === truth,
    confidence: 1 / mass,
    probability: Math.exp(least - nats[truth]) / mass,
    rank: better + (equal + 1) / 2,
    codeBits: nats[truth] / Math.LN2,
  };
}

function verdictOf(candidate: number | null, truth: number): Verdict {
  if (candidate === null) return "offType";
  return candidate === truth ? "exact" : "confusion";
}

type Example = Facts["examples"][number];

/** Some facts for each number of exposures, by seed, each with one of its prompts. */
function examplesOf(
  facts: readonly Fact[],
  asked: readonly Asked[],
  seed: number,
  write: (index: number) => Example,
): Example[] {
  const levels = [...groupBy(asked.keys(), (index) => facts[asked[index].fact].exposures)];
  return levels
    .sort(([a], [b]) => (a ?? -1) - (b ?? -1))
    .flatMap(([exposures, own]) => {
      const drawn = random(seed, "fact examples", exposures ?? "unknown").shuffle([...own]);
      const apart = [...new Map(drawn.map((index) => [facts[asked[index].fact].subject, index])).values()];
      return apart.slice(0, EXAMPLES).map(write);
    });
}

/** What was made up with the most confidence, the surest first, each fact once. */
function mistakesOf(
  asked: readonly Asked[],
  judged: readonly Answered[],
  write: (index: number) => Example,
): Example[] {
  const surest = new Map<number, number>();
  for (const [index, { verdict, confidence }] of judged.entries()) {
    if (verdict !== "confusion") continue;
    const { fact } = asked[index];
    const before = surest.get(fact);
    if (before === undefined || judged[before].confidence < confidence) surest.set(fact, index);
  }
  return [...surest.values()]
    .sort((a, b) => judged[b].confidence - judged[a].confidence || a - b)
    .slice(0, MISTAKES)
    .map(write);
}

function exampleOf(fact: Fact, { question }: Asked, { nats, answer }: Reply, judged: Answered): Example {
  return {
    subject: fact.subject,
    relation: fact.relation,
    exposures: fact.exposures,
    prompt: question.prompt,
    value: fact.value,
    answer,
    verdict: judged.verdict,
    favourite: question.candidates[nats.indexOf(nats.reduce((a, b) => Math.min(a, b)))],
    confidence: judged.confidence,
    probability: judged.probability,
  };
}
