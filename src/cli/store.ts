/** `lossyscope store`: profiles and runs in a database, in a folder or on a PostgreSQL server: add, list, rm, export, vacuum. */
import { join } from "node:path";
import { Command, Option } from "@commander-js/extra-typings";
import { withDatabase } from "../database/database.ts";
import { defaultStore, shownPlace } from "../database/place.ts";
import {
  addProfile,
  type ListedProfile,
  listProfiles,
  profileIn,
  removeProfiles,
  SORTS,
  type Sort,
  vacuum,
} from "../database/profiles.ts";
import { type ListedRun, listRuns } from "../database/runs.ts";
import type { Database } from "../database/session.ts";
import { writeAtomic } from "../files/atomic.ts";
import { counted, sizeText } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { text } from "../report/findings.ts";
import { profilesBlocks, runsBlocks } from "../report/stored.ts";
import { isFolder, PROFILE, profilesIn, readNamed } from "../store/profiles.ts";
import { formsOf } from "./findings.ts";
import { GROUP } from "./groups.ts";
import { atLeast, force } from "./options.ts";
import { claim, Outputs } from "./outputs.ts";

const placeOption = () =>
  new Option("--store <place>", "folder of the store, or postgres://… of a server").default(
    defaultStore(process.env),
    "$LOSSYSCOPE_STORE, else lossyscope/store in $XDG_DATA_HOME or ~/.local/share",
  );

export function storeCommand() {
  return new Command("store")
    .summary("keep profiles in a database and find them by their figures")
    .description(
      "Keeps profiles, and knows what runs are under way: in a folder, which is one process's at a time, or on a PostgreSQL server, which is for many. All models on a text by their bits per byte are one query.",
    )
    .addCommand(addCommand())
    .addCommand(listCommand())
    .addCommand(runsCommand())
    .addCommand(exportCommand())
    .addCommand(rmCommand())
    .addCommand(vacuumCommand());
}

interface Added {
  readonly file: string;
  readonly id: number;
  readonly isNew: boolean;
}

function addCommand() {
  return new Command("add")
    .summary("put profiles in, each once")
    .description("Puts profiles in; one that is there already, to the last digit, stays as it is.")
    .argument("<profile...>", "files, folders that --out wrote, or folders of profiles")
    .addOption(placeOption())
    .option("--json [file]", "writes what was put in to a file, or to standard output")
    .addOption(force())
    .action(async (paths, { store, ...asked }) => {
      const outputs = new Outputs(
        asked,
        formsOf<readonly Added[]>({
          document: (added) => added,
          blocks: (added) => [text(addedText(added, shownPlace(store)))],
        }),
      );
      await outputs.prepare();
      const given = (await Promise.all(paths.map(profilesAt))).flat();
      const added = await withDatabase(store, async (database) => {
        const all: Added[] = [];
        for (const { file, profile } of given) all.push({ file, ...(await addProfile(database, profile)) });
        return all;
      });
      await outputs.deliver(added);
    });
}

const profilesAt = async (path: string) =>
  isFolder(path) && !(await holdsProfile(path)) ? profilesIn(path) : [await readNamed(path)];

async function holdsProfile(folder: string): Promise<boolean> {
  const { existsSync } = await import("node:fs");
  return existsSync(join(folder, PROFILE));
}

function addedText(added: readonly Added[], place: string): string {
  const fresh = added.filter(({ isNew }) => isNew);
  const there = added.length - fresh.length;
  const ids = fresh.map(({ id }) => id).join(", ");
  return [
    `Put ${counted(fresh.length, "profile")} into ${place}${fresh.length > 0 ? ` (${ids})` : ""}`,
    ...(there > 0 ? [`${counted(there, "profile")} had been there`] : []),
  ].join("; ");
}

const limitOption = () => new Option("--limit <n>", "lists at most so many").argParser(atLeast(1));

function listCommand() {
  return new Command("list")
    .summary("list profiles: all models on a text by their bits per byte")
    .description("Lists profiles by text, and on each from the fewest bits per byte on.")
    .optionsGroup(GROUP.read)
    .option("--text <name>", "of that text alone: its name, or the beginning of its digest")
    .option("--model <name>", "of models that are called so, or in part")
    .addOption(new Option("--sort <how>", "in which order").choices(SORTS).default("bits-per-byte" as Sort))
    .addOption(limitOption())
    .addOption(placeOption())
    .option("--json [file]", "writes the list to a file, or to standard output")
    .option("--markdown [file]", "writes it as Markdown")
    .addOption(force())
    .action(async ({ store, text: name, model, sort, limit, ...asked }) => {
      const outputs = new Outputs(
        asked,
        formsOf<readonly ListedProfile[]>({ blocks: (found) => profilesBlocks(found, shownPlace(store)) }),
      );
      await outputs.prepare();
      await outputs.deliver(
        await withDatabase(store, (database) => listProfiles(database, { text: name, model, sort, limit })),
      );
    });
}

function runsCommand() {
  return new Command("runs")
    .summary("list runs that were told to the store, and how they ended")
    .description(
      "Lists the runs of `measure --store`, the latest first: what is under way, what is done, what failed and why.",
    )
    .optionsGroup(GROUP.read)
    .addOption(limitOption())
    .addOption(placeOption())
    .option("--json [file]", "writes the list to a file, or to standard output")
    .addOption(force())
    .action(async ({ store, limit, ...asked }) => {
      const outputs = new Outputs(
        asked,
        formsOf<readonly ListedRun[]>({ blocks: (found) => runsBlocks(found, shownPlace(store)) }),
      );
      await outputs.prepare();
      await outputs.deliver(await withDatabase(store, (database) => listRuns(database, limit ?? null)));
    });
}

/** @throws LossyscopeError `usage` for what is no number of a profile */
function idOf(given: string): number {
  const id = Number(given);
  if (/^\d+$/.test(given) && id > 0 && id < 2 ** 31) return id;
  throw new LossyscopeError("usage", `${given} is no id of a profile`, "lossyscope store list says which there are");
}

function exportCommand() {
  return new Command("export")
    .summary("write profiles back to files")
    .description("Writes profiles to files of a folder, as `measure --json` does; all of them where none is named.")
    .argument("[id...]", "ids, as `lossyscope store list` has them")
    .requiredOption("-o, --out <folder>", "writes ID-MODEL.json there")
    .addOption(placeOption())
    .addOption(force())
    .action(async (ids, { store, out, force: replace }) => {
      const wanted = ids.map(idOf);
      const written = await withDatabase(store, async (database) => {
        const all = await listProfiles(database, { sort: "added" });
        const known = new Map(all.map((one) => [one.id, one.model]));
        const places = (wanted.length > 0 ? wanted : all.map(({ id }) => id)).map((id) => {
          const model = (known.get(id) ?? "").replaceAll(/[^\w.-]+/g, "-");
          return { id, path: join(out, `${id}-${model}.json`), option: "--out" };
        });
        await claim(places, { force: replace, dryRun: false }, [out]);
        for (const { id, path } of places) await writeAtomic(path, Buffer.from(await jsonOf(database, id)));
        return places.length;
      });
      process.stdout.write(`wrote ${counted(written, "profile")} to ${out}\n`);
    });
}

const jsonOf = async (database: Database, id: number): Promise<string> =>
  `${JSON.stringify(await profileIn(database, id), null, 1)}\n`;

function rmCommand() {
  return new Command("rm")
    .summary("remove profiles")
    .description("Removes profiles; where one of them is not there, none goes.")
    .argument("<id...>", "ids, as `lossyscope store list` has them")
    .addOption(placeOption())
    .action(async (ids, { store }) => {
      const all = [...new Set(ids.map(idOf))];
      await withDatabase(store, (database) => removeProfiles(database, all));
      process.stdout.write(`removed ${counted(all.length, "profile")}\n`);
    });
}

function vacuumCommand() {
  return new Command("vacuum")
    .summary("give back the room of what was removed")
    .description("Gives back to the disk what removed profiles took, and lets the database count anew what is there.")
    .addOption(placeOption())
    .action(async ({ store }) => {
      const { before, after } = await withDatabase(store, vacuum);
      process.stdout.write(`${shownPlace(store)} takes ${sizeText(after)}, before it took ${sizeText(before)}\n`);
    });
}
