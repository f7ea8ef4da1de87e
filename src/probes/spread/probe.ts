/** Spread over units and sharing of units between domains (METHODS §4): `spread.ts` as a probe of the list. */
import { setImmediate } from "node:timers/promises";
import { z } from "zod";
import { domainSharing, domainSpread, POOLS } from "../../info/concepts/domains.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import { isMet, type Need } from "../../numeric/needs.ts";
import { sum } from "../../numeric/sums.ts";
import { type FinishContext, type Probe, type ProbeKind, snapshotOf } from "../../ports/probe.ts";
import type { Plan } from "../../profile/plan.ts";
import type { Profile } from "../../profile/profile.ts";
import { type Dealt, dealt, spreadNeeds } from "./pools.ts";
import { SpreadProbe } from "./spread.ts";

const wide = z.object({ high: z.instanceof(Float64Array), low: z.instanceof(Float64Array) });
const SNAPSHOT = z.object({
  blocks: z.array(z.number().int().nonnegative()),
  seen: z.instanceof(Float64Array),
  sums: z.array(wide),
});

/** The stage of its finish. */
export const UNITS = "units of the domains";

const askedFor = ({ with: further }: Pick<Plan, "with">) => ({
  spread: further.includes("spread"),
  sharing: further.includes("sharing"),
});

export const SPREAD: ProbeKind = {
  name: "spread",
  section: "spread",
  sections: ({ with: further }) => further.filter((one) => one === "spread" || one === "sharing"),
  takes: ["pooledUnits"],
  asked: (plan) => Object.values(askedFor(plan)).some(Boolean),
  needs: ({ plan, documents }, units) => spreadNeeds(documents, units, askedFor(plan)),
  stages: (plan) => (Object.values(askedFor(plan)).some(Boolean) ? [UNITS] : []),
  create({ documents, plan }, { units }) {
    const pools = dealt(documents, units, plan.seed);
    const asked = askedFor(plan);
    if (!pools || (!asked.spread && pools.domains.length < 2)) return nothing(asked);
    const probe = new SpreadProbe(pools);
    const needs = spreadNeeds(documents, units, asked);
    return {
      name: "spread",
      asks: { heads: {}, unitPools: pools.poolsOf },
      observe: (observation) => probe.observe(observation),
      snapshot: () => probe.snapshot(),
      restore(snapshots) {
        for (const snapshot of snapshots) probe.restore(snapshotOf("spread", SNAPSHOT, snapshot));
      },
      finish: async (context) => ({
        sections: await sectionsOf(probe, pools, { asked, needs, seed: plan.seed }, context),
      }),
    };
  },
};

/** Where the text does not allow any of it. */
const nothing = (asked: ReturnType<typeof askedFor>): Probe => ({
  name: "spread",
  asks: { heads: {} },
  observe() {},
  snapshot: () => null,
  restore() {},
  finish: async () => ({
    sections: { ...(asked.spread && { spread: null }), ...(asked.sharing && { sharing: null }) },
  }),
});

interface Wanted {
  readonly asked: ReturnType<typeof askedFor>;
  readonly needs: readonly Need[];
  readonly seed: number;
}

async function sectionsOf(
  probe: SpreadProbe,
  pools: Dealt,
  { asked, needs, seed }: Wanted,
  { progress, signal }: FinishContext,
): Promise<Pick<Profile, "spread" | "sharing">> {
  const { blocks, domains } = probe.gathered();
  const names = pools.domains.map(({ name }) => name);
  const interval = (section: string) => ({
    level: 0.95 as const,
    pools: POOLS,
    absent: needs.find((need) => need.figure === `${section}.interval` && !isMet(need))?.reason ?? null,
  });
  progress.start(UNITS, asked.spread ? names.length : null, "domains");
  const found: NonNullable<Profile["spread"]>["domains"] = [];
  if (asked.spread)
    for (const [place, { name, tokens, pools: own }] of pools.domains.entries()) {
      await setImmediate();
      if (signal?.aborted) throw new LossyscopeError("interrupted", "stopped while looking at the units");
      const figures = domainSpread(domains, blocks, place, seed);
      found.push({ name, tokens, pools: own.length, ...figures, blocks: [...figures.blocks] });
      progress.update(found.length);
    }
  const units = sum(blocks);
  const sharing = asked.sharing && names.length > 1 ? domainSharing(domains, seed) : null;
  progress.finish();
  return {
    ...(asked.spread && { spread: { units, domains: found, interval: interval("spread") } }),
    ...(asked.sharing && {
      sharing: sharing && {
        units,
        top: sharing.top,
        domains: names,
        pairs: sharing.pairs.map(({ a, b, ...own }) => ({ a: names[a], b: names[b], ...own })),
        interval: interval("sharing"),
      },
    }),
  };
}
