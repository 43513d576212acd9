"""The APIs of the openai SDK."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tests.clients.python.checks import Answer, Person, Question
from tests.clients.python.sdk import Api, Fields

MODEL = "gpt-4o"

ADD_SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
    "required": ["a", "b"],
    "additionalProperties": False,
}


class _Choices(Api):
    """What chat and legacy completions have in common."""

    path = "/v1"

    def streamed(self, fields: Fields) -> Fields:
        return {**fields, "stream": True, "stream_options": {"include_usage": True}}

    def gathered(self, events: Sequence[Any]) -> Answer:
        *chunks, last = events
        texts = list(filter(None, map(self.text_of, chunks)))
        return Answer(
            text="".join(texts),
            finish=chunks[-1].choices[0].finish_reason,
            input_tokens=last.usage.prompt_tokens,
            output_tokens=last.usage.completion_tokens,
            pieces=len(texts),
        )


class Chat(_Choices):
    resource = "chat.completions"

    def fields(self, question: Question) -> Fields:
        return {
            "model": question.model or MODEL,
            "messages": [{"role": "user", "content": question.text}],
            "stop": question.stop,
            "max_tokens": question.max_tokens,
        }

    def answer(self, response: Any) -> Answer:
        (choice,) = response.choices
        return Answer(
            text=choice.message.content,
            finish=choice.finish_reason,
            input_tokens=response.usage.prompt_tokens,
            output_tokens=response.usage.completion_tokens,
        )

    def text_of(self, event: Any) -> str:
        return event.choices[0].delta.content or ""

    def with_tool(self, fields: Fields) -> Fields:
        add = {"name": "add", "description": "Add two numbers.", "parameters": ADD_SCHEMA}
        return {**fields, "tools": [{"type": "function", "function": add}]}

    def arguments(self, response: Any) -> Mapping[str, int]:
        (choice,) = response.choices
        assert choice.finish_reason == "tool_calls", choice
        (call,) = choice.message.tool_calls
        assert call.function.name == "add", call
        arguments: Mapping[str, int] = json.loads(call.function.arguments)
        return arguments

    def told(self, fields: Fields, response: Any, result: str) -> Fields:
        message = response.choices[0].message
        (call,) = message.tool_calls
        answer = {"role": "tool", "tool_call_id": call.id, "content": result}
        return {**fields, "messages": [*fields["messages"], message, answer]}

    def formed(self, fields: Fields, form: type[Person]) -> Fields:
        return {**fields, "response_format": form}

    def parsed(self, response: Any) -> Person | None:
        person: Person | None = response.choices[0].message.parsed
        return person


class Completions(_Choices):
    resource = "completions"

    def fields(self, question: Question) -> Fields:
        return {
            "model": question.model or MODEL,
            "prompt": question.text,
            "stop": question.stop,
            # The API's own default is 16.
            "max_tokens": question.max_tokens or 500,
        }

    def answer(self, response: Any) -> Answer:
        return self.gathered([response, response])

    def text_of(self, event: Any) -> str:
        text: str = event.choices[0].text
        return text
