/** Top-1 accuracy and calibration of the next token (METHODS §1.5): `next-token.ts` as a probe of the list. */
import { z } from "zod";
import { needed } from "../../numeric/needs.ts";
import { type ProbeKind, snapshotOf } from "../../ports/probe.ts";
import { intervalNeed } from "../../text/units.ts";
import { NextTokenProbe } from "./next-token.ts";

const SNAPSHOT = z.object({ nats: z.instanceof(Float32Array), seen: z.instanceof(Uint8Array) });

export const NEXT_TOKEN: ProbeKind = {
  name: "next-token",
  section: "nextToken",
  takes: ["losses", "likeliest"],
  asked: ({ with: further }) => further.includes("next-token"),
  needs({ documents, prefix }, units) {
    const unpredicted = prefix === null ? 1 : 0;
    const predicted = documents.some(({ ids }) => ids.length > unpredicted);
    return predicted
      ? [intervalNeed("nextToken.interval", units)]
      : [needed("nextToken", false, "token", "no token is predicted", "give documents of two tokens or more")];
  },
  stages: () => [],
  create({ documents, plan }, { units }) {
    const probe = new NextTokenProbe(documents);
    return {
      name: "next-token",
      asks: { heads: { losses: true, likeliest: 1 }, likeliestRows: NextTokenProbe.rows },
      observe: (observation) => probe.observe(observation),
      snapshot: () => probe.snapshot(),
      restore(snapshots) {
        for (const snapshot of snapshots) probe.restore(snapshotOf("next-token", SNAPSHOT, snapshot));
      },
      finish: async () => ({ sections: { nextToken: probe.finish(units, plan.seed) } }),
    };
  },
};
