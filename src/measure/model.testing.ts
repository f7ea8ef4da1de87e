/**
 * The smallest model that is a model, for tests of everything around it: a llama of two blocks with a token for every
 * byte, drawn from a seed and written into a folder that a test may then damage; a text for it; and a measurement of the
 * two with only what a test asks for.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { writeSafetensors } from "../files/safetensors.ts";
import { untrainedTensors } from "../models/untrained.ts";
import { random } from "../numeric/random.ts";
import type { ProgressSink } from "../ports/progress.ts";
import type { Profile } from "../profile/profile.ts";
import { openModel } from "../references/open.ts";
import { byteLevelTokenizerConfig, byteLevelTokenizerJson } from "../tokenizer/bytes.ts";
import { type Measurement, type MeasureRequest, measure } from "./measure.ts";
import { validatePlan } from "./plan.ts";

/** Weights large enough that layers differ and the model has opinions, if foolish ones. */
export const CONFIG = {
  architectures: ["LlamaForCausalLM"],
  model_type: "llama",
  vocab_size: 257,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  max_position_embeddings: 64,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  hidden_act: "silu",
  initializer_range: 0.3,
  tie_word_embeddings: false,
  eos_token_id: 256,
  torch_dtype: "float32",
};

export interface ModelChoice {
  /** keys of the config to replace; undefined removes one */
  readonly config?: Readonly<Record<string, unknown>>;
  /** false: a tokenizer without end of text, so that nothing opens a window */
  readonly prefix?: boolean;
  /** changes a tensor's values before they are written */
  readonly change?: (name: string, values: Float32Array) => void;
}

/** Writes config.json, model.safetensors and the tokenizer. @returns the folder */
export async function writeModel(folder: string, { config, prefix = true, change }: ModelChoice = {}): Promise<string> {
  const own: Record<string, unknown> = { ...CONFIG, ...config };
  const tokenizerConfig: Record<string, unknown> = { ...byteLevelTokenizerConfig() };
  if (!prefix) {
    delete own.eos_token_id;
    delete tokenizerConfig.eos_token;
  }
  mkdirSync(folder, { recursive: true });
  const write = (name: string, content: unknown): void => writeFileSync(join(folder, name), JSON.stringify(content));
  write("config.json", own);
  write("tokenizer.json", byteLevelTokenizerJson());
  write("tokenizer_config.json", tokenizerConfig);
  await writeSafetensors(
    join(folder, "model.safetensors"),
    untrainedTensors(own, 0).map(({ name, shape, values }) => {
      const data = values();
      change?.(name, data);
      return { name, dtype: "F32", shape, data };
    }),
  );
  return folder;
}

/** Rewrites one JSON file of a model. */
export function editJson(folder: string, name: string, edit: (json: Record<string, unknown>) => void): void {
  const path = join(folder, name);
  const json = JSON.parse(readFileSync(path, "utf8"));
  edit(json);
  writeFileSync(path, JSON.stringify(json));
}

/** Documents of words drawn from a small vocabulary, about `bytes` each, parted by blank lines. */
export function sampleText(documents: number, bytes: number, seed = 0): string {
  const stream = random(seed, "words");
  const words = Array.from({ length: 40 }, () =>
    String.fromCharCode(...Array.from({ length: 2 + stream.below(6) }, () => 97 + stream.below(26))),
  );
  const document = (): string => {
    let text = words[stream.below(words.length)];
    while (text.length < bytes) text += ` ${words[Math.floor(words.length * stream.uniform() ** 2)]}`;
    return `${text}.`;
  };
  return Array.from({ length: documents }, document).join("\n\n");
}

/** @returns the path, for `text` of a plan */
export function writeText(path: string, content: string | NodeJS.ArrayBufferView): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

export interface Listener extends ProgressSink {
  /** the lines that stay */
  readonly said: string[];
  /** stages, those of a part with its name before them */
  readonly announced: string[];
  readonly began: string[];
  /** seconds that stages were expected to take */
  readonly expected: Readonly<Record<string, number>>;
}

/** Tells a test what goes on: the work under way, and how often it has said how far it is. */
export function listener(hear: (label: string, updates: number) => void = () => {}): Listener {
  const said: string[] = [];
  const announced: string[] = [];
  const began: string[] = [];
  const expected: Record<string, number> = {};
  const named = (label: string, part: string | null | undefined): string => (part ? `${part}: ${label}` : label);
  let part: string | null = null;
  let label = "";
  let updates = 0;
  return {
    said,
    announced,
    began,
    announce(stages, next) {
      const names = stages.map((stage) => named(stage.label, stage.part ?? (next ? part : null)));
      announced.splice(next ? began.length : announced.length, 0, ...names);
    },
    expected,
    expect: (seconds) => void Object.assign(expected, seconds),
    enter(entered) {
      part = entered;
    },
    start(started) {
      label = named(started, part);
      if (!began.includes(label)) began.push(label);
      updates = 0;
      hear(label, updates);
    },
    update: () => hear(label, ++updates),
    finish() {},
    message: (line) => void said.push(line),
  };
}

/** A profile without what two runs of the same measurement may differ in: when, how fast, at what cost. */
export function figuresOf({ provenance, ...profile }: Profile): unknown {
  const { started, seconds, tokensPerSecond, peakMemoryBytes, runtime, ...rest } = provenance;
  const { plane } = profile;
  const timeless = plane?.frontier && { ...plane, frontier: { ...plane.frontier, seconds: 0 } };
  return { ...profile, plane: timeless ?? plane, provenance: rest };
}

export interface Asked extends Partial<Omit<MeasureRequest, "model" | "plan" | "points">> {
  readonly model: string;
  readonly text: string | readonly string[];
  readonly work: string;
  readonly plan?: Readonly<Record<string, unknown>>;
}

/** Measures text files, blank lines parting documents: coding alone unless the plan asks for more. */
export async function measureFiles({ model, text, plan = {}, ...more }: Asked): Promise<Measurement> {
  return measure({
    model: await openModel(model, { offline: true, onDownload() {} }),
    plan: validatePlan({
      text: (typeof text === "string" ? [text] : text).map((path) => ({ path })),
      splitOn: "\n\n",
      plane: null,
      geometry: false,
      baselines: false,
      ...plan,
    }),
    points: null,
    threads: 1,
    resume: false,
    progress: listener(),
    ...more,
  });
}
