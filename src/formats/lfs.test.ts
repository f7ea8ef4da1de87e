import { describe, expect, it } from "vitest";
import { bytesBehindPointer, refusePointer } from "./lfs.ts";

const OID = "0123456789abcdef".repeat(4);
const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${OID}\nsize 269060552\n`;

describe("pointers of git-lfs", () => {
  it.each([pointer, pointer.replaceAll("\n", "\r\n"), pointer.replace("\noid", "\next-0-foo sha256:ab\noid")])(
    "tells one: %#",
    (text) => {
      expect(bytesBehindPointer(text)).toBe(269_060_552);
      expect(() => refusePointer("model.safetensors", text)).toThrow(
        /model.safetensors is a git-lfs pointer, \d+ bytes that stand for a file of 269 MB .*: run git lfs pull/,
      );
    },
  );

  it.each(["", "{}", `A page about ${pointer}`, pointer.replace("size", "bytes"), pointer + "x".repeat(1024)])(
    "takes nothing else for one: %#",
    (text) => {
      expect(bytesBehindPointer(text)).toBeNull();
      expect(() => refusePointer("a.txt", text)).not.toThrow();
    },
  );
});
