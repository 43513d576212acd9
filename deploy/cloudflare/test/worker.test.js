import { once } from "node:events";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { Exchange, get } from "./client.js";
import { startWorker } from "./local.js";
import { Origin } from "./origin.js";

const SECRET = "between us";

let origin, worker, url;

beforeAll(async () => {
  origin = new Origin();
  await origin.start();
  ({ worker, url } = await startWorker({ ORIGIN: origin.url, PROXY_SECRET: SECRET }));
});

afterAll(async () => {
  await worker.dispose();
  await origin.stop();
});

/** What the origin sees of a request, and what the client sees of its answer. */
async function exchange(path, { answer = (response) => response.end(), ...options } = {}) {
  const received = get(url, path, options);
  const { request, response } = await origin.next();
  answer(response);
  return { seen: request, received: await received };
}

/** Asks without a body, and the origin's end of it. */
async function ask() {
  const client = new Exchange(url, "/v1/chat/completions", { method: "POST" });
  client.request.end();
  return { client, call: await origin.next() };
}

describe("streams", () => {
  test("each piece of an answer comes before the next is said", async () => {
    const { client, call } = await ask();
    call.response.setHeader("content-type", "text/event-stream");
    const pieces = ["data: a\n\n", "data: bc\n\n", `data: ${"d".repeat(5000)}\n\n`];
    let response;
    for (const piece of pieces) {
      call.response.write(piece);
      response ??= await client.response();
      let text = "";
      while (text.length < piece.length) {
        text += response.read() ?? (await once(response, "readable"), "");
      }
      expect(text).toBe(piece);
    }
    call.response.end();
    expect(await response.toArray()).toEqual([]);
  });

  test("each piece of a request arrives before the next is sent", async () => {
    const client = new Exchange(url, "/v1/chat/completions", { method: "POST" });
    const answered = client.response();
    let arriving;
    for (const piece of ["first", "second"]) {
      client.request.write(piece);
      arriving ??= await origin.next();
      const [chunk] = await once(arriving.request, "data");
      expect(String(chunk)).toBe(piece);
    }
    client.request.end();
    arriving.response.end("whole");
    expect((await (await answered).toArray()).join("")).toBe("whole");
  });

  test("the length of a body is told where it is known", async () => {
    const client = new Exchange(url, "/v1/embeddings", {
      method: "POST",
      headers: { "content-length": 5 },
    });
    client.request.end("hello");
    const { request, response } = await origin.next();
    expect(request.headers["content-length"]).toBe("5");
    response.end();
    await client.response();
  });
});

describe("a client that leaves", () => {
  test("aborts a request that has no answer yet", async () => {
    const { client, call } = await ask();
    client.leave({ reset: true });
    await call.closed;
    expect(call.response.writableFinished).toBe(false);
  });

  test("aborts an answer that has begun", async () => {
    const { client, call } = await ask();
    call.response.write("data: a\n\n");
    await once(await client.response(), "data");
    client.leave({ reset: true });
    await call.closed;
    expect(call.response.writableFinished).toBe(false);
  });

  // workerd sees a connection that was closed in good order only when it writes.
  test("in good order aborts an answer at the next pieces", async () => {
    const { client, call } = await ask();
    call.response.write("data: a\n\n");
    await once(await client.response(), "data");
    client.leave();
    const pieces = setInterval(() => call.response.write(": keep-alive\n\n"), 20);
    await call.closed;
    clearInterval(pieces);
    expect(call.response.writableFinished).toBe(false);
  });
});

describe("who asks", () => {
  test("is whom Cloudflare names, whatever the client says", async () => {
    const { seen } = await exchange("/v1/models", {
      headers: {
        "X-Forwarded-For": "198.51.100.66, 198.51.100.67",
        "X-Forwarded-Host": "elsewhere.example.com",
        "X-Real-IP": "198.51.100.66",
        "X-Proxy-Secret": "guessed",
        Forwarded: "for=198.51.100.66",
      },
    });
    expect(seen.headers).toMatchObject({
      "x-forwarded-for": "127.0.0.1",
      "x-proxy-secret": SECRET,
    });
    for (const name of ["x-forwarded-host", "x-real-ip", "forwarded"]) {
      expect(seen.headers).not.toHaveProperty(name);
    }
  });

  test("may show its own key and name its request", async () => {
    const { seen } = await exchange("/v1/models", {
      headers: { Authorization: "Bearer mine", "X-Request-Id": "mine-7", "CF-Ray": "8f00-FRA" },
    });
    expect(seen.headers).toMatchObject({ authorization: "Bearer mine", "x-request-id": "mine-7" });
  });

  test("gets the id that Cloudflare knows the request by", async () => {
    const { seen } = await exchange("/v1/models", { headers: { "CF-Ray": "8f00-FRA" } });
    expect(seen.headers["x-request-id"]).toBe("8f00-FRA");
  });
});

describe("paths", () => {
  test.each(["/v1/models", "/v1/models?after=a%2Fb", "/anthropic/v1/messages", "/api/chat", "/ping"])(
    "%s is passed on as it is",
    async (path) => {
      const { seen } = await exchange(path);
      expect(seen.url).toBe(path);
    },
  );

  test.each([
    "/",
    "/admin/bans",
    "/metrics",
    "/v1",
    "/v1/../admin/bans",
    "/v1/%2e%2e/admin/bans",
    "/v1/..%2fadmin/bans",
    "/v1/..%5cadmin/bans",
    "/v1/%ff",
    "/pingpong",
    "//v1/models",
  ])("%s is not passed on", async (path) => {
    const { status, text } = await get(url, path);
    expect(status).toBe(404);
    expect(JSON.parse(text).error).toMatchObject({
      type: "invalid_request_error",
      param: null,
      code: "unknown_url",
    });
    expect(origin.unseen).toBe(0);
  });
});

describe("the origin's answer", () => {
  test("is passed on as it is, an error too", async () => {
    const body = '{"error": {"code": "rate_limit_exceeded"}}';
    const { received } = await exchange("/v1/models", {
      answer: (response) =>
        response.writeHead(429, { "retry-after": "7", "x-request-id": "its-1" }).end(body),
    });
    expect(received).toMatchObject({
      status: 429,
      text: body,
      headers: { "retry-after": "7", "x-request-id": "its-1" },
    });
  });

  test("is not followed elsewhere", async () => {
    const { received } = await exchange("/v1/models", {
      answer: (response) => response.writeHead(302, { location: "/admin/bans" }).end(),
    });
    expect(received.status).toBe(302);
    expect(origin.unseen).toBe(0);
  });

  test("is not kept for the next client", async () => {
    for (const text of ["one", "two"]) {
      const { received } = await exchange("/ping", {
        answer: (response) => response.writeHead(200, { "cache-control": "max-age=60" }).end(text),
      });
      expect(received.text).toBe(text);
    }
  });

  test.each([
    [521, 502, "upstream_unreachable"],
    [522, 502, "upstream_unreachable"],
    [530, 502, "upstream_unreachable"],
    [524, 504, "upstream_timeout"],
  ])("is an error of the API where Cloudflare gives %i", async (given, status, code) => {
    const { received } = await exchange("/v1/models", {
      answer: (response) => response.writeHead(given).end("<html>"),
      headers: { "X-Request-Id": "mine-8" },
    });
    expect(received).toMatchObject({
      status,
      headers: { "content-type": "application/json", "x-request-id": "mine-8" },
    });
    expect(JSON.parse(received.text).error).toMatchObject({ type: "upstream_error", code });
  });
});

/** What the Worker answers itself with other settings. */
async function answerWith(bindings, path = "/v1/models") {
  const other = await startWorker(bindings, { handleRuntimeStdio: () => {} });
  try {
    const { status, text } = await get(other.url, path);
    return { status, ...JSON.parse(text).error };
  } finally {
    await other.worker.dispose();
  }
}

describe("settings", () => {
  test("an origin that does not listen is an error of the API", async () => {
    const gone = new Origin();
    await gone.start();
    await gone.stop();
    expect(await answerWith({ ORIGIN: gone.url })).toMatchObject({
      status: 502,
      type: "upstream_error",
      param: null,
      code: "upstream_unreachable",
    });
  });

  test.each([
    { ORIGIN: "" },
    { ORIGIN: "origin.example.com" },
    { ORIGIN: "ftp://origin.example.com" },
    { ORIGIN: "https://origin.example.com/v1/" },
    { ORIGIN: "https://user@origin.example.com" },
    { PATHS: " " },
    { PATHS: "/v1/ ping" },
  ])("%o is refused", async (bindings) => {
    expect(await answerWith(bindings)).toMatchObject({ status: 500, code: "worker_misconfigured" });
  });

  test("without a secret, none is shown, and not the client's", async () => {
    const { worker: other, url: its } = await startWorker({ ORIGIN: origin.url });
    const received = get(its, "/ping", { headers: { "X-Proxy-Secret": "guessed" } });
    const { request, response } = await origin.next();
    response.end();
    await received;
    await other.dispose();
    expect(request.headers).not.toHaveProperty("x-proxy-secret");
  });
});
