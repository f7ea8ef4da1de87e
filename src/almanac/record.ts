/**
 * What a record of the almanac says of its page (METHODS §9), read from JSON lines as `lossyscope almanac` writes them and
 * checked as far as the record itself allows. What the floors mean is `almanac.ts`'s.
 */
import { z } from "zod";
import { count, numeral } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import { checked } from "../numeric/schema-faults.ts";
import type { RecordKind } from "../text/metadata.ts";
import { SPLITS } from "./world.ts";

const bits = z.number().nonnegative();

export const pageSchema = z.object({
  /** −log2 P(text), world known */
  knownBits: bits,
  /** −log2 P(text), world unknown */
  unknownBits: bits,
  split: z.enum(SPLITS),
  /** training pages that state the subject's facts */
  exposures: z.number().int().nonnegative(),
});
export type PageRecord = z.infer<typeof pageSchema>;

/** A record that carries all of these is a page of the almanac, or says so. */
const MARKS = ["knownBits", "unknownBits", "split"] as const;

/** What a text takes as it is: no page of the almanac comes near it. */
const BITS_PER_BYTE_AS_IT_IS = 8;

/** Records that are pages of the almanac. Their floors are those of the text as they have it, and of all of it. */
export const almanacPages: RecordKind<PageRecord> = {
  name: "page of the almanac",
  fields: ["exposures", ...MARKS],
  read(record, text, where) {
    if (record.text !== text || !MARKS.every((mark) => mark in record)) return null;
    const fault = (what: string): LossyscopeError =>
      new LossyscopeError(
        "text",
        `${where} is no sound page of the almanac: ${what}`,
        "write the pages again with `lossyscope almanac`, or leave `knownBits` and `unknownBits` out",
      );
    const bytes = Buffer.byteLength(text);
    const page = checked(pageSchema, record, fault);
    if (typeof record.bytes === "number" && record.bytes !== bytes) {
      throw fault(`it says ${numeral(record.bytes)} bytes, its text has ${count(bytes)}`);
    }
    for (const floor of ["knownBits", "unknownBits"] as const) {
      if (page[floor] > BITS_PER_BYTE_AS_IT_IS * bytes) {
        throw fault(
          `${floor} is ${numeral(page[floor])}, its ${count(bytes)} bytes take ${count(BITS_PER_BYTE_AS_IT_IS * bytes)} as they are`,
        );
      }
    }
    return page;
  },
};
