/**
 * Serves the Worker on this machine until it is told to stop.
 *
 * Usage: node test/serve.js BINDINGS OPTIONS, both as JSON.
 */

import { startWorker } from "./local.js";

const [bindings, options] = process.argv.slice(2).map((text) => JSON.parse(text));
const { worker } = await startWorker(bindings, options);

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => worker.dispose());
}
