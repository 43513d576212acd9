"""The relay: any OpenAI-compatible HTTP server as the model.

treq lives in the reactor's thread and the gRPC server's calls on an asyncio
loop in another (docs/decisions/007). A `_Fetch` stands in the one and a
`_RelayStream` in the other; they reach each other by ``callFromThread`` and
``call_soon_threadsafe`` only, and share no state.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import grpc
from treq.client import HTTPClient
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure as TwistedFailure
from twisted.web.client import Agent, HTTPConnectionPool, _HTTP11ClientFactory
from twisted.web.http_headers import Headers
from twisted.web.iweb import IResponse

from piecesd.chat import ChatRequest
from piecesd.embedded.completions_api import AnswerReader, name_there, request_body
from piecesd.embedded.model import AnswerFailed, AnswerStream, CallFailed, Failure, Piece

CONNECT_SECONDS = 10.0
MAX_WAITING_BYTES = 262_144
"""How much of an answer may wait for its gRPC client before the HTTP server
is held back."""

Post = Callable[[], Deferred[Any]]
"""Makes the HTTP request; its result is an IResponse, as treq wraps it."""

Arrived = Callable[[list[Piece] | Failure, int], None]
"""Takes pieces, or what ended them, and how many bytes they came in."""


class _QuietFactory(_HTTP11ClientFactory):
    """Twisted's would log two lines for each request, and has no public way to
    say that it should not."""

    noisy = False


class RelayModel:
    """See `piecesd.embedded.model.Model`.

    :param base_url: what ``/chat/completions`` is added to.
    :param api_key: sent as a bearer token; None sends none.
    :param model_map: names there by names here; ``*`` is for any other name.
    """

    def __init__(
        self, *, base_url: str, api_key: str | None, model_map: Mapping[str, str], reactor: Any
    ) -> None:
        self.name = f"a relay to {base_url}"
        self._url = f"{base_url.rstrip('/')}/chat/completions"
        self._headers = Headers(
            {"content-type": ["application/json"], "accept": ["text/event-stream"]}
        )
        if api_key is not None:
            self._headers.addRawHeader("authorization", f"Bearer {api_key}")
        self._model_map = model_map
        self._reactor = reactor
        # Not persistent: an answer that is given up ends its connection anyway.
        pool = HTTPConnectionPool(reactor, persistent=False)
        pool._factory = _QuietFactory
        self._client = HTTPClient(Agent(reactor, connectTimeout=CONNECT_SECONDS, pool=pool))

    def open(self, request: ChatRequest, *, paced: bool) -> AnswerStream:
        body = request_body(request, name_there(request.model, self._model_map))
        return _RelayStream(self._reactor, partial(self._post, body))

    def _post(self, body: bytes) -> Deferred[Any]:
        return self._client.post(
            self._url,
            data=body,
            headers=self._headers,
            allow_redirects=False,
            unbuffered=True,
            reactor=self._reactor,
        )


class _RelayStream:
    """The gRPC server's side of one answer."""

    def __init__(self, reactor: Any, post: Post) -> None:
        self._loop = asyncio.get_running_loop()
        self._reactor = reactor
        self._arrivals: asyncio.Queue[tuple[list[Piece] | Failure, int]] = asyncio.Queue()
        self._pieces: deque[Piece] = deque()
        self._fetch = _Fetch(self._hand_over)
        reactor.callFromThread(self._fetch.begin, post)

    def _hand_over(self, arrived: list[Piece] | Failure, size: int) -> None:
        """Called in the reactor's thread."""
        with suppress(RuntimeError):  # the server has stopped and its loop is closed
            self._loop.call_soon_threadsafe(self._arrivals.put_nowait, (arrived, size))

    async def next_piece(self) -> Piece:
        if not self._pieces:
            arrived, size = await self._arrivals.get()
            if isinstance(arrived, Failure):
                raise arrived
            self._pieces.extend(arrived)
            self._reactor.callFromThread(self._fetch.taken, size)
        return self._pieces.popleft()

    def close(self) -> None:
        self._reactor.callFromThread(self._fetch.give_up)


class _Fetch(Protocol):
    """The reactor's side of one answer: the HTTP request and its response's body."""

    def __init__(self, hand_over: Arrived) -> None:
        self._hand_over = hand_over
        self._reader = AnswerReader()
        self._request: Deferred[None] | None = None
        self._is_over = False
        self._waiting_bytes = 0
        self._is_paused = False
        self._body: Any = None

    def begin(self, post: Post) -> None:
        """Make the request."""
        self._request = maybeDeferred(post).addCallback(self._answered)
        self._request.addErrback(self._unanswered)

    def taken(self, size: int) -> None:
        """``size`` bytes that were handed over wait no longer."""
        self._waiting_bytes -= size
        if self._is_paused and self._waiting_bytes <= MAX_WAITING_BYTES // 2:
            self._resume()

    def give_up(self) -> None:
        """Nobody wants more of the answer: close the request."""
        self._is_over = True
        if self._request is not None:
            self._request.cancel()
        self._drop()

    def _answered(self, response: IResponse) -> None:
        if response.code != 200:
            is_error = 400 <= response.code <= 599
            self._finish(AnswerFailed(response.code if is_error else 502))
        elif not _is_event_stream(response):
            self._finish(_failed("the relay's server did not send an event stream"))
        response.deliverBody(self)

    def _unanswered(self, failure: TwistedFailure) -> None:
        if not self._is_over:
            details = f"the relay's server can't be reached: {failure.getErrorMessage()}"
            self._finish(CallFailed(grpc.StatusCode.UNAVAILABLE, details))

    def connectionMade(self) -> None:
        self._body = self.transport
        if self._is_over:
            self._drop()

    def dataReceived(self, data: bytes) -> None:
        if self._is_over:
            return
        pieces: list[Piece] = []
        broken: CallFailed | None = None
        try:
            pieces.extend(self._reader.feed(data))
        except CallFailed as failure:
            broken = failure
        if pieces:
            self._waiting_bytes += len(data)
            self._hand_over(pieces, len(data))
        if broken is not None:
            self._finish(broken)
        elif self._reader.is_over:
            self._is_over = True
        elif self._waiting_bytes > MAX_WAITING_BYTES and self._body is not None:
            self._is_paused = True
            self._body.pauseProducing()

    def connectionLost(self, reason: TwistedFailure | None = None) -> None:
        self._body = None
        if self._is_over:
            return
        # However it was lost: an answer is whole when its server has said so.
        try:
            self._hand_over([self._reader.end()], 0)
            self._is_over = True
        except CallFailed as failure:
            self._finish(failure)

    def _finish(self, failure: Failure) -> None:
        self._is_over = True
        self._hand_over(failure, 0)
        self._drop()

    def _resume(self) -> None:
        self._is_paused = False
        if self._body is not None:
            self._body.resumeProducing()

    def _drop(self) -> None:
        if self._body is not None:
            self._resume()  # a paused connection would not see the other side close
            self._body.loseConnection()


def _is_event_stream(response: IResponse) -> bool:
    content_types: list[str] = response.headers.getRawHeaders("content-type") or [""]
    return content_types[0].lower().startswith("text/event-stream")


def _failed(details: str) -> CallFailed:
    return CallFailed(grpc.StatusCode.INTERNAL, details)
