import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** What takes long for its size, where Vitest begins with the largest until it has seen how long each takes. */
const LONG = [
  "cli/demo",
  "decode/codec",
  "decode/session",
  "decode/trees",
  "e2e/chains",
  "e2e/interruption",
  "e2e/places",
  "e2e/signals",
  "lab/training-graph",
].map((name) => `${name}.test.ts`);

/** Long files first: one that begins last has no other beside it. */
class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLong = ({ moduleId }: TestSpecification): boolean => LONG.some((name) => moduleId.endsWith(name));
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "bench/**/*.test.ts", "e2e/**/*.test.ts"],
    testTimeout: 120_000 * Math.max(1, Number(process.env.HOSTILE_TIMES ?? 1)),
    hookTimeout: 60_000,
    pool: "forks",
    fileParallelism: true,
    maxWorkers: 2,
    sequence: { sequencer: LongFirst },
    // What the tool remembers between runs stays out of the user's own cache.
    env: { XDG_CACHE_HOME: join(tmpdir(), "lossyscope-tests") },
  },
});
