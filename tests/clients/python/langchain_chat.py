"""langchain-openai."""

from typing import Any

import openai
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

from tests.clients.python.checks import URL, Adapter, Add, Answer, Person, Question, run


class LangChain(Adapter):
    wrong_key = openai.AuthenticationError
    unknown_model = openai.NotFoundError

    def _model(self, question: Question) -> Any:
        return ChatOpenAI(
            base_url=f"{URL}/v1",
            api_key=question.key,
            model=question.model or "gpt-4o",
            max_tokens=question.max_tokens,
            stop_sequences=[question.stop] if question.stop else None,
            stream_usage=True,
            max_retries=0,
        )

    def ask(self, question: Question) -> Answer:
        return self._answer(self._model(question).invoke(question.text))

    def _answer(self, message: Any, pieces: int = 1) -> Answer:
        return Answer(
            text=message.content,
            finish=message.response_metadata["finish_reason"],
            input_tokens=message.usage_metadata["input_tokens"],
            output_tokens=message.usage_metadata["output_tokens"],
            pieces=pieces,
        )

    def stream(self, question: Question) -> Answer:
        first, *others = self._model(question).stream(question.text)
        whole = first
        for chunk in others:
            whole += chunk
        return self._answer(whole, len(others))

    def abandon(self, question: Question) -> str:
        stream = self._model(question).stream(question.text)
        text: str = next(chunk.content for chunk in stream if chunk.content)
        stream.close()
        return text

    def use_tool(self, text: str, add: Add) -> str:
        adding = tool(add)
        model = self._model(Question()).bind_tools([adding])
        asked = ("user", text)
        calling = model.invoke([asked])
        (call,) = calling.tool_calls
        answer: str = model.invoke([asked, calling, adding.invoke(call)]).content
        return answer

    def structured(self, text: str, form: type[Person]) -> Person | None:
        person: Person | None = self._model(Question()).with_structured_output(form).invoke(text)
        return person


if __name__ == "__main__":
    run({"chat completions": LangChain()})
