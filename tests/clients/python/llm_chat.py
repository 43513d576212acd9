"""llm, by its Python API; its models are those of its file of extra models."""

import gc
from pathlib import Path
from typing import Any

import llm
import openai
import yaml

from tests.clients.python.checks import URL, Adapter, Add, Answer, Person, Question, run

NAMES = ("gpt-4o", "gpt-0")


class Llm(Adapter):
    wrong_key = openai.AuthenticationError
    unknown_model = openai.NotFoundError

    def _prompt(self, question: Question, stream: bool, **more: Any) -> Any:
        options = {"stop": question.stop, "max_tokens": question.max_tokens}
        return llm.get_model("piecesd-" + (question.model or "gpt-4o")).prompt(
            question.text,
            key=question.key,
            stream=stream,
            **{name: value for name, value in options.items() if value},
            **more,
        )

    def ask(self, question: Question) -> Answer:
        return self._answer(self._prompt(question, stream=False))

    def _answer(self, response: Any) -> Answer:
        pieces = list(response)
        usage, raw = response.usage(), response.response_json
        (choice,) = raw.get("choices", [raw])
        return Answer(
            text="".join(pieces),
            finish=choice["finish_reason"],
            input_tokens=usage.input,
            output_tokens=usage.output,
            pieces=len(pieces),
        )

    def stream(self, question: Question) -> Answer:
        return self._answer(self._prompt(question, stream=True))

    def abandon(self, question: Question) -> str:
        pieces = iter(self._prompt(question, stream=True))
        text: str = next(filter(None, pieces))
        pieces.close()
        del pieces
        gc.collect()  # what is left of the stream holds itself
        return text

    def use_tool(self, text: str, add: Add) -> str:
        chain = llm.get_model("piecesd-gpt-4o").chain(text, tools=[add], key=Question().key)
        *_, last = chain.responses()
        answer: str = last.text()
        return answer

    def structured(self, text: str, form: type[Person]) -> Person | None:
        response = self._prompt(Question(text=text), stream=False, schema=form)
        return form.model_validate_json(response.text())


def write_models(path: Path) -> None:
    """The file by which llm knows the daemon's models."""
    models = [
        {
            "model_id": f"piecesd-{name}",
            "model_name": name,
            "api_base": f"{URL}/v1",
            "api_key_name": "piecesd",
            "supports_tools": True,
            "supports_schema": True,
        }
        for name in NAMES
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(models))


if __name__ == "__main__":
    write_models(llm.user_dir() / "extra-openai-models.yaml")
    run({"chat completions": Llm()})
