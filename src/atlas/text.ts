/** Whether profiles are of the same text, and models each of one name: what every use of several profiles rests on. */
import { z } from "zod";
import { count } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { groupBy } from "../numeric/groups.ts";
import { fitting } from "../numeric/schema-faults.ts";
import type { Profile } from "../profile/profile.ts";

/** A profile and the file it came from. */
export interface Named {
  readonly file: string;
  readonly profile: Profile;
}

/**
 * Refuses two profiles of one model.
 * @throws LossyscopeError `input` where two profiles are of one model
 */
export function requireDistinct(given: readonly Named[]): void {
  for (const [name, same] of groupBy(given, ({ profile }) => profile.model.name)) {
    if (same.length > 1) {
      throw new LossyscopeError(
        "input",
        `${same.map(({ file }) => file).join(" and ")} are both of ${name}`,
        "give one profile a model",
      );
    }
  }
}

/**
 * Refuses profiles of different texts.
 * @throws LossyscopeError `input` where a profile is of another text than the first
 */
export function requireOneText(given: readonly Named[]): void {
  const [first, ...others] = given;
  const other = others.find(({ profile }) => profile.corpus.digest !== first.profile.corpus.digest);
  if (other) {
    const said = ({ file, profile: { corpus } }: Named): string =>
      `${file} is of ${corpus.name} (${count(corpus.bytes)} bytes, digest ${corpus.digest.slice(0, 12)})`;
    throw new LossyscopeError("input", `${said(first)}, ${said(other)}`, "measure all models on the same text");
  }
}

const isAlone = (values: readonly string[], index: number): boolean =>
  values.indexOf(values[index]) === values.lastIndexOf(values[index]);

/** The last part of a path, on any system. */
const lastPart = (path: string): string => path.replace(/^.*[/\\]/, "");

/** What each profile is called beside the others: its model, with the file where two are of one, and its path if need be. */
export function labelsOf(given: readonly Named[]): string[] {
  const names = given.map(({ profile }) => profile.model.name);
  const short = given.map(({ file }, index) => `${names[index]} (${lastPart(file)})`);
  return given.map(({ file }, index) => {
    if (isAlone(names, index)) return names[index];
    return isAlone(short, index) ? short[index] : `${names[index]} (${file})`;
  });
}

/** How profiles were computed, where not all alike; null where they were. */
export function differentPrecision(given: readonly Named[]): string | null {
  const kinds = given.map(({ profile }) => profile.precision?.kind ?? "exact");
  if (new Set(kinds).size === 1) return null;
  const labels = labelsOf(given);
  return `precision differs, and with it every figure of the pass a little: ${kinds.map((kind, index) => `${labels[index]} ${kind}`).join("; ")}`;
}

/** What of a plan says how windows were cut; fields that another version of the tool wrote otherwise are not known. */
const windowPlan = z.object({ context: z.number().nullable().catch(null), overlap: z.number().nullable().catch(null) });

/** Tokens of a profile's longest window, and how many of them a later window re-reads, as far as its plan says. */
function windowsOf({ plan }: Profile): string {
  const { context = null, overlap = null } = fitting(windowPlan, plan) ?? {};
  return `${context === null ? "unknown" : count(context)} tokens${overlap === null ? "" : `, ${count(overlap)} of them re-read`}`;
}

/**
 * What part of a difference in bits per byte may be: models that saw windows of different length, and so had more or less
 * to go by.
 * @returns one sentence, or null where all windows are alike
 */
export function differentWindows(given: readonly Named[]): string | null {
  const labels = labelsOf(given);
  const windows = given.map(({ profile }) => windowsOf(profile));
  if (new Set(windows).size === 1) return null;
  return `windows differ, and with them what each model had to go by: ${windows.map((one, index) => `${labels[index]} ${one}`).join("; ")}`;
}
