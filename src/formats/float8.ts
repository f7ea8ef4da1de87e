/**
 * 8-bit floats as float32, by bit pattern: E4M3 (one NaN a sign, no infinity) and E5M2 of OCP's 8-bit specification, their
 * FNUZ kin (the bias one more, one zero, NaN where minus zero would be), and E8M0 of OCP Microscaling: powers of two alone.
 */

interface Layout {
  readonly mantissaBits: number;
  readonly bias: number;
  /** whether a pattern without its sign is no number; absent: the only NaN is minus zero's pattern */
  readonly special?: (pattern: number) => number | undefined;
}

const LAYOUTS = {
  F8_E4M3: { mantissaBits: 3, bias: 7, special: (pattern) => (pattern === 0x7f ? Number.NaN : undefined) },
  F8_E5M2: {
    mantissaBits: 2,
    bias: 15,
    special: (pattern) => (pattern < 0x7c ? undefined : pattern === 0x7c ? Infinity : Number.NaN),
  },
  F8_E4M3FNUZ: { mantissaBits: 3, bias: 8 },
  F8_E5M2FNUZ: { mantissaBits: 2, bias: 16 },
} as const satisfies Readonly<Record<string, Layout>>;

export type Float8 = keyof typeof LAYOUTS | "F8_E8M0";

/** @param type of any kind of tensor */
export const isFloat8 = (type: string): type is Float8 => type === "F8_E8M0" || Object.hasOwn(LAYOUTS, type);

const tables = new Map<Float8, Float32Array>();

/** [256] the value of every bit pattern, exactly */
export function float8Table(type: Float8): Float32Array {
  const known = tables.get(type);
  if (known) return known;
  const value = type === "F8_E8M0" ? powerOfTwo : signed(LAYOUTS[type]);
  const table = Float32Array.from({ length: 256 }, (_, pattern) => value(pattern));
  tables.set(type, table);
  return table;
}

const powerOfTwo = (pattern: number): number => (pattern === 255 ? Number.NaN : 2 ** (pattern - 127));

const signed =
  ({ mantissaBits, bias, special }: Layout) =>
  (pattern: number): number => {
    if (!special && pattern === 0x80) return Number.NaN;
    const magnitude = pattern & 0x7f;
    const exponent = magnitude >> mantissaBits;
    const mantissa = (magnitude & ((1 << mantissaBits) - 1)) / (1 << mantissaBits);
    const value =
      special?.(magnitude) ?? (exponent === 0 ? mantissa * 2 ** (1 - bias) : (1 + mantissa) * 2 ** (exponent - bias));
    return pattern & 0x80 ? -value : value;
  };
