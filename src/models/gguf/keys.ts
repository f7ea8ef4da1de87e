/**
 * Typed reading of a GGUF file's metadata under the prefix of its architecture (`llama.block_count`). Every key that is
 * read is remembered: one that is left over might change what the model computes, so it is refused by name.
 */
import type { GgufValue } from "../../formats/gguf/values.ts";
import { LossyscopeError, shown } from "../../numeric/errors.ts";

/** Keys that say nothing of what is computed. */
const OF_NO_MATTER = ["vocab_size", "tensor_data_layout", "rope.scaling.finetuned"];

export class Keys {
  readonly #metadata: ReadonlyMap<string, GgufValue>;
  readonly #read = new Set(OF_NO_MATTER);

  /** @param architecture `general.architecture` */
  constructor(
    metadata: ReadonlyMap<string, GgufValue>,
    readonly architecture: string,
  ) {
    this.#metadata = metadata;
  }

  /** @returns undefined where the key is absent */
  raw(key: string): GgufValue | undefined {
    this.#read.add(key);
    return this.#metadata.get(`${this.architecture}.${key}`);
  }

  /** A finite number, and of a list that has it for every block, the one number. */
  optional(key: string): number | undefined {
    const value = this.raw(key);
    const first = ArrayBuffer.isView(value) && !(value instanceof DataView) ? value[0] : value;
    const same = ArrayBuffer.isView(value) ? (value as Uint8Array).every((entry) => entry === first) : true;
    if (!same)
      throw this.unsupported(key, "differs from block to block, which the decoder does not do", "another conversion");
    if (first === undefined && !ArrayBuffer.isView(value)) return undefined;
    if (typeof first !== "number" || !Number.isFinite(first)) throw this.#wrong(key, value, "a number");
    return decimal(first);
  }

  number(key: string, fallback?: number): number {
    const value = this.optional(key) ?? fallback;
    if (value === undefined)
      throw new LossyscopeError("model", `the metadata has no ${this.architecture}.${key}`, "convert the model again");
    return value;
  }

  /** `undefined` where the key is absent or 0, which is how several keys say that there is none. */
  unlessZero(key: string): number | undefined {
    return this.optional(key) || undefined;
  }

  flag(key: string, fallback: boolean): boolean {
    const value = this.raw(key) ?? fallback;
    if (typeof value !== "boolean") throw this.#wrong(key, value, "a boolean");
    return value;
  }

  text(key: string, fallback: string): string {
    const value = this.raw(key) ?? fallback;
    if (typeof value !== "string") throw this.#wrong(key, value, "a string");
    return value;
  }

  /** Refuses any value but these; absent passes. */
  only(key: string, ...allowed: readonly GgufValue[]): void {
    const value = this.raw(key);
    const plain = typeof value === "number" ? decimal(value) : value;
    if (plain === undefined || allowed.includes(plain)) return;
    throw this.unsupported(key, `is ${shown(plain)}`, allowed.map(shown).join(" or "));
  }

  /** @throws LossyscopeError `unsupported` naming a key of the architecture that nobody has asked for */
  refuseOthers(): void {
    const prefix = `${this.architecture}.`;
    for (const [key, value] of this.#metadata) {
      if (!key.startsWith(prefix) || this.#read.has(key.slice(prefix.length))) continue;
      throw new LossyscopeError(
        "unsupported",
        `the metadata has ${key} = ${shown(value)}, of which it is not known what it changes`,
        "use the model's folder of safetensors",
      );
    }
  }

  unsupported(key: string, what: string, supported: string): LossyscopeError {
    return new LossyscopeError("unsupported", `${this.architecture}.${key} ${what}`, `supported: ${supported}`);
  }

  #wrong(key: string, value: unknown, expected: string): LossyscopeError {
    return new LossyscopeError(
      "model",
      `the metadata has ${this.architecture}.${key} = ${shown(value)}; expected ${expected}`,
      "convert the model again",
    );
  }
}

/** The shortest decimal that rounds to a float32: what it was written from (1e-5, not 9.999999747378752e-6). */
export function decimal(value: number): number {
  if (Number.isInteger(value) || Math.fround(value) !== value) return value;
  for (let digits = 1; digits < 9; digits++) {
    const shorter = Number(value.toPrecision(digits));
    if (Math.fround(shorter) === value) return shorter;
  }
  return value;
}
