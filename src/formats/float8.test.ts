import { describe, expect, it } from "vitest";
import { openSafetensors } from "../files/safetensors.ts";
import { fixture } from "../fixtures.testing.ts";
import { type Float8, float8Table } from "./float8.ts";
import { toFloat32 } from "./tensor-types.ts";

describe("8-bit floats", () => {
  // By ml_dtypes: fixtures/generate/float8.py
  it.each<Float8>(["F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"])(
    "%s has the values that ml_dtypes gives to every pattern",
    async (type) => {
      const file = await openSafetensors(fixture("quantised/float8.safetensors"));
      const golden = (await file.read(type)) as Float32Array;
      await file.close();
      expect(float8Table(type)).toEqual(golden);
      const patterns = Uint8Array.from({ length: 256 }, (_, pattern) => 255 - pattern);
      expect(toFloat32(type, patterns)).toEqual(golden.slice().reverse());
    },
  );
});
