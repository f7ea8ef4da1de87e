/** `lossyscope measure ADDRESS`: what is typed, said and written. */
import { readFileSync } from "node:fs";
import { afterEach, expect, it, vi } from "vitest";
import { type FakeServer, fakeServer, hashedNats, send, spellByte } from "../endpoint/endpoint.testing.ts";
import { temporaryFolder } from "../files/folder.testing.ts";
import { sampleText, writeModel, writeText } from "../measure/model.testing.ts";
import { run } from "./run.testing.ts";

const at = temporaryFolder();
let server: FakeServer;
afterEach(async () => {
  vi.unstubAllEnvs();
  await server.close();
});

const CODING = ["--no-plane", "--no-geometry", "--no-baselines", "--split-on", "\\n\\n"];

async function measuring(...more: readonly string[]) {
  vi.stubEnv("XDG_CACHE_HOME", at("cache"));
  vi.stubEnv("LOSSYSCOPE_API_KEY", "sk-secret");
  server = await fakeServer({
    next: hashedNats,
    spell: spellByte,
    name: "org/served",
    root: await writeModel(at("model")),
  });
  const text = writeText(at("text.txt"), sampleText(12, 40));
  return () => run("measure", server.url, "--text", text, ...CODING, "--out", at("out"), "--work", at("work"), ...more);
}

it("says what it sends before and after, and whose tokenizer it takes; the key stands nowhere", async () => {
  const measured = await measuring("--token-price", "3");
  const { code, out, err } = await measured();
  expect(code).toBe(0);
  expect(err).toMatch(/the tokenizer is that of model, which the server says it serves/);
  expect(err).toMatch(/sends about [\d,]+\s+tokens in 14 requests, for about 0\.00\d+ at the price that was given/);
  expect(err).toMatch(/sent [\d,]+ tokens in \d+ requests: 0\.00\d+ at the price that was given/);
  expect(out).toMatch(/^org\/served does not make text\.txt any smaller: 1\d\d % of its size\./);
  expect(out).toMatch(/The server says the same of 1 window read 3 times/);
  const profile = readFileSync(at("out", "profile.json"), "utf8");
  expect(JSON.parse(profile).provenance.served).toMatchObject({ server: "vLLM 0.0.1", again: 0 });
  for (const written of [out, err, profile, readFileSync(at("out", "report.html"), "utf8")])
    expect(written).not.toMatch(/sk-secret|127\.0\.0\.1/);
});

it("ends with what the server says where it is refused, and takes its options for no other model", async () => {
  const measured = await measuring("--quiet");
  server.intercept = (_, response) => {
    send(response, 401, { error: { message: "Invalid key sk-secret" } });
    return true;
  };
  const { code, err } = await measured();
  expect(code).toBe(1);
  expect(err).toMatch(/does not accept the key \(401: Invalid key …\): set LOSSYSCOPE_API_KEY/);
  const other = await run("measure", at("model"), "--text", at("text.txt"), "--concurrency", "2");
  expect(other.err).toMatch(/--concurrency is for a model behind an address: leave it out, or pass http/);
});
