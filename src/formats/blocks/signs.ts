/** Signs of eight values in a byte, bit j set where value j is negative, as the IQ types keep them. */

/** The byte of signs that seven bits stand for: the eighth makes the number of minus signs even. */
export const EVEN_SIGNS = Uint8Array.from({ length: 128 }, (_, seven) => {
  let odd = 0;
  for (let bits = seven; bits > 0; bits >>= 1) odd ^= bits & 1;
  return seven | (odd << 7);
});

/** Writes `scale · magnitude` for a vector of a grid, with its signs, from bit `first` on. */
export function signed(
  values: Float32Array,
  to: number,
  scale: number,
  grid: { readonly size: number; readonly values: Int8Array },
  vector: number,
  signs: number,
  first = 0,
): void {
  const from = vector * grid.size;
  for (let j = 0; j < grid.size; j++) {
    const value = scale * grid.values[from + j];
    values[to + j] = (signs >> (first + j)) & 1 ? -value : value;
  }
}
