/**
 * What a record says beside its text. Labels, exposures and being a conversation are this room's; what else records of some
 * kind say is read by whoever knows the kind, whose name is also the key that finds it again, as what it is.
 */
import type { Fields } from "./records.ts";

export interface RecordMetadata {
  /** the labels asked for that the record carries, by name */
  readonly labels: Readonly<Record<string, string>>;
  /** how often it says that it was trained on, in its field `exposures`; null where it does not say */
  readonly exposures: number | null;
  /** null where it is no conversation */
  readonly chat: ChatMetadata | null;
  /** what holds of the whole text alone, by kind (`saidBy`): a text of which something is said here is not cut by a pattern */
  readonly ofWhole: ReadonlyMap<string, unknown>;
}

/** Of a conversation, rendered. */
export interface ChatMetadata {
  readonly messages: number;
  /** UTF-8 bytes of what is said in it; null where a limit cut it */
  readonly messageBytes: number | null;
}

/** Records that say something of the whole of their text. */
export interface RecordKind<T> {
  /** what it is called, and found by again: metadata are plain data, which go to other processes */
  readonly name: string;
  /** where they say it: the columns of a table */
  readonly fields: readonly string[];
  /**
   * @param text what is read of the record
   * @param where file and line, for the error
   * @returns null where the record is not of this kind
   * @throws LossyscopeError `text` where it says what cannot be so of its text
   */
  read(record: Fields, text: string, where: string): T | null;
}

/** What records of a kind say of the whole text; undefined where it is none of them, or was cut. */
export const saidBy = <T>(kind: RecordKind<T>, metadata: RecordMetadata | undefined): T | undefined =>
  metadata?.ofWhole.get(kind.name) as T | undefined;

const NOTHING: RecordMetadata["ofWhole"] = new Map();

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/**
 * @param more of the record that was found out while its text was read
 * @throws LossyscopeError `text` as its kind does
 */
export function metadataOf(
  record: Fields,
  text: string,
  where: string,
  kinds: readonly RecordKind<unknown>[],
  { labels, chat }: Pick<RecordMetadata, "labels" | "chat">,
): RecordMetadata {
  const said: [string, unknown][] = [];
  for (const kind of kinds) {
    const found = kind.read(record, text, where);
    if (found !== null) said.push([kind.name, found]);
  }
  const { exposures } = record;
  return {
    labels,
    exposures: isCount(exposures) ? exposures : null,
    chat,
    ofWhole: said.length === 0 ? NOTHING : new Map(said),
  };
}

/** What still holds where a limit cut the text. */
export const ofPart = (metadata: RecordMetadata): RecordMetadata => ({
  ...metadata,
  chat: metadata.chat && { ...metadata.chat, messageBytes: null },
  ofWhole: NOTHING,
});
