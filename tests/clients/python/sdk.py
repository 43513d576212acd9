"""Adapters of the official SDKs, which are all made in the same way.

Each API is a resource of the client with a method ``create``; what goes in and
out of it differs, and is an `Api`.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any, ClassVar, TypeVar

from tests.clients.python.checks import (
    KEY,
    URL,
    Adapter,
    Add,
    Answer,
    Finishes,
    Person,
    Question,
    await_idle,
)

T = TypeVar("T")

Fields = dict[str, Any]
"""Those of a request."""


class Api(ABC):
    """One API of an SDK. What it has not, by the table, it does not define.

    :cvar resource: its name in the client, such as ``chat.completions``.
    :cvar path: where it begins, below the daemon's URL.
    """

    resource: ClassVar[str]
    path: ClassVar[str]
    finishes: ClassVar = Finishes()

    @abstractmethod
    def fields(self, question: Question) -> Fields: ...

    @abstractmethod
    def streamed(self, fields: Fields) -> Fields:
        """``fields``, and that the answer is to be streamed with its usage."""

    @abstractmethod
    def answer(self, response: Any) -> Answer: ...

    @abstractmethod
    def gathered(self, events: Sequence[Any]) -> Answer: ...

    @abstractmethod
    def text_of(self, event: Any) -> str:
        """What this event adds to the text."""

    def with_tool(self, fields: Fields) -> Fields:
        """``fields``, and the tool ``add``."""
        raise NotImplementedError

    def arguments(self, response: Any) -> Mapping[str, int]:
        """Those of the call that ``response`` asks for."""
        raise NotImplementedError

    def told(self, fields: Fields, response: Any, result: str) -> Fields:
        """The next request: ``fields`` with the call and its result."""
        raise NotImplementedError

    def formed(self, fields: Fields, form: type[Person]) -> Fields:
        """``fields`` for the resource's ``parse``, with the form of the answer."""
        raise NotImplementedError

    def parsed(self, response: Any) -> Person | None:
        raise NotImplementedError


class Sdk(Adapter):
    """What the adapters of blocking and of asynchronous clients have in common.

    :param errors: the module of the SDK, which has its exceptions.
    :param new_client: makes a client.
    """

    def __init__(self, api: Api, errors: Any, new_client: Callable[..., Any]) -> None:
        self.finishes = api.finishes
        self.wrong_key: type[Exception] = errors.AuthenticationError
        self.unknown_model: type[Exception] = errors.NotFoundError
        self._api = api
        self._new_client = new_client

    def ask(self, question: Question) -> Answer:
        return self._api.answer(self._call(self._api.fields(question), key=question.key))

    def stream(self, question: Question) -> Answer:
        return self._api.gathered(self._events(self._stream_fields(question)))

    def abandon(self, question: Question) -> str:
        return self._first_text(self._stream_fields(question))

    def _stream_fields(self, question: Question) -> Fields:
        return self._api.streamed(self._api.fields(question))

    def use_tool(self, text: str, add: Add) -> str:
        fields = self._api.with_tool(self._api.fields(Question(text=text)))
        response = self._call(fields)
        result = add(**self._api.arguments(response))
        return self._api.answer(self._call(self._api.told(fields, response, result))).text

    def structured(self, text: str, form: type[Person]) -> Person | None:
        fields = self._api.formed(self._api.fields(Question(text=text)), form)
        return self._api.parsed(self._call(fields, method="parse"))

    def _client(self, key: str = KEY) -> Any:
        return self._new_client(
            base_url=URL + self._api.path, api_key=key, max_retries=0, timeout=10
        )

    def _resource(self, client: Any) -> Any:
        return attrgetter(self._api.resource)(client)

    @abstractmethod
    def _call(self, fields: Fields, *, key: str = KEY, method: str = "create") -> Any:
        """What a method of the resource returns."""

    @abstractmethod
    def _events(self, fields: Fields) -> list[Any]:
        """Those of a stream, to its end."""

    @abstractmethod
    def _first_text(self, fields: Fields) -> str:
        """Of a stream that is closed then; the client is not closed before it."""


class BlockingSdk(Sdk):
    """A client whose calls return when they are over."""

    def models(self) -> list[str]:
        with self._client() as client:
            return [model.id for model in client.models.list()]

    def _call(self, fields: Fields, *, key: str = KEY, method: str = "create") -> Any:
        with self._client(key) as client:
            return getattr(self._resource(client), method)(**fields)

    def _events(self, fields: Fields) -> list[Any]:
        with self._client() as client:
            return list(self._resource(client).create(**fields))

    def _first_text(self, fields: Fields) -> str:
        self._abandoning = self._client()
        stream = self._resource(self._abandoning).create(**fields)
        text = next(filter(None, map(self._api.text_of, stream)))
        stream.close()
        return text


class AsyncSdk(Sdk):
    """A client whose calls are awaited."""

    def models(self) -> list[str]:
        async def listed(client: Any) -> list[str]:
            return [model.id async for model in client.models.list()]

        return self._run(listed)

    def _call(self, fields: Fields, *, key: str = KEY, method: str = "create") -> Any:
        return self._run(lambda client: getattr(self._resource(client), method)(**fields), key)

    def _events(self, fields: Fields) -> list[Any]:
        async def gathered(client: Any) -> list[Any]:
            return [event async for event in await self._resource(client).create(**fields)]

        return self._run(gathered)

    def _first_text(self, fields: Fields) -> str:
        async def begun(client: Any) -> str:
            stream = await self._resource(client).create(**fields)
            texts = (self._api.text_of(event) async for event in stream)
            text = await anext(text async for text in texts if text)
            await stream.close()
            await asyncio.to_thread(await_idle)
            return text

        return self._run(begun)

    def _run(self, use: Callable[[Any], Awaitable[T]], key: str = KEY) -> T:
        async def used() -> T:
            async with self._client(key) as client:
                return await use(client)

        return asyncio.run(used())
