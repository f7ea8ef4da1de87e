/**
 * Profiles in the database: put in once each, listed by their columns, given back whole. What a list shows is read from the
 * columns; the document is only touched by who wants it.
 */
import { sha256 } from "../files/digest.ts";
import { canonicalJson } from "../numeric/canonical-json.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import type { Interval } from "../profile/figures.ts";
import type { Profile } from "../profile/profile.ts";
import { parseProfile } from "../profile/read.ts";
import { escaped, mapStrings, unescaped } from "./escaping.ts";
import type { Database, Row, Session, Value } from "./session.ts";

export interface Stored {
  readonly id: number;
  /** whether it was put in now, or had been there */
  readonly isNew: boolean;
}

/** A profile as a list has it. */
export interface ListedProfile {
  readonly id: number;
  /** `Profile.id`: the same for the same measurement */
  readonly measurement: string;
  readonly model: string;
  readonly revision: string | null;
  readonly text: string;
  readonly textDigest: string;
  readonly bytes: number;
  readonly bitsPerByte: Interval;
  readonly adjustedRate: number | null;
  readonly weightBytes: number | null;
  readonly parameters: number | null;
  readonly context: number | null;
  /** ISO 8601 */
  readonly measured: string;
  readonly added: string;
}

const COLUMNS = [
  "digest",
  "measurement",
  "model",
  "revision",
  "architecture",
  "text_name",
  "text_digest",
  "documents",
  "bytes",
  "tokens",
  "context",
  "bits_per_byte",
  "bits_per_byte_low",
  "bits_per_byte_high",
  "bits_per_token",
  "adjusted_rate",
  "weight_bytes",
  "parameters",
  "seconds",
  "tool_version",
  "measured",
] as const;

function valuesOf(profile: Profile): Readonly<Record<(typeof COLUMNS)[number], Value>> {
  const { model, corpus, coding, ledger, plan, provenance } = profile;
  const overall = coding?.overall;
  return {
    digest: sha256(canonicalJson(profile)),
    measurement: escaped(profile.id),
    model: escaped(model.name),
    revision: model.revision && escaped(model.revision),
    architecture: model.architecture && escaped(model.architecture),
    text_name: escaped(corpus.name),
    text_digest: escaped(corpus.digest),
    documents: corpus.documents,
    bytes: corpus.bytes,
    tokens: corpus.tokens,
    context: typeof plan.context === "number" ? plan.context : null,
    bits_per_byte: overall?.bitsPerByte.value ?? null,
    bits_per_byte_low: overall?.bitsPerByte.low ?? null,
    bits_per_byte_high: overall?.bitsPerByte.high ?? null,
    bits_per_token: overall?.bitsPerToken.value ?? null,
    adjusted_rate: overall?.adjustedRate ?? null,
    weight_bytes: ledger?.weightBytes ?? null,
    parameters: ledger?.parameters.total ?? null,
    seconds: provenance.seconds,
    tool_version: escaped(provenance.tool.version),
    measured: instant(provenance.started),
  };
}

/** A time that is none, of a profile that somebody wrote by hand, is no reason to lose the profile. */
const instant = (text: string): string =>
  Number.isNaN(Date.parse(text)) ? new Date(0).toISOString() : new Date(text).toISOString();

const TYPES: Readonly<Partial<Record<(typeof COLUMNS)[number], string>>> = {
  measured: "text::timestamptz",
  context: "integer",
};
const NUMBERS = new Set<string>([
  "documents",
  "bytes",
  "tokens",
  "bits_per_byte",
  "bits_per_byte_low",
  "bits_per_byte_high",
  "bits_per_token",
  "adjusted_rate",
  "weight_bytes",
  "parameters",
  "seconds",
]);
const typeOf = (column: (typeof COLUMNS)[number]): string =>
  TYPES[column] ?? (NUMBERS.has(column) ? "double precision" : "text");

const INSERT = `insert into lossyscope.profiles (${COLUMNS.join(", ")}, document)
  values (${COLUMNS.map((column, index) => `$${index + 1}::${typeOf(column)}`).join(", ")}, $${COLUMNS.length + 1}::text::jsonb)
  on conflict (digest) do nothing returning id`;

/** Puts a profile in; the same one, to the last digit, stands there once. */
export async function addProfile(database: Database, profile: Profile): Promise<Stored> {
  return database.transaction((session) => addIn(session, profile));
}

export async function addIn(session: Session, profile: Profile): Promise<Stored> {
  const values = valuesOf(profile);
  const document = JSON.stringify(mapStrings(profile, escaped));
  const [added] = await session.query(INSERT, [...COLUMNS.map((column) => values[column]), document]);
  if (added === undefined) {
    const [there] = await session.query("select id from lossyscope.profiles where digest = $1", [values.digest]);
    return { id: Number(there.id), isNew: false };
  }
  const id = Number(added.id);
  for (const [domain, { bytes, bitsPerByte }] of Object.entries(profile.coding?.domains ?? {})) {
    await session.query(
      "insert into lossyscope.domains values ($1::integer, $2::text, $3::double precision, $4::double precision, $5::double precision, $6::double precision)",
      [id, escaped(domain), bytes, bitsPerByte.value, bitsPerByte.low, bitsPerByte.high],
    );
  }
  return { id, isNew: true };
}

export interface ListOptions {
  /** name of the text, or the beginning of its digest; null: all */
  readonly text?: string | null;
  /** a part of the model's name, in any case; null: all */
  readonly model?: string | null;
  readonly sort?: Sort;
  readonly limit?: number | null;
}

export const SORTS = ["bits-per-byte", "measured", "model", "added"] as const;
export type Sort = (typeof SORTS)[number];

const ORDERS: Readonly<Record<Sort, string>> = {
  "bits-per-byte": "text_name, text_digest, bits_per_byte nulls last, id",
  measured: "measured desc, id",
  model: "model, text_name, id",
  added: "id desc",
};

/** Texts by name and figures from the least on, where nothing else is said. */
export async function listProfiles(
  session: Session,
  { text = null, model = null, sort = "bits-per-byte", limit = null }: ListOptions = {},
): Promise<ListedProfile[]> {
  const found = await session.query(
    `select id, measurement, model, revision, text_name, text_digest, bytes, bits_per_byte, bits_per_byte_low,
       bits_per_byte_high, adjusted_rate, weight_bytes, parameters, context, measured::text, added::text
     from lossyscope.profiles
     where ($1::text is null or text_name = $1 or starts_with(text_digest, $1))
       and ($2::text is null or strpos(lower(model), lower($2)) > 0)
     order by ${ORDERS[sort]} limit $3::integer`,
    [text && escaped(text), model && escaped(model), limit],
  );
  return found.map(listed);
}

const numberIn = (value: unknown): number | null => (value === null ? null : Number(value));
const timeIn = (value: unknown): string => new Date(String(value)).toISOString();

function listed(row: Row): ListedProfile {
  const text = (key: string): string => unescaped(String(row[key]));
  return {
    id: Number(row.id),
    measurement: text("measurement"),
    model: text("model"),
    revision: row.revision === null ? null : text("revision"),
    text: text("text_name"),
    textDigest: text("text_digest"),
    bytes: Number(row.bytes),
    bitsPerByte: {
      value: numberIn(row.bits_per_byte),
      low: numberIn(row.bits_per_byte_low),
      high: numberIn(row.bits_per_byte_high),
    },
    adjustedRate: numberIn(row.adjusted_rate),
    weightBytes: numberIn(row.weight_bytes),
    parameters: numberIn(row.parameters),
    context: numberIn(row.context),
    measured: timeIn(row.measured),
    added: timeIn(row.added),
  };
}

/**
 * The document that was put in.
 * @throws LossyscopeError `input` where there is none of that id, or another program has changed it
 */
export async function profileIn(database: Database, id: number): Promise<Profile> {
  const [row] = await database.query("select document::text as document from lossyscope.profiles where id = $1", [id]);
  if (row === undefined) throw noProfile(database, id);
  const document = mapStrings(JSON.parse(String(row.document)), unescaped);
  return parseProfile(JSON.stringify(document), `profile ${id} of ${database.called}`);
}

/** @throws LossyscopeError `input` where one is not there: then none goes */
export async function removeProfiles(database: Database, ids: readonly number[]): Promise<void> {
  await database.transaction(async (session) => {
    for (const id of ids) {
      const [gone] = await session.query("delete from lossyscope.profiles where id = $1 returning id", [id]);
      if (gone === undefined) throw noProfile(database, id);
    }
  });
}

const noProfile = (database: Database, id: number): LossyscopeError =>
  new LossyscopeError("input", `${database.called} has no profile ${id}`, "lossyscope store list says which it has");

/** Gives back the room of what was removed. @returns bytes of the database before and after */
export async function vacuum(database: Database): Promise<{ readonly before: number; readonly after: number }> {
  const size = async (): Promise<number> => {
    const [{ bytes }] = await database.query(
      "select coalesce(sum(pg_total_relation_size(c.oid)), 0)::double precision as bytes from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'lossyscope' and c.relkind = 'r'",
    );
    return Number(bytes);
  };
  const before = await size();
  for (const table of ["profiles", "domains", "runs", "events"])
    await database.script(`vacuum (full, analyze) lossyscope.${table}`);
  return { before, after: await size() };
}
