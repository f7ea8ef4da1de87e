/**
 * A decoder whose folder is at hand as a GGUF file: its keys, what its tensors are called there, and in which order their rows
 * lie. The inverse of what `architectures.ts` reads, by the rules of llama.cpp's converter, for Llama, Mistral, Qwen 2 and 3
 * and GPT-2. What of a spec such a file cannot say is refused by name, never left out.
 */
import { f32, type GgufPair, text, u32 } from "../../formats/gguf/write.ts";
import { count } from "../../numeric/amounts.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import { specOf } from "../config.ts";
import { frequencies } from "../rotary.ts";
import type { TensorSource } from "../sources/tensor-source.ts";
import type { DecoderSpec, RotarySpec } from "../spec.ts";
import { slotsOf } from "../weights.ts";
import { ggufArchitecture } from "./architectures.ts";
import { Keys } from "./keys.ts";
import type { Names } from "./names.ts";
import * as named from "./names-of.ts";

export interface WrittenGguf {
  readonly architecture: string;
  readonly metadata: readonly (readonly [key: string, value: GgufPair])[];
  readonly tensors: readonly WrittenTensor[];
  /** tensors that the folder has no like of: divisors of the rotation's frequencies */
  readonly further: readonly { readonly name: string; readonly values: Float32Array }[];
}

export interface WrittenTensor {
  /** in the file */
  readonly name: string;
  /** in the folder */
  readonly folder: string;
  /** of which row of the folder's tensor each row is; null: they lie as they are */
  readonly rows: readonly number[] | null;
  /** whether the folder has a row an input, the file a row an output */
  readonly isTurned: boolean;
}

interface Target {
  readonly architecture: string;
  readonly names: Names;
  /** whether the two dimensions that turn together become neighbours */
  readonly neighbours?: boolean;
}

const TARGETS: ReadonlyMap<string, Target> = new Map<string, Target>([
  ["llama", { architecture: "llama", names: named.LLAMA, neighbours: true }],
  ["mistral", { architecture: "llama", names: named.LLAMA, neighbours: true }],
  ["qwen2", { architecture: "qwen2", names: named.LLAMA }],
  ["qwen3", { architecture: "qwen3", names: named.LLAMA }],
  ["gpt2", { architecture: "gpt2", names: named.GPT2 }],
]);

const unsupported = (what: string): LossyscopeError =>
  new LossyscopeError("unsupported", `${what}: it is not written as GGUF`, "write a folder (--format safetensors)");

/**
 * @param weights of the folder
 * @throws LossyscopeError `unsupported` naming what of the model the file has no place for
 */
export function ggufOfFolder(spec: DecoderSpec, weights: Pick<TensorSource, "locate">): WrittenGguf {
  const target = TARGETS.get(spec.architecture);
  if (!target) throw unsupported(`the architecture ${spec.architecture} is none of ${[...TARGETS.keys()].join(", ")}`);
  const { architecture, names, neighbours = false } = target;
  const [{ attention, mlp }] = spec.blocks;
  const { heads, kvHeads, headWidth, rotary } = attention;
  if (spec.positions === null) throw unsupported("the config sets no longest window");
  if (mlp.kind === "experts") throw unsupported("the model has experts");
  for (const { attention: own } of spec.blocks)
    if (own.window !== undefined && own.window < spec.positions)
      throw unsupported(`a window of ${count(own.window)} positions, which llama.cpp does not have there`);
  if (rotary && rotary.width !== headWidth)
    throw unsupported(`only ${count(rotary.width)} of ${count(headWidth)} dimensions of a head turn`);
  const further = rotary?.scaling ? divisorsOf(rotary) : [];
  const norm = spec.finalNorm!;
  const keys: (readonly [string, GgufPair])[] = [
    ["block_count", u32(spec.blocks.length)],
    ["context_length", u32(spec.positions)],
    ["embedding_length", u32(spec.width)],
    ["feed_forward_length", u32(mlp.kind === "gated-fused" ? mlp.gateAndUp.outputs / 2 : mlp.up.outputs)],
    ["attention.head_count", u32(heads)],
    ["attention.head_count_kv", u32(kvHeads)],
    [norm.kind === "rms" ? "attention.layer_norm_rms_epsilon" : "attention.layer_norm_epsilon", f32(norm.epsilon)],
    ["vocab_size", u32(spec.vocabulary)],
    ...(rotary
      ? ([
          ["attention.key_length", u32(headWidth)],
          ["attention.value_length", u32(headWidth)],
          ["rope.dimension_count", u32(rotary.width)],
          ["rope.freq_base", f32(rotary.base)],
        ] as const)
      : []),
    ...(rotary?.scaling?.kind === "linear"
      ? ([
          ["rope.scaling.type", text("linear")],
          ["rope.scaling.factor", f32(rotary.scaling.factor)],
        ] as const)
      : []),
  ];
  const written: WrittenGguf = {
    architecture,
    metadata: [
      ["general.architecture", text(architecture)],
      ...keys.map(([key, value]) => [`${architecture}.${key}`, value] as const),
    ],
    tensors: tensorsOf(spec, weights, names, neighbours),
    further: further.length > 0 ? [{ name: "rope_freqs.weight", values: Float32Array.from(further) }] : [],
  };
  requireSame(spec, readBack(written, weights));
  return written;
}

/** What the keys and the shapes of the tensors say of the model. */
function readBack({ architecture, metadata, tensors, further }: WrittenGguf, weights: Pick<TensorSource, "locate">) {
  const values = new Map(
    metadata.map(([key, pair]) => {
      const value = "value" in pair ? pair.value : "";
      return [key, "type" in pair && pair.type === "f32" ? Math.fround(Number(value)) : value] as const;
    }),
  );
  const shapes = new Map(
    tensors.map(({ name, folder, isTurned }) => {
      const { shape } = weights.locate(folder)!;
      return [name, { shape: isTurned ? shape.toReversed() : shape }] as const;
    }),
  );
  const keys = new Keys(values, architecture);
  const numbers = (name: string) => further.find((one) => one.name === name)?.values;
  const config = ggufArchitecture(architecture).config(keys, {
    locate: (name) => shapes.get(name),
    numbers: (name) => (numbers(name) ? [...numbers(name)!] : undefined),
  });
  keys.refuseOthers();
  return specOf(config);
}

/** What is stored otherwise there, and says nothing of what is computed. */
const OTHERWISE = new Set(["architecture", "names", "shape", "layout", "scaling", "window", "entry"]);

/** @throws LossyscopeError `unsupported` where the file would be read as another model */
function requireSame(spec: DecoderSpec, other: DecoderSpec): void {
  const [own, theirs] = [spec, other].map((one) => essence(one));
  const different = Object.keys({ ...own, ...theirs }).find((place) => own[place] !== theirs[place]);
  if (different === undefined) return;
  throw unsupported(
    `the model has ${different} ${own[different] ?? "absent"}, the file would make it ${theirs[different] ?? "absent"}`,
  );
}

/** Every plain value of a spec by its place, but for what is stored otherwise. */
function essence(node: unknown, place = "", found: Record<string, unknown> = {}): Record<string, unknown> {
  if (typeof node !== "object" || node === null) found[place] = node;
  else
    for (const [key, value] of Object.entries(node))
      if (!OTHERWISE.has(key) && value !== undefined) essence(value, place === "" ? key : `${place}.${key}`, found);
  return found;
}

/** How far each pair's frequency is divided, of Llama 3's bands; none of a linear stretch, which has keys of its own. */
function divisorsOf(rotary: RotarySpec): readonly number[] {
  const { scaling, ...plain } = rotary;
  if (scaling?.kind === "linear") return [];
  if (scaling?.kind !== "llama3") throw unsupported(`a rotation stretched by ${scaling?.kind}`);
  const stretched = frequencies(rotary, 0);
  return Array.from(frequencies(plain, 0), (frequency, pair) => frequency / stretched[pair]);
}

function tensorsOf(
  spec: DecoderSpec,
  weights: Pick<TensorSource, "locate">,
  names: Names,
  neighbours: boolean,
): WrittenTensor[] {
  const orders = new Map<unknown, readonly number[]>();
  const turned = new Set<unknown>();
  for (const { attention, mlp } of spec.blocks) {
    const { projections, rotary, heads, kvHeads, output } = attention;
    if (projections.kind === "separate" && neighbours && rotary?.pairs === "halves")
      for (const [{ weight, bias }, own] of [
        [projections.query, heads],
        [projections.key, kvHeads],
      ] as const) {
        const order = neighbouring(own, attention.headWidth);
        orders.set(weight, order);
        if (bias) orders.set(bias, order);
      }
    if (projections.kind === "fused" && projections.layout !== "concatenated")
      throw unsupported("queries, keys and values are grouped by heads");
    const linears = [
      ...(projections.kind === "fused" ? [projections.linear] : Object.values(projections)),
      output,
      ...Object.values(mlp),
    ];
    for (const linear of linears)
      if (typeof linear === "object" && "layout" in linear && linear.layout === "in-out") turned.add(linear.weight);
  }
  const found = new Map<string, WrittenTensor>();
  for (const slot of slotsOf(spec)) {
    const folder = slot.names.find((name) => weights.locate(name))!;
    const name = slot.names.map((one) => ggufName(names, one)).find((one) => one !== null);
    if (!name) throw unsupported(`the tensor ${folder} has no name there`);
    if (found.has(name)) continue;
    found.set(name, { name, folder, rows: orders.get(slot) ?? null, isTurned: turned.has(slot) });
  }
  return [...found.values()];
}

/** Row r of a head there is row ⌊r/2⌋ of its first half, or of its second where r is odd. */
function neighbouring(heads: number, width: number): readonly number[] {
  return Array.from({ length: heads * width }, (_, row) => {
    const [head, place] = [Math.floor(row / width), row % width];
    return head * width + (place >> 1) + (place & 1) * (width / 2);
  });
}

/** What GGUF calls a tensor of the folder; null where it has no name for it. */
function ggufName({ outside, blocks, inside }: Names, name: string): string | null {
  const [, stem, kind] = /^(.+)\.(weight|bias)$/.exec(name) ?? [];
  if (stem === undefined) return null;
  const calledSo = (all: Readonly<Record<string, string>>, one: string): string | undefined =>
    Object.keys(all).find((gguf) => all[gguf] === one);
  if (stem.startsWith(blocks)) {
    const [, block, rest] = /^(\d+)\.(.+)$/.exec(stem.slice(blocks.length)) ?? [];
    const called = rest === undefined ? undefined : calledSo(inside, rest);
    return called === undefined ? null : `blk.${Number(block)}.${called}.${kind}`;
  }
  const called = calledSo(outside, stem);
  return called === undefined ? null : `${called}.${kind}`;
}
