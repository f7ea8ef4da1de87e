/**
 * What holds of a store, the same of PGlite and of a PostgreSQL server, which is started here where the system has one: what is
 * put in comes out, once; figures are found by their columns; who comes second hears who is there.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LossyscopeError } from "../numeric/errors.ts";
import type { Profile } from "../profile/profile.ts";
import { hostile, sampleProfile } from "../report/sample.testing.ts";
import { withDatabase } from "./database.ts";
import { escaped, mapStrings, unescaped } from "./escaping.ts";
import { migrate } from "./migrations.ts";
import { defaultStore, shownPlace } from "./place.ts";
import { hasPostgres, type PostgresServer, startPostgres } from "./postgres.testing.ts";
import { addProfile, listProfiles, profileIn, removeProfiles, vacuum } from "./profiles.ts";
import { beginRun, failRun, finishRun, listRuns } from "./runs.ts";
import type { Database } from "./session.ts";

/** A profile that differs from the sample in what lists go by. */
function profileOf(name: string, bits: number, text = "notes"): Profile {
  const sample = sampleProfile();
  const { overall } = sample.coding!;
  const bitsPerByte = { value: bits, low: bits - 0.1, high: bits + 0.1 };
  return {
    ...sample,
    model: { ...sample.model, name },
    corpus: { ...sample.corpus, name: text },
    coding: { ...sample.coding!, overall: { ...overall, bitsPerByte } },
  };
}

const refusal = async (work: Promise<unknown>): Promise<LossyscopeError> => {
  const error = await work.catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(LossyscopeError);
  return error as LossyscopeError;
};

/** Everything that holds of either; opened once, as that takes its time. */
function describeStore(name: string, place: () => string): void {
  describe(name, () => {
    let opened: Database;
    let close = (): void => {};
    let closed: Promise<void>;
    beforeAll(async () => {
      await new Promise<void>((ready, failed) => {
        closed = withDatabase(place(), async (database) => {
          opened = database;
          ready();
          await new Promise<void>((end) => {
            close = end;
          });
        });
        closed.catch(failed);
      });
    }, 120_000);
    afterAll(async () => {
      close();
      await closed;
    });
    const inside = <T>(work: (database: Database) => Promise<T>): Promise<T> => work(opened);

    it("keeps a profile whole, each once, whatever its text holds", async () => {
      const [sample, odd] = [sampleProfile(), hostile()];
      const ids = await inside(async (database) => {
        const first = await addProfile(database, sample);
        expect(first.isNew).toBe(true);
        expect(await addProfile(database, sample)).toEqual({ ...first, isNew: false });
        return [first.id, (await addProfile(database, odd)).id];
      });
      await inside(async (database) => {
        expect(await profileIn(database, ids[0])).toEqual(sample);
        expect(await profileIn(database, ids[1])).toEqual(odd);
        await removeProfiles(database, ids);
        expect((await refusal(profileIn(database, ids[0]))).message).toMatch(
          /has no profile \d+: lossyscope store list says which/,
        );
      });
    });

    it("lists all models on a text by their bits per byte, out of typed columns", async () => {
      await inside(async (database) => {
        for (const [model, bits, text] of [
          ["org/worst", 2.5, "notes"],
          ["org/best", 0.75, "notes"],
          ["org/middle", 1.25, "notes"],
          ["org/best", 3.5, "other"],
        ] as const)
          await addProfile(database, profileOf(model, bits, text));
        const on = await listProfiles(database, { text: "notes" });
        expect(on.map(({ model, bitsPerByte }) => [model, bitsPerByte.value])).toEqual([
          ["org/best", 0.75],
          ["org/middle", 1.25],
          ["org/worst", 2.5],
        ]);
        expect(on[0].bitsPerByte).toEqual({ value: 0.75, low: 0.65, high: 0.85 });
        expect(on[0]).toMatchObject({ bytes: sampleProfile().corpus.bytes, revision: sampleProfile().model.revision });
        expect((await listProfiles(database, { model: "BEST" })).map(({ text }) => text)).toEqual(["notes", "other"]);
        expect(await listProfiles(database, { text: on[0].textDigest.slice(0, 8) })).toHaveLength(4);
        expect(await listProfiles(database, { limit: 2, sort: "added" })).toMatchObject([{ text: "other" }, {}]);
        const [{ type }] = await database.query(
          "select pg_typeof(bits_per_byte)::text as type from lossyscope.profiles",
        );
        expect(type).toBe("double precision");
        const [{ same }] = await database.query(
          "select bool_and((document #>> '{coding,overall,bitsPerByte,value}')::float8 = bits_per_byte) as same from lossyscope.profiles",
        );
        expect(same).toBe(true);
        const domains = await database.query("select domain from lossyscope.domains where profile = $1", [on[0].id]);
        expect(domains.map(({ domain }) => domain).sort()).toEqual(Object.keys(sampleProfile().coding!.domains).sort());
      });
    });

    it("removes all that are named or none, and gives back their room", async () => {
      await inside(async (database) => {
        const all = await listProfiles(database);
        const error = await refusal(removeProfiles(database, [all[0].id, 987_654]));
        expect(error.message).toMatch(/has no profile 987654/);
        expect(await listProfiles(database)).toHaveLength(all.length);
        await removeProfiles(
          database,
          all.map(({ id }) => id),
        );
        expect(await listProfiles(database)).toEqual([]);
        const { before, after } = await vacuum(database);
        expect(after).toBeLessThan(before);
        const [{ left }] = await database.query("select count(*)::integer as left from lossyscope.domains");
        expect(left).toBe(0);
      });
    });

    it("knows what runs, and how it ended", async () => {
      await inside(async (database) => {
        const runs = [
          await beginRun(database, "a", "t"),
          await beginRun(database, "b", "t"),
          await beginRun(database, "c", "t"),
        ];
        await finishRun(database, runs[0], profileOf("a", 1));
        await failRun(database, runs[1], new LossyscopeError("io", "the disk is\u0000 full"));
        await failRun(database, runs[2], new LossyscopeError("interrupted", "stopped"));
        const listed = await listRuns(database);
        expect(listed.map(({ model, state, said }) => [model, state, said])).toEqual([
          ["c", "stopped", "stopped"],
          ["b", "failed", expect.stringMatching(/^the disk is.* full$/)],
          ["a", "done", null],
        ]);
        const [{ id }] = await listProfiles(database, { model: "a" });
        expect(listed[2]).toMatchObject({ profile: id, process: process.pid });
        await removeProfiles(database, [id]);
        expect((await listRuns(database))[2].profile).toBeNull();
      });
    });

    it("undoes what was begun where the work fails", async () => {
      await inside(async (database) => {
        const work = database.transaction(async (session) => {
          await session.query(
            "insert into lossyscope.runs (model, text_name, state, machine, process) values ('x', 't', 'running', 'm', 1)",
          );
          throw new LossyscopeError("io", "no");
        });
        expect((await refusal(work)).message).toBe("no");
        expect((await listRuns(database)).map(({ model }) => model)).not.toContain("x");
        expect((await refusal(database.query("select nothing from nowhere"))).message).toMatch(
          /cannot be used: relation "nowhere"/,
        );
      });
    });

    it("that a newer version has made is refused", async () => {
      await inside(async (database) => {
        expect((await refusal(migrate(database, []))).message).toMatch(
          /was made by a newer version: it has had 1 changes of its tables, this version knows 0: use that version/,
        );
      });
    });
  });
}

describe("a store in a folder", () => {
  const folder = mkdtempSync(join(tmpdir(), "lossyscope-store-"));
  const place = join(folder, "store");
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  describeStore("as a store", () => place);

  it("is one process's at a time, and the second hears whose", async () => {
    await withDatabase(place, async () => {
      const error = await refusal(withDatabase(place, async () => {}));
      expect(error.fault).toBe("usage");
      expect(error.message).toContain(
        `process ${process.pid} has the store in ${place} open, which is one process's at a time: wait`,
      );
    });
    expect(existsSync(join(place, "lock"))).toBe(false);
    writeFileSync(join(folder, "file"), "");
    expect((await refusal(withDatabase(join(folder, "file"), async () => {}))).message).toMatch(
      /cannot open the store in/,
    );
    expect(existsSync(join(folder, "lock"))).toBe(false);
  });
});

describe.skipIf(!hasPostgres)("a store on a PostgreSQL server (where one is installed)", () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
  }, 120_000);
  afterAll(() => server?.stop());

  it("is made by the first of several that come at once, and found by the others", async () => {
    const all = await Promise.all([1, 2, 3].map(() => withDatabase(server.url, (database) => listProfiles(database))));
    expect(all).toEqual([[], [], []]);
  });
  describeStore("as a store", () => server.url);

  it("says what is wrong with its address", async () => {
    const at = (address: string) => refusal(withDatabase(address, async () => {}));
    expect((await at(server.url.replace(/\/postgres$/, "/nowhere"))).message).toMatch(
      /the store at postgres:\/\/127\.0\.0\.1:\d+\/nowhere cannot be used: the server has no such database: make it/,
    );
    const closed = await at("postgres://name:secret@127.0.0.1:9/x");
    expect(closed.message).toMatch(/the store at postgres:\/\/127\.0\.0\.1:9\/x cannot be used: nobody listens there/);
    expect(closed.message).not.toContain("secret");
  });
});

describe("where a store is", () => {
  it("is said by --store, the environment, or where data of the user's lies", () => {
    expect(defaultStore({ XDG_DATA_HOME: "/data" })).toBe(join("/data", "lossyscope", "store"));
    expect(defaultStore({ LOSSYSCOPE_STORE: "postgres://host/x" })).toBe("postgres://host/x");
    expect(shownPlace("postgres://name:secret@host:5/x?sslmode=require")).toBe("postgres://host:5/x");
    expect([shownPlace("folder"), shownPlace("postgres://[")]).toEqual(["folder", "postgres://…"]);
  });
});

it("text that PostgreSQL does not hold comes back as it was", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.string({ unit: "binary" }), (value, text) => {
      const odd = { value, [text]: ["\u0000\u001a\ud800x\udc00\u001a0041", text] };
      const stored = mapStrings(odd, escaped);
      expect(mapStrings(stored, unescaped)).toEqual(odd);
      expect(JSON.stringify(stored)).not.toMatch(/\\u0000|\\ud[89ab]/);
    }),
    { numRuns: 30 },
  );
});
