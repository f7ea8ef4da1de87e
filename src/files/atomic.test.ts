import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { afterEach, describe, expect, it, vi } from "vitest";
import { isPosix } from "../system.testing.ts";
import { checkWritable, writeAtomic } from "./atomic.ts";
import { temporaryFolder } from "./folder.testing.ts";

const at = temporaryFolder();
afterEach(() => vi.restoreAllMocks());

/** Lets so many bytes through, then answers as a full disk does. */
async function fillDiskAfter(room: number): Promise<void> {
  const probe = await open(at("probe"), "w");
  const prototype = Object.getPrototypeOf(probe) as FileHandle;
  await probe.close();
  const write = prototype.write as (this: FileHandle, bytes: Uint8Array) => Promise<{ bytesWritten: number }>;
  vi.spyOn(prototype, "write").mockImplementation(async function (this: FileHandle, bytes: unknown) {
    const fitting = (bytes as Uint8Array).subarray(0, room);
    if (fitting.length === 0) {
      throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC", syscall: "write" });
    }
    room -= fitting.length;
    return write.call(this, fitting);
  } as never);
}

describe("writeAtomic", () => {
  it("writes text, bytes and pieces as they come", async () => {
    await writeAtomic(at("text"), "ä");
    expect(readFileSync(at("text"), "utf8")).toBe("ä");
    await writeAtomic(at("text"), Float32Array.of(1));
    expect([...readFileSync(at("text"))]).toEqual([0, 0, 128, 63]);
    await writeAtomic(
      at("pieces"),
      (async function* () {
        yield Uint8Array.of(1);
        yield Uint8Array.of(2, 3);
      })(),
    );
    expect([...readFileSync(at("pieces"))]).toEqual([1, 2, 3]);
    expect(readdirSync(at()).sort()).toEqual(["pieces", "text"]);
  });

  it("goes on where the disk takes less than it was given", async () => {
    await fillDiskAfter(Infinity);
    const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i);
    await writeAtomic(at("file"), bytes);
    expect(new Uint8Array(readFileSync(at("file")))).toEqual(bytes);
  });

  it("leaves the old file and nothing else when the disk is full", async () => {
    writeFileSync(at("file"), "old");
    await fillDiskAfter(10);
    await expect(writeAtomic(at("file"), new Uint8Array(100))).rejects.toThrow(
      /cannot write .*the disk is full.*free space/,
    );
    expect(readFileSync(at("file"), "utf8")).toBe("old");
    expect(readdirSync(at()).sort()).toEqual(["file", "probe"]);
  });

  it("leaves nothing when the source fails", async () => {
    async function* source() {
      yield Uint8Array.of(1);
      throw new Error("the measurement failed");
    }
    await expect(writeAtomic(at("file"), source())).rejects.toThrow("the measurement failed");
    expect(readdirSync(at())).toEqual([]);
  });

  it("writes through links", async () => {
    writeFileSync(at("real"), "old");
    symlinkSync("real", at("link"));
    await writeAtomic(at("link"), "new");
    expect(readFileSync(at("real"), "utf8")).toBe("new");
  });

  it.skipIf(!isPosix)("writes into devices as they stand (needs /dev/null)", async () => {
    await checkWritable("/dev/null");
    await writeAtomic("/dev/null", "gone");
    expect(statSync("/dev/null").isFile()).toBe(false);
  });

  it("names what is wrong with the place", async () => {
    mkdirSync(at("folder"));
    await expect(writeAtomic(at("folder"), "")).rejects.toThrow("is a folder");
    await expect(writeAtomic(at("absent", "file"), "")).rejects.toThrow(
      /cannot write .*no such file or directory.*path/,
    );
  });
});

describe("checkWritable", () => {
  it("leaves an older file as it was, and nothing beside it", async () => {
    writeFileSync(at("file"), "old");
    await checkWritable(at("file"));
    await checkWritable(at("new"));
    expect(readdirSync(at())).toEqual(["file"]);
    expect(readFileSync(at("file"), "utf8")).toBe("old");
  });

  it("says beforehand what writing would say", async () => {
    mkdirSync(at("folder"));
    writeFileSync(at("file"), "");
    await expect(checkWritable(at("folder"))).rejects.toThrow("is a folder");
    await expect(checkWritable(at("absent", "file"))).rejects.toThrow(/cannot write .*no such file or directory/);
    await expect(checkWritable(at("file", "below"))).rejects.toThrow(
      isPosix ? /cannot write .*not a directory/ : /cannot write .*no such file or directory/,
    );
  });
});
