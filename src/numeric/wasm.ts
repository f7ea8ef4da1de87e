/**
 * A small assembler of WebAssembly, for the few loops that take whole seconds: they run two float64 at a time there, which
 * JavaScript cannot say. Every lane makes the same operations in the same order as the loop that it stands for, and none is
 * fused, so that results are the same to the last bit. Expressions are the bytes that leave their value on the stack; what a
 * kernel reads and writes is the memory that it is given, in bytes from its start.
 */

/** Instructions, in order. */
export type Code = readonly number[];
type Type = "i32" | "f64" | "v128";

export interface Local {
  readonly get: Code;
  readonly set: (value: Code) => Code;
}

/** Parameters first, then locals, which are made as they are needed. */
export interface Locals {
  readonly parameter: (type: Type) => Local;
  readonly local: (type: Type) => Local;
}

const TYPES: Readonly<Record<Type, number>> = { i32: 0x7f, f64: 0x7c, v128: 0x7b };

/** LEB128, unsigned and signed. */
function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let left = value;
  do {
    bytes.push((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
    left >>>= 7;
  } while (left > 0);
  return bytes;
}

function signed(value: number): number[] {
  const bytes: number[] = [];
  for (let left = value; ; left >>= 7) {
    const low = left & 0x7f;
    const last = left >> 7 === (low & 0x40 ? -1 : 0);
    bytes.push(last ? low : low | 0x80);
    if (last) return bytes;
  }
}

const bytesOf = (numbers: Float64Array | BigUint64Array): number[] => [...new Uint8Array(numbers.buffer)];

type Binary = (a: Code, b: Code) => Code;
const binary =
  (...op: number[]): Binary =>
  (a, b) => [...a, ...b, ...op];
const simd = (op: number): number[] => [0xfd, ...unsigned(op)];
/** alignment as 2^n bytes; `offset` is added to the address */
const place = (align: number, offset: number): number[] => [align, ...unsigned(offset)];

export const i32 = {
  of: (value: number): Code => [0x41, ...signed(value)],
  add: binary(0x6a),
  sub: binary(0x6b),
  mul: binary(0x6c),
  and: binary(0x71),
  shiftLeft: binary(0x74),
  /** of two bytes, unsigned */
  loadShort: (address: Code): Code => [...address, 0x2f, ...place(1, 0)],
  isBelow: binary(0x48),
  /** both are looked at twice */
  least: (a: Code, b: Code): Code => [...a, ...b, ...a, ...b, 0x48, 0x1b],
};

/** The float32 in lanes 0 and 1 of four, as float64. */
export const widened = (value: Code): Code => [...value, ...simd(0x5f)];

/** Four u32 side by side. */
export const words = {
  add: binary(...simd(0xae)),
  /** lanes 0 and 1 as two float64 */
  low: (value: Code): Code => [...value, ...simd(0xff)],
  /** lanes 2 and 3 in place of 0 and 1 */
  high: (value: Code): Code => pair.pick(value, 1, value, 1),
};

export const f64 = {
  of: (value: number): Code => [0x44, ...bytesOf(Float64Array.of(value))],
  load: (address: Code, offset = 0): Code => [...address, 0x2b, ...place(3, offset)],
  store: (address: Code, value: Code, offset = 0): Code => [...address, ...value, 0x39, ...place(3, offset)],
  add: binary(0xa0),
  sub: binary(0xa1),
  mul: binary(0xa2),
};

/** Two float64, or the bits of two. */
export const pair = {
  bits: (low: bigint, high = low): Code => [...simd(0x0c), ...bytesOf(BigUint64Array.of(low, high))],
  of: (value: number): Code => [...simd(0x0c), ...bytesOf(Float64Array.of(value, value))],
  load: (address: Code, offset = 0): Code => [...address, ...simd(0x00), ...place(3, offset)],
  store: (address: Code, value: Code): Code => [...address, ...value, ...simd(0x0b), ...place(3, 0)],
  both: (value: Code): Code => [...value, ...simd(0x14)],
  lane: (value: Code, lane: 0 | 1): Code => [...value, ...simd(0x21), lane],
  /** the low 32 bits of a lane, as i32 */
  word: (value: Code, lane: 0 | 1): Code => [...value, ...simd(0x1b), 2 * lane],
  /** lane i of a beside lane j of b */
  pick: (a: Code, i: 0 | 1, b: Code, j: 0 | 1): Code => [
    ...a,
    ...b,
    ...simd(0x0d),
    ...Array.from({ length: 8 }, (_, byte) => 8 * i + byte),
    ...Array.from({ length: 8 }, (_, byte) => 16 + 8 * j + byte),
  ],
  and: binary(...simd(0x4e)),
  or: binary(...simd(0x50)),
  shiftRight: binary(...simd(0xcd)),
  add: binary(...simd(0xf0)),
  sub: binary(...simd(0xf1)),
  mul: binary(...simd(0xf2)),
  /** i32: whether both lanes of a are above b's */
  areAbove: (a: Code, b: Code): Code => [...a, ...b, ...simd(0x4a), ...simd(0xc3)],
};

export const inOrder = (...parts: readonly Code[]): Code => parts.flat();

/** The body while `at` < `end`, by so much a turn from where it stands. */
export const upTo = (at: Local, end: Code, step: number, body: Code): Code => [
  ...[0x02, 0x40, 0x03, 0x40], // block, loop
  ...i32.isBelow(at.get, end),
  ...[0x45, 0x0d, 1], // leave where it is not
  ...body,
  ...at.set(i32.add(at.get, i32.of(step))),
  ...[0x0c, 0, 0x0b, 0x0b],
];

/** Leaves the function where the i32 is not 0. */
export const leaveWhere = (condition: Code): Code => [...condition, 0x04, 0x40, 0x0f, 0x0b];

/** What a function does, in terms of its parameters and locals. */
export type Body = (locals: Locals) => Code;

const sized = (content: readonly number[]): number[] => [...unsigned(content.length), ...content];
const name = (text: string): number[] => sized([...new TextEncoder().encode(text)]);
/** of so many things, one after the other */
const section = (id: number, things: readonly (readonly number[])[]): number[] => [
  id,
  ...sized([...unsigned(things.length), ...things.flat()]),
];

function assembled(build: Body): { readonly type: number[]; readonly code: number[] } {
  const parameters: number[] = [];
  const locals: number[] = [];
  const made = (to: number[], type: Type): Local => {
    if (to === parameters && locals.length > 0) throw new Error("parameters come before locals");
    const index = unsigned(parameters.length + locals.length);
    to.push(TYPES[type]);
    return { get: [0x20, ...index], set: (value) => [...value, 0x21, ...index] };
  };
  const body = build({ parameter: (type) => made(parameters, type), local: (type) => made(locals, type) });
  const declared = [...unsigned(locals.length), ...locals.flatMap((type) => [1, type])];
  return { type: [0x60, ...sized(parameters), 0], code: sized([...declared, ...body, 0x0b]) };
}

/** A module of functions without results, over the memory `own.memory`. */
export function assemble(functions: Readonly<Record<string, Body>>): Uint8Array<ArrayBuffer> {
  const made = Object.values(functions).map(assembled);
  const each = (of: (index: number) => number[]): number[][] => made.map((_, index) => of(index));
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0], // \0asm, version 1
    ...section(
      1,
      made.map(({ type }) => type),
    ),
    ...section(2, [[...name("own"), ...name("memory"), 0x02, 0x00, 0]]),
    ...section(3, each(unsigned)),
    ...section(
      7,
      Object.keys(functions).map((own, index) => [...name(own), 0x00, ...unsigned(index)]),
    ),
    ...section(
      10,
      made.map(({ code }) => code),
    ),
  ]);
}

const PAGE = 2 ** 16;

type Run = (...parameters: number[]) => void;

/** What is used of it; TypeScript declares the rest with the browser's things. */
interface Machine {
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  readonly Memory: new (pages: { readonly initial: number }) => { readonly buffer: ArrayBuffer };
  readonly Instance: new (compiled: object, imports: object) => { readonly exports: unknown };
}

export interface Kernels<Name extends string> {
  /**
   * Over memory of so many bytes at least: that of the call before, with what is in it, where it is large enough, since every
   * memory takes gigabytes of addresses. It is for one user at a time. Null where there is no such machine here, or no such
   * memory.
   */
  on(bytes: number): { readonly memory: ArrayBuffer; readonly run: Readonly<Record<Name, Run>> } | null;
}

/** Compiled when they are first wanted. */
export function kernels<Name extends string>(functions: Readonly<Record<Name, Body>>): Kernels<Name> {
  let compiled: object | undefined;
  let last: ReturnType<Kernels<Name>["on"]> = null;
  return {
    on(bytes) {
      if (last && last.memory.byteLength >= bytes) return last;
      try {
        const { Module, Memory, Instance } = (globalThis as unknown as { WebAssembly: Machine }).WebAssembly;
        compiled ??= new Module(assemble(functions));
        const memory = new Memory({ initial: Math.max(1, Math.ceil(bytes / PAGE)) });
        const { exports } = new Instance(compiled, { own: { memory } });
        last = { memory: memory.buffer, run: exports as Readonly<Record<Name, Run>> };
        return last;
      } catch {
        return null;
      }
    },
  };
}
