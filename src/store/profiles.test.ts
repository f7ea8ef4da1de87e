import { expect, it } from "vitest";
import { readProfile } from "./profiles.ts";

it("names a file that is not there", () => expect(readProfile("/no/such.json")).rejects.toThrow(/cannot read/));
