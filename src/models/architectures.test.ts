/** The decoder against golden values of other implementations, for every architecture (fixtures/README.md). */
import { describe, expect, it } from "vitest";
import { fixture, hasShared, shared } from "../fixtures.testing.ts";
import { differences, manifest, QUANTITIES } from "./architectures.testing.ts";
import { supportedArchitectures } from "./config.ts";

const entries = await manifest();

function hold(found: Awaited<ReturnType<typeof differences>>): void {
  for (const quantity of QUANTITIES) {
    expect(found[quantity].found, quantity).toBeLessThanOrEqual(found[quantity].allowed);
  }
}

it("every architecture has golden values, but for older names of two and those inside others (`cases.test.ts`)", () => {
  const inside = ["qwen2_5_vl_text", "qwen2_vl_text", "qwen3_vl_text"];
  const older = ["RefinedWeb", "RefinedWebModel", ...inside, "stablelm_epoch"];
  const held = new Set(entries.map((entry) => entry.model_type));
  expect(supportedArchitectures.filter((name) => !held.has(name)).sort()).toEqual(older);
});

describe("every architecture gives its golden values", () => {
  it.each(entries.filter(({ name }) => name !== "stories260k"))("$name", async (entry) => {
    hold(await differences(entry, fixture(`models/${entry.name}`)));
  });

  it.skipIf(!hasShared).each(["s0.", "s1.", "s2."])(
    "stories260k, trained weights, sentence %s (needs ../shared/fixtures)",
    async (prefix) => {
      const entry = entries.find(({ name }) => name === "stories260k")!;
      hold(await differences(entry, shared("models/stories260k"), prefix));
    },
  );
});
