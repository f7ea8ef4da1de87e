/**
 * The port of every probe: what it asks of the engine, what it keeps of the observations, how it goes on after a stop and comes
 * together with the same probe of other shards, and the part of the profile that it gives. Runs, shards, merges and profiles
 * know probes by this alone; which ones there are is said in `probes/index.ts` and nowhere else.
 */

import type { z } from "zod";
import type { SpillPlace } from "../files/spill.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import type { Need } from "../numeric/needs.ts";
import { checked } from "../numeric/schema-faults.ts";
import type { Baseline, Coding } from "../profile/coding.ts";
import type { Geometry } from "../profile/geometry.ts";
import type { Ledger } from "../profile/ledger.ts";
import type { Plan } from "../profile/plan.ts";
import type { Plane } from "../profile/plane.ts";
import type { Profile } from "../profile/profile.ts";
import type { Prefix, TokenizedDocument, WindowBatch } from "../text/corpus.ts";
import type { Units } from "../text/units.ts";
import type { RunContext } from "./context.ts";
import type { EngineRequest } from "./engine.ts";
import type { Capability, Model } from "./model.ts";
import type { HeadRequest, Observation } from "./observation.ts";

/** What decides before the model runs which figures there will be. */
export interface ProbeGround {
  readonly plan: Plan;
  readonly model: Pick<Model, "can" | "width" | "positions" | "runs">;
  readonly context: number;
  readonly overlap: number;
  readonly prefix: Prefix | null;
  readonly documents: readonly TokenizedDocument[];
}

/** The reference points of the plane, and how they were come by. */
export interface Reference {
  readonly m: number;
  readonly draws: number;
  /** seed, or digest of the file that the points came from */
  readonly source: string;
  readonly temperature: { readonly rule: Plane["temperature"]["rule"]; readonly epsilon: number };
}

/** What is measured, as far as probes go by it. Plain data. */
export interface ProbeSubject {
  readonly plan: Plan;
  readonly model: Pick<Profile["model"], "layers" | "width" | "vocabulary">;
  readonly can: readonly Capability[];
  readonly documents: readonly TokenizedDocument[];
  readonly prefix: Prefix | null;
  /** null where no plane is asked for */
  readonly reference: Reference | null;
}

/** What a probe is made with beside its subject. */
export interface ProbeContext {
  readonly units: Units;
  /** where rows lie that are too many for memory; of a merge, the folders of all parts */
  readonly place: SpillPlace;
  /** [draws·m, d]; null where nothing is observed, as in a merge */
  readonly points: Float32Array | null;
  /** how a token is spelt for people */
  readonly spell: (token: number) => string;
}

/** What a probe asks of the engine. */
export interface Asked
  extends Pick<EngineRequest, "momentRows" | "likeliestRows" | "stateRows" | "statePools" | "unitPools"> {
  readonly heads: Partial<Omit<HeadRequest, "preNorm" | "inLanes">>;
}

/** What was found beside the pass over the text. Plain data. */
export interface Beside {
  /** null where the weights are not at hand */
  readonly ledger: Ledger | null;
  readonly baselines: {
    readonly overall: readonly Baseline[];
    readonly domains: Readonly<Record<string, readonly Baseline[]>>;
  };
  readonly embedding: Geometry["embedding"];
  readonly likeLmEval: NonNullable<Coding["likeLmEval"]> | null;
  readonly likeLlamaCpp: NonNullable<Coding["likeLlamaCpp"]> | null;
  readonly repeatability: NonNullable<Coding["repeatability"]> | null;
}

export interface FinishContext extends RunContext {
  readonly beside: Beside;
  /** nats of every token of the document with that index, as `CodingProbe.losses` gives them */
  readonly lossesOf: (document: number) => Float32Array;
  /** sections that probes before this one in the list have found */
  readonly found: Readonly<Partial<Profile>>;
  /** figures that are known to be missing since before the run */
  readonly foretold: readonly { readonly figure: string }[];
}

/** Rows of states that are kept to be written beside the profile. */
export interface KeptRows {
  /** the document and the byte in it where each row's token ends */
  readonly rows: readonly { readonly document: number; readonly byte: number }[];
  /** [L+1, rows, d] float32, a row at a time; there until the probe is closed */
  states(): Iterable<Uint8Array>;
}

export interface Finding {
  readonly sections: Partial<Profile>;
  readonly keptStates?: KeptRows;
  /** what only the run could show to be missing */
  readonly refusals?: Profile["refusals"];
}

export interface Probe {
  /** under which its snapshots are kept */
  readonly name: string;
  readonly asks: Asked;
  /** Takes what the engine gave for one batch. @throws LossyscopeError `model` on what is no number, `engine` */
  observe(observation: Observation): void;
  /** What `restore` takes, of things that the structured clone can carry; rows on the disk are written out. */
  snapshot(): unknown;
  /**
   * Takes up what was seen before: by an earlier process in the same place, or by the shards whose folders the place names, in
   * their order. Called once, before anything is observed.
   * @throws LossyscopeError `io` on what no probe of this name has kept
   */
  restore(snapshots: readonly unknown[]): void;
  /** Files that lie beside a snapshot, with the bytes each has to have. */
  filesOf?(snapshot: unknown): ReadonlyMap<string, number>;
  /** Bytes on the disk that some batches come to. */
  diskBytes?(batches: readonly WindowBatch[]): number;
  /**
   * Begins what follows from the text alone, in short turns beside the model; `finish` takes it up, and `close` ends it. Where it is
   * not called all of it is done at the finish, to the same figures.
   */
  beginBeside?(signal?: AbortSignal): void;
  /** @throws LossyscopeError `engine` where a part of the text was not seen; `interrupted` */
  finish(context: FinishContext): Promise<Finding>;
  /** Lets go of files; idempotent. */
  close?(): void;
}

/** A probe as the list has it. */
export interface ProbeKind {
  readonly name: string;
  /** what is missing of a profile where the model cannot do what the probe takes: a section's path */
  readonly section: string;
  /** the same of a probe that gives several, those that the plan asks for */
  sections?(plan: Plan): readonly string[];
  /** what a model has to give for it */
  readonly takes: readonly Capability[];
  asked(plan: Plan): boolean;
  /** What its figures take of a text, where they are asked for and the model can give them. */
  needs(ground: ProbeGround, units: Units): Need[];
  /** Bytes on the disk that a whole run comes to, told without making the probe; none where it has no such thing. */
  diskBytes?(subject: ProbeSubject): number;
  /** Labels under which its finish starts stages where the plan asks for it, in order. */
  stages(plan: Pick<Plan, "plane" | "geometry" | "with">): readonly string[];
  /**
   * Where it is asked for and the model can give what it takes.
   * @returns null where the text does not allow it, which its needs say
   */
  create(subject: ProbeSubject, context: ProbeContext): Probe | null;
}

/** Blocks and width of a model that shows its states. */
export function shapeOf({ layers, width }: Pick<Profile["model"], "layers" | "width">): {
  readonly layers: number;
  readonly width: number;
} {
  if (layers === null || width === null) throw new Error("a model that shows its states has layers and a width");
  return { layers, width };
}

/**
 * A snapshot as a probe kept it.
 * @throws LossyscopeError `io` where it is another
 */
export const snapshotOf = <Schema extends z.ZodType>(
  name: string,
  schema: Schema,
  snapshot: unknown,
): z.output<Schema> =>
  checked(schema, snapshot, (faults) => new LossyscopeError("io", `what was kept of ${name} is not sound: ${faults}`));
