/**
 * What this tool itself has written, told by marks in the content, so that a folder never contains its own measurement:
 * profiles and other results in JSON, reports, locks, and whole folders of models (a training run with its log, or any model:
 * its vocabulary is not the text that a folder is measured for).
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { REPORT_MARK } from "../profile/version.ts";

const REPORT = new RegExp(`^<!doctype html>[^]{0,200}${REPORT_MARK}`, "i");
const RESULT = /^\s*\{\s*"schema"\s*:\s*"lossyscope\.[a-z-]+\/\d+"/;
/** A process, when it was started, its machine: little to go by, so that the name has to fit too. */
const LOCK = /^\d+ (?:\d+|-) \S+$/;

/** @param head the first bytes of the file */
export const isOurs = (name: string, head: string): boolean =>
  RESULT.test(head) || REPORT.test(head) || (name.endsWith(".lock") && LOCK.test(head));

/** A training run, or a model in the Hugging Face layout. */
export function isModelFolder(folder: string): boolean {
  if (existsSync(join(folder, "training.safetensors"))) return true;
  if (!existsSync(join(folder, "config.json"))) return false;
  return readdirSync(folder).some((name) => /\.(?:safetensors|gguf)$/.test(name));
}
