/** What is known of the almanac's world (METHODS §9), from the losses that the coding probe keeps: `almanac.ts`, `knowledge.ts`. */
import type { ProbeKind } from "../../ports/probe.ts";
import { almanacNeeds, almanacSection } from "./almanac.ts";
import { knowledgeNeeds, knowledgeOf } from "./knowledge.ts";

export const ALMANAC: ProbeKind = {
  name: "almanac",
  section: "almanac",
  takes: ["losses"],
  asked: () => true,
  needs({ documents, plan }) {
    const pages = almanacNeeds(documents, plan.seed);
    return [...pages, ...(pages.length > 1 ? knowledgeNeeds(documents) : [])];
  },
  stages: () => [],
  create: ({ documents, plan }) => ({
    name: "almanac",
    asks: { heads: { losses: true } },
    observe() {},
    snapshot: () => null,
    restore() {},
    async finish({ lossesOf, found }) {
      const nats = found.documents!.map((document) => document.nats ?? Number.NaN);
      const almanac = almanacSection(documents, nats, plan.seed);
      if (almanac === undefined) return { sections: {} };
      const knowledge = almanac && knowledgeOf(documents, lossesOf, plan.seed);
      return { sections: { almanac: almanac && { ...almanac, knowledge } } };
    },
  }),
};
