/**
 * A share of a measurement: the batches of the plan are dealt to n processes, on one machine or many, and each leaves a part
 * that `merge` joins with the others (METHODS §0 Seeds, §2.4 Mechanics). Merging takes no model, no tokenizer and no text
 * but what lies there.
 *
 * Disk of a part, in bytes: 4·N of losses, (L+1)·(8·d·(d + 5) + 4·p·d) of geometry (p ≤ 2048 points), 4·m·draws·(L+1) a
 * position of its share, kept states 4·d·(L+1) a row of its share; the first one the text and 8 bytes a token besides.
 */
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { LossyscopeError } from "../../numeric/errors.ts";
import { observe } from "../observe.ts";
import { openRun, type RunRequest } from "../open-run.ts";
import { type PrepareRequest, prepare, type Subject } from "../prepare.ts";
import { writeChecksummed } from "../running/checksummed.ts";
import { besideStatic } from "../static/static-figures.ts";
import { PART, type Part, SUBJECT, type Whole } from "./part.ts";
import type { Shard } from "./share.ts";

/** What `--with` asks for beyond the windows of the text. */
const HAS_ITS_OWN_PASS: Readonly<Record<Subject["plan"]["with"][number], boolean>> = {
  "next-token": false,
  spread: false,
  sharing: false,
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

/** @throws LossyscopeError `usage` where what is asked for is nothing that shards can share */
export function refuseUnshared({ plan, reference }: Pick<PrepareRequest, "plan" | "reference">): void {
  if (reference)
    throw new LossyscopeError(
      "usage",
      "what a model is beside its reference cannot be cut into shards: only the windows of one model are shared",
      "leave out --reference, and measure that by itself with --no-plane --no-geometry",
    );
  if (plan.concepts)
    throw new LossyscopeError(
      "usage",
      "concepts cannot be cut into shards: only the windows of the text are shared",
      "leave out --concepts, and measure them by themselves",
    );
  if (plan.pairs)
    throw new LossyscopeError(
      "usage",
      "pairs cannot be cut into shards: only the windows of the text are shared",
      "leave out --pairs, and measure them by themselves",
    );
  if (plan.precision)
    throw new LossyscopeError(
      "usage",
      `--precision ${plan.precision} cannot be cut into shards: what it costs is found on the first windows`,
      "leave out --precision, or --shard",
    );
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
export async function measureShard(given: ShardRequest): Promise<string> {
  const { shard, out, resume, replace, progress } = given;
  refuseUnshared(given);
  const { index, count } = shard;
  try {
    const prepared = await prepare({ streaming: "if needed", ...given });
    const request = { ...given, model: prepared.model };
    const { subject } = prepared;
    const name = `${subject.id}.${index}-of-${count}`;
    if (!(resume || replace) && existsSync(join(out, name, PART))) {
      const next = "pass --resume to take it as it is, --force to measure it again, or another --out";
      throw new LossyscopeError("usage", `${join(out, name)} is complete already`, next);
    }
    return await openRun(request, prepared, { root: out, name, option: "--out", shard }, async (run) => {
      const { path } = run.folder;
      if (resume && existsSync(join(path, PART))) {
        progress.message(`${basename(path)} is complete`);
        return path;
      }
      return besideStatic(request, prepared, index === 1, async (figures) => {
        const { likeLmEval, likeLlamaCpp, execution } = await observe(run);
        if (index === 1) {
          const whole: Whole = { subject, asides: await figures() };
          await writeChecksummed(join(path, SUBJECT), whole);
        }
        const part: Part = {
          id: subject.id,
          index,
          count,
          plan: subject.plan,
          digests: { ...subject.digests, text: subject.corpus.digest },
          ran: execution(),
          likeLmEval: likeLmEval?.snapshot() ?? null,
          likeLlamaCpp: likeLlamaCpp?.snapshot() ?? null,
        };
        await request.model.refuseChanges();
        await writeChecksummed(join(path, PART), part);
        return path;
      });
    });
  } finally {
    progress.finish();
  }
}
