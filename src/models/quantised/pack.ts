/**
 * Codes of a few bits packed into 32-bit words from the lowest bit on, as compressed-tensors' `pack-quantized` has them: what
 * `packed.ts` reads. Widths divide 32, so that no code goes on in the next word.
 */

/**
 * Codes of a matrix along its rows.
 * @param codes [rows, columns]
 * @returns [rows, ⌈columns·bits/32⌉]
 */
export function packRows(codes: Uint8Array, rows: number, columns: number, bits: 2 | 4 | 8): Int32Array {
  const each = 32 / bits;
  const wide = Math.ceil(columns / each);
  const words = new Int32Array(rows * wide);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      words[row * wide + Math.floor(column / each)] |= codes[row * columns + column] << (bits * (column % each));
  return words;
}

/**
 * The same down the columns, which zero points are packed along.
 * @param codes [rows, columns]
 * @returns [⌈rows·bits/32⌉, columns]
 */
export function packColumns(codes: Uint8Array, rows: number, columns: number, bits: 2 | 4 | 8): Int32Array {
  const each = 32 / bits;
  const words = new Int32Array(Math.ceil(rows / each) * columns);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      words[Math.floor(row / each) * columns + column] |= codes[row * columns + column] << (bits * (row % each));
  return words;
}
