// Estimates what hidden states know of labels: yours, from whatever made them. Here states are drawn around a point for each
// of four kinds of token, and a second label means nothing.
import { estimate } from "lossyscope";
import { writeSafetensors } from "lossyscope/safetensors";

const ROWS = 2000;
const WIDTH = 16;
const KINDS = 4;
const FILE = "states.safetensors";

const kind = Int32Array.from({ length: ROWS }, () => Math.floor(KINDS * Math.random()));
const states = Float32Array.from({ length: ROWS * WIDTH }, (_, at) => {
  const centre = at % WIDTH === kind[Math.floor(at / WIDTH)] ? 3 : 0;
  return centre + Math.random() - 0.5;
});
await writeSafetensors(FILE, [
  { name: "z", dtype: "F32", shape: [ROWS, WIDTH], data: states },
  { name: "kind", dtype: "I32", shape: [ROWS], data: kind },
  { name: "noise", dtype: "I32", shape: [ROWS], data: Int32Array.from(kind, () => Math.floor(KINDS * Math.random())) },
  // documents: what is held out is held out by these
  { name: "doc", dtype: "I32", shape: [ROWS], data: Int32Array.from(kind, (_, row) => Math.floor(row / 20)) },
]);

const { layers, referencePoints } = await estimate(FILE);
for (const [label, { heldOut, null: chance }] of Object.entries(layers[0].labels))
  console.log(`${label}: ${heldOut.value} of ln ${referencePoints} held out, ${chance} by chance`);
