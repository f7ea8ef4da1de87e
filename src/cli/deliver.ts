/** Hands a measurement over: the summary or the profile on standard output, files where they were asked for. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { withDatabase } from "../database/database.ts";
import { shownPlace } from "../database/place.ts";
import { addProfile, type Stored } from "../database/profiles.ts";
import { beginRun, failRun, finishRun } from "../database/runs.ts";
import { writeSafetensors } from "../files/safetensors.ts";
import { reusableProfile } from "../measure/checkpoints/reuse.ts";
import { type Measurement, type MeasureRequest, measure } from "../measure/measure.ts";
import type { PrepareRequest } from "../measure/prepare.ts";
import { corpusName } from "../measure/preparing/corpus.ts";
import { shapeOf } from "../ports/probe.ts";
import type { ProgressSink } from "../ports/progress.ts";
import type { Profile } from "../profile/profile.ts";
import { headline } from "../report/headline.ts";
import { renderReport } from "../report/html.ts";
import { renderTerminal } from "../report/terminal.ts";
import { terminalOptions } from "../report/terminal-options.ts";
import { PROFILE } from "../store/profiles.ts";
import { type Asked, Outputs, type Place } from "./outputs.ts";

export type MeasurementOutputs = Outputs<{ readonly profile: Profile }, Measurement>;

/**
 * @param keep what is written beside the profile: `losses`, `states`
 * @param own files that the command writes by itself
 * @param line what `--quiet` prints
 */
export function measurementOutputs(
  asked: Asked,
  keep: readonly string[] = [],
  own: readonly Place[] = [],
  line: (profile: Profile) => string = (profile) => headline(profile).claim,
): MeasurementOutputs {
  const writers = { losses: writeLosses, states: writeStates };
  return new Outputs(asked, {
    text: ({ profile }) => renderTerminal(profile, terminalOptions(process.stdout, process.env)),
    line: ({ profile }) => line(profile),
    json: ({ profile }) => `${JSON.stringify(profile, null, 1)}\n`,
    page: ({ profile }) => renderReport(profile),
    names: { json: PROFILE, page: "report.html" },
    own,
    further: (["losses", "states"] as const)
      .filter((what) => keep.includes(what))
      .map((what) => ({
        path: join(asked.out ?? ".", `${what}.safetensors`),
        option: asked.out === undefined ? "--keep" : "--out",
        write: writers[what],
      })),
  });
}

/**
 * Measures into the files and the terminal; with `resume`, what an earlier process has finished is shown as it is.
 * @throws LossyscopeError as `earlierOf` and `measure` do
 */
export async function measureInto(
  outputs: MeasurementOutputs,
  request: MeasureRequest,
  store: string | null = null,
): Promise<void> {
  const { resume, work, progress } = request;
  const earlier = resume ? await earlierOf(outputs, request) : null;
  if (earlier === null || existsSync(join(work, earlier.id))) {
    const run = store === null ? null : await toldRun(store, request);
    try {
      await measure({
        ...request,
        async deliver(measurement) {
          await deliver(measurement, outputs, progress);
          if (run) progress.message(await run.done(measurement.profile));
        },
      });
    } catch (error) {
      await run?.failed(error);
      throw error;
    }
    return;
  }
  progress.message(`${outputs.documents[0]} is taken from an earlier run`);
  await outputs.print({ profile: earlier });
  if (store !== null)
    progress.message(storedText(await withDatabase(store, (database) => addProfile(database, earlier)), store));
}

/** A run that a store knows of. */
interface ToldRun {
  /** @returns a sentence for people */
  done(profile: Profile): Promise<string>;
  failed(error: unknown): Promise<void>;
}

/**
 * Tells a store of a run, which has it open for these moments alone: others may use it meanwhile.
 * @throws LossyscopeError as `withDatabase`, before the run takes its time
 */
async function toldRun(store: string, { model, plan }: MeasureRequest): Promise<ToldRun> {
  const run = await withDatabase(store, (database) => beginRun(database, model.name, corpusName(plan)));
  return {
    done: async (profile) =>
      storedText(await withDatabase(store, (database) => finishRun(database, run, profile)), store),
    // What went wrong with the run is what people have to hear of.
    failed: (error) => withDatabase(store, (database) => failRun(database, run, error)).catch(() => {}),
  };
}

const storedText = ({ id, isNew }: Stored, store: string): string =>
  `${isNew ? "is" : "was already"} profile ${id} of ${shownPlace(store)}`;

/** Writes the files, prints, and says where they are. @throws LossyscopeError `io` where the disk refuses */
export async function deliver(
  measurement: Measurement,
  outputs: MeasurementOutputs,
  progress: ProgressSink,
): Promise<void> {
  await outputs.deliver(measurement, progress);
  outputs.say();
}

/**
 * What an earlier process has left of this very measurement, where `--resume` looks for it; null where something is still to
 * be measured, or standard input would have to be read for it.
 * @throws LossyscopeError `usage` where files are there that are not this measurement's and may not be replaced; as
 * `reusableProfile` does
 */
export async function earlierOf(outputs: MeasurementOutputs, request: PrepareRequest): Promise<Profile | null> {
  const once = [...request.plan.text, ...request.plan.unseen].some(({ path }) => path === "-");
  const found: (Profile | null)[] = [];
  for (const path of once ? [] : outputs.documents) found.push(await reusableProfile(path, request));
  const [earlier = null] = found;
  if (earlier === null || found.includes(null)) outputs.refuseTaken();
  else outputs.refuseForeign();
  const same = found.every((profile) => profile?.model.name === request.model.name);
  return outputs.complete && same ? earlier : null;
}

/** `nats [N]` of every token, `byte_ends [N]` in its document, `doc [N]` its document's place in the profile. */
async function writeLosses(path: string, { documents, lossesOf }: Measurement): Promise<void> {
  const tokens = documents.reduce((total, { ids }) => total + ids.length, 0);
  const document = new Int32Array(tokens);
  let at = 0;
  for (const { index, ids } of documents) document.fill(index, at, (at += ids.length));
  await writeSafetensors(path, [
    { name: "nats", dtype: "F32", shape: [tokens], data: pieces(documents, ({ index }) => lossesOf(index)) },
    { name: "byte_ends", dtype: "U32", shape: [tokens], data: pieces(documents, ({ byteEnds }) => byteEnds) },
    { name: "doc", dtype: "I32", shape: [tokens], data: document },
  ]);
}

/** `states [L+1, n, d]` where words end, `doc [n]` and `byte_end [n]`: the places, the same for every model on this text. */
async function writeStates(path: string, { keptStates: kept, profile }: Measurement): Promise<void> {
  if (!kept) throw new Error("no states were kept");
  const { rows } = kept;
  const { id, model, plan } = profile;
  const { layers, width } = shapeOf(model);
  await writeSafetensors(
    path,
    [
      { name: "states", dtype: "F32", shape: [layers + 1, rows.length, width], data: kept.states() },
      { name: "doc", dtype: "I32", shape: [rows.length], data: Int32Array.from(rows, ({ document }) => document) },
      { name: "byte_end", dtype: "U32", shape: [rows.length], data: Uint32Array.from(rows, ({ byte }) => byte) },
    ],
    { profile: id, model: model.name, pre_norm: String(plan.preNorm) },
  );
}

function* pieces<T>(items: readonly T[], of: (item: T) => NodeJS.ArrayBufferView): Generator<NodeJS.ArrayBufferView> {
  for (const item of items) yield of(item);
}
