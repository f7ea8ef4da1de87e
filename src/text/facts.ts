/**
 * Facts as questions (METHODS §6), from files: one JSON record a line, as the almanac writes them, or a table of subject,
 * relation and value whose prompts come from templates. A file is read twice: first everything is checked and counted, then
 * a sample is taken, balanced over exposures, in which every fact says how many of the file it stands for.
 *
 * Memory: the chosen facts, their candidates and prompts; of all others a place, the names of subject and relation, and the
 * distinct values of each relation. A table is held whole while it is read.
 */
import { isUtf8 } from "node:buffer";
import { createHash, type Hash } from "node:crypto";
import { z } from "zod";
import { sha256 } from "../files/digest.ts";
import { numberIn, tableOf } from "../formats/csv.ts";
import { parseJson } from "../formats/json.ts";
import { count } from "../numeric/amounts.ts";
import { LossyscopeError, shown } from "../numeric/errors.ts";
import { random } from "../numeric/random.ts";
import { checked, expecting } from "../numeric/schema-faults.ts";
import { lines } from "./documents.ts";
import { findTextFiles, readBytes, type TextFile } from "./sources.ts";

/** An answer is `joint`, a value and `terminator`, right behind the text. */
export interface FactPrompt {
  readonly text: string;
  readonly joint: string;
  readonly terminator: string;
}

export interface Fact {
  readonly subject: string;
  readonly relation: string;
  readonly value: string;
  /** the values that the relation can have, the true one among them */
  readonly candidates: readonly string[];
  readonly prompts: readonly FactPrompt[];
  /** training documents that state it; null where that is not known */
  readonly exposures: number | null;
  /** −log2 of the prior of the value for a reader who knows the subject's name alone; null where there is none */
  readonly priorBits: number | null;
  /** facts of the file that this one stands for, of the same exposures and relation */
  readonly weight: number;
}

/** What the whole file says of a relation. */
export interface RelationCount {
  readonly facts: number;
  /** probability that the commonest value is right: by the prior where the file has it, else by the file's own counts */
  readonly commonest: number;
  readonly commonestFrom: "prior" | "counts";
}

export interface FactSet {
  /** of the file, without the folders it lies in */
  readonly name: string;
  /** SHA-256 over the file and the templates */
  readonly digest: string;
  readonly facts: readonly Fact[];
  /** facts in the file, and Σ −log2 prior over them; null where one has none */
  readonly total: number;
  readonly priorBits: number | null;
  readonly relations: ReadonlyMap<string, RelationCount>;
}

export interface FactOptions {
  /** about as many facts for each number of exposures; null: all */
  readonly limit: number | null;
  /** prompts of a fact at most, drawn by the seed; null: all */
  readonly prompts: number | null;
  readonly seed: number;
  /** by relation; `{subject}` and, where the answer does not end the template, `{value}` stand for themselves */
  readonly templates?: Templates;
}

const text = z
  .string()
  .min(1)
  .refine((value) => !/\p{Surrogate}/u.test(value), {
    error: expecting("text without half a surrogate pair"),
  });
const recordSchema = z.object({
  subject: text,
  relation: text,
  value: text,
  candidates: z.array(text).min(1).optional(),
  prompts: z
    .array(z.object({ text: z.string(), terminator: text.default("."), joint: z.string().default(" ") }))
    .min(1)
    .optional(),
  exposures: z.number().int().nonnegative().nullable().default(null),
  priorBits: z.number().nonnegative().nullable().default(null),
});
type FactRecord = z.infer<typeof recordSchema>;

/** A record, not read yet, and where it stands, as errors name it. */
interface FoundRecord {
  readonly where: string;
  readonly read: () => FactRecord;
}

export type Templates = ReadonlyMap<string, readonly string[]>;

/** Facts of one relation with one number of exposures. */
interface Cell {
  /** places in the file */
  readonly members: number[];
}

interface Counted {
  readonly total: number;
  readonly priorBits: number | null;
  /** by exposures, then by relation */
  readonly cells: ReadonlyMap<number | null, ReadonlyMap<string, Cell>>;
  readonly values: ReadonlyMap<string, ReadonlyMap<string, number>>;
  readonly relations: ReadonlyMap<string, RelationCount>;
  readonly digest: string;
}

/**
 * Reads facts as questions from a file, or a sample of them.
 * @param path a .jsonl file, or a .csv file with the columns subject, relation, value and where known exposures, priorBits
 * @throws LossyscopeError `io` where the file cannot be read; `text` or `input` for what is wrong in it, with its line
 */
export async function readFacts(path: string, options: FactOptions): Promise<FactSet> {
  const { limit, prompts: most, seed, templates = new Map() } = options;
  const [file] = await findTextFiles([{ path, domain: null }]);
  if (formatOf(file) === null || file.path !== path)
    throw new LossyscopeError("usage", `${path} is no file of facts`, "name one .jsonl or .csv file");
  const { cells, values, ...counted } = await countFacts(file, templates);
  const weights = drawn(cells, limit, seed);

  const facts: Fact[] = [];
  const draw = random(seed, "fact prompts");
  let place = 0;
  for await (const { where, read } of readRecords(file)) {
    const weight = weights.get(place++);
    if (weight === undefined) continue;
    const record = read();
    const { subject, relation, value, exposures, priorBits } = record;
    const prompts = promptsOf(record, templates, where);
    facts.push({
      subject,
      relation,
      value,
      candidates: record.candidates ?? [...values.get(relation)!.keys()],
      prompts: most === null || prompts.length <= most ? prompts : draw.shuffle([...prompts]).slice(0, most),
      exposures,
      priorBits,
      weight,
    });
  }
  return { name: file.name, facts, ...counted };
}

/**
 * Which facts are taken: of each number of exposures about `limit`, relations in proportion and none left out.
 * @returns by place in the file, how many facts a taken one stands for
 */
function drawn(cells: Counted["cells"], limit: number | null, seed: number): Map<number, number> {
  const draw = random(seed, "facts");
  const weights = new Map<number, number>();
  for (const level of cells.values()) {
    const all = [...level.values()].reduce((sum, { members }) => sum + members.length, 0);
    for (const { members } of level.values()) {
      const share = limit === null || all <= limit ? 1 : limit / all;
      const taken = draw.shuffle(members).slice(0, Math.max(1, Math.round(share * members.length)));
      for (const place of taken) weights.set(place, members.length / taken.length);
    }
  }
  return weights;
}

/** Checks every record and counts what the file holds. */
async function countFacts(file: TextFile, templates: Templates): Promise<Counted> {
  const cells = new Map<number | null, Map<string, Cell>>();
  const values = new Map<string, Map<string, number>>();
  const priors = new Map<string, number | null>();
  const seen = new Set<string>();
  const hash = createHash("sha256");
  let total = 0;
  let bits: number | null = 0;
  for await (const { where, read } of readRecords(file, hash)) {
    const record = read();
    const { subject, relation, value, candidates, exposures, priorBits } = record;
    const fault = (message: string, next?: string): never => {
      throw new LossyscopeError("input", `${where}: ${message}`, next);
    };
    if (candidates && !candidates.includes(value))
      fault(`the value ${shown(value)} is not among the ${count(candidates.length)} candidates`, "add it to them");
    if (candidates && new Set(candidates).size < candidates.length) fault("a candidate is named twice");
    const key = JSON.stringify([subject, relation]);
    if (seen.has(key)) fault(`a second value of ${relation} for ${shown(subject)}`, "facts have one value a subject");
    seen.add(key);
    promptsOf(record, templates, where);
    bits = bits === null || priorBits === null ? null : bits + priorBits;
    const level = cells.get(exposures) ?? new Map<string, Cell>();
    cells.set(exposures, level);
    const cell = level.get(relation) ?? { members: [] };
    level.set(relation, cell);
    cell.members.push(total++);
    const counts = values.get(relation) ?? new Map<string, number>();
    values.set(relation, counts);
    counts.set(value, (counts.get(value) ?? 0) + 1);
    const least = priors.has(relation) ? priors.get(relation)! : Number.POSITIVE_INFINITY;
    priors.set(relation, least === null || priorBits === null ? null : Math.min(least, priorBits));
  }
  if (total === 0) throw new LossyscopeError("input", `${file.name} has no facts`, "give a record a line");
  const relations = new Map<string, RelationCount>();
  for (const [relation, counts] of values) {
    const all = [...counts.values()].reduce((sum, count) => sum + count, 0);
    const least = priors.get(relation)!;
    relations.set(relation, {
      facts: all,
      commonest: least === null ? Math.max(...counts.values()) / all : 2 ** -least,
      commonestFrom: least === null ? "counts" : "prior",
    });
  }
  return {
    total,
    priorBits: bits,
    cells,
    values,
    relations,
    digest: sha256(JSON.stringify([hash.digest("hex"), [...templates]])),
  };
}

const formatOf = ({ name, format }: TextFile): "jsonl" | "csv" | null =>
  format === "jsonl" ? "jsonl" : /\.csv(\.gz)?$/i.test(name) ? "csv" : null;

const SPACES = [0x20, 0x09, 0x0d];

/** @param hash takes the file's bytes */
async function* readRecords(file: TextFile, hash?: Hash): AsyncGenerator<FoundRecord> {
  if (formatOf(file) === "csv") {
    const chunks: Uint8Array[] = [];
    for await (const chunk of readBytes(file)) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    hash?.update(bytes);
    yield* tableRecords(decoded(bytes, file.name), file.name);
    return;
  }
  let line = 0;
  for await (const { bytes } of lines(file)) {
    hash?.update(bytes).update("\n");
    const where = `${file.name}, line ${++line}`;
    if (bytes.every((byte) => SPACES.includes(byte))) continue;
    yield { where, read: () => recordOf(parsed(decoded(bytes, where), where), where) };
  }
}

function* tableRecords(text: string, name: string): Generator<FoundRecord> {
  for (const row of tableOf(text, name, ["subject", "relation", "value"], ["exposures", "priorBits"])) {
    const where = `${name}, line ${row.line}`;
    const { subject, relation, value } = row.cells;
    const [exposures, priorBits] = ["exposures", "priorBits"].map((column) => numberIn(row, column, name));
    yield { where, read: () => recordOf({ subject, relation, value, exposures, priorBits }, where) };
  }
}

function decoded(bytes: Uint8Array, where: string): string {
  if (!isUtf8(bytes)) throw new LossyscopeError("input", `${where} is not UTF-8`, "convert the file");
  return new TextDecoder().decode(bytes);
}

const parsed = (text: string, where: string): unknown =>
  parseJson(text, (why) => new LossyscopeError("input", `${where} ${why}`, "write a record a line"));

const recordOf = (value: unknown, where: string): FactRecord =>
  checked(
    recordSchema,
    value,
    (faults) =>
      new LossyscopeError(
        "input",
        `${where}: ${faults}`,
        "a record has subject, relation, value, and where known candidates, prompts, exposures, priorBits",
      ),
  );

/** Templates of the relation, where there are some, else the record's own prompts. */
function promptsOf({ subject, relation, prompts }: FactRecord, templates: Templates, where: string): FactPrompt[] {
  const given = templates.get(relation);
  if (given) return given.map((template) => filled(template, subject));
  if (prompts) return prompts;
  throw new LossyscopeError(
    "input",
    `${where}: no prompts, and no template for the relation ${shown(relation)}`,
    `pass --template ${shown(relation)}='{subject} …'`,
  );
}

const SUBJECT = "{subject}";
const VALUE = "{value}";

/** `{subject} was born in` or `{subject} was born in {value}.`: the character behind the value ends the answer, else a full stop. */
function filled(template: string, subject: string): FactPrompt {
  const [before, after] = template.split(VALUE);
  const text = before.trimEnd();
  const [terminator = "."] = after ?? "";
  return {
    text: text.replaceAll(SUBJECT, () => subject),
    joint: after === undefined ? " " : before.slice(text.length),
    terminator,
  };
}

/**
 * Templates by relation.
 * @param named pairs of a relation and a template of its
 * @throws LossyscopeError `usage` for one without a relation or a subject, or with two values
 */
export function templatesOf(named: readonly (readonly [relation: string, template: string])[]): Templates {
  const templates = new Map<string, string[]>();
  for (const [relation, template] of named) {
    if (relation === "" || !template.includes(SUBJECT) || template.split(VALUE).length > 2)
      throw new LossyscopeError(
        "usage",
        `${shown(template)} is no template of the relation ${shown(relation)}`,
        `write --template 'born={subject} was born in {value}.', with {subject} and at most one {value}`,
      );
    templates.set(relation, [...(templates.get(relation) ?? []), template]);
  }
  return templates;
}
