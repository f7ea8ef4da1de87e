/** Float16 as float32, the value of every bit pattern, and float32 as float16. */
let halves: Float32Array | undefined;

/** By bit pattern, exactly: 256 KiB, filled at first use. */
export function halfTable(): Float32Array {
  if (halves) return halves;
  halves = new Float32Array(65536);
  const bits = new Uint32Array(halves.buffer);
  for (let half = 0; half < 65536; half++) {
    const sign = (half & 0x8000) << 16;
    const exponent = (half >> 10) & 31;
    const mantissa = half & 0x3ff;
    if (exponent === 0)
      halves[half] = (sign ? -1 : 1) * mantissa * 2 ** -24; // zero and subnormals
    else bits[half] = sign | ((exponent === 31 ? 255 : exponent + 112) << 23) | (mantissa << 13);
  }
  return halves;
}

/** Float32 bits to float16 bits, to the nearest, ties to even; overflow is infinity, a NaN stays one. */
export function float16(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x47800000) return sign | 0x7c00;
  if (magnitude >= 0x38800000) return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
  // Subnormal: the significand with its leading one, shifted to multiples of 2^−24.
  const shift = 126 - (magnitude >>> 23);
  if (shift > 24) return sign;
  const significand = (magnitude & 0x7fffff) | 0x800000;
  return sign | ((significand + (1 << (shift - 1)) - 1 + ((significand >>> shift) & 1)) >>> shift);
}

const pattern = new Uint32Array(1);
const asFloat = new Float32Array(pattern.buffer);

/** A number's float16 bits, by way of float32. */
export function halfBits(value: number): number {
  asFloat[0] = value;
  return float16(pattern[0]);
}
