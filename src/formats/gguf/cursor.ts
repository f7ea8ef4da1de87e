/**
 * Reads the values of a GGUF header one after the other from the beginning of a file, of which only so much is there
 * yet. What a value claims is held against the size of the file before anything is made of it; where the bytes are in
 * the file and not here, `Short` says how many are needed.
 */
import { count } from "../../numeric/amounts.ts";
import { LossyscopeError } from "../../numeric/errors.ts";

/** More than a header has: a vocabulary of a quarter of a million tokens takes 12 MB. */
export const MOST_HEADER_BYTES = 1 << 27;

export const unsound = (message: string, next = "fetch or convert the file again"): LossyscopeError =>
  new LossyscopeError("model", `not a sound GGUF file: ${message}`, next);

/** Thrown where the bytes that are there end too early. */
export class Short extends Error {
  /** @param bytes of the file that are needed to go on */
  constructor(readonly bytes: number) {
    super(`${count(bytes)} bytes are needed`);
  }
}

export class Cursor {
  at = 0;
  readonly #view: DataView;
  readonly #text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

  /**
   * @param bytes the file's first
   * @param fileBytes size of the file
   */
  constructor(
    readonly bytes: Uint8Array,
    readonly fileBytes: number,
    readonly isLittleEndian: boolean,
  ) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /**
   * Holds that so many bytes are to come.
   * @param what claims them, in a clause: `the key 3 of 20`
   * @throws LossyscopeError `model` where the file has not so many; Short where they are not here yet
   */
  need(bytes: number | bigint, what: () => string): void {
    const left = this.fileBytes - this.at;
    if (bytes > left)
      throw unsound(
        `${what()} takes ${count(bytes)} bytes at byte ${count(this.at)}, the file has ${count(this.fileBytes)}`,
      );
    const end = this.at + Number(bytes);
    if (end > MOST_HEADER_BYTES)
      throw unsound(
        `its header goes beyond ${count(MOST_HEADER_BYTES)} bytes, in ${what()} that ends at ${count(end)}`,
      );
    if (end > this.bytes.length) throw new Short(end);
  }

  /** So many bytes, as a view. */
  take(bytes: number | bigint, what: () => string): Uint8Array {
    this.need(bytes, what);
    this.at += Number(bytes);
    return this.bytes.subarray(this.at - Number(bytes), this.at);
  }

  u32(what: () => string): number {
    this.need(4, what);
    this.at += 4;
    return this.#view.getUint32(this.at - 4, this.isLittleEndian);
  }

  u64(what: () => string): bigint {
    this.need(8, what);
    this.at += 8;
    return this.#view.getBigUint64(this.at - 8, this.isLittleEndian);
  }

  /**
   * A u64 that counts things of at least so many bytes each.
   * @param most of them that are read
   * @throws LossyscopeError `model` where the file cannot hold them
   */
  count(bytesOfOne: number, most: number, what: () => string): number {
    const number = this.u64(what);
    const left = this.fileBytes - this.at;
    if (number * BigInt(bytesOfOne) > left)
      throw unsound(`${what()} claims ${count(number)}, the file has ${count(left)} bytes left`);
    if (number > most) throw unsound(`${what()} claims ${count(number)}, more than ${count(most)}`);
    return Number(number);
  }

  /** @param most bytes of it that are read */
  string(most: number, what: () => string): string {
    const bytes = this.u64(what);
    if (bytes > most && bytes <= this.fileBytes - this.at)
      throw unsound(`${what()} takes ${count(bytes)} bytes, more than ${count(most)}`);
    const taken = this.take(bytes, what);
    try {
      return this.#text.decode(taken);
    } catch {
      throw unsound(`${what()}, ${count(taken.length)} bytes before byte ${count(this.at)}, is not UTF-8`);
    }
  }
}
