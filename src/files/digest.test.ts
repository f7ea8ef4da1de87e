import { mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { sha256, sha256File } from "./digest.ts";
import { temporaryFolder } from "./folder.testing.ts";

const at = temporaryFolder();
const ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; // FIPS 180-2, appendix B.1
const MILLION_A = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"; // appendix B.3

describe("digests", () => {
  it("are SHA-256", async () => {
    expect(sha256("abc")).toBe(ABC);
    writeFileSync(at("a"), "a".repeat(1e6));
    expect(await sha256File(at("a"), { memory: at("memory") })).toBe(MILLION_A);
  });

  it("are remembered until the file changes", async () => {
    const memory = at("memory");
    const digest = () => sha256File(at("file"), { memory });
    writeFileSync(at("file"), "abc");
    expect(await digest()).toBe(ABC);
    const [remembered] = readdirSync(memory);
    const planted = "0".repeat(64);
    writeFileSync(join(memory, remembered), planted); // shows that the file is not read again
    expect(await digest()).toBe(planted);
    writeFileSync(at("file"), "abd");
    expect(await digest()).toBe(sha256("abd"));
    const { atime, mtime } = statSync(at("file"));
    writeFileSync(at("file"), "abc");
    utimesSync(at("file"), atime, mtime); // as some copies do: size and mtime alone would be fooled
    expect(await digest()).toBe(ABC);
  });

  it("counts every byte, and does without its memory", async () => {
    writeFileSync(at("file"), "x".repeat(3e6));
    writeFileSync(at("memory"), "a file where the folder should be");
    let bytes = 0;
    const options = { memory: at("memory"), onBytes: (count: number) => (bytes += count) };
    expect(await sha256File(at("file"), options)).toBe(sha256("x".repeat(3e6)));
    expect(bytes).toBe(3e6);
  });

  it("stops when asked to", async () => {
    writeFileSync(at("file"), "abc");
    const stopped = sha256File(at("file"), { memory: at("memory"), signal: AbortSignal.abort() });
    await expect(stopped).rejects.toMatchObject({ fault: "interrupted" });
  });

  it("names the file it cannot read", async () => {
    mkdirSync(at("folder"));
    await expect(sha256File(at("absent"))).rejects.toThrow(/cannot read .*absent \(no such file/);
    await expect(sha256File(at("folder"))).rejects.toThrow(/cannot read .*folder/);
  });
});
