/** The demo end to end: an untrained model costs what a uniform guess costs, and profile and report say so first. */
import { existsSync, readFileSync } from "node:fs";
import { expect, it, vi } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { profileSchema } from "../profile/profile.ts";
import { demoCommand } from "./demo.ts";

const at = temporaryFolder();

it("finds that an untrained model knows nothing: about 8 bits per byte", async () => {
  let printed = "";
  vi.spyOn(process.stdout, "write").mockImplementation((text) => Boolean((printed += text)));
  vi.spyOn(process.stderr, "write").mockImplementation(() => true);
  await demoCommand().parseAsync(["--out", at("report"), "--threads", "1", "--quiet"], { from: "user" });
  vi.restoreAllMocks();

  expect(printed).toMatch(/^This model is untrained: .* it knows nothing/);
  const profile = profileSchema.parse(JSON.parse(readFileSync(at("report", "profile.json"), "utf8")));
  const { value, low, high } = profile.coding!.overall.bitsPerByte;
  // A uniform guess over 257 tokens costs log2 257 = 8.006 bits; random weights are a little worse, never better.
  expect(value).toBeGreaterThan(7.9);
  expect(value).toBeLessThan(8.2);
  expect(low).toBeLessThan(high!);
  expect(profile.corpus).toMatchObject({ unit: "document", refused: 0 });
  expect(profile.corpus.units).toBeGreaterThanOrEqual(20);
  expect(profile.corpus.tokens).toBe(profile.corpus.bytes);
  expect(profile.plane!.layers).toHaveLength(3);
  expect(profile.refusals).toEqual([]);
  expect(readFileSync(at("report", "report.html"), "utf8")).toContain("it knows nothing");
  expect(existsSync(at("report", "losses.safetensors"))).toBe(false);
});
