/**
 * Profiles and trajectories back from JSON, checked against their schema, and figures of a profile by path
 * (`coding.overall.bitsPerByte`). Files are `store/`'s.
 */
import type { z } from "zod";
import { parseJson } from "../formats/json.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { checked, fitting } from "../numeric/schema-faults.ts";
import { type Interval, intervalSchema } from "./figures.ts";
import { PROFILE_SCHEMA, type Profile, profileSchema } from "./profile.ts";
import { TRAJECTORY_SCHEMA, type Trajectory, trajectorySchema } from "./trajectory.ts";

/** A kind of published document. */
interface Kind<T> {
  readonly schema: z.ZodType<T>;
  /** its name and version */
  readonly version: string;
  /** in one word, and in full */
  readonly word: string;
  readonly called: string;
  readonly writtenBy: string;
  /** earlier versions that are read too, each with what makes it one of this version */
  readonly earlier?: Readonly<Record<string, (json: object) => object>>;
  /** what in it does not fit together, which no schema says; null where all does */
  strange?(document: T): string | null;
}

const PROFILE: Kind<Profile> = {
  schema: profileSchema,
  version: PROFILE_SCHEMA,
  word: "profile",
  called: "compression profile",
  writtenBy: "lossyscope measure --json",
  // What may be null since was always there: all that was measured had its weights at hand.
  earlier: { "lossyscope.profile/1": (json) => ({ ...json, schema: PROFILE_SCHEMA }) },
};
const TRAJECTORY: Kind<Trajectory> = {
  schema: trajectorySchema,
  version: TRAJECTORY_SCHEMA,
  word: "trajectory",
  called: "trajectory of a training run",
  writtenBy: "lossyscope trajectory",
  strange: layersApart,
};

/** Steps are drawn layer by layer, and the embedding output is one. */
function layersApart({ run, steps }: Trajectory): string | null {
  for (const { step, plane, effectiveRank } of steps) {
    for (const { layers } of [plane, effectiveRank].filter((section) => section !== null)) {
      if (layers.length !== run.blocks + 1)
        return `step ${step} has ${layers.length} layers, a model of ${run.blocks} blocks has ${run.blocks + 1}`;
    }
  }
  return null;
}

/** The name and version that a document gives itself; null where it gives none. */
const schemaIn = (json: unknown): string | null =>
  typeof json === "object" && json !== null && "schema" in json && typeof json.schema === "string" ? json.schema : null;

/** What schemas of all versions of a kind begin with. */
const family = ({ version }: Pick<Kind<unknown>, "version">): string => version.replace(/\d+$/, "");

/**
 * @param name of the file in error messages
 * @param kinds that it may be of
 * @throws LossyscopeError `input` where the text is no document of them, of a version that is read
 */
function parse<T>(text: string, name: string, ...kinds: readonly [Kind<T>, ...Kind<T>[]]): T {
  const fault = (message: string, next: string): LossyscopeError =>
    new LossyscopeError("input", `${name} ${message}`, next);
  const written = `name a file that ${kinds.map(({ writtenBy }) => `\`${writtenBy}\``).join(" or ")} wrote`;
  const json = parseJson(text, (why) => fault(why, written));
  const own = schemaIn(json);
  const kind = kinds.find((one) => own?.startsWith(family(one)));
  if (own === null || kind === undefined)
    throw fault(`is not a ${kinds.map(({ called }) => called).join(" or a ")}`, written);
  const { schema, version, earlier = {}, word } = kind;
  const raise = Object.hasOwn(earlier, own) ? earlier[own] : null;
  if (own !== version && raise === null) {
    const read = [...Object.keys(earlier), version].join(" and ");
    throw fault(`is of schema ${own}, this version reads ${read}`, "measure again, or use the version that wrote it");
  }
  const invalid = (faults: string): LossyscopeError => fault(`is no valid ${word}: ${faults}`, "measure again");
  const document = checked(schema, raise === null ? json : raise(json as object), invalid);
  const strange = kind.strange?.(document) ?? null;
  if (strange !== null) throw invalid(strange);
  return document;
}

/**
 * Reads a profile of this schema version from its JSON, or one of an earlier version, made one of this.
 * @throws LossyscopeError `input` where the text is no such profile
 */
export const parseProfile = (text: string, name: string): Profile => parse(text, name, PROFILE);

/**
 * Reads a trajectory from its JSON.
 * @throws LossyscopeError `input` where the text is no trajectory of this schema version
 */
export const parseTrajectory = (text: string, name: string): Trajectory => parse(text, name, TRAJECTORY);

/**
 * Reads a profile or a trajectory from its JSON, whichever it says it is.
 * @throws LossyscopeError `input` where the text is neither
 */
export const parseDocument = (text: string, name: string): Profile | Trajectory =>
  parse<Profile | Trajectory>(text, name, PROFILE, TRAJECTORY);

/** Which of the two a document is. */
export const isTrajectory = (document: Profile | Trajectory): document is Trajectory =>
  document.schema === TRAJECTORY_SCHEMA;

/** `a.b[3]["c.d"]` → `a`, `b`, `3`, `c.d`; `[-1]` is the last of a list */
function segments(path: string): string[] | null {
  const found: string[] = [];
  const segment = /(?:^|\.)([^.[\]"]+)|\[(-?\d+)\]|\["([^"]*)"\]/y;
  while (segment.lastIndex < path.length) {
    const match = segment.exec(path);
    if (match === null) return null;
    found.push(match[1] ?? match[2] ?? match[3]);
  }
  return found.length > 0 ? found : null;
}

/** What a path names: a figure, or why the profile has none there. */
export type Figure =
  | { readonly kind: "figure"; readonly figure: Interval & { value: number } }
  | { readonly kind: "absent"; readonly why: string };

/**
 * The figure at a path: a number, or an interval with its ends (`.value` behind it changes nothing).
 * @throws LossyscopeError `usage` for a path that no profile has, naming what lies there instead
 */
export function figureAt(profile: Profile, path: string): Figure {
  const keys = segments(path);
  if (keys === null)
    throw new LossyscopeError("usage", `${path} is not a path`, "write it as coding.overall.bitsPerByte");
  const refusal = (prefix: string): string => {
    const found = profile.refusals.find(
      ({ figure }) => path === figure || path.startsWith(`${figure}.`) || figure === prefix,
    );
    if (!found) return "it was not asked for or is not defined";
    return found.remedy === undefined ? found.reason : `${found.reason}; it would take ${found.remedy}`;
  };
  let at: unknown = profile;
  for (const [index, key] of keys.entries()) {
    const inside = keys.slice(0, index).join(".");
    if (at === null) return { kind: "absent", why: `${inside}: ${refusal(inside)}` };
    if (fitting(intervalSchema, at) && key === "value" && index === keys.length - 1) break;
    // a section of the schema that this profile does without
    if (at === profile && Object.hasOwn(profileSchema.shape, key) && !Object.hasOwn(profile, key)) {
      return { kind: "absent", why: `${key}: ${refusal(key)}` };
    }
    const place = Array.isArray(at) && key.startsWith("-") ? String(at.length + Number(key)) : key;
    if (typeof at !== "object" || !Object.hasOwn(at, place)) {
      const there = typeof at === "object" ? Object.keys(at).slice(0, 12).join(", ") : "a single value";
      throw new LossyscopeError(
        "usage",
        `profile of ${profile.model.name} has no ${path}`,
        `${inside || "it"} has ${there}`,
      );
    }
    at = (at as Record<string, unknown>)[place];
  }
  if (typeof at === "number") return { kind: "figure", figure: { value: at, low: null, high: null } };
  const interval = fitting(intervalSchema, at);
  const value = at === null ? null : interval?.value;
  if (value === undefined) {
    throw new LossyscopeError(
      "usage",
      `${path} is no figure`,
      `name one inside it: ${Object.keys(at as object)
        .slice(0, 12)
        .join(", ")}`,
    );
  }
  if (value === null) return { kind: "absent", why: `${path}: ${refusal(path)}` };
  return { kind: "figure", figure: { ...interval!, value } };
}
