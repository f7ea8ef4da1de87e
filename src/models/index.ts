/** `lossyscope/models`: a folder's headers, its spec, the ONNX graph with measuring heads, the storage ledger. */
export { type Checkpoint, openCheckpoint } from "./checkpoint.ts";
export { specOf, supportedArchitectures } from "./config.ts";
export { buildMeasuringGraph, type Heads, type MeasuringGraph } from "./heads.ts";
export { type LedgerOptions, storageLedger } from "./ledger.ts";
export { entropyCodedBytes } from "./ledger-entropy.ts";
export type { StoredTensor, TensorSource } from "./sources/tensor-source.ts";
export type { AttentionSpec, BlockSpec, DecoderSpec, MlpSpec, NormSpec, RotarySpec } from "./spec.ts";
export { type UntrainedTensor, untrainedTensors, writeUntrained } from "./untrained.ts";
