import { expect, it } from "vitest";
import { z } from "zod";
import { temporaryFolder } from "../../files/folder.testing.ts";
import { readChecksummed, writeChecksummed } from "./checksummed.ts";

const at = temporaryFolder();

it("reads what was written, typed arrays, maps and what refers to itself among it", async () => {
  const content = { list: [1, 2], map: new Map([[3, new Float64Array([4])]]), set: new Set(["a"]), self: {} };
  content.self = content.list;
  await writeChecksummed(at("kept"), content);
  expect(readChecksummed(at("kept"), z.any(), "it was made", "make it again")).toEqual(content);
});

it.each<[string, (list: unknown) => unknown]>([
  ["by itself", (list) => list],
  ["in a map", (list) => new Map([[6, list]])],
  ["in a list", (list) => [[list]]],
])("refuses a list of four thousand million places that are not there, %s", async (_, within) => {
  const list = Object.assign([], { length: 2 ** 32 - 1 });
  await writeChecksummed(at("kept"), { list: within(list) });
  expect(() => readChecksummed(at("kept"), z.any(), "it was made", "make it again")).toThrow(
    /kept is damaged \(a list in it has more places than the file has bytes\)/,
  );
});
