/**
 * Hidden states that somebody else wrote: one safetensors file with `z [N,d]`, or `resid.{layer} [N,d]`, or vLLM's
 * `hidden_states [tokens,layers,d]` with `token_ids [tokens]` (its layer 0 is the embedding output; its last one comes before
 * the final norm, and after it where `lossyscope states` wrote the file). Every integer tensor `[N]` beside them is a label
 * set, `doc` names the documents. Assigning the states to reference points, and all figures, are left to others.
 *
 * Memory: `CHUNK_BYTES` of states, and the labels: 8 bytes a position each.
 */
import { z } from "zod";
import { openSafetensors } from "../files/safetensors.ts";
import type { TensorEntry } from "../formats/safetensors.ts";
import { decodeTensor, type TensorData } from "../formats/tensor-types.ts";
import { count } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { checked } from "../numeric/schema-faults.ts";

const CHUNK_BYTES = 2 ** 24;
const FLOATS = new Set(["F64", "F32", "F16", "BF16"]);
const INTEGERS = new Set(["I64", "U64", "I32", "U32", "I16", "U16", "I8", "U8", "BOOL"]);

/** Key of what `lossyscope states` says of its rows beside the tensors. */
export const ORIGIN_KEY = "lossyscope.states";

const originSchema = z.object({
  /** 1 where the first row of every document is a token that the tokenizer opens a text with */
  prefixRows: z.literal([0, 1]),
  /** names of the documents' domains; where there are several, the label set `domain` numbers them */
  domains: z.array(z.string()).min(1),
});
/** What `lossyscope measure` would know of the rows: with it, documents and domains are divided as they are there. */
export type Origin = z.infer<typeof originSchema>;

/** States of consecutive positions: by layer, [rows, d]. */
export interface DumpedStates {
  readonly from: number;
  readonly rows: number;
  readonly layers: readonly (Float32Array | Float64Array)[];
}

export interface ActivationDump {
  /** N */
  readonly positions: number;
  /** d */
  readonly width: number;
  /** numbers of the layers, ascending; one layer 0 for a lone `z` */
  readonly layers: readonly number[];
  /** integer tensors [N] by name, `doc` and vLLM's `token_ids` left out */
  readonly labels: ReadonlyMap<string, TensorData>;
  readonly documents: TensorData | null;
  /** vLLM's `token_ids` */
  readonly tokens: Int32Array | null;
  /** null where another tool wrote the file */
  readonly origin: Origin | null;
  /** integer tensors of another shape, which are left alone */
  readonly ignored: readonly string[];
  /**
   * All states, in order, some positions at a time.
   * @throws LossyscopeError `input` naming tensor and row where a value is not finite
   */
  states(): AsyncGenerator<DumpedStates>;
  close(): Promise<void>;
}

/** @throws LossyscopeError `input` where the file holds no states, or tensors that do not fit each other */
export async function openDump(path: string): Promise<ActivationDump> {
  const file = await openSafetensors(path);
  try {
    return await read(file);
  } catch (error) {
    await file.close();
    throw error;
  }
}

type Reader = Awaited<ReturnType<typeof openSafetensors>>;

/** The tensors that hold states and which layers they hold. */
interface Sources {
  readonly tensors: readonly TensorEntry[];
  readonly layers: readonly number[];
  readonly positions: number;
  readonly width: number;
}

async function read(file: Reader): Promise<ActivationDump> {
  const { tensors } = file.header;
  const { tensors: states, layers, positions, width } = findStates(file);
  const packed = states[0].shape.length === 3;

  const labels = new Map<string, TensorData>();
  const ignored: string[] = [];
  for (const [name, { dtype, shape }] of tensors) {
    if (!INTEGERS.has(dtype)) continue;
    if (shape.length === 1 && shape[0] === positions) labels.set(name, await file.read(name));
    else ignored.push(`${name} [${shape.join(",")}]`);
  }
  const take = (name: string): TensorData | null => {
    const found = labels.get(name) ?? null;
    labels.delete(name);
    return found;
  };
  const documents = take("doc");
  const tokenIds = packed ? take("token_ids") : null;
  for (const name of ["doc", ...(packed ? ["token_ids"] : [])]) {
    const entry = tensors.get(name);
    if (entry && !(name === "doc" ? documents : tokenIds)) {
      throw new LossyscopeError(
        "input",
        `${file.path}: ${name} is ${entry.dtype} [${entry.shape.join(",")}], not integers [${positions}]`,
      );
    }
  }
  return {
    positions,
    width,
    layers,
    labels,
    documents,
    tokens: tokenIds && Int32Array.from(tokenIds as ArrayLike<number | bigint>, Number),
    origin: originOf(file, documents, labels),
    ignored,
    states: () => (packed ? packedStates(file, states[0]) : separateStates(file, states)),
    close: () => file.close(),
  };
}

/** @throws LossyscopeError `input` where the file says of itself what its tensors do not bear out */
function originOf(
  { path, header }: Reader,
  documents: TensorData | null,
  labels: ReadonlyMap<string, TensorData>,
): Origin | null {
  const said = header.metadata[ORIGIN_KEY];
  if (said === undefined) return null;
  const untrue = (why: string): LossyscopeError =>
    new LossyscopeError(
      "input",
      `${path}: what the file says under ${ORIGIN_KEY} is not true of its tensors (${why})`,
      "write it again with `lossyscope states`",
    );
  const origin = checked(originSchema, jsonOf(said), untrue);
  const domains = labels.get("domain");
  const numbered = (count: number): boolean =>
    count === 1 || (domains?.every((value: number | bigint) => value >= 0 && value < count) ?? false);
  if (documents === null) throw untrue("no tensor doc names documents");
  if (!numbered(origin.domains.length))
    throw untrue(`no tensor domain numbers its ${count(origin.domains.length)} domains`);
  return origin;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function findStates(file: Reader): Sources {
  const { tensors } = file.header;
  const refuse = (message: string, next?: string): never => {
    throw new LossyscopeError("input", `${file.path}: ${message}`, next);
  };
  const single = tensors.get("z");
  const packed = tensors.get("hidden_states");
  const separate = [...tensors.values()]
    .flatMap((entry) => {
      const number = /^resid\.(\d+)$/.exec(entry.name);
      return number ? [{ entry, layer: Number(number[1]) }] : [];
    })
    .sort((a, b) => a.layer - b.layer);
  const kinds = [single && "z", packed && "hidden_states", separate.length > 0 && "resid.{layer}"].filter(Boolean);
  if (kinds.length !== 1) {
    refuse(
      kinds.length === 0
        ? tensors.has("states") && tensors.has("byte_end")
          ? "these states were kept by `lossyscope measure` where words end, for `lossyscope compare`"
          : `no states: the file has ${[...tensors.keys()].slice(0, 12).join(", ") || "no tensor"}`
        : `states under more than one name: ${kinds.join(" and ")}`,
      "give z [N,d], resid.{layer} [N,d], or hidden_states [tokens,layers,d], which `lossyscope states` writes",
    );
  }
  const states = single ? [single] : packed ? [packed] : separate.map(({ entry }) => entry);
  const rank = packed ? 3 : 2;
  const turned = packed && turnedLayout(tensors);
  if (turned) refuse(`hidden_states is [${packed.shape.join(",")}], ${turned}`, "save it as [tokens,layers,d]");
  for (const { name, dtype, shape } of states) {
    if (!FLOATS.has(dtype) || shape.length !== rank || shape.includes(0)) {
      refuse(`${name} is ${dtype} [${shape.join(",")}], states are floats [${packed ? "tokens,layers" : "N"},d]`);
    }
    if (shape.join() !== states[0].shape.join()) {
      refuse(`${name} is [${shape.join(",")}], ${states[0].name} is [${states[0].shape.join(",")}]`);
    }
  }
  const [positions] = states[0].shape;
  return {
    tensors: states,
    positions,
    width: states[0].shape[rank - 1],
    layers: packed
      ? Array.from({ length: packed.shape[1] }, (_, layer) => layer)
      : single
        ? [0]
        : separate.map(({ layer }) => layer),
  };
}

/** What layout other than [tokens,layers,d] the shapes speak of: as a stack of a model's hidden states comes. */
function turnedLayout(tensors: Reader["header"]["tensors"]): string | null {
  const { shape } = tensors.get("hidden_states")!;
  const tokens = tensors.get("token_ids")?.shape;
  if (shape.length === 4) return "layers, sequences and tokens apart";
  const turned = shape.length === 3 && tokens?.length === 1 && shape[0] !== tokens[0] && shape[1] === tokens[0];
  return turned ? `with its layers before its ${count(tokens[0])} tokens` : null;
}

/** Rows `[from, to)` of a tensor, as doubles or singles. */
async function readRows(
  file: Reader,
  tensor: TensorEntry,
  from: number,
  to: number,
): Promise<Float32Array | Float64Array> {
  const rowBytes = (tensor.end - tensor.begin) / tensor.shape[0];
  const bytes = await file.readRange(tensor.begin + from * rowBytes, tensor.begin + to * rowBytes);
  const values = decodeTensor(tensor.dtype, bytes) as Float32Array | Float64Array;
  const width = values.length / (to - from);
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    throw new LossyscopeError(
      "input",
      `${file.path}: ${tensor.name} has ${values[bad]} in row ${count(from + Math.floor(bad / width))}, column ${bad % width}`,
      "leave such rows out of the file",
    );
  }
  return values;
}

/** The pieces in which `positions` rows of so many bytes are read. */
function* pieces(positions: number, rowBytes: number): Generator<[from: number, to: number]> {
  const step = Math.max(1, Math.floor(CHUNK_BYTES / rowBytes));
  for (let from = 0; from < positions; from += step) yield [from, Math.min(from + step, positions)];
}

const rowBytesOf = ({ begin, end, shape }: TensorEntry): number => (end - begin) / shape[0];

async function* separateStates(file: Reader, tensors: readonly TensorEntry[]): AsyncGenerator<DumpedStates> {
  const rowBytes = tensors.reduce((total, tensor) => total + rowBytesOf(tensor), 0);
  for (const [from, to] of pieces(tensors[0].shape[0], rowBytes)) {
    const layers: (Float32Array | Float64Array)[] = [];
    for (const tensor of tensors) layers.push(await readRows(file, tensor, from, to));
    yield { from, rows: to - from, layers };
  }
}

async function* packedStates(file: Reader, tensor: TensorEntry): AsyncGenerator<DumpedStates> {
  const [positions, depth, width] = tensor.shape;
  for (const [from, to] of pieces(positions, rowBytesOf(tensor))) {
    const values = await readRows(file, tensor, from, to);
    const layers = Array.from({ length: depth }, (_, layer) => {
      const own =
        values instanceof Float64Array ? new Float64Array((to - from) * width) : new Float32Array((to - from) * width);
      for (let row = 0; row < to - from; row++) {
        const start = (row * depth + layer) * width;
        own.set(values.subarray(start, start + width), row * width);
      }
      return own;
    });
    yield { from, rows: to - from, layers };
  }
}
