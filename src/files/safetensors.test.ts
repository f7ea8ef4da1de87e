import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { describe, expect, it } from "vitest";
import { fixture } from "../fixtures.testing.ts";
import { encodeHeader } from "../formats/safetensors.ts";
import { temporaryFolder } from "./folder.testing.ts";
import { openSafetensors, writeSafetensors } from "./safetensors.ts";

const at = temporaryFolder();

describe("reading", () => {
  it("names a pointer of git-lfs for what it is", async () => {
    const path = at("model.safetensors");
    writeFileSync(path, `version https://git-lfs.github.com/spec/v1\noid sha256:${"a".repeat(64)}\nsize 1234567\n`);
    await expect(openSafetensors(path)).rejects.toThrow(/model.safetensors is a git-lfs pointer, .* 1\.23 MB/);
  });

  it("reads what other implementations wrote", async () => {
    const file = await openSafetensors(fixture("models/llama/golden.safetensors"));
    expect(file.entry("input_ids")).toMatchObject({ dtype: "I64", shape: [2, 17] });
    const logits = await file.read("logits");
    const nll = await file.read("nll");
    const ids = await file.read("input_ids");
    const { shape } = file.entry("logits");
    for (let b = 0; b < 2; b++) {
      for (let t = 0; t < 16; t++) {
        const row = Array.from(logits.subarray((b * 17 + t) * shape[2], (b * 17 + t + 1) * shape[2]), Number);
        const largest = Math.max(...row);
        const sum = row.reduce((total, logit) => total + Math.exp(logit - largest), 0);
        const loss = largest + Math.log(sum) - row[Number(ids[b * 17 + t + 1])];
        expect(loss).toBeCloseTo(Number(nll[b * 16 + t]), 5);
      }
    }
    await file.close();
  });

  it("rounds as other implementations do", async () => {
    const [full, half, brain] = await Promise.all(
      ["qwen3", "qwen3-f16", "qwen3-bf16"].map((name) => openSafetensors(fixture(`models/${name}/model.safetensors`))),
    );
    for (const name of full.header.tensors.keys()) {
      const values = await full.read(name);
      for (const [file, precision] of [
        [half, 2 ** -11],
        [brain, 2 ** -8],
      ] as const) {
        const rounded = await file.read(name);
        for (let i = 0; i < values.length; i++) {
          const error = Math.abs(Number(rounded[i]) - Number(values[i]));
          if (!(error <= precision * Math.abs(Number(values[i])) + 2 ** -25))
            expect.fail(`${name}[${i}] is off by ${error}`);
        }
      }
    }
    await Promise.all([full, half, brain].map((file) => file.close()));
  });

  it("reads a range at the far end of a file far larger than memory", async () => {
    const path = at("sparse.safetensors");
    const header = encodeHeader([{ name: "w", dtype: "F32", shape: [2 ** 34] }]);
    const bytes = header.length + 2 ** 36;
    writeFileSync(path, header);
    truncateSync(path, bytes);
    const last = openSync(path, "r+");
    writeSync(last, Float32Array.of(1.5), 0, 4, bytes - 4);
    closeSync(last);
    const file = await openSafetensors(path);
    expect(new Float32Array((await file.readRange(bytes - 8, bytes)).buffer)).toEqual(Float32Array.of(0, 1.5));
    await file.close();
  });

  it("says which file is wrong, and how", async () => {
    writeFileSync(at("short"), "abc");
    await expect(openSafetensors(at("short"))).rejects.toThrow(/short: not a sound safetensors file: it has 3 bytes/);
    await expect(openSafetensors(at("absent"))).rejects.toThrow(/cannot read .*absent/);
    await writeSafetensors(at("file"), [{ name: "a", dtype: "F32", shape: [100], data: new Float32Array(100) }]);
    const file = await openSafetensors(at("file"));
    expect(() => file.entry("b")).toThrow('no tensor "b": it has a');
    truncateSync(at("file"), 200);
    await expect(file.read("a")).rejects.toThrow(/ends at byte 200, .* cut while being read/);
    await file.close();
    await expect(openSafetensors(at("file"))).rejects.toThrow("cut short");
  });
});

describe("writing", () => {
  it("reads back what it wrote, whole or in pieces", async () => {
    const values = Float32Array.of(1, -2, 3.5, Number.NaN);
    await writeSafetensors(
      at("file"),
      [
        { name: "whole", dtype: "F32", shape: [2, 2], data: values },
        { name: "ids", dtype: "I64", shape: [1], data: BigInt64Array.of(-7n) },
        { name: "pieces", dtype: "F32", shape: [4], data: [values.subarray(0, 1), values.subarray(1)] },
      ],
      { origin: "test" },
    );
    const file = await openSafetensors(at("file"));
    expect(await file.read("whole")).toEqual(values);
    expect(await file.read("pieces")).toEqual(values);
    expect(await file.read("ids")).toEqual(BigInt64Array.of(-7n));
    expect(file.header.metadata).toEqual({ origin: "test" });
    await file.close();
  });

  it("writes the bytes the format's own library would read: no gaps, eight-byte header", async () => {
    await writeSafetensors(at("file"), [{ name: "a", dtype: "U8", shape: [2], data: Uint8Array.of(1, 2) }]);
    const bytes = readFileSync(at("file"));
    const length = Number(bytes.readBigUInt64LE());
    expect(JSON.parse(bytes.toString("utf8", 8, 8 + length))).toEqual({
      a: { dtype: "U8", shape: [2], data_offsets: [0, 2] },
    });
    expect([...bytes.subarray(8 + length)]).toEqual([1, 2]);
  });

  it("leaves nothing where the data is not what the shape says", async () => {
    const data = [new Float32Array(1), new Float32Array(1)];
    await expect(writeSafetensors(at("file"), [{ name: "a", dtype: "F32", shape: [3], data }])).rejects.toThrow(
      "tensor a: 8 bytes given, F32 [3] takes 12",
    );
    expect(existsSync(at("file"))).toBe(false);
    expect(readdirSync(at())).toEqual([]);
  });
});
