/** Float16 as float32: the value of every bit pattern. */
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
