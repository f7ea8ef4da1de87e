/**
 * The worked example of METHODS §2.6, from text to figures through our own tokenizer, engine and estimator: stories260k on
 * the first 200,000 characters of tinyshakespeare, with the reference points of the fixture. Figures agree to 0.01.
 */
import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { OnnxEngine } from "../engines/onnx.ts";
import { fixture, hasShared, shared } from "../fixtures.testing.ts";
import { openCheckpoint } from "../models/checkpoint.ts";
import { specOf } from "../models/config.ts";
import { PlaneProbe } from "../probes/plane/plane.ts";
import type { Plane } from "../profile/plane.ts";
import { unitsOf } from "../text/units.ts";
import { batchesOf, windowsOf } from "../text/windows.ts";
import { tokenizeCorpus } from "../tokenizer/document.ts";
import { loadTokenizer } from "../tokenizer/tokenizer.ts";
import { planePoints, readPoints } from "./preparing/points.ts";

/** layer, order, complexity and expressivity as plug-in, excess, held-out; optimality as plug-in, held-out */
const FIGURES = [
  [0, 1, [0.491, 0.487, 0.49], [0.1, 0.096, 0.091], [0.2, 0.19]],
  [0, 4, [0.491, 0.141, 0.49], [0.428, 0.067, 0.165], [0.87, 0.34]],
  [5, 1, [0.204, 0.201, 0.202], [0.099, 0.096, 0.094], [0.48, 0.47]],
  [5, 4, [0.381, 0.105, 0.317], [0.342, 0.057, 0.145], [0.9, 0.46]],
] as const;
/** Most tokens of a piece, `<s>` included. */
const LENGTH = 256;

async function measured(): Promise<Plane> {
  const checkpoint = await openCheckpoint(shared("models/stories260k"));
  const spec = specOf(checkpoint.config);
  const tokenizer = await loadTokenizer(checkpoint.folder, checkpoint.config);
  const text = (await readFile(shared("text/tinyshakespeare.txt"), "utf8")).slice(0, 200_000);
  const pieces = text.split("\n\n").filter((piece) => piece.length > 40);
  const { documents: whole } = await tokenizeCorpus(
    tokenizer,
    pieces.map((piece, i) => ({ id: `piece ${i}`, domain: "text", text: piece, replaced: 0 })),
  );
  const documents = whole
    .filter(({ ids }) => ids.length + 1 >= 12)
    .map((document, index) => ({ ...document, index, ids: document.ids.slice(0, LENGTH - 1) }));
  const given = await readPoints(fixture("estimator/stories260k_shakespeare.safetensors"), async () => "fixture");
  const { points, m, draws, source, temperature } = planePoints(
    { points: 100, draws: 1, width: spec.width, seed: 0, temperature: "bound" },
    given,
  );
  const probe = new PlaneProbe(
    {
      documents,
      prefix: tokenizer.prefix,
      units: unitsOf(documents.map(({ ids }) => ids.length)),
      layers: spec.blocks.length + 1,
      width: spec.width,
      m,
      draws,
      source,
      temperature,
      allPositions: false,
      preNorm: false,
      seed: 0,
      frontier: { vocabulary: 512, clusters: 128, kappa: 16 },
    },
    { folder: "", resumable: false },
  );
  const windows = documents.flatMap(({ index, ids }) => windowsOf(index, ids, tokenizer.prefix, LENGTH, 0));
  const engine = new OnnxEngine({
    spec,
    weights: checkpoint.weights,
    threads: 2,
    longest: LENGTH,
    describe: (batch) => `batch ${batch.index}`,
  });
  const assignments = { points, m, draws, epsilon: temperature.epsilon };
  const heads = { losses: false, assignments, preNorm: false };
  for await (const observation of engine.run(batchesOf(windows, 4096), { heads })) probe.observe(observation);
  return probe.finish();
}

describe.skipIf(!hasShared)("the worked example of METHODS §2.6 (needs ../shared)", () => {
  it("comes out to 0.01", { timeout: 180_000 }, async () => {
    const plane = await measured();
    expect(plane.positions).toBe(91_159);
    const close = (found: number | null, expected: number): void => {
      expect(Math.abs(found! - expected), `${found} for ${expected}`).toBeLessThanOrEqual(0.01 + 0.0005);
    };
    for (const [layer, order, complexity, expressivity, [plugin, heldOut]] of FIGURES) {
      const found = plane.layers[layer].orders[order];
      for (const [information, expected] of [
        [found.complexity, complexity],
        [found.expressivity, expressivity],
      ] as const) {
        close(information.plugin, expected[0]);
        close(information.excess, expected[1]);
        close(information.heldOut.value, expected[2]);
      }
      // The table has two decimals of these.
      expect(Math.abs(found.optimality.plugin! - plugin)).toBeLessThanOrEqual(0.015);
      expect(Math.abs(found.optimality.heldOut.value! - heldOut)).toBeLessThanOrEqual(0.015);
    }
    // §2.7 on the same text: held-out I(X;Y), and the frontier at the complexities of layers 0, 2 and 5.
    expect(Math.abs(plane.frontier!.limit - 2.11)).toBeLessThan(0.06);
    const bits = Math.log2(plane.referencePoints);
    const frontier = [0, 2, 5].map((layer) => {
      const { heldOut } = plane.layers[layer].orders[1].expressivity;
      return heldOut.value! * bits - plane.layers[layer].overFrontier!.value!;
    });
    [1.5, 1.12, 0.77].forEach((expected, i) => {
      expect(Math.abs(frontier[i] - expected), `${frontier[i]} for ${expected}`).toBeLessThan(0.05);
    });
  });
});
