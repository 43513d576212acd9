/** A server in the place of piecesd, each answer of which a test writes. */

import { once } from "node:events";
import { createServer } from "node:http";

export class Origin {
  #calls = [];
  #waiting = [];
  #server = createServer((request, response) => {
    const call = { request, response, closed: once(response, "close") };
    const waiter = this.#waiting.shift();
    if (waiter) {
      waiter(call);
    } else {
      this.#calls.push(call);
    }
  });

  url = "";

  async start() {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    this.url = `http://127.0.0.1:${this.#server.address().port}`;
  }

  /** The next request that arrives, or has arrived and was not asked for. */
  async next() {
    return this.#calls.shift() ?? new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** How many have arrived that were not asked for. */
  get unseen() {
    return this.#calls.length;
  }

  async stop() {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}
