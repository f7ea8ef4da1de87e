/**
 * A batch of windows as the measuring graph is asked about it, whole or in pieces, and its answers as an observation.
 */
import { unitsOf } from "../models/heads.ts";
import { lengthSteps } from "../models/rotary.ts";
import type { DecoderSpec } from "../models/spec.ts";
import type { EngineContext, EngineReport, EngineRequest } from "../ports/engine.ts";
import type { Decoder } from "../ports/model.ts";
import type { LayerMoments, Likeliest, Need, Observation } from "../ports/observation.ts";
import type { WindowBatch } from "../text/corpus.ts";
import type { Where } from "./finite.ts";
import { atLeastOne, type Layout, layout, weighing } from "./layout.ts";
import type { Feed, Fetched } from "./runtime-messages.ts";

/** What an engine is made with that runs graphs of a decoder. */
export interface DecoderEngineOptions extends EngineContext, Decoder {}

export const UNRUN: EngineReport = { version: "", loadSeconds: 0, runSeconds: 0, cpuSeconds: 0, peakBytes: 0 };

/** What the measuring graph gives of a model. */
export function givenOf(spec: Pick<DecoderSpec, "blocks">): ReadonlySet<Need> {
  const units: readonly Need[] = unitsOf(spec) ? ["pooledUnits"] : [];
  return new Set<Need>(["losses", "likeliest", "assignments", "moments", "states", "pooledStates", ...units]);
}

/** The heads that a request takes. */
export const headsOf = ({ heads, stateRows, statePools, unitPools }: EngineRequest, isFast: boolean) => ({
  ...heads,
  states: stateRows !== undefined,
  pooledStates: statePools !== undefined,
  pooledUnits: unitPools !== undefined,
  isFast,
});

/** What was asked of a batch, for its answers to be told apart. */
export interface Asked {
  readonly batch: WindowBatch;
  readonly at: Layout;
  /** rows whose states are wanted */
  readonly picked: Int32Array | undefined;
  /** places among the scored rows whose likeliest tokens are wanted */
  readonly likeliest: Int32Array;
  readonly momentCount: number;
  /** by input: those of the graph that has all heads of the request */
  readonly feeds: Readonly<Record<string, Feed>>;
  readonly where: Where;
}

/**
 * The token that a row of an output belongs to, counted from the document's start from 0, and its window as people know it;
 * undefined where all rows of the batch have made the output.
 */
function placeOf(
  output: string,
  row: number,
  { batch, at, picked, likeliest }: Omit<Asked, "feeds" | "where">,
  describe: EngineContext["describe"],
): string | undefined {
  const ofLoss = output === "losses" || output.startsWith("likeliest.");
  let slot: bigint | undefined;
  if (ofLoss) slot = at.scoredSlots[output === "losses" ? row : likeliest[row]];
  else if (output.startsWith("assignment.")) slot = at.slots[row];
  else if (output.startsWith("states.") && picked) slot = at.slots[picked[row]];
  if (slot === undefined) return undefined;
  const window = batch.windows[Math.floor(Number(slot) / at.width)];
  const token = window.start + (Number(slot) % at.width) + (ofLoss ? 1 : 0) - window.prefixSlots;
  return `${token < 0 ? "the prefix" : `token ${token}`} (${describe({ ...batch, windows: [window] })})`;
}

/** The places of rows among those that are scored; rows that nothing comes before are left out. */
function scoredAmong({ scoredRows }: Layout, rows: Int32Array): Int32Array {
  const placeOfRow = new Map(Array.from(scoredRows, (row, place) => [row, place]));
  return Int32Array.from([...rows].flatMap((row) => placeOfRow.get(row) ?? []));
}

function likeliestOf(
  { scoredRows }: Layout,
  places: Int32Array,
  outputs: Readonly<Record<string, Fetched>>,
): Likeliest {
  const count = outputs["likeliest.tokens"].dims[1];
  const read = (name: string): Float32Array => outputs[`likeliest.${name}`].data.subarray(0, places.length * count);
  return { rows: places.map((place) => scoredRows[place]), count, tokens: read("tokens"), nats: read("nats") };
}

const vector = (data: BigInt64Array): Feed => ({ type: "int64", data, dims: [data.length] });

/** @returns what makes of a batch what is fed for it */
export function asking(
  { spec, longest, describe, precision }: Pick<DecoderEngineOptions, "spec" | "longest" | "describe" | "precision">,
  request: EngineRequest,
): (batch: WindowBatch) => Asked {
  const { heads, momentRows, likeliestRows, stateRows, statePools, unitPools } = request;
  const lossesOnly = !(heads.assignments || heads.moments || stateRows || statePools || unitPools);
  const wantsLikeliest = heads.losses && heads.likeliest !== undefined && heads.likeliest > 0;
  const isRounded = precision === "int8" || precision === "sliced";
  const some = wantsLikeliest || isRounded ? atLeastOne : (rows: BigInt64Array) => rows;
  // Where the graph has no room for the last slot, windows are meant without it (lm-evaluation-harness's).
  const steps = lengthSteps(spec).filter((step) => step < longest);
  return (batch) => {
    const at = layout(batch, lossesOnly, steps);
    const pick = (rows: Int32Array): Feed => vector(BigInt64Array.from(rows, (row) => at.slots[row]));
    const picked = stateRows?.(batch);
    const feeds: Record<string, Feed> = {
      input_ids: { type: "int64", data: at.ids, dims: [batch.windows.length, at.width] },
    };
    if (heads.assignments) feeds.rows = vector(at.slots);
    const likeliest = scoredAmong(at, likeliestRows?.(batch) ?? new Int32Array());
    if (heads.losses) {
      feeds.loss_rows = vector(some(at.scoredSlots));
      feeds.loss_targets = vector(some(at.targets));
    }
    if (wantsLikeliest) feeds.likeliest_rows = vector(atLeastOne(BigInt64Array.from(likeliest, BigInt)));
    if (heads.moments) {
      const rows = momentRows?.(batch);
      feeds.moment_rows = rows ? pick(rows) : vector(at.slots);
    }
    if (stateRows) feeds.state_rows = pick(picked ?? new Int32Array());
    const pools = { states: statePools?.(batch), units: unitPools?.(batch) };
    for (const [name, own] of Object.entries(pools)) if (own) feeds[`pool.${name}`] = weighing(own, at, batch);
    const momentCount = feeds.moment_rows?.dims[0] ?? 0;
    const asked = { batch, at, picked, likeliest, momentCount };
    return { ...asked, feeds, where: (output, row) => placeOf(output, row, asked, describe) };
  };
}

/** @param outputs of the measuring graph, of all its pieces */
export function observationOf(
  { batch, at, picked, likeliest, momentCount }: Asked,
  outputs: Readonly<Record<string, Fetched>>,
  request: EngineRequest,
  layerCount: number,
): Observation {
  const rows = at.slots.length;
  const layers = Array.from({ length: layerCount }, (_, layer) => layer);
  let losses: Float32Array | undefined;
  if (request.heads.losses) {
    losses = new Float32Array(rows).fill(Number.NaN);
    const scored = outputs.losses.data;
    for (let i = 0; i < at.scoredRows.length; i++) losses[at.scoredRows[i]] = scored[i];
  }
  return {
    batch,
    rows,
    losses,
    likeliest: request.heads.likeliest ? likeliestOf(at, likeliest, outputs) : undefined,
    assignments: request.heads.assignments && layers.map((layer) => outputs[`assignment.${layer}`].data),
    moments: request.heads.moments
      ? layers.map(
          (layer): LayerMoments => ({
            count: momentCount,
            sum: outputs[`moments.${layer}.sum`].data,
            gram: outputs[`moments.${layer}.gram`].data,
            unitSum: outputs[`moments.${layer}.unit`].data,
          }),
        )
      : undefined,
    states: picked && layers.map((layer) => outputs[`states.${layer}`].data),
    pickedRows: picked,
    pooledStates: request.statePools && layers.map((layer) => outputs[`pooled.states.${layer}`].data),
    pooledUnits: request.unitPools && layers.slice(1).map((layer) => outputs[`pooled.units.${layer - 1}`].data),
  };
}
