"""LlamaIndex's class for servers that are like OpenAI's."""

import gc
from typing import Any

import openai
from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai_like import OpenAILike

from tests.clients.python.checks import URL, Adapter, Add, Answer, Person, Question, run


class LlamaIndex(Adapter):
    wrong_key = openai.AuthenticationError
    unknown_model = openai.NotFoundError

    def _model(self, question: Question) -> Any:
        return OpenAILike(
            api_base=f"{URL}/v1",
            api_key=question.key,
            model=question.model or "gpt-4o",
            is_chat_model=True,
            is_function_calling_model=True,
            should_use_structured_outputs=True,
            max_tokens=question.max_tokens,
            additional_kwargs={"stop": question.stop} if question.stop else {},
            max_retries=0,
        )

    def ask(self, question: Question) -> Answer:
        return self._answer(self._model(question).chat(said(question.text)))

    def _answer(self, response: Any) -> Answer:
        return Answer(
            text=response.message.content,
            finish=response.raw.choices[0].finish_reason,
            input_tokens=response.raw.usage.prompt_tokens,
            output_tokens=response.raw.usage.completion_tokens,
        )

    def stream(self, question: Question) -> Answer:
        usage = {"stream_options": {"include_usage": True}}
        stream = list(self._model(question).stream_chat(said(question.text), **usage))
        *parts, ended, last = stream
        return Answer(
            text=last.message.content,
            finish=ended.raw.choices[0].finish_reason,
            input_tokens=last.raw.usage.prompt_tokens,
            output_tokens=last.raw.usage.completion_tokens,
            pieces=len(parts),
        )

    def abandon(self, question: Question) -> str:
        stream = self._model(question).stream_chat(said(question.text))
        text: str = next(response.delta for response in stream if response.delta)
        stream.close()
        del stream
        gc.collect()  # what is left of the stream holds itself
        return text

    def use_tool(self, text: str, add: Add) -> str:
        model = self._model(Question())
        tool = FunctionTool.from_defaults(add)
        (asked,) = said(text)
        calling = model.chat_with_tools([tool], asked)
        (call,) = model.get_tool_calls_from_response(calling)
        result = ChatMessage(
            role="tool",
            content=tool(**call.tool_kwargs).content,
            additional_kwargs={"tool_call_id": call.tool_id},
        )
        answer = model.chat_with_tools([tool], chat_history=[asked, calling.message, result])
        content: str = answer.message.content
        return content

    def structured(self, text: str, form: type[Person]) -> Person | None:
        person: Person | None = self._model(Question()).as_structured_llm(form).chat(said(text)).raw
        return person


def said(text: str) -> list[Any]:
    return [ChatMessage(role="user", content=text)]


if __name__ == "__main__":
    run({"chat completions": LlamaIndex()})
