/**
 * Forwards the API's requests to a piecesd of your own.
 *
 * Bodies are streams both ways and never read here: the runtime joins them, and
 * when the client leaves it drops the request to the origin, so that the call to
 * the model ends. Nothing may be left to `waitUntil`, which would keep it alive.
 */

import { Refusal, timedOut, unknownUrl, unreachable } from "./refusals.js";
import { readSettings } from "./settings.js";

/** What a client may claim about who it is; only this Worker is believed. */
const CLAIMS = [
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-proto",
  "x-proxy-secret",
  "x-real-ip",
];

/** Cloudflare answers with 520 to 530 itself where the origin does not. */
const FIRST_OF_CLOUDFLARE = 520;
const ORIGIN_SILENT = 524;
const LAST_OF_CLOUDFLARE = 530;

export default {
  /**
   * @param {Request} request
   * @param {Record<string, string | undefined>} env variables and secrets of the Worker
   * @returns {Promise<Response>}
   */
  async fetch(request, env) {
    const headers = forwardedHeaders(request.headers);
    try {
      return await forward(request, headers, readSettings(env));
    } catch (error) {
      if (error instanceof Refusal) {
        return error.response(headers.get("x-request-id"));
      }
      throw error;
    }
  },
};

/**
 * @param {Request} request
 * @param {Headers} headers what is sent of the request's
 * @param {import("./settings.js").Settings} settings
 * @returns {Promise<Response>}
 * @throws {Refusal}
 */
async function forward(request, headers, { origin, paths, proxySecret }) {
  const { pathname, search } = new URL(request.url);
  if (!isForwarded(pathname, paths)) {
    throw unknownUrl(request.method, pathname);
  }
  if (proxySecret) {
    headers.set("x-proxy-secret", proxySecret);
  }
  let response;
  try {
    response = await fetch(origin + pathname + search, {
      method: request.method,
      headers,
      body: request.body,
      cache: "no-store",
      redirect: "manual",
    });
  } catch (error) {
    throw unreachable(String(error));
  }
  if (response.status < FIRST_OF_CLOUDFLARE || response.status > LAST_OF_CLOUDFLARE) {
    return response;
  }
  await response.body?.cancel();
  throw response.status === ORIGIN_SILENT ? timedOut() : unreachable(`status ${response.status}`);
}

/**
 * Whether `paths` have the path. One that could lead elsewhere, once somebody
 * behind has decoded it, is none of them.
 *
 * @param {string} pathname
 * @param {readonly string[]} paths each a path, or with a slash at its end all below it
 */
function isForwarded(pathname, paths) {
  let decoded;
  try {
    decoded = decodeURIComponent(pathname);
  } catch {
    return false;
  }
  return (
    !decoded.split(/[/\\]/).includes("..") &&
    paths.some((path) => (path.endsWith("/") ? pathname.startsWith(path) : pathname === path))
  );
}

/**
 * The client's headers, with its address in place of what it says of itself, and
 * with an id by which client, Cloudflare and piecesd know the request.
 *
 * @param {Headers} received
 * @returns {Headers}
 */
function forwardedHeaders(received) {
  const headers = new Headers(received);
  CLAIMS.forEach((name) => headers.delete(name));
  const address = received.get("cf-connecting-ip");
  if (address) {
    headers.set("x-forwarded-for", address);
  }
  if (!headers.has("x-request-id")) {
    headers.set("x-request-id", received.get("cf-ray") ?? crypto.randomUUID());
  }
  return headers;
}
