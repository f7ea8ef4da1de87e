// Measures a model on a text, prints two figures, and says what is missing.
import { createProgress, LossyscopeError, measure } from "lossyscope";

/** A folder in the Hugging Face layout, or org/name[@revision] on the Hub. */
const MODEL = "node_modules/lossyscope/specimens/main/step-36246";
/** Files and folders. The model has read pages of a fictional country and nothing else: this text surprises it. */
const TEXT = "node_modules/lossyscope/docs/guide";

const progress = createProgress({ write: (line) => console.error(line.trimEnd()) });
try {
  const profile = await measure(MODEL, { text: TEXT, limitBytes: 10_000, progress });
  const bits = profile.coding?.overall.bitsPerByte;
  if (bits) console.log(`${profile.model.name}: ${bits.value} bits per byte`);
  const known = profile.plane?.layers.map(({ orders }) => orders["1"].expressivity.heldOut.value ?? 0) ?? [];
  if (known.length > 0) console.log(`layer ${known.indexOf(Math.max(...known))} knows most of the next token`);
  for (const { figure, reason } of profile.refusals) console.log(`no ${figure}: ${reason}`);
} catch (error) {
  if (!(error instanceof LossyscopeError)) throw error;
  console.error(`${error.fault}: ${error.message}`);
}
