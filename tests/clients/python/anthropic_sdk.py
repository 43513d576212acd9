"""The anthropic SDK, blocking and asynchronous."""

from collections.abc import Mapping, Sequence
from typing import Any

import anthropic

from tests.clients.python.checks import Answer, Finishes, Person, Question, run
from tests.clients.python.openai_apis import ADD_SCHEMA
from tests.clients.python.sdk import Api, AsyncSdk, BlockingSdk, Fields

MODEL = "claude-3-5-sonnet-20240620"


class Messages(Api):
    resource = "messages"
    path = ""
    finishes = Finishes(whole="end_turn", stopped="stop_sequence", cut="max_tokens")

    def fields(self, question: Question) -> Fields:
        return {
            "model": question.model or MODEL,
            "messages": [{"role": "user", "content": question.text}],
            "stop_sequences": [question.stop] if question.stop else [],
            "max_tokens": question.max_tokens or 500,
        }

    def streamed(self, fields: Fields) -> Fields:
        return {**fields, "stream": True}

    def answer(self, response: Any) -> Answer:
        return Answer(
            text="".join(block.text for block in response.content if block.type == "text"),
            finish=response.stop_reason,
            input_tokens=response.usage.input_tokens,
            output_tokens=response.usage.output_tokens,
        )

    def gathered(self, events: Sequence[Any]) -> Answer:
        texts = list(filter(None, map(self.text_of, events)))
        begin, *_, end, last = events
        assert last.type == "message_stop", last
        return Answer(
            text="".join(texts),
            finish=end.delta.stop_reason,
            input_tokens=begin.message.usage.input_tokens,
            output_tokens=end.usage.output_tokens,
            pieces=len(texts),
        )

    def text_of(self, event: Any) -> str:
        return event.delta.text if event.type == "content_block_delta" else ""

    def with_tool(self, fields: Fields) -> Fields:
        add = {"name": "add", "description": "Add two numbers.", "input_schema": ADD_SCHEMA}
        return {**fields, "tools": [add]}

    def arguments(self, response: Any) -> Mapping[str, int]:
        assert response.stop_reason == "tool_use", response
        call = self._call(response)
        assert call.name == "add", call
        arguments: Mapping[str, int] = call.input
        return arguments

    def _call(self, response: Any) -> Any:
        (call,) = [block for block in response.content if block.type == "tool_use"]
        return call

    def told(self, fields: Fields, response: Any, result: str) -> Fields:
        call = self._call(response)
        answer = {"type": "tool_result", "tool_use_id": call.id, "content": result}
        turn = [
            {"role": "assistant", "content": response.content},
            {"role": "user", "content": [answer]},
        ]
        return {**fields, "messages": [*fields["messages"], *turn]}

    def formed(self, fields: Fields, form: type[Person]) -> Fields:
        return {**fields, "output_format": form}

    def parsed(self, response: Any) -> Person | None:
        person: Person | None = response.parsed_output
        return person


if __name__ == "__main__":
    run(
        {
            "messages": BlockingSdk(Messages(), anthropic, anthropic.Anthropic),
            "messages, asynchronous": AsyncSdk(Messages(), anthropic, anthropic.AsyncAnthropic),
        }
    )
