/** Which tests exist and how they share the machine. `scripts/test.mjs` decides which of them run on which Node. */
import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    dangerouslyIgnoreUnhandledErrors: false,
    // The groups run one after the other: a suite that starts processes must not compete with the others for the CPU.
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/e2e/**", "test/cluster/**", "test/types/**"],
          pool: "forks",
          testTimeout: 20_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: "types",
          include: ["test/types/*.test.ts"],
          // Each test is a whole compilation.
          testTimeout: 60_000,
          hookTimeout: 60_000,
          typecheck: {
            enabled: true,
            checker: "tsc",
            include: ["test/types/*.test-d.ts"],
            tsconfig: "test/types/tsconfig.json",
          },
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          pool: "forks",
          // Each test starts runners of its own, two processes apiece.
          maxWorkers: 2,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: "cluster",
          include: ["test/cluster/**/*.test.ts"],
          globalSetup: ["test/cluster/global-setup.ts"],
          pool: "forks",
          // There is one cluster, and the tests look at what is left on all of it.
          fileParallelism: false,
          // Of the tests of one file that wait side by side: what they wait for is a clock, mostly.
          maxConcurrency: 14,
          testTimeout: 180_000,
          hookTimeout: 180_000,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
})
