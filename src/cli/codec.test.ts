/**
 * `generate`, `compress` and `decompress` through the command line: what is printed, what is written where, what is refused
 * before anything runs, and Ctrl-C in a process of its own (needs the compiled `dist/`).
 */
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { writeLetterModel } from "../decode/model.testing.ts";
import { temporaryFolder } from "../files/folder.testing.ts";
import { sampleText } from "../measure/model.testing.ts";
import { isPosix } from "../system.testing.ts";
import { run } from "./run.testing.ts";

const at = temporaryFolder();
let model: string;
beforeEach(async () => {
  vi.stubEnv("XDG_CACHE_HOME", at("cache"));
  model = await writeLetterModel(at("model"));
  writeFileSync(at("text"), sampleText(2, 500));
  return () => vi.unstubAllEnvs();
});

const compress = (...more: readonly string[]) =>
  run("compress", at("text"), "--model", model, "--threads", "1", "--block", "400", "--quiet", ...more);
const decompress = (...more: readonly string[]) =>
  run("decompress", at("text.lsz"), "--model", model, "--threads", "1", "--quiet", ...more);

describe("compress and decompress", () => {
  it("write beside the file, say how small it got, and give it back", async () => {
    const dry = await compress("--dry-run");
    expect(dry).toMatchObject({ code: 0, err: "" });
    expect(dry.out).toMatch(/^would be 1\.\d+\skB → [\d.]+\sk?B, [5-8]\.\d+ bits a byte, 3 blocks\n$/);
    expect(existsSync(at("text.lsz"))).toBe(false);

    const { code, out } = await compress("--json", at("figures.json"));
    expect(code).toBe(0);
    expect(out).toContain(at("text.lsz"));
    const written = readFileSync(at("text.lsz"));
    const figures = JSON.parse(readFileSync(at("figures.json"), "utf8"));
    expect(figures).toMatchObject({ fileBytes: written.length, blocks: 3 });
    expect(await decompress("-o", at("back"))).toMatchObject({ code: 0, err: "" });
    expect(readFileSync(at("back"))).toEqual(readFileSync(at("text")));
  });

  it("replace nothing unless told to", async () => {
    await compress();
    const before = readFileSync(at("text.lsz"));
    expect(await compress("--context", "8")).toMatchObject({
      code: 2,
      err: expect.stringMatching(/text\.lsz exists: .*--force/),
    });
    expect(readFileSync(at("text.lsz"))).toEqual(before);
    expect(await compress("--context", "8", "--force")).toMatchObject({ code: 0 });
    expect(readFileSync(at("text.lsz"))).not.toEqual(before);
    expect(await decompress()).toMatchObject({ code: 2, err: expect.stringMatching(/text exists/) });
  });

  it("give back what is sound of a damaged file when told to, and fail all the same", async () => {
    await compress();
    const bytes = readFileSync(at("text.lsz"));
    bytes[bytes.length - 30] ^= 1;
    writeFileSync(at("text.lsz"), bytes);
    const failed = await decompress("-o", at("back"));
    expect(failed).toMatchObject({
      code: 1,
      err: expect.stringMatching(/1 of 3 blocks cannot be read: block 2 \(bytes 800 to .*--salvage/),
    });
    expect(existsSync(at("back"))).toBe(false);
    expect(await decompress("-o", at("back"), "--salvage")).toMatchObject({
      code: 1,
      err: expect.stringMatching(/block 2/),
    });
    expect(readFileSync(at("back")).subarray(0, 800)).toEqual(readFileSync(at("text")).subarray(0, 800));
  });

  it.each([
    [["--block", "8"], /expected 64 bytes to 1GiB/],
    [["--context", "65"], /has 64 positions, --context asks 65/],
    [["--context", "16", "--overlap", "15"], /no room for new ones/],
  ])("refuse %j", async (options, message) => {
    const { code, err } = await compress(...options);
    expect(code).toBe(2);
    expect(err).toMatch(message);
    expect(existsSync(at("text.lsz"))).toBe(false);
  });

  it("say what is missing", async () => {
    expect(await run("compress", at("nothing"), "--model", model)).toMatchObject({
      code: 1,
      err: expect.stringMatching(/cannot read .*nothing/),
    });
    expect(await run("decompress", at("text"), "--model", model)).toMatchObject({
      code: 2,
      err: expect.stringMatching(/does not end in \.lsz/),
    });
    expect(await run("decompress", at("text"), "--model", model, "-o", at("back"))).toMatchObject({
      code: 1,
      err: expect.stringMatching(/not an \.lsz file/),
    });
  });

  it.skipIf(!isPosix)("Ctrl-C leaves nothing under the final name, nor beside it (needs signals)", async () => {
    writeFileSync(at("text"), sampleText(1, 60_000));
    const main = new URL("../../dist/cli/main.js", import.meta.url).href;
    const script = `import { main } from ${JSON.stringify(main)}; process.exitCode = await main(process.argv.slice(1));`;
    const options = ["--model", model, "--threads", "1", "--block", "1MB", "--no-verify"];
    const child = spawn(process.execPath, ["--input-type=module", "-e", script, "compress", at("text"), ...options], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let err = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
    const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
    const written = (): string[] => readdirSync(at()).filter((name) => name.endsWith(".tmp"));
    // Before that, a file of that name is only tried.
    while (!(/compressing/.test(err) && written().length > 0)) {
      expect(child.exitCode, err).toBeNull();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(written()).toHaveLength(1);
    child.kill("SIGINT");
    expect(await ended).toBe(130);
    expect(err).toMatch(/stopped; .*text\.lsz was not written/);
    expect(readdirSync(at()).sort()).toEqual(["cache", "model", "text"]);
  });
});

describe("generate", () => {
  const generate = (...more: readonly string[]) =>
    run("generate", model, "--threads", "1", "--max-tokens", "12", ...more);

  it("gives the same text for the same seed, as text and as JSON", async () => {
    const options = ["--prompt", "to", "--temperature", "1", "--seed", "3"];
    const { code, out } = await generate(...options);
    expect(code).toBe(0);
    const { ids, text, prompt } = JSON.parse((await generate(...options, "--json")).out);
    expect(out).toBe(`${text}\n`);
    expect(prompt).toBe("to");
    expect(ids.length).toBeLessThanOrEqual(12);
    expect((await generate(...options.slice(0, 4), "--seed", "4")).out).not.toBe(out);
  });

  it("lets nothing through to a terminal that could move its cursor", async () => {
    const terminal = Object.getOwnPropertyDescriptor(process.stdout, "isTTY");
    Object.defineProperty(process.stdout, "isTTY", { value: true, configurable: true });
    try {
      const { out } = await generate("--temperature", "5", "--max-tokens", "60");
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what has to be found
      expect(out).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
      expect(out).toMatch(/[\u2400-\u241f\ufffd]/);
    } finally {
      if (terminal) Object.defineProperty(process.stdout, "isTTY", terminal);
      else delete (process.stdout as { isTTY?: boolean }).isTTY;
    }
  });

  it("refuses what cannot be", async () => {
    expect(await generate("--top-p", "0")).toMatchObject({ code: 2 });
    expect(await generate("--prompt", "a".repeat(64))).toMatchObject({
      code: 2,
      err: expect.stringMatching(/the prompt is 65 tokens long, the model has 64 positions/),
    });
    model = await writeLetterModel(at("bare"), { prefix: false });
    expect(await generate()).toMatchObject({ code: 2, err: expect.stringMatching(/nothing to go on from/) });
  });
});
