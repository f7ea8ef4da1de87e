/**
 * `lossyscope inspect MODEL`: the storage ledger (METHODS §1.2) of any model in safetensors or GGUF, whether its architecture can
 * be run or not. Headers alone are read: of a model on the Hub that is not in the cache, a few byte ranges.
 */
import { Command } from "@commander-js/extra-typings";
import { readRemoteHeaders } from "../hub/headers.ts";
import { findModel, resolveModel } from "../hub/resolve.ts";
import { findGguf } from "../hub/resolve-gguf.ts";
import { downloadProgress } from "../library/download.ts";
import { openCheckpoint } from "../models/checkpoint.ts";
import type { MatrixKind } from "../models/gguf/kinds.ts";
import { type ModelConfig, storageLedger } from "../models/ledger.ts";
import { type EntropyOptions, entropyCodedBytes } from "../models/ledger-entropy.ts";
import type { GivenTraining } from "../models/ledger-known.ts";
import { storedKinds } from "../models/quantised/unquantised.ts";
import { type Holding, holdingOf } from "../models/sources/runnable.ts";
import { gatherTensors } from "../models/sources/safetensors.ts";
import type { StoredTensor, TensorSource } from "../models/sources/tensor-source.ts";
import { type Aside, textModel } from "../models/text-model.ts";
import type { Ledger } from "../profile/ledger.ts";
import { ggufAt, referenceTo } from "../references/open.ts";
import { count, counted, figure, percent, si } from "../report/format.ts";
import type { Progress } from "../report/progress.ts";
import { type TerminalOptions, terminalOptions } from "../report/terminal-options.ts";
import { asText, proseLines, shownTable } from "../report/text-table.ts";
import { GROUP } from "./groups.ts";
import { type GgufFacts, ggufHeaders, matricesTable, remoteGgufHeaders, tokenizerText } from "./inspect-gguf.ts";
import { interruptible } from "./interrupt.ts";
import { force, quantity, quiet } from "./options.ts";
import { document, Outputs } from "./outputs.ts";
import { progressOf } from "./progress.ts";

export interface Inspection {
  readonly model: { readonly name: string; readonly revision: string | null; readonly architecture: string | null };
  readonly ledger: Ledger;
  /** of a GGUF file */
  readonly gguf?: GgufFacts;
  /** of a folder on this machine whose weights are quantised: what its matrices are stored as, most bytes first */
  readonly matrices?: readonly MatrixKind[];
  /** what the weights are as they run, where some are stored as other than plain floats */
  readonly held?: Holding;
}

export interface InspectOptions {
  readonly entropy: boolean;
  readonly training: GivenTraining;
  readonly offline: boolean;
  readonly progress: Progress;
  readonly signal?: AbortSignal;
}

export function inspectCommand() {
  return new Command("inspect")
    .summary("say what a model costs: parameters, bytes, training data")
    .description(
      "Counts MODEL's parameters and bytes and sets them against its training data. Reads headers alone, so it takes a second for any size, and needs no support for the architecture.",
    )
    .argument(
      "<model>",
      "folder in the Hugging Face layout, a GGUF file (its path, org/name:Q4_K_M or ollama:NAME), or org/name[@revision] or its address on the Hub",
    )
    .optionsGroup(GROUP.measured)
    .option("--entropy", "reads all weights and adds their entropy-coded size", false)
    .option("--training-tokens <n>", "tokens the model was trained on", quantity)
    .option("--training-bytes <n>", "bytes the model was trained on", quantity)
    .option("--json [file]", "writes the ledger to a file, or to standard output")
    .addOption(force())
    .option("--offline", "downloads nothing", false)
    .addOption(quiet())
    .action(async (name, { entropy, trainingTokens, trainingBytes, offline, quiet, ...asked }) => {
      const outputs = new Outputs<Inspection>(
        { ...asked, quiet },
        {
          text: (inspection) => inspectionText(inspection, terminalOptions(process.stdout, process.env)),
          line: costClaim,
          json: document,
        },
      );
      await outputs.prepare();
      const progress = progressOf({ quiet });
      const training = { tokens: trainingTokens, bytes: trainingBytes };
      const inspection = await interruptible((signal) =>
        inspect(name, { entropy, training, offline, progress, signal }),
      );
      await outputs.deliver(inspection);
    });
}

function costClaim({ model, ledger: { parameters, weightBytes, bitsPerParameter } }: Inspection): string {
  const size = `${si(parameters.total, "")} parameters in ${si(weightBytes, "B")} of weights`;
  return `${model.name}: ${size}, ${figure(bitsPerParameter)} bits a parameter`;
}

/**
 * @param name what `referenceTo` understands
 * @throws LossyscopeError as `ggufAt`, `resolveModel`, `openCheckpoint` and `storageLedger` do
 */
export async function inspect(name: string, options: InspectOptions): Promise<Inspection> {
  const { progress, signal } = options;
  try {
    const found = await headersOf(name, options);
    const nonFinite = new Map<string, number>();
    const onNonFinite = (tensor: string, values: number): void => void nonFinite.set(tensor, values);
    const coded = options.entropy ? await entropyWithProgress(found.weights, progress, { signal, onNonFinite }) : null;
    const architecture = found.config.model_type;
    const held = holdingOf(found.weights, found.typeOf);
    return {
      model: {
        name: found.name,
        revision: found.revision,
        architecture: typeof architecture === "string" ? architecture : null,
      },
      ...(found.gguf && { gguf: found.gguf }),
      ...(found.matrices && { matrices: found.matrices }),
      ...(held && { held }),
      ledger: storageLedger(found.config, found.weights, {
        name: found.name,
        training: options.training,
        entropyCodedBytes: coded,
        aside: found.aside,
        notes: found.notes,
        nonFinite,
      }),
    };
  } finally {
    progress.finish();
  }
}

interface Headers {
  readonly name: string;
  readonly revision: string | null;
  readonly config: ModelConfig;
  readonly weights: TensorSource;
  readonly aside: readonly Aside[];
  readonly notes: readonly string[];
  readonly gguf?: GgufFacts;
  readonly matrices?: readonly MatrixKind[];
  /** what a tensor is stored as that is computed from others */
  readonly typeOf?: (name: string, tensor: StoredTensor) => string;
}

/** Of a local or cached model from its files; else from the Hub, downloaded only where its weights are to be read. */
async function headersOf(name: string, { entropy, offline, progress, signal }: InspectOptions): Promise<Headers> {
  const onProgress = downloadProgress(progress);
  const reference = await referenceTo(name);
  if (reference.kind === "gguf on the hub" && !entropy) {
    const found = await findGguf(reference.name, { offline, signal, onProgress });
    if (found.kind === "file") return ggufHeaders(found.file);
    progress.message(`${found.name}: reading the header from the Hub, without downloading the weights`);
    return remoteGgufHeaders(found, signal);
  }
  const gguf = await ggufAt(reference, { offline, signal, onDownload: onProgress });
  if (gguf) return ggufHeaders(gguf);
  const found = await findModel(name, { offline, signal, onProgress });
  if (found.kind === "remote" && !entropy) {
    const { id, commit } = found.remote;
    progress.message(`${id}: reading the headers from the Hub, without downloading the weights`);
    const { config, weights } = await readRemoteHeaders(found.client, found.remote, signal);
    const shards = weights.map(({ name, bytes, header, expected }) => ({
      file: { name, path: name, bytes },
      entries: header.tensors.values(),
      expected,
    }));
    return { name: id, revision: commit, ...textModel(config, gatherTensors(shards)) };
  }
  const { folder, ...model } =
    found.kind === "folder" ? found.model : await resolveModel(name, { offline, signal, onProgress });
  const { config, weights, aside, notes } = await openCheckpoint(folder);
  const quantised = await storedKinds(config, weights);
  if (!quantised) return { ...model, config, weights, aside, notes };
  return { ...model, config, aside, ...quantised, notes: [...notes, ...quantised.notes] };
}

async function entropyWithProgress(
  weights: TensorSource,
  progress: Progress,
  options: EntropyOptions,
): Promise<number> {
  let started = false;
  return entropyCodedBytes(weights, {
    ...options,
    onProgress: (done, total) => {
      if (!started) progress.start("reading the weights", total, "bytes");
      started = true;
      progress.update(done);
    },
  });
}

/** The ledger as a person reads it. */
export function inspectionText(
  { model, ledger, gguf, held, matrices = gguf?.matrices }: Inspection,
  terminal: TerminalOptions,
): string {
  const rows: string[][] = []; // label, value, note
  const { total, embedding, nonEmbedding, activePerToken } = ledger.parameters;
  const share = (part: number, whole: number) => (whole > 0 ? percent(part / whole) : "");
  rows.push(["Parameters", count(total)]);
  rows.push(["  embedding", count(embedding), `${share(embedding, total)}: token and position tables, output matrix`]);
  rows.push(["  other", count(nonEmbedding), share(nonEmbedding, total)]);
  if (activePerToken === null) rows.push(["  active per token", "–", "not known for this architecture"]);
  else if (activePerToken !== total)
    rows.push(["  active per token", count(activePerToken), share(activePerToken, total)]);

  rows.push(["Weights", si(ledger.weightBytes, "B"), `${figure(ledger.bitsPerParameter)} bits a parameter`]);
  for (const [dtype, { tensors, bytes }] of Object.entries(ledger.byDtype)) {
    rows.push([`  ${dtype}`, si(bytes, "B"), counted(tensors, "tensor")]);
  }
  if (ledger.entropyCodedBytes !== null) {
    const note = `${share(ledger.entropyCodedBytes, ledger.weightBytes)} of the stored bytes`;
    rows.push(["  entropy-coded", si(ledger.entropyCodedBytes, "B"), note]);
  }
  if (ledger.buffers.tensors > 0) {
    rows.push([
      "Buffers",
      si(ledger.buffers.bytes, "B"),
      `${count(ledger.buffers.tensors)} stored tensors that are no weights`,
    ]);
  }

  if (held) {
    const { codes, float32 } = held;
    rows.push(["As it runs", si(codes.bytes + float32.bytes, "B"), "in memory, without what a text takes"]);
    rows.push([
      "  codes",
      si(codes.bytes, "B"),
      `${counted(codes.tensors, "tensor")} under scales, multiplied by as they are`,
    ]);
    rows.push([
      "  float32",
      si(float32.bytes, "B"),
      `${counted(float32.tensors, "tensor")}: ${float32.types.join(", ")}`,
    ]);
  }

  for (const { name, parameters, bytes } of ledger.aside ?? []) {
    rows.push([`Aside: ${name}`, si(bytes, "B"), `${count(parameters)} parameters that no text goes through`]);
  }

  const { training } = ledger;
  if (training === null) {
    rows.push(["Training text", "–", "not known: pass --training-tokens or --training-bytes"]);
  } else {
    rows.push(["Training tokens", si(training.tokens, ""), training.source]);
    rows.push(["Training text", si(training.bytes, "B"), training.note ?? ""]);
    if (ledger.storageRatio !== null) {
      rows.push(["Storage ratio", figure(ledger.storageRatio), "bytes of training text for each byte of weights"]);
      rows.push(["", figure(ledger.trainingBytesPerParameter), "bytes of training text for each parameter"]);
    }
  }

  const title = [model.name, model.revision?.slice(0, 12), model.architecture ? `(${model.architecture})` : undefined];
  const table = { head: ["", "", ""], rows, kinds: ["name", "figures", "words"] } as const;
  const notes = (ledger.notes ?? []).map((note) => `Note: ${note}`);
  return asText(
    [
      proseLines([title.filter(Boolean).join(" ")], terminal),
      shownTable(table, terminal),
      ...(gguf ? [proseLines([tokenizerText(gguf)], terminal)] : []),
      ...(matrices ? [shownTable(matricesTable(matrices), terminal)] : []),
      proseLines(notes, terminal),
    ],
    terminal,
  );
}
