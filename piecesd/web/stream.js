// Reading an answer as it comes: server-sent events (WHATWG HTML §9.2).

/** The data of each event of a response. */
async function* eventsOf(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) {
      return;
    }
    const events = (rest + value).split("\n\n");
    rest = events.pop();
    for (const event of events) {
      const lines = event.split("\n").filter((line) => line.startsWith("data:"));
      if (lines.length) {
        yield lines.map((line) => line.slice(5).trimStart()).join("\n");
      }
    }
  }
}

/** The chunks of a streamed chat; throws where it ends in an error or too early. */
async function* chunksOf(response) {
  for await (const data of eventsOf(response)) {
    if (data === "[DONE]") {
      return;
    }
    const chunk = JSON.parse(data);
    if (chunk.error) {
      throw new Refused(null, chunk.error, response.headers.get("x-request-id"));
    }
    yield chunk;
  }
  throw new Error(say("cut"));
}
