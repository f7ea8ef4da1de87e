import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "bench/**/*.test.ts", "e2e/**/*.test.ts"],
    testTimeout: 120_000 * Math.max(1, Number(process.env.HOSTILE_TIMES ?? 1)),
    hookTimeout: 60_000,
    pool: "forks",
    fileParallelism: true,
    maxWorkers: 2,
    // What the tool remembers between runs stays out of the user's own cache.
    env: { XDG_CACHE_HOME: join(tmpdir(), "lossyscope-tests") },
  },
});
