"""An ASGI server's end of one request, in memory."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from tests.http.wire import chat_body

CHAT = "/v1/chat/completions"
JSON = (b"content-type", b"application/json")


def http_scope(
    method: str = "GET",
    path: str = "/ping",
    *headers: tuple[bytes, bytes],
    **others: Any,
) -> dict[str, Any]:
    """A scope as servers make it for HTTP/1.1."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"testserver"), *headers],
        "client": ("192.0.2.7", 4321),
        "server": ("127.0.0.1", 80),
    } | others


class FakeServer:
    """Calls an application with one request, and keeps what it sends.

    ``holds_back``: what is sent from now on is not taken until `take`.
    ``is_lost``: to send raises from now on, as it may once the client has left.
    """

    def __init__(
        self, application: Callable[[Any, Any, Any], Awaitable[None]], scope: Mapping[str, Any]
    ) -> None:
        self.sent: list[dict[str, Any]] = []
        self.holds_back = False
        self.is_lost = False
        self._taken = asyncio.Event()
        self._incoming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.call = asyncio.ensure_future(application(scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        return await self._incoming.get()

    async def _send(self, message: dict[str, Any]) -> None:
        if self.is_lost:
            raise ConnectionResetError
        self.sent.append(message)
        if self.holds_back:
            self._taken.clear()
            await self._taken.wait()

    def take(self) -> None:
        """Take what was held back, and go on to hold back."""
        self._taken.set()

    def bring(self, body: bytes = b"", *, more_body: bool = False) -> None:
        self._incoming.put_nowait({"type": "http.request", "body": body, "more_body": more_body})

    def bring_chat(self, *, stream: bool = True) -> None:
        self.bring(chat_body(stream=stream))

    def leave(self) -> None:
        """The client does."""
        self._incoming.put_nowait({"type": "http.disconnect"})

    async def over(self) -> None:
        """Wait until the application has returned."""
        await asyncio.wait_for(self.call, 5)

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.sent[0]["headers"])

    @property
    def pieces(self) -> list[bytes]:
        """The body, message by message."""
        return [message["body"] for message in self.sent[1:]]

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)

    @property
    def complete(self) -> bool:
        return bool(self.sent) and self.sent[-1].get("more_body") is False


async def turns(count: int = 5) -> None:
    """Let the loop take so many turns."""
    for _ in range(count):
        await asyncio.sleep(0)


def run_steps(steps: Callable[[], Awaitable[None]]) -> None:
    """Run them in a loop of their own, for a bounded time."""

    async def bounded() -> None:
        await asyncio.wait_for(steps(), 20)

    asyncio.run(bounded())
