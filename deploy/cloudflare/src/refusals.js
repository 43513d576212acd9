/** What the Worker itself answers with, in the shape of the API's errors. */

export class Refusal extends Error {
  /**
   * @param {{status: number, type: string, code: string, message: string, log?: string}} facts
   *   `log`: what clients are not told
   */
  constructor({ status, type, code, message, log }) {
    super(message);
    this.status = status;
    this.type = type;
    this.code = code;
    this.log = log;
  }

  /** @param {string} requestId */
  response(requestId) {
    if (this.log) {
      console.error(`${requestId}: ${this.code}: ${this.log}`);
    }
    const { message, type, code } = this;
    return Response.json(
      { error: { message, type, param: null, code } },
      {
        status: this.status,
        headers: { "cache-control": "no-store", "x-request-id": requestId },
      },
    );
  }
}

/**
 * @param {string} method
 * @param {string} path
 */
export function unknownUrl(method, path) {
  return new Refusal({
    status: 404,
    type: "invalid_request_error",
    code: "unknown_url",
    message: `Unknown request URL: ${method} ${path}. Please check the path for typos.`,
  });
}

/** @param {string} log why */
export function unreachable(log) {
  return new Refusal({
    status: 502,
    type: "upstream_error",
    code: "upstream_unreachable",
    message: "The server behind this address can't be reached. Please retry later.",
    log,
  });
}

export function timedOut() {
  return new Refusal({
    status: 504,
    type: "upstream_error",
    code: "upstream_timeout",
    message: "The server behind this address has sent nothing for too long.",
    log: "status 524",
  });
}

/** @param {string} log which setting, and what is wrong with it */
export function misconfigured(log) {
  return new Refusal({
    status: 500,
    type: "server_error",
    code: "worker_misconfigured",
    message: "The server is not set up rightly. Its log says what is wrong.",
    log,
  });
}
