/**
 * What follows a text, among many: token sequences that go on from one stem, laid out as a prefix tree for one run of the
 * model (`models/trees.ts`). The stem is read once, and so is whatever continuations share; of a tree that is too large for
 * a run, parts are run by themselves. Code lengths are sums in float64 over tokens. A tail may be closed by a class: behind
 * its tokens comes any token of it.
 *
 * Memory: some 100 bytes a node, 4·V·C for C classes; in the runtime's process as `models/trees.ts` says, R at most `MOST_SLOTS`.
 */

import { runnable } from "../engines/runnable.ts";
import { createRuntime } from "../engines/runtime.ts";
import type { Feed } from "../engines/runtime-messages.ts";
import type { DecoderSpec } from "../models/spec.ts";
import { buildTreeGraph } from "../models/trees.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import type { QuietContext } from "../ports/context.ts";
import type { Decoder } from "../ports/model.ts";

/** A stem, which is not empty, and what may go on from it. */
export interface Branching {
  readonly stem: readonly number[];
  /** none is empty but one that is closed */
  readonly tails: readonly (readonly number[])[];
  /** [tails] the class, of those in the options, that closes each; none is closed without */
  readonly closings?: readonly number[];
}

export interface TreeOptions extends QuietContext, Decoder {
  /** slots of a run, padding among them; absent: enough for matrix products at full speed */
  readonly slots?: number;
  /** tokens of each class */
  readonly classes?: readonly ReadonlySet<number>[];
  /** told how many branchings are done */
  readonly onProgress?: (done: number) => void;
}

/** Slots of a run where it is not said. */
const MOST_SLOTS = 4096;
/** Logits of a run, and attention scores of a layer, in numbers: bounds on the runtime's memory, 4 and 8 bytes each. */
const MOST_LOGITS = 2 ** 27;
const MOST_SCORES = 2 ** 26;

/**
 * Code length of every tail given its stem, in nats.
 * @returns [branching][tail]
 * @throws LossyscopeError `usage` for a text longer than the model's positions; `engine`; `interrupted`
 */
export async function codeLengths(
  branchings: readonly Branching[],
  { spec, weights, precision, slots = MOST_SLOTS, classes = [], onProgress, ...context }: TreeOptions,
): Promise<Float64Array[]> {
  const { signal } = context;
  const nats = branchings.map(({ tails }) => new Float64Array(tails.length));
  if (branchings.length === 0) return nats;
  const limits = limitsOf(spec, slots);
  const parts = branchings.flatMap((branching, index) => partsOf(branching, index, limits.slots));
  const runs = packed(parts, limits);
  const longest = parts.reduce((most, { positions }) => positions.reduce((a, b) => Math.max(a, b + 1), most), 1);
  const source = await runnable(weights, "windows", signal);
  const graph = buildTreeGraph(spec, source, longest, classes.length, precision === "fast");
  const members = classes.length > 0 ? membersOf(classes, spec.vocabulary) : null;
  const outputs = members ? ["losses", "closings"] : ["losses"];
  const left = new Int32Array(branchings.length);
  for (const { branching } of parts) left[branching]++;

  const runtime = createRuntime(context);
  const stop = (): void => void runtime.close();
  if (signal?.aborted) stop();
  signal?.addEventListener("abort", stop, { once: true });
  try {
    await runtime.load(graph.bytes, graph.externalFolder);
    let done = 0;
    const start = (run: readonly Tree[]) => {
      const result = runtime.run(feedsOf(run, members), outputs, `${run.length} trees of continuations`);
      // Where the run before this one fails, nobody awaits this one.
      result.catch(() => {});
      return { run, result };
    };
    const queue: ReturnType<typeof start>[] = [];
    for (let next = 0; next < runs.length || queue.length > 0; ) {
      while (queue.length < 2 && next < runs.length) queue.push(start(runs[next++]));
      const { run, result } = queue.shift()!;
      const { losses, closings } = (await result).outputs;
      let [at, closingAt] = [0, 0];
      for (const { branching, tails, targets, closings: own } of run) {
        for (const { tail, edges, closing } of tails) {
          for (const edge of edges) nats[branching][tail] += losses.data[at + edge];
          if (closing !== null) nats[branching][tail] += closings.data[closingAt + closing];
        }
        at += targets.length;
        closingAt += own.length;
        if (--left[branching] === 0) done++;
      }
      onProgress?.(done);
    }
    return nats;
  } catch (error) {
    if (signal?.aborted) throw new LossyscopeError("interrupted", "stopped");
    throw error;
  } finally {
    signal?.removeEventListener("abort", stop);
    await runtime.close();
  }
}

interface Limits {
  /** of a run, and so of a tree */
  readonly slots: number;
  /** B·S² of a run */
  readonly scores: number;
}

function limitsOf({ vocabulary, blocks }: DecoderSpec, most: number): Limits {
  const heads = Math.max(...blocks.map(({ attention }) => attention.heads));
  const scores = Math.floor(MOST_SCORES / heads);
  return { slots: Math.min(most, Math.ceil(MOST_LOGITS / vocabulary), Math.floor(Math.sqrt(scores))), scores };
}

/** One row of a run: slots in the order of a depth-first walk, the stem first; only what goes on has a slot. */
interface Tree {
  readonly branching: number;
  readonly ids: readonly number[];
  readonly positions: readonly number[];
  readonly ends: readonly number[];
  /** slots of the stem; all but the last of them have one way on */
  readonly stem: number;
  /** slot that each edge starts from, and the token it leads to */
  readonly sources: readonly number[];
  readonly targets: readonly number[];
  /** slot that each closing starts from, and its class */
  readonly closings: readonly { readonly source: number; readonly kind: number }[];
  /** which edges make up a tail, and which closing */
  readonly tails: readonly {
    readonly tail: number;
    readonly edges: readonly number[];
    readonly closing: number | null;
  }[];
}

/** [V,C] */
function membersOf(classes: readonly ReadonlySet<number>[], vocabulary: number): Feed {
  const data = new Float32Array(vocabulary * classes.length);
  for (const [kind, tokens] of classes.entries()) for (const token of tokens) data[token * classes.length + kind] = 1;
  return { type: "float32", data, dims: [vocabulary, classes.length] };
}

interface Node {
  readonly children: Map<number, Node>;
  /** tails that end here */
  readonly ended: number[];
}

const node = (): Node => ({ children: new Map(), ended: [] });

/** The tree of a branching, or several where it has more than `slots`: as many tails in each as surely fit. */
function partsOf({ stem, tails, closings }: Branching, branching: number, slots: number): Tree[] {
  const parts: Tree[] = [];
  // The last token of a tail needs a slot where something comes behind it.
  const last = closings ? 0 : 1;
  for (let start = 0; start < tails.length; ) {
    const root = node();
    let size = stem.length;
    let end = start;
    for (; end < tails.length; end++) {
      const tail = tails[end];
      if (end > start && size + tail.length - last > slots) break;
      let at = root;
      for (const token of tail) {
        let child = at.children.get(token);
        if (child === undefined) {
          child = node();
          // What was a leaf goes on now and takes a slot; with closings every node does.
          if (closings || (at !== root && at.children.size === 0)) size++;
          at.children.set(token, child);
        }
        at = child;
      }
      at.ended.push(end);
    }
    parts.push(walked(stem, root, branching, closings));
    start = end;
  }
  return parts;
}

function walked(stem: readonly number[], root: Node, branching: number, kinds: readonly number[] | undefined): Tree {
  const ids = [...stem];
  const positions = [...stem.keys()];
  const ends = stem.map(() => 0);
  const sources: number[] = [];
  const targets: number[] = [];
  const closings: { source: number; kind: number }[] = [];
  const tails: { tail: number; edges: readonly number[]; closing: number | null }[] = [];
  const visit = ({ children, ended }: Node, slot: number, depth: number, edges: readonly number[]): void => {
    for (const tail of kinds ? ended : []) {
      tails.push({ tail, edges, closing: closings.length });
      closings.push({ source: slot, kind: kinds![tail] });
    }
    for (const [target, child] of children) {
      const along = [...edges, targets.length];
      sources.push(slot);
      targets.push(target);
      for (const tail of kinds ? [] : child.ended) tails.push({ tail, edges: along, closing: null });
      if (child.children.size === 0 && !kinds) continue;
      const own = ids.length;
      ids.push(target);
      positions.push(depth);
      ends.push(0);
      visit(child, own, depth + 1, along);
      ends[own] = ids.length;
    }
  };
  visit(root, stem.length - 1, stem.length, []);
  ends.fill(ids.length, 0, stem.length);
  return { branching, stem: stem.length, ids, positions, ends, sources, targets, closings, tails };
}

/** Trees that run together: of about one size, as many as the limits take, and at least one. */
function packed(parts: readonly Tree[], { slots, scores }: Limits): Tree[][] {
  const runs: Tree[][] = [];
  let width = 0;
  for (const part of [...parts].sort((a, b) => b.ids.length - a.ids.length)) {
    const run = runs.at(-1);
    const rows = (run?.length ?? 0) + 1;
    if (run && rows * width <= slots && rows * width * width <= scores) run.push(part);
    else {
      runs.push([part]);
      width = part.ids.length;
    }
  }
  return runs;
}

/** What `models/trees.ts` reads; padding is on the right. */
function feedsOf(run: readonly Tree[], members: Feed | null): Record<string, Feed> {
  const width = run[0].ids.length;
  const dims = [run.length, width];
  const [ids, positions, ends] = Array.from({ length: 3 }, () => new BigInt64Array(run.length * width));
  const rows: bigint[] = [];
  const edges: bigint[] = [];
  const targets: bigint[] = [];
  const closing: { readonly rows: bigint[]; readonly classes: bigint[] } = { rows: [], classes: [] };
  run.forEach((tree, b) => {
    const first = tree.stem - 1;
    const rowOf = rows.length - first;
    for (let slot = 0; slot < tree.ids.length; slot++) {
      const at = b * width + slot;
      ids[at] = BigInt(tree.ids[slot]);
      positions[at] = BigInt(tree.positions[slot]);
      ends[at] = BigInt(tree.ends[slot]);
      if (slot >= first) rows.push(BigInt(at));
    }
    for (const source of tree.sources) edges.push(BigInt(rowOf + source));
    for (const target of tree.targets) targets.push(BigInt(target));
    for (const { source, kind } of tree.closings) {
      closing.rows.push(BigInt(rowOf + source));
      closing.classes.push(BigInt(kind));
    }
  });
  const vector = (data: BigInt64Array): Feed => ({ type: "int64", data, dims: [data.length] });
  return {
    input_ids: { type: "int64", data: ids, dims },
    positions: { type: "int64", data: positions, dims },
    ends: { type: "int64", data: ends, dims },
    slots: vector(BigInt64Array.from({ length: width }, (_, slot) => BigInt(slot))),
    rows: vector(BigInt64Array.from(rows)),
    edges: vector(BigInt64Array.from(edges)),
    targets: vector(BigInt64Array.from(targets)),
    ...(members && {
      members,
      closing_rows: vector(BigInt64Array.from(closing.rows)),
      closing_classes: vector(BigInt64Array.from(closing.classes)),
    }),
  };
}
