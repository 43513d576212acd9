/** The variables and secrets of the Worker. */

import { misconfigured } from "./refusals.js";

/**
 * @typedef {object} Settings
 * @property {string} origin scheme, name and port of piecesd
 * @property {readonly string[]} paths what is passed on
 * @property {string | undefined} proxySecret shown to piecesd, if there is one
 */

/**
 * @param {Record<string, string | undefined>} env
 * @returns {Settings}
 * @throws {import("./refusals.js").Refusal} one can't be read
 */
export function readSettings(env) {
  return {
    origin: readOrigin(env.ORIGIN ?? ""),
    paths: readPaths(env.PATHS ?? ""),
    proxySecret: env.PROXY_SECRET,
  };
}

/** @param {string} text */
function readOrigin(text) {
  let url;
  try {
    url = new URL(text);
  } catch {
    throw misconfigured(`ORIGIN is ${JSON.stringify(text)}, which is no URL`);
  }
  const isBare = url.href === `${url.origin}/`;
  if (!isBare || !["http:", "https:"].includes(url.protocol)) {
    throw misconfigured("ORIGIN has to be http:// or https://, a name, and perhaps a port");
  }
  return url.origin;
}

/** @param {string} text */
function readPaths(text) {
  const paths = text.split(/\s+/).filter(Boolean);
  const wrong = paths.find((path) => !path.startsWith("/"));
  if (wrong !== undefined || paths.length === 0) {
    throw misconfigured("PATHS has to be paths with blanks between them, each from a slash on");
  }
  return paths;
}
