/** The parts we use of two libraries that come without types. */
declare module "lzma-native" {
  import type { Transform } from "node:stream";

  const lzma: {
    readonly PRESET_EXTREME: number;
    readonly CHECK_CRC64: number;
    versionString(): string;
    createStream(coder: "easyEncoder", options: { preset: number; check: number }): Transform;
  };
  export default lzma;
}

declare module "bzip2-wasm" {
  export default class BZip2 {
    readonly wasmModule: { _malloc(bytes: number): number; _free(address: number): void };
    init(): Promise<void>;
    compress(bytes: Uint8Array, level: number, mostBytes: number): Uint8Array;
  }
}
