"""litellm's client."""

from typing import Any

import litellm

from tests.clients.python.checks import URL, Adapter, Add, Answer, Person, Question, run
from tests.clients.python.openai_apis import Chat


class LiteLLM(Adapter):
    """Its answers have the form of the openai SDK's."""

    wrong_key = litellm.AuthenticationError
    unknown_model = litellm.NotFoundError
    _api = Chat()

    def _complete(self, question: Question, **fields: Any) -> Any:
        fields = self._api.fields(question) | fields
        model = "openai/" + fields.pop("model")
        return litellm.completion(
            model=model, api_base=f"{URL}/v1", api_key=question.key, num_retries=0, **fields
        )

    def ask(self, question: Question) -> Answer:
        return self._api.answer(self._complete(question))

    def stream(self, question: Question) -> Answer:
        return self._api.gathered(list(self._stream(question)))

    def _stream(self, question: Question) -> Any:
        return self._complete(question, **self._api.streamed({}))

    def abandon(self, question: Question) -> str:
        stream = self._stream(question)
        text = next(filter(None, map(self._api.text_of, stream)))
        stream.completion_stream.close()
        return text

    def use_tool(self, text: str, add: Add) -> str:
        fields = self._api.with_tool(self._api.fields(Question(text=text)))
        response = self._complete(Question(), **fields)
        result = add(**self._api.arguments(response))
        told = self._api.told(fields, response, result)
        return self._api.answer(self._complete(Question(), **told)).text

    def structured(self, text: str, form: type[Person]) -> Person | None:
        return form.model_validate_json(
            self._api.answer(self._complete(Question(text=text), response_format=form)).text
        )


if __name__ == "__main__":
    litellm.suppress_debug_info = True  # would go to standard output
    run({"chat completions": LiteLLM()})
