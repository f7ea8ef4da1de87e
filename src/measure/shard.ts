/**
 * A share of a measurement: the batches of the plan are dealt to n processes, on one machine or many, and each leaves a part
 * that `merge` joins with the others (METHODS §0 Seeds, §2.4 Mechanics). A part is the folder of a run that has come to its
 * end, `<id of the plan>.<i>-of-<n>`: the rows of the plane and the kept states, `state` with what the probes have seen, and
 * `part`, written last, which says whose it is. The first one has in `subject` what is needed once: the text and its tokens,
 * and what comes of the model's files. Merging takes no model, no tokenizer and no text but what lies there.
 *
 * Disk of a part, in bytes: 4·N of losses, (L+1)·(8·d·(d + 5) + 4·p·d) of geometry (p ≤ 2048 points), 4·m·draws·(L+1) a
 * position of its share, kept states 4·d·(L+1) a row of its share; the first one the text and 8 bytes a token besides.
 */
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { count } from "../numeric/amounts.ts";
import { LossyscopeError } from "../numeric/errors.ts";
import type { Plan } from "../profile/plan.ts";
import type { WindowBatch } from "../text/corpus.ts";
import { type Asides, asidesOf } from "./asides.ts";
import type { LmEvalNats } from "./lm-eval.ts";
import type { Ran } from "./observe.ts";
import type { Subject } from "./prepare.ts";
import { inRun, type RunRequest } from "./run.ts";
import { writeSealed } from "./sealed.ts";

/** Files of a part beside those of its run. */
export const PART = "part";
export const SUBJECT = "subject";
/** Names of the folders of parts. */
export const PART_FOLDER = /^[0-9a-f]{16}\.\d+-of-\d+$/;

/** Whose a part is, and what it knows that its run does not say. */
export interface Part {
  readonly id: string;
  /** place from 1 */
  readonly index: number;
  readonly count: number;
  /** what the id stands for, to tell in what two differ */
  readonly plan: Subject["plan"];
  readonly digests: Readonly<Record<string, string | null>>;
  readonly ran: Ran;
  /** nats of each batch, as `LmEvalTally.snapshot` has them; null where they were not asked for */
  readonly likeLmEval: ReadonlyMap<number, LmEvalNats> | null;
}

/** What a plan needs once, in the first part. */
export interface Whole {
  readonly subject: Subject;
  readonly asides: Asides;
}

/** One of n, from 1. Batches are dealt in turn: they come by length, so that every share is like the others. */
export class Shard {
  readonly index: number;
  readonly count: number;

  /** @throws LossyscopeError `usage` where there is no such shard */
  constructor(index: number, count: number) {
    if (!(Number.isSafeInteger(index) && Number.isSafeInteger(count) && index >= 1 && index <= count)) {
      throw new LossyscopeError("usage", `there is no shard ${index} of ${count}`, "count them from 1/n to n/n");
    }
    this.index = index;
    this.count = count;
  }

  /** The batches of its share; none where there are more shards than batches. */
  share(batches: readonly WindowBatch[]): WindowBatch[] {
    return batches.filter((_, place) => place % this.count === this.index - 1);
  }

  /** The same. @throws LossyscopeError `usage` where there are more shards than batches */
  claim(batches: readonly WindowBatch[]): WindowBatch[] {
    if (this.count <= batches.length) return this.share(batches);
    throw new LossyscopeError(
      "usage",
      `the plan has ${count(batches.length)} ${batches.length === 1 ? "batch" : "batches"} for ${count(this.count)} shards`,
      `cut it into ${batches.length} at most, or pass a smaller --batch-tokens`,
    );
  }
}

/** What `--with` asks for beyond the windows of the text. */
const HAS_ITS_OWN_PASS: Readonly<Record<Subject["plan"]["with"][number], boolean>> = {
  "next-token": false,
  recall: true,
  facts: true,
};

export interface ShardRequest extends RunRequest {
  readonly shard: Shard;
  /** where the part's folder is made */
  readonly out: string;
  /** whether a part that is complete may be measured again; not where not given */
  readonly replace?: boolean;
}

/** @throws LossyscopeError `usage` where the plan asks for what shards cannot share */
export function refuseUnshared(plan: Plan): void {
  const apart = plan.with.filter((what) => HAS_ITS_OWN_PASS[what]);
  if (apart.length > 0) {
    const asked = apart.join(" and ");
    throw new LossyscopeError(
      "usage",
      `${asked} cannot be cut into shards: only the windows of the text are shared`,
      `leave out --with, and run lossyscope ${apart[0]} by itself`,
    );
  }
}

/**
 * Measures one shard of the plan.
 * @returns the part's folder
 * @throws LossyscopeError `usage` for what shards cannot share, or a part that is complete already; else as `measure`
 */
export async function measureShard(request: ShardRequest): Promise<string> {
  const { plan, shard, out, resume, replace, progress } = request;
  refuseUnshared(plan);
  const { index, count } = shard;
  const place = ({ id }: Subject) => {
    const name = `${id}.${index}-of-${count}`;
    if (!(resume || replace) && existsSync(join(out, name, PART))) {
      const next = "pass --resume to take it as it is, --force to measure it again, or another --out";
      throw new LossyscopeError("usage", `${join(out, name)} is complete already`, next);
    }
    return { root: out, name, option: "--out", shard } as const;
  };
  return inRun(request, place, async ({ prepared, folder, observe }) => {
    if (resume && existsSync(join(folder, PART))) {
      progress.message(`${basename(folder)} is complete`);
      return folder;
    }
    const { likeLmEval, ran } = await observe();
    const { subject } = prepared;
    if (index === 1) {
      const whole: Whole = { subject, asides: await asidesOf(request, prepared) };
      await writeSealed(join(folder, SUBJECT), whole);
    }
    const part: Part = {
      id: subject.id,
      index,
      count,
      plan: subject.plan,
      digests: { ...subject.digests, text: subject.corpus.digest },
      ran: ran(),
      likeLmEval: likeLmEval?.snapshot() ?? null,
    };
    await request.model.checkpoint.refuseChanges();
    await writeSealed(join(folder, PART), part);
    return folder;
  });
}
