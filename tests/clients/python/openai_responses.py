"""The Responses API of the openai SDK."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tests.clients.python.checks import Answer, Finishes, Person, Question
from tests.clients.python.openai_apis import ADD_SCHEMA, MODEL
from tests.clients.python.sdk import Api, Fields


class Responses(Api):
    resource = "responses"
    path = "/v1"
    finishes = Finishes(whole="completed", cut="max_output_tokens")

    def fields(self, question: Question) -> Fields:
        return {
            "model": question.model or MODEL,
            "input": [{"role": "user", "content": question.text}],
            "max_output_tokens": question.max_tokens,
            "store": False,
        }

    def streamed(self, fields: Fields) -> Fields:
        return {**fields, "stream": True}

    def answer(self, response: Any) -> Answer:
        cut = response.incomplete_details
        return Answer(
            text=response.output_text,
            finish=cut.reason if cut else response.status,
            input_tokens=response.usage.input_tokens,
            output_tokens=response.usage.output_tokens,
        )

    def gathered(self, events: Sequence[Any]) -> Answer:
        texts = list(filter(None, map(self.text_of, events)))
        whole = self.answer(events[-1].response)
        assert "".join(texts) == whole.text, texts
        return replace(whole, pieces=len(texts))

    def text_of(self, event: Any) -> str:
        return event.delta if event.type == "response.output_text.delta" else ""

    def with_tool(self, fields: Fields) -> Fields:
        add = {"name": "add", "description": "Add two numbers.", "parameters": ADD_SCHEMA}
        return {**fields, "tools": [{"type": "function", "strict": True, **add}]}

    def arguments(self, response: Any) -> Mapping[str, int]:
        call = self._call(response)
        assert call.name == "add", call
        arguments: Mapping[str, int] = json.loads(call.arguments)
        return arguments

    def _call(self, response: Any) -> Any:
        (call,) = [item for item in response.output if item.type == "function_call"]
        return call

    def told(self, fields: Fields, response: Any, result: str) -> Fields:
        call = self._call(response)
        answer = {"type": "function_call_output", "call_id": call.call_id, "output": result}
        return {**fields, "input": [*fields["input"], *response.output, answer]}

    def formed(self, fields: Fields, form: type[Person]) -> Fields:
        return {**fields, "text_format": form}

    def parsed(self, response: Any) -> Person | None:
        person: Person | None = response.output_parsed
        return person
