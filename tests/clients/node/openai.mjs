// The openai SDK for Node.
import assert from "node:assert/strict";

import OpenAI from "openai";

import { addSchema, firstText, gather, personSchema, run, url } from "./checks.mjs";

const model = "gpt-4o";

function clientOf({ key }) {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0, timeout: 10000 });
}

const common = {
  wrongKey: OpenAI.AuthenticationError,
  unknownModel: OpenAI.NotFoundError,

  async models(question) {
    const listed = await clientOf(question).models.list();
    return listed.data.map(({ id }) => id);
  },
};

async function gatherChoices(stream, textOf) {
  const { events, ...gathered } = await gather(stream, textOf);
  const { usage } = events.at(-1);
  return {
    ...gathered,
    finish: events.at(-2).choices[0].finish_reason,
    inputTokens: usage.prompt_tokens,
    outputTokens: usage.completion_tokens,
  };
}

function chatFields(question) {
  return {
    model: question.model ?? model,
    messages: [{ role: "user", content: question.text }],
    stop: question.stop,
    max_tokens: question.maxTokens,
  };
}

function chatAnswer({ choices: [choice], usage }) {
  return {
    text: choice.message.content,
    finish: choice.finish_reason,
    inputTokens: usage.prompt_tokens,
    outputTokens: usage.completion_tokens,
  };
}

function chatStream(question) {
  return clientOf(question).chat.completions.create({
    ...chatFields(question),
    stream: true,
    stream_options: { include_usage: true },
  });
}

const chatText = ({ choices }) => choices[0]?.delta.content;

const chat = {
  ...common,
  finishes: { whole: "stop", stopped: "stop", cut: "length" },

  async ask(question) {
    return chatAnswer(await clientOf(question).chat.completions.create(chatFields(question)));
  },

  async stream(question) {
    return gatherChoices(await chatStream(question), chatText);
  },

  async abandon(question) {
    return firstText(await chatStream(question), chatText);
  },

  async useTool(question, add) {
    const tool = {
      type: "function",
      function: {
        name: "add",
        description: "Add two numbers.",
        parameters: addSchema,
        parse: JSON.parse,
        function: add,
      },
    };
    const fields = { ...chatFields(question), tools: [tool] };
    return clientOf(question).chat.completions.runTools(fields).finalContent();
  },

  async structured(question) {
    const answer = await clientOf(question).chat.completions.create({
      ...chatFields(question),
      response_format: {
        type: "json_schema",
        json_schema: { name: "person", schema: personSchema, strict: true },
      },
    });
    return JSON.parse(answer.choices[0].message.content);
  },
};

function completionFields(question) {
  return {
    model: question.model ?? model,
    prompt: question.text,
    stop: question.stop,
    // The API's own default is 16.
    max_tokens: question.maxTokens ?? 500,
  };
}

function completionStream(question) {
  return clientOf(question).completions.create({
    ...completionFields(question),
    stream: true,
    stream_options: { include_usage: true },
  });
}

const completionText = ({ choices }) => choices[0]?.text;

const completions = {
  ...common,
  finishes: { whole: "stop", stopped: "stop", cut: "length" },

  async ask(question) {
    const { choices, usage } = await clientOf(question).completions.create(
      completionFields(question),
    );
    return {
      text: choices[0].text,
      finish: choices[0].finish_reason,
      inputTokens: usage.prompt_tokens,
      outputTokens: usage.completion_tokens,
    };
  },

  async stream(question) {
    return gatherChoices(await completionStream(question), completionText);
  },

  async abandon(question) {
    return firstText(await completionStream(question), completionText);
  },
};

function responseFields(question) {
  return {
    model: question.model ?? model,
    input: [{ role: "user", content: question.text }],
    max_output_tokens: question.maxTokens,
    store: false,
  };
}

function responseAnswer(response) {
  return {
    text: response.output_text,
    finish: response.incomplete_details?.reason ?? response.status,
    inputTokens: response.usage.input_tokens,
    outputTokens: response.usage.output_tokens,
  };
}

function responseStream(question) {
  return clientOf(question).responses.create({ ...responseFields(question), stream: true });
}

const responseText = ({ type, delta }) => type === "response.output_text.delta" && delta;

const responses = {
  ...common,
  finishes: { whole: "completed", cut: "max_output_tokens" },

  async ask(question) {
    return responseAnswer(await clientOf(question).responses.create(responseFields(question)));
  },

  async stream(question) {
    const stream = await responseStream(question);
    const { events, text, pieces } = await gather(stream, responseText);
    const { response } = events.at(-1);
    // The SDK gives this convenience to whole answers only.
    const [message] = response.output;
    return { ...responseAnswer({ ...response, output_text: message.content[0].text }), text, pieces };
  },

  async abandon(question) {
    return firstText(await responseStream(question), responseText);
  },

  async useTool(question, add) {
    const client = clientOf(question);
    const fields = {
      ...responseFields(question),
      tools: [
        {
          type: "function",
          name: "add",
          description: "Add two numbers.",
          parameters: addSchema,
          strict: true,
        },
      ],
    };
    const { output } = await client.responses.create(fields);
    const call = output.find(({ type }) => type === "function_call");
    assert.equal(call.name, "add");
    const result = {
      type: "function_call_output",
      call_id: call.call_id,
      output: add(JSON.parse(call.arguments)),
    };
    const input = [...fields.input, ...output, result];
    return (await client.responses.create({ ...fields, input })).output_text;
  },

  async structured(question) {
    const answer = await clientOf(question).responses.parse({
      ...responseFields(question),
      text: {
        format: { type: "json_schema", name: "person", schema: personSchema, strict: true },
      },
    });
    return answer.output_parsed;
  },
};

await run({ "chat completions": chat, completions, responses });
