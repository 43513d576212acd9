/** A client that writes and reads piece by piece, and can leave. */

import { once } from "node:events";
import { request as open } from "node:http";

export class Exchange {
  /**
   * @param {URL} base
   * @param {string} path as it is sent
   * @param {import("node:http").RequestOptions} [options]
   */
  constructor(base, path, options = {}) {
    const { hostname, port } = base;
    this.request = open({ hostname, port, path, agent: false, ...options });
    this.request.on("error", () => {}); // it has left
  }

  /** The response; its body is still to come. */
  async response() {
    const [response] = await once(this.request, "response");
    response.setEncoding("utf8").on("error", () => {});
    return response;
  }

  /** Close the connection, in good order or by a reset. */
  leave({ reset = false } = {}) {
    if (reset) {
      this.request.socket.resetAndDestroy();
    } else {
      this.request.destroy();
    }
  }
}

/**
 * A whole response.
 *
 * @param {URL} base
 * @param {string} path
 * @param {import("node:http").RequestOptions} [options]
 */
export async function get(base, path, options) {
  const exchange = new Exchange(base, path, options);
  exchange.request.end();
  const response = await exchange.response();
  const text = (await response.toArray()).join("");
  return { status: response.statusCode, headers: response.headers, text };
}
