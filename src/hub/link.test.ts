import { mkdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import * as files from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, expect, it, vi } from "vitest";
import { temporaryFolder } from "../files/folder.testing.ts";
import { linkBlob } from "./link.ts";

vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof files>();
  return { ...real, symlink: vi.fn(real.symlink) };
});

const at = temporaryFolder();
const link = (blob: string) => linkBlob(at(), at("snapshots", "c0"), { name: "templates/one.jinja", blob, bytes: 3 });
const name = (): string => at("snapshots", "c0", "templates", "one.jinja");
const refuse = (code: string): void => {
  const error = Object.assign(new Error(`${code}: operation not permitted, symlink`), { code, syscall: "symlink" });
  vi.mocked(files.symlink).mockRejectedValueOnce(error);
};

beforeEach(() => {
  mkdirSync(at("blobs"));
  for (const blob of ["old", "new"]) writeFileSync(at("blobs", blob), blob);
});

it("leads to the blob from wherever the cache is, and to another one when asked", async () => {
  await link("old");
  expect(readlinkSync(name())).toBe(join("..", "..", "..", "blobs", "old"));
  await link("old");
  await link("new");
  expect(readFileSync(name(), "utf8")).toBe("new");
});

it("is a second name of the file where no links may be made (Windows)", async () => {
  for (const blob of ["old", "old", "new"]) {
    refuse("EPERM");
    await link(blob);
    expect(readFileSync(name(), "utf8")).toBe(blob);
    expect(statSync(name()).ino).toBe(statSync(at("blobs", blob)).ino);
  }
});

it("says what is wrong with the cache", async () => {
  refuse("ENOSPC");
  await expect(link("old")).rejects.toThrow(/cannot write to the cache .*the disk is full/);
});
