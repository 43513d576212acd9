// The checks of the table, which every Node client goes through in the same way.
//
// A client's script wraps it in an adapter for each API that it speaks, and has
// `run` print a line of JSON for each check: see python/checks.py, whose adapters
// and checks are the same, and questions.py, whose words come in PIECESD_QUESTIONS.
import assert from "node:assert/strict";

export const url = process.env.PIECESD_URL;
const ask = JSON.parse(process.env.PIECESD_QUESTIONS);

// How long the end of an abandoned call is waited for; the call itself lasts longer.
const soonMilliseconds = 5000;

export const addSchema = {
  type: "object",
  properties: { a: { type: "integer" }, b: { type: "integer" } },
  required: ["a", "b"],
  additionalProperties: false,
};

export const personSchema = {
  type: "object",
  properties: { name: { type: "string" }, age: { type: "integer" } },
  required: ["name", "age"],
  additionalProperties: false,
};

function question(fields = {}) {
  return { text: ask.HELLO, key: process.env.PIECESD_KEY, ...fields };
}

const checks = {
  async plain(client) {
    const answer = await client.ask(question());
    assert.ok(answer.text.endsWith(`says: ${ask.HELLO}`), answer.text);
    assert.equal(answer.finish, client.finishes.whole);
  },

  async streamed(client) {
    const streamed = await client.stream(question());
    assert.equal(streamed.text, (await client.ask(question())).text);
    assert.ok(streamed.pieces > ask.FEW_PIECES, `${streamed.pieces} pieces`);
    assert.equal(streamed.finish, client.finishes.whole);
  },

  async usage(client) {
    const whole = await client.ask(question());
    const streamed = await client.stream(question());
    assert.ok(whole.inputTokens > 0 && whole.outputTokens > ask.FEW_PIECES, JSON.stringify(whole));
    assert.equal(streamed.inputTokens, whole.inputTokens);
    assert.equal(streamed.outputTokens, whole.outputTokens);
  },

  async stop(client) {
    for (const answering of [client.ask, client.stream]) {
      const answer = await answering(question({ stop: ask.STOP }));
      assert.equal(answer.text.trimEnd(), ask.BEFORE_STOP);
      assert.equal(answer.finish, client.finishes.stopped);
    }
  },

  async max_tokens(client) {
    const whole = (await client.ask(question())).text;
    for (const answering of [client.ask, client.stream]) {
      const answer = await answering(question({ maxTokens: ask.LIMIT_TOKENS }));
      assert.equal(answer.outputTokens, ask.LIMIT_TOKENS);
      assert.ok(whole.startsWith(answer.text) && answer.text.length < whole.length, answer.text);
      assert.equal(answer.finish, client.finishes.cut);
    }
  },

  async tools(client) {
    const calls = [];
    const add = ({ a, b }) => {
      calls.push([a, b]);
      return ask.TOOL_RESULT;
    };
    assert.equal(await client.useTool(question({ text: ask.CALLING }), add), ask.AFTER_TOOL);
    assert.deepEqual(calls, [[1, 2]]);
  },

  async structured(client) {
    const value = await client.structured(question({ text: ask.STRUCTURED }));
    assert.deepEqual(value, ask.PERSON);
  },

  async wrong_key(client) {
    await assert.rejects(client.ask(question({ key: "wrong" })), client.wrongKey);
  },

  async unknown_model(client) {
    for (const answering of [client.ask, client.stream]) {
      await assert.rejects(answering(question({ model: "gpt-0" })), client.unknownModel);
    }
  },

  async cancel(client) {
    assert.equal(await client.abandon(question({ text: ask.SLOW })), "x");
    const deadline = Date.now() + soonMilliseconds;
    while (await callsUnderWay()) {
      assert.ok(Date.now() < deadline, "the call goes on");
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  },

  async models(client) {
    const listed = await client.models(question());
    assert.ok(listed.includes("gpt-4o") && listed.includes("gemini-pro"), listed.join());
  },
};

// The daemon's calls to its upstreams.
async function callsUnderWay() {
  const { pools } = await (await fetch(url)).json();
  return Object.values(pools.services)
    .flat()
    .reduce((sum, address) => sum + address.in_flight, 0);
}

// What an SDK's stream brings, and where `textOf` finds text in it.
export async function gather(stream, textOf) {
  const events = [];
  const texts = [];
  for await (const event of stream) {
    events.push(event);
    const text = textOf(event);
    if (text) texts.push(text);
  }
  return { events, text: texts.join(""), pieces: texts.length };
}

// The first text of a stream, which is left then: the SDKs end the request.
export async function firstText(stream, textOf) {
  for await (const event of stream) {
    const text = textOf(event);
    if (text) return text;
  }
  return "";
}

// Tries each adapter, named by its API, as PIECESD_CHECKS says. A failure is
// printed, and the next check is made all the same.
export async function run(adapters) {
  for (const [api, names] of Object.entries(JSON.parse(process.env.PIECESD_CHECKS))) {
    for (const check of names) {
      let failure = null;
      try {
        await checks[check](adapters[api]);
      } catch (error) {
        failure = error.stack ?? String(error);
      }
      console.log(JSON.stringify({ api, check, failure }));
    }
  }
}
