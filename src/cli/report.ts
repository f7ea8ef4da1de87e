/** `lossyscope report DOCUMENT…`: profiles and trajectories drawn again, from the documents alone. */
import { basename, dirname, extname, join, resolve } from "node:path";
import { Command } from "@commander-js/extra-typings";
import { counted } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import type { Profile } from "../profile/profile.ts";
import type { Trajectory } from "../profile/trajectory.ts";
import { documentClaim, documentPage, documentText } from "../report/document.ts";
import { terminalOptions } from "../report/terminal-options.ts";
import { isFolder, PROFILE, readDocument, TRAJECTORY } from "../store/profiles.ts";
import { force, quiet } from "./options.ts";
import { document as asJson, claim, Outputs, type Place } from "./outputs.ts";

export function reportCommand() {
  return new Command("report")
    .summary("draw profiles and trajectories again, without measuring")
    .description(
      "Draws what a profile or a trajectory holds, as this version of the tool does: the summary in the terminal, and pages where --report or --out asks for them. Needs neither the model nor the text.",
    )
    .argument("<document...>", "profiles or trajectories, in files or in the folders that --out wrote")
    .option("-o, --out <folder>", "writes a page of each there, called as its file or folder is")
    .option("--report <file>", "writes the page of one, one HTML file")
    .addOption(force())
    .addOption(quiet())
    .action(async (paths, { out, report, force, quiet }) => {
      const places = placesOf(paths, out, report);
      const documents: (Profile | Trajectory)[] = [];
      for (const path of paths) documents.push(await readDocument(path));
      await claim(places, { force, dryRun: false }, out === undefined ? [] : [out]);
      for (const [index, document] of documents.entries()) {
        if (index > 0 && !quiet) process.stdout.write("\n");
        const outputs = new Outputs<Profile | Trajectory>(
          { report: places[index]?.path, force, quiet },
          {
            text: (shown) => documentText(shown, terminalOptions(process.stdout, process.env)),
            line: documentClaim,
            json: asJson,
            page: documentPage,
          },
        );
        await outputs.deliver(document);
        outputs.say();
      }
    });
}

/**
 * @returns where the page of each goes; nothing where none is asked for
 * @throws LossyscopeError `usage` where one file is named for several pages, or both ways of naming one are taken
 */
function placesOf(paths: readonly string[], out: string | undefined, report: string | undefined): Place[] {
  if (report !== undefined && out !== undefined)
    throw new LossyscopeError("usage", "--report and --out both name the page", "pass one of them");
  if (report !== undefined && paths.length > 1)
    throw new LossyscopeError(
      "usage",
      `--report is one file, for ${counted(paths.length, "document")}`,
      "pass --out FOLDER",
    );
  if (report !== undefined) return [{ path: report, option: "--report" }];
  if (out === undefined) return [];
  const taken = new Set<string>();
  return paths.map((path) => {
    const name = pageName(path);
    let unique = name;
    for (let next = 2; taken.has(unique); next++) unique = `${name}-${next}`;
    taken.add(unique);
    return { path: join(out, `${unique}.html`), option: "--out" };
  });
}

/** As the file is called, or the folder where the file is called as all of them are. */
function pageName(path: string): string {
  const whole = resolve(path);
  if (isFolder(whole)) return basename(whole);
  const name = basename(whole);
  return name === PROFILE || name === TRAJECTORY ? basename(dirname(whole)) : basename(name, extname(name));
}
