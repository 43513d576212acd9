"""The checks of the table, which every Python client goes through in the same way.

A client's script wraps it in an `Adapter` for each API that it speaks, and has
`run` print a line of JSON for each check. Its environment says what to check:
see `tests.clients.child`.
"""

import json
import os
import time
import traceback
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from pydantic import BaseModel

from tests.clients import questions

URL = os.environ["PIECESD_URL"]
"""The daemon's, without a path."""

KEY = os.environ["PIECESD_KEY"]

SOON_SECONDS = 5.0
"""How long the end of an abandoned call is waited for; the call itself lasts longer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What is asked; the rest is up to the adapter."""

    text: str = questions.HELLO
    model: str | None = None
    key: str = KEY
    stop: str | None = None
    max_tokens: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """``finish`` is in the client's words; ``pieces`` are those of a stream."""

    text: str
    finish: str | None
    input_tokens: int | None
    output_tokens: int | None
    pieces: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Finishes:
    """How a client calls the end of an answer that was whole, that met a stop
    sequence, and that was cut at its limit."""

    whole: str | None = "stop"
    stopped: str | None = "stop"
    cut: str | None = "length"


class Person(BaseModel):
    """What structured answers are to be."""

    name: str
    age: int


Add = Callable[..., str]
"""A function of two numbers, ``a`` and ``b``."""


class Adapter(ABC):
    """A client and one of the APIs that it speaks.

    What it has not, by the table, an adapter does not define.
    """

    finishes = Finishes()
    wrong_key: type[Exception]
    unknown_model: type[Exception]

    @abstractmethod
    def ask(self, question: Question) -> Answer: ...

    @abstractmethod
    def stream(self, question: Question) -> Answer: ...

    @abstractmethod
    def abandon(self, question: Question) -> str:
        """Begin to stream, and leave after the first text, which is returned.

        Whatever else would end the call, such as the end of an event loop, has
        to wait until the daemon is idle.
        """

    def use_tool(self, text: str, add: Add) -> str:
        """Ask ``text`` with the tool ``add``; the answer to what the tool returned."""
        raise NotImplementedError

    def structured(self, text: str, form: type[Person]) -> Person | None:
        """The answer to ``text`` in that form."""
        raise NotImplementedError

    def models(self) -> list[str]:
        """The names of those that there are."""
        raise NotImplementedError


def check_plain(client: Adapter) -> None:
    answer = client.ask(Question())
    assert answer.text.endswith(f"says: {questions.HELLO}"), answer
    assert answer.finish == client.finishes.whole, answer


def check_streamed(client: Adapter) -> None:
    streamed = client.stream(Question())
    assert streamed.text == client.ask(Question()).text, streamed
    assert streamed.pieces > questions.FEW_PIECES, streamed
    assert streamed.finish == client.finishes.whole, streamed


def check_usage(client: Adapter) -> None:
    whole, streamed = client.ask(Question()), client.stream(Question())
    assert whole.input_tokens and whole.output_tokens, whole
    assert whole.output_tokens > questions.FEW_PIECES, whole
    assert streamed.input_tokens == whole.input_tokens, (streamed, whole)
    assert streamed.output_tokens == whole.output_tokens, (streamed, whole)


def check_stop(client: Adapter) -> None:
    for ask in (client.ask, client.stream):
        answer = ask(Question(stop=questions.STOP))
        assert answer.text.rstrip() == questions.BEFORE_STOP, answer
        assert answer.finish == client.finishes.stopped, answer


def check_max_tokens(client: Adapter) -> None:
    whole = client.ask(Question()).text
    for ask in (client.ask, client.stream):
        answer = ask(Question(max_tokens=questions.LIMIT_TOKENS))
        assert answer.output_tokens == questions.LIMIT_TOKENS, answer
        assert whole.startswith(answer.text) and len(answer.text) < len(whole), answer
        assert answer.finish == client.finishes.cut, answer


def check_tools(client: Adapter) -> None:
    calls: list[tuple[int, int]] = []

    def add(a: int, b: int) -> str:
        """Add two numbers."""
        calls.append((a, b))
        return questions.TOOL_RESULT

    answer = client.use_tool(questions.CALLING, add)
    assert calls == [(1, 2)], calls
    assert answer == questions.AFTER_TOOL, answer


def check_structured(client: Adapter) -> None:
    value = client.structured(questions.STRUCTURED, Person)
    assert value == Person(**questions.PERSON), value


def check_wrong_key(client: Adapter) -> None:
    expect(client.wrong_key, partial(client.ask, Question(key="wrong")))


def check_unknown_model(client: Adapter) -> None:
    for ask in (client.ask, client.stream):
        expect(client.unknown_model, partial(ask, Question(model="gpt-0")))


def check_cancel(client: Adapter) -> None:
    first = client.abandon(Question(text=questions.SLOW))
    assert first == "x", first
    await_idle()


def check_models(client: Adapter) -> None:
    listed = client.models()
    assert {"gpt-4o", "gemini-pro"} <= set(listed), listed


def expect(kind: type[Exception], call: Callable[[], object]) -> None:
    """
    :raises AssertionError: ``call`` raises nothing of that kind.
    """
    try:
        got = call()
    except kind:
        return
    except Exception as error:
        raise AssertionError(f"not a {kind.__name__}") from error
    raise AssertionError(f"no {kind.__name__}: {got}")


def await_idle() -> None:
    """
    :raises AssertionError: some call goes on.
    """
    deadline = time.monotonic() + SOON_SECONDS
    while calls_under_way():
        assert time.monotonic() < deadline, "the call goes on"
        time.sleep(0.02)


def calls_under_way() -> int:
    """The daemon's calls to its upstreams."""
    with urllib.request.urlopen(URL) as response:
        services: dict[str, Any] = json.load(response)["pools"]["services"]
    return sum(address["in_flight"] for service in services.values() for address in service)


CHECKS: Mapping[str, Callable[[Adapter], None]] = {
    name.removeprefix("check_"): check
    for name, check in globals().items()
    if name.startswith("check_")
}


def run(adapters: Mapping[str, Adapter]) -> None:
    """Try each adapter, named by its API, as the environment says.

    A failure is printed, and the next check is made all the same.
    """
    for api, names in json.loads(os.environ["PIECESD_CHECKS"]).items():
        for name in names:
            failure = None
            try:
                CHECKS[name](adapters[api])
            except Exception:
                failure = traceback.format_exc()
            line = json.dumps({"api": api, "check": name, "failure": failure})
            print(line, flush=True)  # noqa: T201 the test reads it
