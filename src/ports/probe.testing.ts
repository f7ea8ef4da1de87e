/**
 * What every probe of the list owes a run (`probe.ts`): what it has seen comes back from a snapshot that went through the
 * structured clone, and together from shards, as what one run finds, to the last digit; observations may come in any order; a
 * snapshot that is not its own is refused. A probe's test calls this once.
 */
import { expect, it } from "vitest";
import { LossyscopeError } from "../numeric/errors.ts";
import type { Observation } from "./observation.ts";
import type { Finding, Probe } from "./probe.ts";

export interface ProbeSubjects {
  /** a new probe of the same subject */
  readonly make: () => Probe;
  readonly observations: readonly Observation[];
  readonly finish: (probe: Probe) => Promise<Finding>;
}

const clone = (snapshot: unknown): unknown => structuredClone(snapshot);

/** For probes that keep nothing on the disk: a place would be one shard's. */
export function describeProbe({ make, observations, finish }: ProbeSubjects): void {
  const seeing = (seen: readonly Observation[], from: Probe = make()): Probe => {
    for (const observation of seen) from.observe(observation);
    return from;
  };
  const half = observations.length >> 1;

  it("finds the same whatever order observations come in", async () => {
    const found = await finish(seeing(observations));
    expect(Object.keys(found.sections)).not.toEqual([]);
    expect(await finish(seeing(observations.toReversed()))).toEqual(found);
  });

  it("goes on where it was stopped", async () => {
    const going = make();
    going.restore([clone(seeing(observations.slice(0, half)).snapshot())]);
    expect(await finish(seeing(observations.slice(half), going))).toEqual(await finish(seeing(observations)));
  });

  it("comes together from shards", async () => {
    const shards = [0, 1, 2].map((shard) => seeing(observations.filter((_, at) => at % 3 === shard)));
    const whole = make();
    whole.restore(shards.map((shard) => clone(shard.snapshot())));
    expect(await finish(whole)).toEqual(await finish(seeing(observations)));
  });

  it("keeps a snapshot as it was taken", () => {
    const probe = seeing(observations.slice(0, half));
    const taken = probe.snapshot();
    const before = clone(taken);
    seeing(observations.slice(half), probe);
    expect(taken).toEqual(before);
  });

  it.each([null, 7, {}, [], { losses: "none" }])("refuses %j as a snapshot", (other) => {
    expect(() => make().restore([other])).toThrow(LossyscopeError);
  });
}
