/**
 * What follows a text, among many: token sequences that go on from one stem, laid out as a prefix tree for one run of the
 * model (`models/trees.ts`). The stem is read once, and so is whatever continuations share; of a tree that is too large for
 * a run, parts are run by themselves. Code lengths are sums in float64 over tokens.
 *
 * Memory: some 100 bytes a node; in the runtime's process as `models/trees.ts` says, R at most `MOST_SLOTS`.
 */
import type { Feed } from "../engines/runtime-messages.ts";
import { RuntimeProcess } from "../engines/runtime-process.ts";
import type { DecoderSpec } from "../models/spec.ts";
import { buildTreeGraph } from "../models/trees.ts";
import type { WeightSource } from "../models/weights.ts";
import { LossyscopeError } from "../numeric/errors.ts";

/** A stem and what may go on from it; neither the stem nor a tail is empty. */
export interface Branching {
  readonly stem: readonly number[];
  readonly tails: readonly (readonly number[])[];
}

export interface TreeOptions {
  readonly spec: DecoderSpec;
  readonly weights: WeightSource;
  readonly threads: number;
  readonly signal?: AbortSignal;
  /** told how many branchings are done */
  readonly onProgress?: (done: number) => void;
}

/** Slots of a run, padding among them: enough for matrix products at full speed. */
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
  { spec, weights, threads, signal, onProgress }: TreeOptions,
): Promise<Float64Array[]> {
  const nats = branchings.map(({ tails }) => new Float64Array(tails.length));
  if (branchings.length === 0) return nats;
  const limits = limitsOf(spec);
  const parts = branchings.flatMap((branching, index) => partsOf(branching, index, limits.slots));
  const runs = packed(parts, limits);
  const longest = parts.reduce((most, { positions }) => positions.reduce((a, b) => Math.max(a, b + 1), most), 1);
  const graph = buildTreeGraph(spec, weights, longest);
  const left = new Int32Array(branchings.length);
  for (const { branching } of parts) left[branching]++;

  const runtime = new RuntimeProcess();
  const stop = (): void => void runtime.close();
  if (signal?.aborted) stop();
  signal?.addEventListener("abort", stop, { once: true });
  try {
    await runtime.load(graph.bytes, graph.externalFolder, threads);
    let done = 0;
    const start = (run: readonly Tree[]) => {
      const result = runtime.run(feedsOf(run), ["losses"], `${run.length} trees of continuations`);
      // Where the run before this one fails, nobody awaits this one.
      result.catch(() => {});
      return { run, result };
    };
    const queue: ReturnType<typeof start>[] = [];
    for (let next = 0; next < runs.length || queue.length > 0; ) {
      while (queue.length < 2 && next < runs.length) queue.push(start(runs[next++]));
      const { run, result } = queue.shift()!;
      const { data } = (await result).outputs.losses;
      let at = 0;
      for (const { branching, tails, targets } of run) {
        for (const { tail, edges } of tails) {
          for (const edge of edges) nats[branching][tail] += data[at + edge];
        }
        at += targets.length;
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

function limitsOf({ vocabulary, blocks }: DecoderSpec): Limits {
  const heads = Math.max(...blocks.map(({ attention }) => attention.heads));
  const scores = Math.floor(MOST_SCORES / heads);
  return { slots: Math.min(MOST_SLOTS, Math.ceil(MOST_LOGITS / vocabulary), Math.floor(Math.sqrt(scores))), scores };
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
  /** which edges make up a tail */
  readonly tails: readonly { readonly tail: number; readonly edges: readonly number[] }[];
}

interface Node {
  readonly children: Map<number, Node>;
  /** tails that end here */
  readonly ended: number[];
}

const node = (): Node => ({ children: new Map(), ended: [] });

/** The tree of a branching, or several where it has more than `slots`: as many tails in each as surely fit. */
function partsOf({ stem, tails }: Branching, branching: number, slots: number): Tree[] {
  const parts: Tree[] = [];
  for (let start = 0; start < tails.length; ) {
    const root = node();
    let size = stem.length;
    let end = start;
    for (; end < tails.length; end++) {
      const tail = tails[end];
      if (end > start && size + tail.length - 1 > slots) break;
      let at = root;
      for (const token of tail) {
        let child = at.children.get(token);
        if (child === undefined) {
          child = node();
          // What was a leaf goes on now and takes a slot.
          if (at !== root && at.children.size === 0) size++;
          at.children.set(token, child);
        }
        at = child;
      }
      at.ended.push(end);
    }
    parts.push(walked(stem, root, branching));
    start = end;
  }
  return parts;
}

function walked(stem: readonly number[], root: Node, branching: number): Tree {
  const ids = [...stem];
  const positions = [...stem.keys()];
  const ends = stem.map(() => 0);
  const sources: number[] = [];
  const targets: number[] = [];
  const tails: { tail: number; edges: readonly number[] }[] = [];
  const visit = ({ children }: Node, slot: number, depth: number, path: readonly number[]): void => {
    for (const [target, child] of children) {
      const along = [...path, targets.length];
      sources.push(slot);
      targets.push(target);
      for (const tail of child.ended) tails.push({ tail, edges: along });
      if (child.children.size === 0) continue;
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
  return { branching, stem: stem.length, ids, positions, ends, sources, targets, tails };
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
function feedsOf(run: readonly Tree[]): Record<string, Feed> {
  const width = run[0].ids.length;
  const dims = [run.length, width];
  const [ids, positions, ends] = Array.from({ length: 3 }, () => new BigInt64Array(run.length * width));
  const rows: bigint[] = [];
  const edges: bigint[] = [];
  const targets: bigint[] = [];
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
  };
}
