import { defineConfig } from "vitest/config";

/** Long enough for a machine that is busy with other things. */
export default defineConfig({ test: { testTimeout: 20_000, hookTimeout: 60_000 } });
