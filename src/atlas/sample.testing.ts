/** Sample profiles of several models on one text, with documents and figures that differ as the caller says. */
import { random } from "../numeric/random.ts";
import { sum } from "../numeric/sums.ts";
import type { Profile } from "../profile/profile.ts";
import { sampleProfile } from "../report/sample.testing.ts";

export interface Sample {
  readonly name: string;
  readonly bitsPerByte: number;
  readonly parameters?: number;
  /** default 40 */
  readonly documents?: number;
}

/** Documents of 400 to 1,600 bytes in two domains; what is hard about one is hard for every model. */
export function modelProfile({ name, bitsPerByte, parameters = 259_776, documents = 40 }: Sample): Profile {
  const profile = sampleProfile();
  const text = random(11, "text");
  const own = random(12, name);
  const cut = Array.from({ length: documents }, (_, index) => {
    const bytes = 400 + text.below(1200);
    const hardness = Math.exp(0.3 * text.normal());
    const bits = bitsPerByte * hardness * Math.exp(0.02 * own.normal()) * bytes;
    return {
      id: `${index}.txt`,
      sha256: index.toString(16).padStart(64, "0"),
      domain: index % 2 === 0 ? "prose" : "verse",
      bytes,
      tokens: Math.round(bytes / 3),
      nats: bits * Math.LN2,
    };
  });
  const coding = (chosen: typeof cut) => {
    const bytes = sum(chosen.map((one) => one.bytes));
    const nats = sum(chosen.map((one) => one.nats));
    const value = nats / Math.LN2 / bytes;
    const tokens = sum(chosen.map((one) => one.tokens));
    return {
      ...profile.coding!.overall,
      documents: chosen.length,
      bytes,
      tokens,
      nats,
      bitsPerByte: { value, low: value * 0.95, high: value * 1.05 },
    };
  };
  const bytes = sum(cut.map((one) => one.bytes));
  return {
    ...profile,
    id: name,
    model: { ...profile.model, name },
    ledger: {
      ...profile.ledger,
      parameters: { ...profile.ledger.parameters, total: parameters },
      weightBytes: 4 * parameters,
    },
    corpus: { ...profile.corpus, documents, units: documents, bytes, tokens: sum(cut.map((one) => one.tokens)) },
    coding: {
      ...profile.coding!,
      overall: coding(cut),
      domains: Object.fromEntries(
        ["prose", "verse"].map((domain) => [domain, coding(cut.filter((one) => one.domain === domain))]),
      ),
    },
    documents: cut,
    passages: [],
  };
}
