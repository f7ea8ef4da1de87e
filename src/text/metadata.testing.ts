/** Metadata of a record that says this and nothing else. */
import type { RecordKind, RecordMetadata } from "./metadata.ts";

export const metadata = (said: Partial<RecordMetadata>): RecordMetadata => ({
  labels: {},
  exposures: null,
  chat: null,
  ofWhole: new Map(),
  ...said,
});

/** Of a record of a kind. */
export const metadataOfKind = <T>(kind: RecordKind<T>, said: T): RecordMetadata =>
  metadata({ ofWhole: new Map([[kind.name, said]]) });
