/** A trial is remembered for the machine; what is remembered and not sound is tried again. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { afterEach, expect, it, vi } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { tryRounding } from "./rounding-trial.ts";

const at = temporaryFolder();
const shape = { width: 64, inner: 128 };
afterEach(() => vi.unstubAllEnvs());

it("is made once a machine, and anew where what is remembered is damaged", async () => {
  vi.stubEnv("XDG_CACHE_HOME", at("cache"));
  const first = await tryRounding("int8", shape, { threads: 1 });
  expect(first.speed).toBeGreaterThan(0);
  const folder = at("cache/lossyscope/trials");
  const [name, ...others] = readdirSync(folder);
  expect(others).toEqual([]);
  expect(JSON.parse(readFileSync(`${folder}/${name}`, "utf8"))).toEqual(first);
  writeFileSync(`${folder}/${name}`, JSON.stringify({ speed: 123, isRight: false }));
  expect(await tryRounding("int8", shape, { threads: 1 })).toEqual({ speed: 123, isRight: false });
  writeFileSync(`${folder}/${name}`, '{"speed":1e9');
  expect((await tryRounding("int8", shape, { threads: 1 })).speed).toBeLessThan(1e3);
});

it("stops where it is stopped", async () => {
  const stopped = tryRounding("sliced", shape, { threads: 1, signal: AbortSignal.abort() });
  await expect(stopped).rejects.toMatchObject({ fault: "interrupted" });
});
