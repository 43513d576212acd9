// The anthropic SDK for Node.
import assert from "node:assert/strict";

import Anthropic from "@anthropic-ai/sdk";

import { addSchema, firstText, gather, personSchema, run, url } from "./checks.mjs";

function clientOf({ key }) {
  return new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0, timeout: 10000 });
}

function fieldsOf(question) {
  return {
    model: question.model ?? "claude-3-5-sonnet-20240620",
    messages: [{ role: "user", content: question.text }],
    max_tokens: question.maxTokens ?? 500,
    stop_sequences: question.stop ? [question.stop] : [],
  };
}

function answerOf({ content, stop_reason, usage }) {
  return {
    text: content
      .filter(({ type }) => type === "text")
      .map(({ text }) => text)
      .join(""),
    finish: stop_reason,
    inputTokens: usage.input_tokens,
    outputTokens: usage.output_tokens,
  };
}

function streamOf(question) {
  return clientOf(question).messages.create({ ...fieldsOf(question), stream: true });
}

const textOf = ({ type, delta }) => type === "content_block_delta" && delta.text;

const messages = {
  finishes: { whole: "end_turn", stopped: "stop_sequence", cut: "max_tokens" },
  wrongKey: Anthropic.AuthenticationError,
  unknownModel: Anthropic.NotFoundError,

  async ask(question) {
    return answerOf(await clientOf(question).messages.create(fieldsOf(question)));
  },

  async stream(question) {
    const { events, ...gathered } = await gather(await streamOf(question), textOf);
    const end = events.at(-2);
    return {
      ...gathered,
      finish: end.delta.stop_reason,
      inputTokens: events[0].message.usage.input_tokens,
      outputTokens: end.usage.output_tokens,
    };
  },

  async abandon(question) {
    return firstText(await streamOf(question), textOf);
  },

  async useTool(question, add) {
    const client = clientOf(question);
    const fields = {
      ...fieldsOf(question),
      tools: [{ name: "add", description: "Add two numbers.", input_schema: addSchema }],
    };
    const { content, stop_reason } = await client.messages.create(fields);
    assert.equal(stop_reason, "tool_use");
    const { id, input } = content.find(({ type }) => type === "tool_use");
    const result = { type: "tool_result", tool_use_id: id, content: add(input) };
    const turn = [
      { role: "assistant", content },
      { role: "user", content: [result] },
    ];
    const told = { ...fields, messages: [...fields.messages, ...turn] };
    return answerOf(await client.messages.create(told)).text;
  },

  async structured(question) {
    const answer = await clientOf(question).messages.create({
      ...fieldsOf(question),
      output_config: { format: { type: "json_schema", schema: personSchema } },
    });
    return JSON.parse(answerOf(answer).text);
  },

  async models(question) {
    const listed = await clientOf(question).models.list();
    return listed.data.map(({ id }) => id);
  },
};

await run({ messages });
