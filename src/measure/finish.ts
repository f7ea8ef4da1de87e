/**
 * From probes that have seen the whole text to the profile. Takes neither model nor engine: what one process has observed
 * and what the shards of a plan have observed between them is finished in the same way.
 *
 * Memory: each probe as its file says.
 */

import { LossyscopeError } from "../numeric/errors.ts";
import { checked } from "../numeric/schema-faults.ts";
import { type RunContext, runContext } from "../ports/context.ts";
import type { KeptRows } from "../ports/probe.ts";
import type { Probes } from "../probes/index.ts";
import type { Concepts } from "../profile/concepts.ts";
import type { Facts } from "../profile/facts.ts";
import type { Lockstep } from "../profile/lockstep.ts";
import type { Precision } from "../profile/precision.ts";
import type { Preference } from "../profile/preference.ts";
import { PROFILE_SCHEMA, type Profile, profileSchema } from "../profile/profile.ts";
import { VERSION } from "../profile/version.ts";
import type { TokenizedDocument } from "../text/corpus.ts";
import type { LlamaCppTally } from "./llama-cpp/llama-cpp.ts";
import type { LmEvalTally } from "./lm-eval/lm-eval.ts";
import type { NotTogether } from "./lockstep/course.ts";
import { ONE_VOCABULARY } from "./lockstep/foresee.ts";
import type { Subject } from "./prepare.ts";
import type { Recalled } from "./recall/recall.ts";
import type { Execution, ServedExecution } from "./running/execution.ts";
import { type Readings, repeatability } from "./running/repeatability.ts";
import type { StaticFigures } from "./static/static-figures.ts";

export interface Measurement {
  readonly profile: Profile;
  readonly documents: readonly TokenizedDocument[];
  /** nats of every token of the document with that index */
  readonly lossesOf: (document: number) => Float32Array;
  /** what `--keep states` keeps, there until `deliver` has returned */
  readonly keptStates: KeptRows | null;
}

/** Everything that was found out before the end. */
export interface Findings {
  readonly subject: Subject;
  readonly probes: Probes;
  readonly likeLmEval: LmEvalTally | null;
  readonly likeLlamaCpp: LlamaCppTally | null;
  /** some windows of a served model, read before the pass; null where it runs here, and of shards */
  readonly readings: Readings | null;
  readonly static: StaticFigures;
  /** null where it was not asked for */
  readonly recall: Recalled | null;
  readonly facts: Facts | null;
  /** what there is beside a reference, or why there is nothing; absent where none was named */
  readonly lockstep?: Lockstep | NotTogether;
  readonly concepts: Concepts | null;
  readonly preference: Preference | null;
  /** what it cost to compute otherwise than exactly; absent where it was exact */
  readonly precision?: Precision;
  /** every process that ran the model */
  readonly executions: readonly Execution[];
}

export type FinishRequest = RunContext;

/** @throws LossyscopeError `engine` where a part of the text was not seen; `interrupted` */
export async function finish(findings: Findings, request: FinishRequest): Promise<Measurement> {
  const stopwatch = performance.now();
  const {
    subject,
    probes,
    likeLmEval,
    likeLlamaCpp,
    readings,
    recall,
    facts,
    concepts,
    preference,
    lockstep,
    precision,
    executions,
  } = findings;
  const { plan, documents, foretold } = subject;
  const { ledger, baselines } = findings.static;
  const { lossesOf } = probes;
  const beside = {
    ...findings.static,
    likeLmEval: likeLmEval?.finish() ?? null,
    likeLlamaCpp: likeLlamaCpp?.finish() ?? null,
    repeatability: readings && repeatability(readings, documents, lossesOf),
  };
  let found: Partial<Profile> = {};
  let keptStates: KeptRows | null = null;
  const refusals: Profile["refusals"] = [];
  for (const probe of probes.list) {
    const own = await probe.finish({ beside, lossesOf, found, foretold, ...runContext(request) });
    found = { ...found, ...own.sections };
    refusals.push(...(own.refusals ?? []));
    keptStates ??= own.keptStates ?? null;
  }
  const profile: Profile = {
    schema: PROFILE_SCHEMA,
    id: subject.id,
    title: subject.title,
    model: subject.model,
    plan: { ...plan, context: subject.context, overlap: subject.overlap },
    corpus: subject.corpus,
    ledger,
    coding: null,
    plane: null,
    geometry: null,
    documents: [],
    passages: [],
    ...Object.fromEntries(
      probes.refused.filter((section) => section in profileSchema.shape).map((section) => [section, null]),
    ),
    ...found,
    ...(recall && { recall: recall.recall }),
    ...(plan.with.includes("facts") && { facts }),
    ...(precision && { precision }),
    ...(lockstep && { lockstep: "absent" in lockstep ? null : lockstep }),
    ...(plan.concepts && { concepts }),
    ...(plan.pairs && { preference }),
    provenance: provenanceOf(subject, executions, stopwatch),
    refusals: [
      ...subject.refusals,
      ...foretold.map(({ figure, reason, remedy }) => ({ figure, reason, remedy })),
      ...baselines.refusals,
      ...(recall?.refusals ?? []),
      ...(lockstep ? refusedBeside(lockstep) : []),
      ...refusals,
    ],
  };
  const published = checked(
    profileSchema,
    profile,
    (faults) =>
      new LossyscopeError(
        "engine",
        `the figures make no profile (${faults})`,
        "look for damage in what was measured or merged; where there is none, this is a defect of the tool",
      ),
  );
  return { profile: published, documents, lossesOf, keptStates };
}

const refusedBeside = (found: Lockstep | NotTogether): Profile["refusals"] =>
  "absent" in found
    ? [{ figure: "lockstep", reason: found.absent, remedy: ONE_VOCABULARY }]
    : found.refusals.map(({ figure, reason }) => ({
        figure: figure === "likeLlamaCpp" ? `lockstep.${figure}` : `lockstep.overall.${figure}`,
        reason,
      }));

/** @param stopwatch when this process began what the processes that ran the model have not counted */
function provenanceOf(
  { digests, referenceDigests, plan, reference }: Subject,
  executions: readonly Execution[],
  stopwatch: number,
): Profile["provenance"] {
  const total = (of: (one: Execution) => number): number => executions.reduce((sum, one) => sum + of(one), 0);
  const most = (of: (one: Execution) => number): number => Math.max(...executions.map(of));
  const distinct = (of: (one: Execution) => string): string => [...new Set(executions.map(of))].join(", ");
  const tokens = total((one) => one.tokens);
  const served = executions.flatMap((one) => one.served ?? []);
  return {
    tool: { name: "lossyscope", version: VERSION },
    runtime: {
      node: distinct(({ node }) => node),
      engine: distinct(({ engine }) => engine),
      platform: distinct(({ platform }) => platform),
      threads: most(({ threads }) => threads),
      ...(executions.some(({ streams }) => streams) && { weights: "streamed" as const }),
    },
    ...(served.length > 0 && { served: servedBy(served) }),
    digests,
    ...(referenceDigests && { reference: referenceDigests }),
    seeds: { everything: plan.seed, ...(reference && { referencePoints: reference.source }) },
    started: executions.map(({ started }) => started).sort()[0],
    seconds: total(({ seconds }) => seconds) + (performance.now() - stopwatch) / 1000,
    tokensPerSecond: tokens > 0 ? tokens / total(({ passSeconds }) => passSeconds) : null,
    peakMemoryBytes:
      most(({ enginePeakBytes }) => enginePeakBytes) +
      Math.max(
        process.resourceUsage().maxRSS * 1024,
        most(({ ownPeakBytes }) => ownPeakBytes),
      ),
  };
}

/** What all processes have sent. */
function servedBy(all: readonly ServedExecution[]): NonNullable<Profile["provenance"]["served"]> {
  const total = (of: (one: ServedExecution) => number): number => all.reduce((sum, one) => sum + of(one), 0);
  const tokens = total((one) => one.tokens);
  const [{ price }] = all;
  return {
    server: [...new Set(all.map(({ server }) => server))].join(", "),
    requests: total((one) => one.requests),
    again: total((one) => one.again),
    tokens,
    price: price === null ? null : (tokens * price) / 1e6,
  };
}
