/**
 * From probes that have seen the whole text to the profile. Takes neither model nor engine: what one process has observed
 * and what the shards of a plan have observed between them is finished in the same way.
 *
 * Memory: each probe as its file says.
 */

import { checked } from "../numeric/schema-faults.ts";
import type { KeptStates } from "../probes/states/kept-states.ts";
import type { PlaneProbe } from "../probes/plane/plane.ts";
import type { Facts } from "../profile/facts.ts";
import type { Geometry } from "../profile/geometry.ts";
import type { Plane } from "../profile/plane.ts";
import { PROFILE_SCHEMA, type Profile, profileSchema } from "../profile/profile.ts";
import { VERSION } from "../profile/version.ts";
import type { TokenizedDocument } from "../text/corpus.ts";
import { almanacSection } from "../probes/almanac/almanac.ts";
import type { Asides } from "./asides.ts";
import { geometrySection } from "./geometry.ts";
import { knowledgeOf } from "../probes/almanac/knowledge.ts";
import type { LmEvalTally } from "./lm-eval.ts";
import type { Ran } from "./observe.ts";
import { passagesOf } from "../probes/passages/passages.ts";
import type { Subject } from "./prepare.ts";
import type { Probes } from "./probes.ts";
import { type ProgressSink, withProgress } from "../ports/progress.ts";
import type { Recalled } from "./recall/recall.ts";
import { CODE_LENGTHS, FRONTIER, GEOMETRY, PLANE } from "./stages.ts";

export interface Measurement {
  readonly profile: Profile;
  readonly documents: readonly TokenizedDocument[];
  /** nats of every token of the document with that index */
  readonly lossesOf: (document: number) => Float32Array;
  /** what `--keep states` keeps, there until `deliver` has returned */
  readonly keptStates: KeptStates | null;
}

/** Everything that was found out before the end. */
export interface Findings {
  readonly subject: Subject;
  readonly probes: Probes;
  readonly likeLmEval: LmEvalTally | null;
  readonly asides: Asides;
  /** null where it was not asked for */
  readonly recall: Recalled | null;
  readonly facts?: Facts | null;
  /** every process that ran the model */
  readonly ran: readonly Ran[];
}

export interface FinishRequest {
  readonly threads: number;
  readonly progress: ProgressSink;
  readonly signal?: AbortSignal;
}

/** @throws LossyscopeError `engine` where a part of the text was not seen; `interrupted` */
export async function finish(findings: Findings, { threads, progress, signal }: FinishRequest): Promise<Measurement> {
  const stopwatch = performance.now();
  const { subject, probes, likeLmEval, asides, recall, facts, ran } = findings;
  const { plan, documents } = subject;
  const { coding, plane, geometry, expectations, units } = probes;
  const { ledger, baselines, embedding } = asides;
  progress.start(CODE_LENGTHS, null, "");
  const coded = coding.finish({ units, weightBytes: ledger.weightBytes, baselines, seed: plan.seed });
  const lossesOf = (document: number): Float32Array => coding.losses(document);
  const almanac = almanacSection(documents, coded.documentNats, plan.seed);
  const knowledge = almanac ? knowledgeOf(documents, lossesOf, plan.seed) : null;
  progress.finish();
  const planeFigures = plane && (await finishPlane(plane, { threads, progress, signal }));
  const geometryFigures =
    geometry &&
    (await withProgress(progress, GEOMETRY, "layers", (onLayer) =>
      geometrySection(geometry, subject.model, embedding, { signal, onLayer }),
    ));
  const profile: Profile = {
    schema: PROFILE_SCHEMA,
    id: subject.id,
    title: subject.title,
    model: subject.model,
    plan: { ...plan, context: subject.context, overlap: subject.overlap },
    corpus: subject.corpus,
    ledger,
    coding: { ...coded.coding, ...(likeLmEval && { likeLmEval: likeLmEval.finish() }) },
    plane: planeFigures,
    geometry: geometryFigures,
    ...(almanac !== undefined && {
      almanac: almanac && { ...almanac, knowledge },
    }),
    ...(recall && { recall: recall.recall }),
    ...(facts && { facts }),
    documents: documents.map(({ id, sha256, domain, bytes, ids, index }) => ({
      id,
      sha256,
      domain,
      bytes,
      tokens: ids.length,
      nats: coded.documentNats[index],
    })),
    passages: plan.keepText
      ? passagesOf(documents, lossesOf, {
          seed: plan.seed,
          expectedOf: (document, first) => expectations?.of(document, first),
        })
      : [],
    provenance: provenanceOf(subject, ran, stopwatch),
    refusals: [
      ...subject.refusals,
      ...subject.foretold.map(({ figure, reason, remedy }) => ({ figure, reason, remedy })),
      ...baselines.refusals,
      ...(recall?.refusals ?? []),
      ...(geometryFigures ? missingShapes(geometryFigures, subject.foretold) : []),
    ],
  };
  const published = checked(
    profileSchema,
    profile,
    (faults) => new Error(`a profile that its own schema refuses: ${faults}`),
  );
  return { profile: published, documents, lossesOf, keptStates: probes.kept };
}

/** Its layers, and after them what is left of the frontier. */
async function finishPlane(plane: PlaneProbe, { threads, progress, signal }: FinishRequest): Promise<Plane> {
  let alone = false;
  progress.start(PLANE, plane.layers, "layers");
  const figures = await plane.finish({
    threads,
    signal,
    onLayers: (done) => progress.update(done),
    onFrontier(steps) {
      if (!alone) progress.start(FRONTIER, null, "steps");
      alone = true;
      progress.update(steps);
    },
  });
  progress.finish();
  return figures;
}

/** Figures of single layers that the states themselves do not allow, whatever the text. */
function missingShapes({ layers }: Geometry, foretold: Subject["foretold"]): Profile["refusals"] {
  const told = new Set(foretold.map(({ figure }) => figure));
  return layers.flatMap((layer) =>
    (["centred", "twoNN"] as const).flatMap((name) => {
      const figure = `geometry.layers[${layer.layer}].${name}`;
      if (layer[name] !== null || told.has(figure) || told.has(`geometry.layers.${name}`)) return [];
      const reason =
        name === "centred"
          ? "the model gives all tokens one state"
          : "the model gives too many tokens the same state, or makes all their neighbours equally far";
      return [{ figure, reason }];
    }),
  );
}

/** @param stopwatch when this process began what the processes that ran the model have not counted */
function provenanceOf(
  { digests, plan, reference }: Subject,
  ran: readonly Ran[],
  stopwatch: number,
): Profile["provenance"] {
  const total = (of: (one: Ran) => number): number => ran.reduce((sum, one) => sum + of(one), 0);
  const most = (of: (one: Ran) => number): number => Math.max(...ran.map(of));
  const distinct = (of: (one: Ran) => string): string => [...new Set(ran.map(of))].join(", ");
  const tokens = total((one) => one.tokens);
  return {
    tool: { name: "lossyscope", version: VERSION },
    runtime: {
      node: distinct(({ node }) => node),
      engine: distinct(({ engine }) => engine),
      platform: distinct(({ platform }) => platform),
      threads: most(({ threads }) => threads),
    },
    digests,
    seeds: { everything: plan.seed, ...(reference && { referencePoints: reference.source }) },
    started: ran.map(({ started }) => started).sort()[0],
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
