// The AI SDK, with its provider for servers that are like OpenAI's.
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, jsonSchema, Output, stepCountIs, streamText, tool } from "ai";

import { addSchema, firstText, personSchema, run, url } from "./checks.mjs";

function fieldsOf(question) {
  const provider = createOpenAICompatible({
    name: "piecesd",
    baseURL: `${url}/v1`,
    apiKey: question.key,
    includeUsage: true,
    supportsStructuredOutputs: true,
  });
  return {
    model: provider(question.model ?? "gpt-4o"),
    prompt: question.text,
    stopSequences: question.stop && [question.stop],
    maxOutputTokens: question.maxTokens,
    maxRetries: 0,
  };
}

function answerOf(text, finish, usage) {
  return { text, finish, inputTokens: usage.inputTokens, outputTokens: usage.outputTokens };
}

const statusIs = (status) => (error) => error.statusCode === status;

const chat = {
  finishes: { whole: "stop", stopped: "stop", cut: "length" },
  wrongKey: statusIs(401),
  unknownModel: statusIs(404),

  async ask(question) {
    const { text, finishReason, usage } = await generateText(fieldsOf(question));
    return answerOf(text, finishReason, usage);
  },

  async stream(question) {
    let failure = null;
    const onError = ({ error }) => (failure = error);
    const result = streamText({ ...fieldsOf(question), onError });
    const texts = [];
    for await (const text of result.textStream) texts.push(text);
    if (failure) throw failure;
    const answer = answerOf(texts.join(""), await result.finishReason, await result.usage);
    return { ...answer, pieces: texts.length };
  },

  async abandon(question) {
    const leaving = new AbortController();
    const result = streamText({ ...fieldsOf(question), abortSignal: leaving.signal });
    const text = await firstText(result.textStream, (piece) => piece);
    leaving.abort();
    return text;
  },

  async useTool(question, add) {
    const adding = tool({
      description: "Add two numbers.",
      inputSchema: jsonSchema(addSchema),
      execute: add,
    });
    const { text } = await generateText({
      ...fieldsOf(question),
      tools: { add: adding },
      stopWhen: stepCountIs(2),
    });
    return text;
  },

  async structured(question) {
    const schema = jsonSchema(personSchema);
    const { output } = await generateText({
      ...fieldsOf(question),
      output: Output.object({ schema }),
    });
    return output;
  },
};

await run({ "chat completions": chat });
