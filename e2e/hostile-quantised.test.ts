/** Quantised matrices, their settings mutated and their tensors taken for each other by the thousand. */
import { readdirSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openSafetensors } from "../src/files/safetensors.ts";
import { fixture } from "../src/fixtures.testing.ts";
import { hold } from "../src/hold.testing.ts";
import { storedKinds, unquantised } from "../src/models/quantised/unquantised.ts";
import { openShards } from "../src/models/sources/safetensors.ts";
import { renamed, type TensorSource } from "../src/models/sources/tensor-source.ts";
import { mutatedJson } from "../src/mutations.testing.ts";

interface Quantised {
  readonly config: Readonly<Record<string, unknown>>;
  readonly stored: TensorSource;
}

const folder = fixture("quantised/matrices");

async function opened(name: string): Promise<Quantised> {
  const file = await openSafetensors(`${folder}/${name}`);
  await file.close();
  const { source } = await openShards(folder, new Map([[name, []]]));
  const parts = [...source.names()].filter((part) => part !== "expected");
  return {
    config: { quantization_config: JSON.parse(file.header.metadata.quantization_config) },
    stored: renamed(source, new Map(parts.map((part) => [part, part]))),
  };
}

/** All that is done with weights before they run. */
async function understand({ config, stored }: Quantised): Promise<void> {
  await storedKinds(config, stored);
  const { weights } = await unquantised(config, stored);
  for (const name of weights.names()) await weights.read(name, 0, weights.locate(name)!.bytes);
}

describe("a quantised matrix", () => {
  it("by its settings", async () => {
    const all = await Promise.all(readdirSync(folder).map(opened));
    const mutants = fc.constantFrom(...all).chain((one) =>
      mutatedJson([one.config])
        .filter(({ content }) => typeof content === "object" && content !== null && !Array.isArray(content))
        .map(({ content, how }) => ({ content: { ...one, config: content } as Quantised, how })),
    );
    const { sound, runs } = await hold(mutants, understand, 2000);
    expect(sound).toBeGreaterThan(runs / 10);
  });

  it("by tensors of another's, under its names", async () => {
    const all = await Promise.all(readdirSync(folder).map(opened));
    const mutants = fc.constantFrom(...all).chain(({ config, stored }) => {
      const names = [...stored.names()];
      return fc.array(fc.constantFrom(...names), { minLength: names.length, maxLength: names.length }).map((others) => {
        const given = new Map(names.map((name, i) => [name, others[i]]));
        return { content: { config, stored: renamed(stored, given) }, how: JSON.stringify([config, [...given]]) };
      });
    });
    const { sound } = await hold(mutants, understand, 2000);
    expect(sound).toBeGreaterThan(0);
  });
});
