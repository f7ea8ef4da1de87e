/** What is told while a name becomes a folder. */

export interface DownloadProgress {
  readonly kind: "download";
  /** `org/name@revision` */
  readonly model: string;
  /** bytes there, of all the bytes of the model's files; the first call comes before anything is fetched */
  readonly done: number;
  readonly total: number;
  /** files to fetch, and the cache they go to */
  readonly files: number;
  readonly cache: string;
}

/** The cache is used without knowing what the Hub has: it did not answer, or only the cache can say what is meant. */
export interface CacheInstead {
  readonly kind: "cache";
  /** `org/name@revision` */
  readonly model: string;
  readonly commit: string;
  /** one clause */
  readonly reason: string;
}

/** What a person must be told while a name becomes a folder. */
export type ResolveEvent = DownloadProgress | CacheInstead;
