"""The openai SDK, blocking and asynchronous."""

from collections.abc import Iterator

import openai

from tests.clients.python.checks import Adapter, run
from tests.clients.python.openai_apis import Chat, Completions
from tests.clients.python.openai_responses import Responses
from tests.clients.python.sdk import AsyncSdk, BlockingSdk


def adapters() -> Iterator[tuple[str, Adapter]]:
    for name, api in (
        ("chat completions", Chat()),
        ("completions", Completions()),
        ("responses", Responses()),
    ):
        yield name, BlockingSdk(api, openai, openai.OpenAI)
        yield f"{name}, asynchronous", AsyncSdk(api, openai, openai.AsyncOpenAI)


if __name__ == "__main__":
    run(dict(adapters()))
