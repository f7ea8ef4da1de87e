/**
 * Typed reading of a model's `config.json`, as transformers reads it: an absent key has its default, an explicit null is
 * null, a key may have an older name. Whatever the decoder does not do is refused here by the key's name, never ignored.
 * It knows no architecture; `architectures/*.ts` say which keys and which defaults.
 */
import { count } from "../numeric/amounts.ts";
import { LossyscopeError, shown } from "../numeric/errors.ts";
import type { Activation } from "./spec.ts";

/** One key, or its names in order of preference. */
type Keys = string | readonly string[];

const ACTIVATIONS: ReadonlyMap<unknown, Activation> = new Map<unknown, Activation>([
  ["silu", "silu"],
  ["swish", "silu"],
  ["gelu", "gelu"],
  ["gelu_new", "gelu-tanh"],
  ["gelu_pytorch_tanh", "gelu-tanh"],
  ["gelu_fast", "gelu-tanh"],
  ["relu", "relu"],
  ["relu2", "relu-squared"],
]);

/** Keys whose number is the length of a list that is made of them: blocks, heads, experts. */
const LISTED = /^(?!.*(?:size|width|dim)).*(?:layer|head|expert)/;
/** More than any model has, and few enough to list, and to list lists of. */
const MOST_LISTED = 1_024;
const MOST = 2 ** 48;

export class Config {
  readonly values: Readonly<Record<string, unknown>>;

  /** @throws LossyscopeError `model` where the value is not a JSON object */
  constructor(values: unknown) {
    if (typeof values !== "object" || values === null || Array.isArray(values))
      throw new LossyscopeError("model", "config.json is not a JSON object");
    this.values = values as Record<string, unknown>;
  }

  /** The config's `model_type`. */
  get architecture(): string {
    return this.text("model_type");
  }

  /**
   * The first of the keys that is there and not null; undefined where all are absent, null where one is null.
   * @throws LossyscopeError `model` where two names of one thing say different things
   */
  raw(keys: Keys): unknown {
    const present = [keys].flat().filter((key) => Object.hasOwn(this.values, key));
    const [key = present[0], ...others] = present.filter((name) => this.values[name] !== null);
    const other = others.find((name) => JSON.stringify(this.values[name]) !== JSON.stringify(this.values[key]));
    if (other !== undefined) {
      const said = [key, other].map((name) => `${name} to ${shown(this.values[name])}`);
      throw new LossyscopeError(
        "model",
        `config.json sets ${said.join(" and ")}, two names of one thing`,
        "leave the wrong one out",
      );
    }
    return key === undefined ? undefined : this.values[key];
  }

  /** A whole number ≥ 1, and not more than a model can have. Without a fallback the key must be there. */
  count(keys: Keys, fallback?: number): number {
    const value = this.#given(keys, fallback);
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 1)
      throw this.#wrong(keys, value, "a whole number above zero");
    const most = LISTED.test(this.#name(keys)) ? MOST_LISTED : MOST;
    if (value > most) throw this.#wrong(keys, value, `at most ${count(most)}`);
    return value;
  }

  /** A finite number. */
  number(keys: Keys, fallback?: number): number {
    const value = this.#given(keys, fallback);
    if (typeof value !== "number" || !Number.isFinite(value)) throw this.#wrong(keys, value, "a number");
    return value;
  }

  /** A finite number above zero, or null where the config says null; `fallback` where the key is absent. */
  optional(keys: Keys, fallback: number | null): number | null {
    const value = this.raw(keys);
    if (value === undefined) return fallback;
    if (value === null) return null;
    if (typeof value !== "number" || !Number.isFinite(value) || value <= 0)
      throw this.#wrong(keys, value, "a number above zero or null");
    return value;
  }

  flag(keys: Keys, fallback: boolean): boolean {
    const value = this.raw(keys) ?? fallback;
    if (typeof value !== "boolean") throw this.#wrong(keys, value, "true or false");
    return value;
  }

  text(keys: Keys, fallback?: string): string {
    const value = this.#given(keys, fallback);
    if (typeof value !== "string") throw this.#wrong(keys, value, "a string");
    return value;
  }

  /** A list with one entry a block, or undefined where the key is absent or null. */
  perBlock<T extends string | number>(keys: Keys, blocks: number, allowed: readonly T[]): readonly T[] | undefined {
    const value = this.raw(keys) ?? undefined;
    if (value === undefined) return undefined;
    if (!Array.isArray(value) || value.length !== blocks)
      throw this.#wrong(keys, value, `a list with one entry for each of the ${blocks} blocks`);
    const unknown = value.find((entry) => !allowed.includes(entry));
    if (unknown !== undefined) throw this.unsupported(keys, unknown, allowed.map((entry) => `${entry}`).join(" or "));
    return value;
  }

  /** A list of numbers of blocks; empty where the key is absent or null. */
  blockNumbers(keys: Keys): readonly number[] {
    const value = this.raw(keys) ?? [];
    if (!Array.isArray(value) || !value.every((entry) => Number.isSafeInteger(entry) && entry >= 0))
      throw this.#wrong(keys, value, "a list of block numbers");
    return value;
  }

  /** A list of so many finite numbers above zero. */
  numbers(keys: Keys, length: number): readonly number[] {
    const value = this.#given(keys, undefined);
    const isSound = (entry: unknown): boolean => typeof entry === "number" && Number.isFinite(entry) && entry > 0;
    if (!Array.isArray(value) || value.length !== length || !value.every(isSound))
      throw this.#wrong(keys, value, `a list of ${length} numbers above zero`);
    return value;
  }

  /** An object of its own, read the same way; undefined where the key is absent or null. */
  section(keys: Keys): Config | undefined {
    const value = this.raw(keys) ?? undefined;
    if (value === undefined) return undefined;
    if (typeof value !== "object" || Array.isArray(value)) throw this.#wrong(keys, value, "an object");
    return new Config(value);
  }

  /** @throws LossyscopeError `unsupported` naming an activation that the decoder does not have */
  activation(keys: Keys, fallback: string): Activation {
    const name = this.text(keys, fallback);
    const activation = ACTIVATIONS.get(name);
    if (!activation) throw this.unsupported(keys, name, [...ACTIVATIONS.keys()].join(", "));
    return activation;
  }

  /**
   * Query heads, key-value heads and their width.
   * @throws LossyscopeError `model` where the heads do not divide what they share
   */
  heads(given: { heads: number; kvHeads: number; headWidth?: number | null; width: number }): {
    heads: number;
    kvHeads: number;
    headWidth: number;
  } {
    const { heads, kvHeads, width } = given;
    if (heads % kvHeads !== 0)
      throw new LossyscopeError(
        "model",
        `${count(heads)} query heads cannot share ${count(kvHeads)} key-value heads evenly`,
      );
    if (!given.headWidth && width % heads !== 0)
      throw new LossyscopeError("model", `a width of ${count(width)} does not divide into ${count(heads)} heads`);
    return { heads, kvHeads, headWidth: given.headWidth ?? width / heads };
  }

  /** Refuses any value but the ones that mean what the decoder does; absent and null pass. */
  only(keys: Keys, ...allowed: readonly unknown[]): void {
    const value = this.raw(keys) ?? undefined;
    if (value !== undefined && !allowed.includes(value))
      throw this.unsupported(
        keys,
        value,
        ["leaving it out", ...allowed.map((entry) => JSON.stringify(entry))].join(" or "),
      );
  }

  /** The refusal of an option by its name, saying what is supported. */
  unsupported(keys: Keys, value: unknown, supported: string): LossyscopeError {
    return new LossyscopeError(
      "unsupported",
      `config.json sets ${this.#name(keys)} to ${shown(value)}, which the decoder does not do`,
      `supported: ${supported}`,
    );
  }

  #given(keys: Keys, fallback: unknown): unknown {
    const value = this.raw(keys) ?? fallback;
    if (value === undefined) throw new LossyscopeError("model", `config.json has no ${[keys].flat().join(" or ")}`);
    return value;
  }

  #name(keys: Keys): string {
    const names = [keys].flat();
    return names.find((key) => Object.hasOwn(this.values, key)) ?? names[0];
  }

  #wrong(keys: Keys, value: unknown, expected: string): LossyscopeError {
    return new LossyscopeError(
      "model",
      `config.json sets ${this.#name(keys)} to ${shown(value)}; expected ${expected}`,
    );
  }
}
