/** What a store holds, as tables: profiles by text and figure, runs from the latest on. */
import type { ListedProfile } from "../database/profiles.ts";
import type { ListedRun } from "../database/runs.ts";
import { type Block, rows, text } from "./findings.ts";
import { counted, interval, si } from "./format.ts";

const day = (instant: string): string => instant.slice(0, 16).replace("T", " ");

export function profilesBlocks(found: readonly ListedProfile[], place: string): Block[] {
  if (found.length === 0) return [text(`${place} has no such profile. \`lossyscope store add FILE\` puts one in.`)];
  return [
    rows(
      `${counted(found.length, "profile")} in ${place}`,
      ["id", "model", "text", "size", "bits a byte", "weights", "measured"],
      found.map(({ id, model, text: name, bytes, bitsPerByte, weightBytes, measured }) => [
        String(id),
        model,
        name,
        si(bytes, "B"),
        interval(bitsPerByte),
        si(weightBytes, "B"),
        day(measured),
      ]),
      "words",
      { keys: 2, kinds: ["figures", "name", "name", "figures", "figures", "figures", "words"] },
    ),
  ];
}

export function runsBlocks(found: readonly ListedRun[], place: string): Block[] {
  if (found.length === 0) return [text(`${place} knows of no run. \`lossyscope measure --store\` tells it of one.`)];
  return [
    rows(
      `${counted(found.length, "run")} in ${place}`,
      ["id", "model", "text", "state", "began", "profile", "on", "said"],
      found.map(({ id, model, text: name, state, began, profile, machine, process, said }) => [
        String(id),
        model,
        name,
        state,
        day(began),
        profile === null ? "–" : String(profile),
        `${machine} ${process}`,
        said ?? "",
      ]),
      "words",
      { keys: 2 },
    ),
  ];
}
