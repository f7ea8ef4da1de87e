/**
 * `lossyscope/codec`: the lossless codec and what steps a model: files to .lsz files and back, what one would come to, text
 * gone on with, and candidates that are scored whole.
 */
export { type AskOptions, ask, type Question, type Reply } from "./candidates.ts";
export { type Compressed, type CompressOptions, compress } from "./compress.ts";
export { type Decompressed, type DecompressOptions, decompress, type LostBlock } from "./decompress.ts";
export { type Foretold, type PredictOptions, predict } from "./predict.ts";
export { type ContinueOptions, continueText } from "./text.ts";
