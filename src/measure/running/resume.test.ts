/**
 * A run that is stopped, or dies, at any point goes on from there to the figures it would have had: all of them, to the
 * last digit. What a run leaves is what its resumption needs, and nothing once it is done.
 */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { OnnxEngine } from "../../engines/onnx.ts";
import { ioFault } from "../../files/faults.ts";
import { temporaryFolder } from "../../files/folder.testing.ts";
import { LossyscopeError } from "../../numeric/errors.ts";
import { isPosix } from "../../system.testing.ts";
import type { Measurement } from "../measure.ts";
import { type Asked, figuresOf, listener, measureFiles, sampleText, writeModel, writeText } from "../model.testing.ts";
import { PASS, READING } from "../stages.ts";

const at = temporaryFolder();
beforeEach(() => {
  vi.stubEnv("XDG_CACHE_HOME", at("cache"));
  return () => vi.unstubAllEnvs();
});

/** Twenty-four documents, a dozen batches. */
async function asked(more: Partial<Asked> = {}): Promise<Asked> {
  const model = existsSync(at("model")) ? at("model") : await writeModel(at("model"));
  const text = writeText(at("text.txt"), sampleText(24, 120));
  const plan = { context: { tokens: 48 }, batchTokens: 384, plane: { points: 20, frontier: null }, geometry: true };
  return { model, text, work: at("work"), plan, ...more };
}

let unstopped: Promise<{ figures: unknown; batches: number }> | undefined;

/** What `asked` comes to when nothing happens to it: the same in every folder. */
function undisturbed(request: Asked): Promise<{ figures: unknown; batches: number }> {
  const measureOnce = async () => {
    let batches = 0;
    const progress = listener((label, updates) => {
      if (label === PASS) batches = updates;
    });
    const { profile } = await measureFiles({ ...request, progress });
    expect(profile.plane!.layers).toHaveLength(3);
    expect(readdirSync(at("work"))).toEqual([]);
    return { figures: figuresOf(profile), batches };
  };
  unstopped ??= measureOnce();
  return unstopped;
}

/** Stops a measurement when the work of that name has been heard of so many times. */
async function stopped(request: Asked, label: string, updates: number): Promise<LossyscopeError> {
  const controller = new AbortController();
  const progress = listener((heard, count) => {
    if (heard === label && count === updates) controller.abort();
  });
  return failure(measureFiles({ ...request, progress, signal: controller.signal }));
}

async function failure(work: Promise<Measurement>): Promise<LossyscopeError> {
  const error = await work.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(LossyscopeError);
  return error as LossyscopeError;
}

const runFolder = (): string => join(at("work"), readdirSync(at("work"))[0]);

describe("a run", () => {
  it("that is stopped three times gives the figures of one that is not", async () => {
    const request = await asked();
    const { figures } = await undisturbed(request);
    const first = await stopped(request, PASS, 3);
    expect(first.fault).toBe("interrupted");
    expect(first.message).toMatch(
      /^stopped after \d+ % of the text: the same command with --resume goes on from there$/,
    );
    const resumed = { ...request, resume: true };
    const second = await stopped(resumed, PASS, 2);
    expect(share(second)).toBeGreaterThan(share(first));
    const third = await stopped(resumed, "information plane", 1);
    expect(third.message).toMatch(/^stopped after 1 of 3 layers of the plane: the same command with --resume goes on/);
    const progress = listener();
    const { profile } = await measureFiles({ ...resumed, progress });
    expect(figuresOf(profile)).toEqual(figures);
    expect(profile.provenance.tokensPerSecond).toBeNull();
    expect(readdirSync(at("work"))).toEqual([]);
  });

  it("that is stopped while the text is read keeps nothing", async () => {
    const error = await stopped(await asked(), READING, 0);
    expect([error.fault, error.message]).toEqual([
      "interrupted",
      "stopped while reading the text: the same command begins again",
    ]);
    expect(existsSync(at("work"))).toBe(false);
  });

  it.skipIf(!isPosix)(
    "whose runtime dies names the window, and goes on from its last snapshot (needs signals)",
    async () => {
      const request = await asked({ snapshotSeconds: 0 });
      const { figures, batches } = await undisturbed(request);
      let engine: OnnxEngine | undefined;
      const run = OnnxEngine.prototype.run;
      vi.spyOn(OnnxEngine.prototype, "run").mockImplementation(function (this: OnnxEngine, ...given) {
        engine = this;
        return run.apply(this, given);
      });
      const progress = listener((label, updates) => {
        if (label !== PASS || updates !== 4) return;
        // It stands still until there is work that it does not answer.
        const id = engine!.processId!;
        process.kill(id, "SIGSTOP");
        setTimeout(() => process.kill(id, "SIGKILL"), 300);
      });
      const error = await failure(measureFiles({ ...request, progress }));
      vi.restoreAllMocks();
      expect(error.fault).toBe("memory");
      expect(error.message).toMatch(
        /^the runtime was ended by SIGKILL at tokens \d+ to \d+ of "text\.txt#\d+" and \d+ more windows: it probably ran out of memory; make the batch or the context smaller/,
      );
      let left = 0;
      const again = listener((label, updates) => {
        if (label === PASS) left = updates;
      });
      const { profile } = await measureFiles({ ...request, resume: true, progress: again });
      expect(left).toBeGreaterThan(0);
      expect(left).toBeLessThanOrEqual(batches - 4);
      expect(figuresOf(profile)).toEqual(figures);
    },
  );

  it("whose result finds the disk full keeps what it measured", async () => {
    const request = await asked({ plan: { plane: null, geometry: false } });
    const full = Object.assign(new Error("ENOSPC: no space left on device, write"), {
      code: "ENOSPC",
      syscall: "write",
    });
    const deliver = () => Promise.reject(ioFault(full, "write profile.json"));
    const error = await failure(measureFiles({ ...request, deliver }));
    expect(error.message).toBe(
      "cannot write profile.json (the disk is full): free space or choose another disk, then run again: the same command with --resume goes on from there",
    );
    let delivered: Measurement | undefined;
    const heard = new Set<string>();
    const measurement = await measureFiles({
      ...request,
      resume: true,
      progress: listener((label, updates) => heard.add(`${label} ${updates}`)),
      deliver: async (given) => void (delivered = given),
    });
    expect(delivered).toBe(measurement);
    expect(heard).not.toContain(`${PASS} 1`);
    expect(readdirSync(at("work"))).toEqual([]);
  });

  it("of another plan is another run", async () => {
    const request = await asked({ plan: { plane: null, batchTokens: 384 } });
    await stopped(request, PASS, 2);
    const kept = readdirSync(at("work"));
    const other = listener();
    await measureFiles({ ...request, resume: true, plan: { ...request.plan, seed: 1 }, progress: other });
    expect(other.said).toContain("there is nothing to go on from: the run begins afresh");
    expect(readdirSync(at("work"))).toEqual(kept);
    const same = listener();
    await measureFiles({ ...request, resume: true, progress: same });
    expect(same.said).toEqual([]);
    expect(readdirSync(at("work"))).toEqual([]);
  });

  it("begun without --resume forgets what was there", async () => {
    const request = await asked({ plan: { plane: null, batchTokens: 384 } });
    await stopped(request, PASS, 2);
    let tokens = 0;
    const progress = listener();
    progress.update = (done) => (tokens ||= done);
    await measureFiles({ ...request, progress });
    expect(tokens).toBeLessThan(400);
  });

  it("that died before its first snapshot begins afresh, whatever it had spilled", async () => {
    const request = await asked();
    const { figures } = await undisturbed(request);
    await stopped(request, PASS, 4);
    rmSync(join(runFolder(), "state"));
    expect(readdirSync(runFolder())).toEqual(["assignments.0", "assignments.1", "assignments.2"]);
    const { profile } = await measureFiles({ ...request, resume: true });
    expect(figuresOf(profile)).toEqual(figures);
  });

  it("with damaged remains says so, and can be begun afresh", async () => {
    const request = await asked();
    await stopped(request, PASS, 4);
    const state = join(runFolder(), "state");
    const sound = readFileSync(state);
    const resumed = { ...request, resume: true };

    writeFileSync(state, sound.with(sound.length >> 1, sound[sound.length >> 1] ^ 1));
    const flipped = await failure(measureFiles(resumed));
    expect(flipped.message).toMatch(/state is damaged: start it afresh, without --resume/);
    writeFileSync(state, sound.subarray(0, 10));
    expect((await failure(measureFiles(resumed))).message).toMatch(/is damaged/);

    writeFileSync(state, sound);
    writeFileSync(join(runFolder(), "assignments.1"), "");
    const short = await failure(measureFiles(resumed));
    expect(short.message).toMatch(
      /assignments\.1 has 0 bytes, [\d,]+ are wanted: start the run afresh, without --resume/,
    );
    expect((await measureFiles(request)).profile.corpus.documents).toBe(24);
    expect(readdirSync(at("work"))).toEqual([]);
  });

  it("is made by one process at a time", async () => {
    const request = await asked({ plan: { plane: null } });
    let second: Promise<LossyscopeError> | undefined;
    const progress = listener((label) => {
      if (label === PASS) second ??= failure(measureFiles({ ...request, resume: true }));
    });
    const first = await measureFiles({ ...request, progress });
    expect(first.profile.corpus.documents).toBe(24);
    const error = await second!;
    expect(error.fault).toBe("usage");
    expect(error.message).toMatch(
      new RegExp(`process ${process.pid} is making this very measurement \\(run \\w{16}\\): wait for it`),
    );
    expect(readdirSync(at("work"))).toEqual([]);
  });

  it("says that its model has gone, whenever it goes", async () => {
    for (const [when, message] of [
      [READING, /cannot read .*model\.safetensors \(no such file or directory\): check the path/],
      [PASS, /the runtime failed at loading the model: .*model\.safetensors/],
    ] as const) {
      const request = await asked({ plan: { plane: null } });
      const progress = listener((label) => {
        if (label === when) rmSync(join(at("model"), "model.safetensors"), { force: true });
      });
      expect((await failure(measureFiles({ ...request, progress }))).message).toMatch(message);
      expect(existsSync(at("work")) ? readdirSync(at("work")) : []).toEqual([]);
      rmSync(at("model"), { recursive: true });
    }
  });
});

const share = ({ message }: LossyscopeError): number => Number(/after (\d+) %/.exec(message)?.[1]);
