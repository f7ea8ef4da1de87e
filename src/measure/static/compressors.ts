/**
 * The compressors that stand beside a model (METHODS §1), each as one function from a stream of bytes to its compressed
 * size: the settings of the command-line tools of the same names, through libraries. Where they run and what happens to
 * one that fails is for `baselines.ts`.
 *
 * Memory: those that stream hold a window (gzip 0.3 MB, brotli about 200 MB, xz 674 MB with growing text, order-2 64 MB
 * at most); the two in WebAssembly take the text whole: 3 (zstd) and 4 (bzip2) times its bytes, hence a limit.
 */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Transform } from "node:stream";
import { constants, createBrotliCompress, createGzip } from "node:zlib";
import { Order2Encoder } from "../../coding/order2.ts";
import { VERSION } from "../../profile/version.ts";

type Bytes = AsyncIterable<Uint8Array>;

/** A compressor whose library is loaded. */
interface Loaded {
  /** what computes the figure, with its version */
  readonly implementation: string;
  /** @returns compressed bytes of a stream of `length` bytes */
  compressedSize(stream: Bytes, length: number): Promise<number>;
}

interface Compressor {
  /** tool and level, as shown */
  readonly name: string;
  /** longest stream it takes */
  readonly mostBytes: number;
  /** once a process: the libraries in WebAssembly do not take a second start */
  load(): Promise<Loaded>;
}

/** Heaps of 4 GiB hold three to four copies of this. */
const WHOLE_IN_WASM = 256 * 2 ** 20;

function packageVersion(name: string): string {
  for (const folder of createRequire(import.meta.url).resolve.paths(name) ?? []) {
    const manifest = join(folder, name, "package.json");
    if (existsSync(manifest)) return `${name} ${JSON.parse(readFileSync(manifest, "utf8")).version}`;
  }
  return name;
}

/**
 * One part at a time, its output taken as it comes: `lzma-native` stops answering when it is piped, or read by iteration,
 * and its output is larger than its buffer or its input holds the letters YZ.
 */
function sizeThrough(transform: Transform, stream: Bytes): Promise<number> {
  return new Promise((resolve, reject) => {
    let bytes = 0;
    transform.on("data", (part: Uint8Array) => {
      bytes += part.length;
    });
    transform.on("error", reject);
    transform.on("end", () => resolve(bytes));
    const write = async (): Promise<void> => {
      for await (const part of stream) await new Promise<void>((taken) => transform.write(part, () => taken()));
      transform.end();
    };
    write().catch(reject);
  });
}

async function gather(stream: Bytes, length: number): Promise<Uint8Array> {
  const whole = new Uint8Array(length);
  let at = 0;
  for await (const part of stream) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const gzip: Compressor = {
  name: "gzip -9",
  mostBytes: Number.MAX_SAFE_INTEGER,
  load: async () => ({
    implementation: `zlib ${process.versions.zlib} of Node ${process.versions.node}, in its gzip container`,
    compressedSize: (stream) => sizeThrough(createGzip({ level: 9 }), stream),
  }),
};

const brotli: Compressor = {
  name: "brotli 11",
  mostBytes: Number.MAX_SAFE_INTEGER,
  load: async () => ({
    implementation: `brotli ${process.versions.brotli} of Node ${process.versions.node}, window 2^24`,
    compressedSize: (stream) =>
      sizeThrough(
        createBrotliCompress({
          params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 24 },
        }),
        stream,
      ),
  }),
};

const zstd: Compressor = {
  name: "zstd 19",
  mostBytes: WHOLE_IN_WASM,
  load: async () => {
    const library = await import("@bokuweb/zstd-wasm");
    await library.init();
    return {
      implementation: packageVersion("@bokuweb/zstd-wasm"),
      compressedSize: async (stream, length) => library.compress(await gather(stream, length), 19).length,
    };
  },
};

const xz: Compressor = {
  name: "xz -9e",
  mostBytes: Number.MAX_SAFE_INTEGER,
  load: async () => {
    const { default: library } = await import("lzma-native");
    return {
      implementation: `liblzma ${library.versionString()} in ${packageVersion("lzma-native")}`,
      compressedSize: (stream) =>
        sizeThrough(
          library.createStream("easyEncoder", { preset: 9 | library.PRESET_EXTREME, check: library.CHECK_CRC64 }),
          stream,
        ),
    };
  },
};

const bzip2: Compressor = {
  name: "bzip2 -9",
  mostBytes: WHOLE_IN_WASM,
  load: async () => {
    const { default: BZip2 } = await import("bzip2-wasm");
    const library = new BZip2();
    await library.init();
    return {
      implementation: packageVersion("bzip2-wasm"),
      compressedSize: async (stream, length) => {
        const mostBytes = Math.ceil(length * 1.01) + 600;
        // The library keeps a view of the heap while it allocates text and twice the result, which is lost if the heap
        // grows there: it has to grow beforehand.
        const { _malloc: allocate, _free: free } = library.wasmModule;
        free(allocate(length + 2 * mostBytes + 2 ** 16));
        return library.compress(await gather(stream, length), 9, mostBytes).length;
      },
    };
  },
};

const order2: Compressor = {
  name: "order-2 bytes",
  mostBytes: 2 ** 32 - 1,
  load: async () => ({
    implementation: `lossyscope ${VERSION}`,
    compressedSize: async (stream) => {
      const encoder = new Order2Encoder();
      let bytes = 0;
      for await (const part of stream) {
        encoder.write(part);
        bytes += encoder.drain().length;
      }
      return bytes + encoder.finish().length;
    },
  }),
};

/** In the order in which they are shown. */
export const COMPRESSORS: readonly Compressor[] = [gzip, brotli, zstd, xz, bzip2, order2];
