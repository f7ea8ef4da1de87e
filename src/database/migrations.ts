/**
 * What the tables are, and how they came to be: one list for PGlite and PostgreSQL, run in order where they have not been, all
 * in one transaction under a lock, so that of processes that begin at once one does it and the others find it done.
 *
 * Figures stand in columns of their own beside the whole document, so that all models on a text by their bits per byte are one
 * query of one index.
 */
import { count } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import type { Database, Session } from "./session.ts";

interface Migration {
  readonly name: string;
  readonly statements: string;
}

/** Numbered from 1 by their place; what stands here is never changed, only added to. */
const MIGRATIONS: readonly Migration[] = [
  {
    name: "profiles, runs and what happened in them",
    statements: `
      create table lossyscope.profiles (
        id integer generated always as identity primary key,
        digest text not null unique,
        measurement text not null,
        model text not null,
        revision text,
        architecture text,
        text_name text not null,
        text_digest text not null,
        documents double precision not null,
        bytes double precision not null,
        tokens double precision not null,
        context integer,
        bits_per_byte double precision,
        bits_per_byte_low double precision,
        bits_per_byte_high double precision,
        bits_per_token double precision,
        adjusted_rate double precision,
        weight_bytes double precision,
        parameters double precision,
        seconds double precision not null,
        tool_version text not null,
        measured timestamptz not null,
        added timestamptz not null default now(),
        document jsonb not null
      );
      create index on lossyscope.profiles (text_digest, bits_per_byte);
      create index on lossyscope.profiles (text_name, bits_per_byte);
      create index on lossyscope.profiles (model);
      create table lossyscope.domains (
        profile integer not null references lossyscope.profiles on delete cascade,
        domain text not null,
        bytes double precision not null,
        bits_per_byte double precision,
        bits_per_byte_low double precision,
        bits_per_byte_high double precision,
        primary key (profile, domain)
      );
      create table lossyscope.runs (
        id integer generated always as identity primary key,
        model text not null,
        text_name text not null,
        state text not null check (state in ('running', 'done', 'failed', 'stopped')),
        machine text not null,
        process integer not null,
        profile integer references lossyscope.profiles on delete set null,
        began timestamptz not null default now(),
        ended timestamptz
      );
      create index on lossyscope.runs (state, began);
      create table lossyscope.events (
        id bigint generated always as identity primary key,
        run integer not null references lossyscope.runs on delete cascade,
        at timestamptz not null default now(),
        kind text not null,
        said text
      );
      create index on lossyscope.events (run, id);`,
  },
];

/** Of processes that migrate, one at a time: a number of ours among the locks of the database. */
const LOCK = 7_605_437;

/** @throws LossyscopeError `input` where a newer version has made the tables */
export async function migrate(database: Database, list: readonly Migration[] = MIGRATIONS): Promise<void> {
  const done = await doneIn(database).catch(() => null);
  if (done === list.length) return;
  await database.transaction(async (session) => {
    await session.query("select pg_advisory_xact_lock($1)::text", [LOCK]);
    await session.script(
      "create schema if not exists lossyscope; create table if not exists lossyscope.migrations (version integer primary key, name text not null, applied timestamptz not null default now());",
    );
    const before = await doneIn(session);
    if (before > list.length)
      throw new LossyscopeError(
        "input",
        `${database.called} was made by a newer version: it has had ${count(before)} changes of its tables, this version knows ${count(list.length)}`,
        "use that version, or another store",
      );
    for (const [index, { name, statements }] of list.entries()) {
      if (index < before) continue;
      await session.script(statements);
      await session.query("insert into lossyscope.migrations (version, name) values ($1, $2)", [index + 1, name]);
    }
  });
}

async function doneIn(session: Session): Promise<number> {
  const [row] = await session.query("select coalesce(max(version), 0)::integer as done from lossyscope.migrations");
  return Number(row.done);
}
