/** How small the text gets (METHODS §1): `coding.ts` as a probe of the list. */
import { z } from "zod";
import { capabilityNeed } from "../../ports/model.ts";
import { type ProbeKind, snapshotOf } from "../../ports/probe.ts";
import { CodingProbe, codingNeeds } from "./coding.ts";

const SNAPSHOT = z.object({ losses: z.instanceof(Float32Array) });

/** The stage of its finish. */
export const CODE_LENGTHS = "code lengths";

/** What it keeps others go by too: every run has it, and the losses of all tokens with it. */
export const CODING = {
  name: "coding",
  section: "coding",
  takes: ["losses"],
  asked: () => true,
  needs: ({ documents, model: { can } }, units) => [
    ...codingNeeds(documents, units),
    ...["adjustedRate", "breakEven"].map((figure) => capabilityNeed(`coding.overall.${figure}`, can, "weights")),
  ],
  stages: () => [CODE_LENGTHS],
  create({ documents, model, plan, prefix }, { units }) {
    const probe = new CodingProbe(documents, { vocabulary: model.vocabulary, prefixed: prefix !== null });
    return {
      name: "coding",
      asks: { heads: { losses: true } },
      losses: (document: number) => probe.losses(document),
      observe: (observation) => probe.observe(observation),
      snapshot: () => probe.snapshot(),
      restore(snapshots) {
        for (const snapshot of snapshots) probe.restore(snapshotOf("coding", SNAPSHOT, snapshot));
      },
      async finish({ beside: { ledger, baselines, likeLmEval, likeLlamaCpp, repeatability }, progress }) {
        progress.start(CODE_LENGTHS, null, "");
        const { coding, documentNats } = probe.finish({
          units,
          weightBytes: ledger?.weightBytes ?? null,
          baselines,
          seed: plan.seed,
        });
        progress.finish();
        return {
          sections: {
            coding: {
              ...coding,
              ...(repeatability && { repeatability }),
              ...(likeLmEval && { likeLmEval }),
              ...(likeLlamaCpp && { likeLlamaCpp }),
            },
            documents: documents.map(({ id, sha256, domain, bytes, ids, index }) => ({
              id,
              sha256,
              domain,
              bytes,
              tokens: ids.length,
              nats: documentNats[index],
            })),
          },
        };
      },
    };
  },
} satisfies ProbeKind;
