/**
 * The text that a report shows, with the code length of every token and, for a bounded number of tokens, those that a reader
 * meets first, what the model held for likeliest there: what it costs does not grow with the text.
 */
import { z } from "zod";
import { capabilityNeed } from "../../ports/model.ts";
import { type ProbeKind, type ProbeSubject, snapshotOf } from "../../ports/probe.ts";
import { Expectations, type Stretch } from "./expectations.ts";
import { passageSpans, passagesOf } from "./passages.ts";

/** Likeliest tokens that are kept of a place. */
const LIKELIEST = 3;
const MOST_TOKENS = 12_288;

const SNAPSHOT = z.object({
  tokens: z.instanceof(Int32Array),
  nats: z.instanceof(Float32Array),
  names: z.map(z.number(), z.string()),
});

export const PASSAGES: ProbeKind = {
  name: "passages",
  section: "passages",
  takes: ["losses"],
  asked: ({ keepText }) => keepText,
  needs: ({ model: { can } }) => [capabilityNeed("passages.expected", can, "likeliest")],
  stages: () => [],
  create(subject, { spell }) {
    const { documents, plan } = subject;
    const told = subject.can.includes("likeliest");
    const expectations = new Expectations(
      told ? stretchesOf(subject) : [],
      Math.min(LIKELIEST, subject.model.vocabulary),
      spell,
    );
    return {
      name: "passages",
      asks: told
        ? { heads: { losses: true, likeliest: LIKELIEST }, likeliestRows: (batch) => expectations.rows(batch) }
        : { heads: { losses: true } },
      observe(observation) {
        if (told) expectations.observe(observation);
      },
      snapshot: () => expectations.snapshot(),
      restore(snapshots) {
        for (const snapshot of snapshots) expectations.restore(snapshotOf("passages", SNAPSHOT, snapshot));
      },
      finish: async ({ lossesOf }) => ({
        sections: {
          passages: passagesOf(documents, lossesOf, {
            seed: plan.seed,
            expectedOf: (document, first) => expectations.of(document, first),
          }),
        },
      }),
    };
  },
};

function stretchesOf({ documents, plan }: ProbeSubject): Stretch[] {
  let room = MOST_TOKENS;
  return passageSpans(documents, { seed: plan.seed }).flatMap(({ document, first, last }): Stretch[] => {
    const taken = Math.min(room, last - first);
    room -= taken;
    return taken > 0 ? [{ document: document.index, first, last: first + taken }] : [];
  });
}
