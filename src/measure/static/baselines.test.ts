import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { isPosix } from "../../system.testing.ts";
import { type BaselineProgress, measureBaselines } from "./baselines.ts";
import { COMPRESSORS } from "./compressors.ts";

const names = COMPRESSORS.map(({ name }) => name);
const folder = mkdtempSync(join(tmpdir(), "lossyscope-baselines-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** A child of the test's own: what a library does that fails, dies or never ends. */
function child(name: string, body: string): string {
  const path = join(folder, `${name}.mjs`);
  writeFileSync(path, body);
  return path;
}

const documents = [
  { domain: "tales", text: "Once upon a time there was a little girl. ".repeat(100) },
  { domain: "sums", text: Array.from({ length: 500 }, (_, i) => `${i} + ${i} = ${2 * i}\n`).join("") },
  { domain: "tales", text: "She had a dog — größer than any. 🐕 ".repeat(100) },
  { domain: "void", text: "" },
];
const bytesOf = (domain?: string) =>
  Buffer.concat(documents.filter((each) => !domain || each.domain === domain).map(({ text }) => Buffer.from(text)));

describe("baselines", () => {
  it("compresses the corpus as one stream, and each domain as one", async () => {
    const seen: BaselineProgress[] = [];
    const { overall, domains, refusals } = await measureBaselines(documents, {
      onProgress: (progress) => seen.push(progress),
    });
    expect(refusals).toEqual([]);
    expect(overall.map(({ name }) => name)).toEqual(names);
    expect(Object.keys(domains)).toEqual(["tales", "sums"]);
    for (const [domain, figures] of [[undefined, overall], ...Object.entries(domains)] as const) {
      const bytes = bytesOf(domain);
      expect(figures.map(({ name }) => name)).toEqual(names);
      expect(figures[0].bytes).toBe(gzipSync(bytes, { level: 9 }).length);
      for (const { bytes: size, bitsPerByte } of figures) {
        expect(size).toBeGreaterThan(40);
        expect(size).toBeLessThan(bytes.length / 2);
        expect(bitsPerByte).toBe((8 * size) / bytes.length);
      }
    }
    const total = 2 * bytesOf().length * names.length;
    expect(seen.at(-1)).toEqual({ compressor: names.at(-1), done: total, total });
    expect(seen.every(({ done }, i) => i === 0 || done > seen[i - 1].done)).toBe(true);
  });

  it("measures a lone domain once", async () => {
    const seen: BaselineProgress[] = [];
    const { overall, domains } = await measureBaselines(documents.slice(0, 1), {
      onProgress: (progress) => seen.push(progress),
    });
    expect(domains).toEqual({ tales: overall });
    expect(seen.at(-1)?.total).toBe(bytesOf().subarray(0, documents[0].text.length).length * names.length);
  });

  it("has nothing to say of a corpus without a byte", async () => {
    expect(await measureBaselines([{ domain: "void", text: "" }])).toEqual({ overall: [], domains: {}, refusals: [] });
  });

  it("refuses by name what a compressor says it cannot do, and what dies", async () => {
    const failing = child(
      "failing",
      `process.once("message", () => {
      process.send({ kind: "failed", message: "no binary for this platform" }, () => process.exit(0));
    });`,
    );
    const dying = child("dying", `process.once("message", () => process.kill(process.pid, "SIGKILL"));`);
    const silent = child("silent", `process.once("message", () => process.exit(0));`);
    const big = [{ domain: "a", text: "x".repeat(3_000_000) }];
    for (const [path, reason] of [
      [failing, "no binary for this platform"],
      [dying, isPosix ? "it was ended by SIGKILL, probably out of memory" : "it ended with code 1"],
      [silent, "it ended with code 0"],
    ]) {
      const { overall, domains, refusals } = await measureBaselines(big, { child: path });
      expect(overall).toEqual([]);
      expect(domains).toEqual({ a: [] });
      expect(refusals).toEqual(names.map((name) => ({ figure: `coding.overall.baselines: ${name}`, reason })));
    }
  });

  it.each([
    ["short texts, which share a process", 1],
    ["long ones, which do not", 400],
  ])("loses the figures of one that dies, and of no other: %s", async (_, times) => {
    const mortal = child(
      "mortal",
      `process.once("message", async ({ works }) => {
      const send = (message) => new Promise((sent) => process.send(message, undefined, undefined, sent));
      for (const { compressor, streams } of works) {
        await send({ kind: "loaded", implementation: compressor });
        for (const [at, bytes] of streams.entries()) {
          if (compressor === "zstd 19" && at === 1) process.exit(3);
          await send({ kind: "size", bytes });
        }
      }
      process.exit(0);
    });`,
    );
    const given = documents.map(({ domain, text }) => ({ domain, text: text.repeat(times) }));
    const seen: BaselineProgress[] = [];
    const { overall, domains, refusals } = await measureBaselines(given, {
      child: mortal,
      onProgress: (progress) => seen.push(progress),
    });
    const others = names.filter((name) => name !== "zstd 19");
    for (const figures of [overall, domains.tales, domains.sums])
      expect(figures.map(({ name, implementation, bitsPerByte }) => [name, implementation, bitsPerByte])).toEqual(
        others.map((name) => [name, name, 8]),
      );
    expect(refusals.map(({ figure, reason }) => [figure, reason])).toEqual(
      ["overall", "domains.tales", "domains.sums"].map((stream) => [
        `coding.${stream}.baselines: zstd 19`,
        "it ended with code 3",
      ]),
    );
    expect(seen.every(({ done, total }) => done <= total)).toBe(true);
  });

  it("stops at once when it is told to", async () => {
    const endless = child("endless", `process.on("message", () => { for (;;); });`);
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 200);
    const started = performance.now();
    await expect(measureBaselines(documents, { child: endless, signal: controller.signal })).rejects.toMatchObject({
      fault: "interrupted",
    });
    expect(performance.now() - started).toBeLessThan(5_000);
    await expect(measureBaselines(documents, { child: endless, signal: AbortSignal.abort() })).rejects.toMatchObject({
      fault: "interrupted",
    });
  });
});
