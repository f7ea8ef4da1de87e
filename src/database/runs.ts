/** Runs in the database: what is being measured, where, and how it ended. */
import { hostname } from "node:os";
import { LossyscopeError } from "../numeric/errors.ts";
import type { Profile } from "../profile/profile.ts";
import { escaped, unescaped } from "./escaping.ts";
import { addIn, type Stored } from "./profiles.ts";
import type { Database, Session } from "./session.ts";

export interface ListedRun {
  readonly id: number;
  readonly model: string;
  readonly text: string;
  readonly state: "running" | "done" | "failed" | "stopped";
  readonly machine: string;
  readonly process: number;
  readonly profile: number | null;
  /** ISO 8601 */
  readonly began: string;
  readonly ended: string | null;
  /** why it failed; null where it did not */
  readonly said: string | null;
}

/** @returns id of the run */
export async function beginRun(database: Database, model: string, text: string): Promise<number> {
  return database.transaction(async (session) => {
    const [{ id }] = await session.query(
      "insert into lossyscope.runs (model, text_name, state, machine, process) values ($1::text, $2::text, 'running', $3::text, $4::integer) returning id",
      [escaped(model), escaped(text), escaped(hostname()), process.pid],
    );
    await happened(session, Number(id), "began");
    return Number(id);
  });
}

/** Puts the profile in, and says that the run has ended with it: both or neither. */
export async function finishRun(database: Database, run: number, profile: Profile): Promise<Stored> {
  return database.transaction(async (session) => {
    const stored = await addIn(session, profile);
    await session.query(
      "update lossyscope.runs set state = 'done', ended = now(), profile = $2::integer where id = $1::integer",
      [run, stored.id],
    );
    await happened(session, run, "done");
    return stored;
  });
}

export async function failRun(database: Database, run: number, error: unknown): Promise<void> {
  const state = error instanceof LossyscopeError && error.fault === "interrupted" ? "stopped" : "failed";
  const said = error instanceof LossyscopeError ? error.message : "a defect of the tool";
  await database.transaction(async (session) => {
    await session.query("update lossyscope.runs set state = $2::text, ended = now() where id = $1::integer", [
      run,
      state,
    ]);
    await happened(session, run, state, said);
  });
}

async function happened(session: Session, run: number, kind: string, said: string | null = null): Promise<void> {
  await session.query("insert into lossyscope.events (run, kind, said) values ($1::integer, $2::text, $3::text)", [
    run,
    kind,
    said === null ? null : escaped(said),
  ]);
}

/** The latest first. */
export async function listRuns(session: Session, limit: number | null = null): Promise<ListedRun[]> {
  const found = await session.query(
    `select r.*, r.began::text as began_at, r.ended::text as ended_at,
       (select e.said from lossyscope.events e where e.run = r.id order by e.id desc limit 1) as said
     from lossyscope.runs r order by r.id desc limit $1::integer`,
    [limit],
  );
  return found.map((row) => ({
    id: Number(row.id),
    model: unescaped(String(row.model)),
    text: unescaped(String(row.text_name)),
    state: row.state as ListedRun["state"],
    machine: unescaped(String(row.machine)),
    process: Number(row.process),
    profile: row.profile === null ? null : Number(row.profile),
    began: new Date(String(row.began_at)).toISOString(),
    ended: row.ended_at === null ? null : new Date(String(row.ended_at)).toISOString(),
    said: row.said === null ? null : unescaped(String(row.said)),
  }));
}
