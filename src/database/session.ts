/** What a database is to who speaks to it, whatever runs it. */

export type Row = Readonly<Record<string, unknown>>;
export type Value = string | number | boolean | null;

/** Statements, one after another. */
export interface Session {
  query(statement: string, values?: readonly Value[]): Promise<readonly Row[]>;
  /** several statements, none with a value */
  script(statements: string): Promise<void>;
}

export interface Database extends Session {
  /** for people */
  readonly called: string;
  /** all or nothing */
  transaction<T>(work: (session: Session) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}
