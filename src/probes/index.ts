/**
 * The list of probes: what a measurement can find out in one pass over the text. A new one stands in a folder of its own and
 * in this list; nothing that runs, stops, shards, merges or publishes names it.
 */
import type { Need } from "../numeric/needs.ts";
import type { EngineRequest } from "../ports/engine.ts";
import { capabilityNeed } from "../ports/model.ts";
import { unionOfRows } from "../ports/observation.ts";
import type { Asked, Probe, ProbeContext, ProbeGround, ProbeKind, ProbeSubject } from "../ports/probe.ts";
import type { Plan } from "../profile/plan.ts";
import type { WindowBatch } from "../text/corpus.ts";
import { type Units, unitsOf } from "../text/units.ts";
import { ALMANAC } from "./almanac/probe.ts";
import { CODING } from "./coding/probe.ts";
import { GEOMETRY } from "./geometry/probe.ts";
import { NEXT_TOKEN } from "./next-token/probe.ts";
import { PASSAGES } from "./passages/probe.ts";
import { PLANE } from "./plane/probe.ts";
import { SPREAD } from "./spread/probe.ts";
import { STATES } from "./states/probe.ts";

/** In the order in which they finish; a later one may read the sections of those before it. */
const FURTHER: readonly ProbeKind[] = [ALMANAC, NEXT_TOKEN, PLANE, GEOMETRY, SPREAD, PASSAGES, STATES];
const KINDS: readonly ProbeKind[] = [CODING, ...FURTHER];

/** The probes of one measurement. */
export interface Probes {
  readonly list: readonly Probe[];
  /** sections that were asked for, of which the model cannot give what they take */
  readonly refused: readonly string[];
  readonly units: Units;
  /** nats of every token of a document, once all of it was seen */
  readonly lossesOf: (document: number) => Float32Array;
}

/** @throws LossyscopeError `io` where the place cannot be used */
export function probesOf(subject: ProbeSubject, context: Omit<ProbeContext, "units">): Probes {
  const units = unitsOf(subject.documents.map(({ ids }) => ids.length));
  const given = { ...context, units };
  const coding = CODING.create(subject, given);
  const further = FURTHER.filter(({ asked }) => asked(subject.plan));
  return {
    list: [
      coding,
      ...further.filter((kind) => isMade(kind, subject)).flatMap((kind) => kind.create(subject, given) ?? []),
    ],
    refused: further.filter((kind) => !isMade(kind, subject)).flatMap((kind) => sectionsOf(kind, subject.plan)),
    units,
    lossesOf: coding.losses,
  };
}

const sectionsOf = ({ section, sections }: ProbeKind, plan: Plan): readonly string[] => sections?.(plan) ?? [section];

/** Whether it is asked for, and the model can give what it takes. */
const isMade = ({ asked, takes }: ProbeKind, { plan, can }: Pick<ProbeSubject, "plan" | "can">): boolean =>
  asked(plan) && takes.every((one) => can.includes(one));

/** What the figures of all probes take of a model, and where it gives that, of a text. */
export const probeNeeds = (ground: ProbeGround, units: Units): Need[] =>
  KINDS.filter(({ asked }) => asked(ground.plan)).flatMap((kind) => {
    const { can } = ground.model;
    const lacking = kind.takes.find((one) => !can.has(one));
    return lacking === undefined
      ? kind.needs(ground, units)
      : sectionsOf(kind, ground.plan).map((section) => capabilityNeed(section, can, lacking));
  });

/** Bytes on the disk that a whole run of them comes to. */
export const probeDiskBytes = (subject: ProbeSubject): number =>
  KINDS.filter((kind) => isMade(kind, subject)).reduce((total, kind) => total + (kind.diskBytes?.(subject) ?? 0), 0);

/** Stages of finishing them. */
export const probeStages = (plan: Parameters<ProbeKind["stages"]>[0]): string[] =>
  KINDS.flatMap((kind) => [...kind.stages(plan)]);

type Rows = (batch: WindowBatch) => Int32Array;

/** What all probes together ask of the engine. @throws Error where two ask for what there is one of */
export function requestOf(probes: readonly Probe[], { preNorm }: Pick<Plan, "preNorm">): EngineRequest {
  const asked = probes.map(({ asks }) => asks);
  const rows = (of: (one: Asked) => Rows | undefined): Rows | undefined => {
    const given = asked.flatMap((one) => of(one) ?? []);
    return given.length < 2 ? given[0] : (batch) => unionOfRows(given.map((own) => own(batch)));
  };
  const only = <T>(what: string, of: (one: Asked) => T | undefined): T | undefined => {
    const given = asked.flatMap((one) => of(one) ?? []);
    if (given.length > 1) throw new Error(`${given.length} probes ask for ${what}`);
    return given[0];
  };
  const likeliest = asked.flatMap(({ heads }) => heads.likeliest ?? []);
  return {
    heads: {
      losses: asked.some(({ heads }) => heads.losses),
      likeliest: likeliest.length > 0 ? Math.max(...likeliest) : undefined,
      assignments: only("soft assignments", ({ heads }) => heads.assignments),
      moments: asked.some(({ heads }) => heads.moments),
      preNorm,
    },
    likeliestRows: rows((one) => one.likeliestRows),
    momentRows: only("moments", (one) => one.momentRows),
    stateRows: rows((one) => one.stateRows),
    statePools: only("sums of states", (one) => one.statePools),
    unitPools: only("sums of units", (one) => one.unitPools),
  };
}
