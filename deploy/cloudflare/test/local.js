/** The Worker in workerd, by the settings it is deployed with, on this machine. */

import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

import { Log, LogLevel, Miniflare } from "miniflare";

const CONFIGURATION = new URL("../wrangler.jsonc", import.meta.url);
const COMMENT_LINES = /^\s*\/\/.*$/gm;

/**
 * @param {Record<string, string>} bindings variables and secrets that differ
 * @param {import("miniflare").SharedOptions} [options] of the server
 * @returns {Promise<{worker: Miniflare, url: URL}>} to be disposed of, and where it listens
 */
export async function startWorker(bindings, options = {}) {
  const text = readFileSync(CONFIGURATION, "utf8");
  const configuration = JSON.parse(text.replace(COMMENT_LINES, ""));
  const main = fileURLToPath(new URL(configuration.main, CONFIGURATION));
  const worker = new Miniflare({
    compatibilityDate: configuration.compatibility_date,
    bindings: { ...configuration.vars, ...bindings },
    scriptPath: main,
    modulesRoot: dirname(main),
    modules: true,
    modulesRules: [{ type: "ESModule", include: ["**/*.js"] }],
    cf: false, // else it asks Cloudflare for an example of them
    host: "127.0.0.1",
    log: new Log(LogLevel.WARN),
    ...options,
  });
  return { worker, url: await worker.ready };
}
