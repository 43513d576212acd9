"""A whole gateway on a fake clock, to which anything may happen in any order.

What is real: the site, the API, the SSE writer, completions and their rules.
What is not: sockets, the clock, the upstream and the thread that counts tokens.
A schedule is a list of steps; `World.take` carries one out. Steps name calls and
clients by any number, which is taken modulo of how many there are.
"""

import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import LogEvent

from piecesd.catalog import Catalog
from piecesd.completion.budget import RetryBudget
from piecesd.completion.counting import TokenCounts
from piecesd.completion.service import Completions
from piecesd.dialects.sse import KEEP_ALIVE
from piecesd.errors import (
    ApiError,
    Overloaded,
    Phrase,
    UpstreamBroken,
    UpstreamRateLimited,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from piecesd.http.app import Api
from piecesd.http.settings import HttpSettings
from piecesd.http.site import ApiSite
from piecesd.tokens import Encoding, EncodingName, load
from piecesd.upstream.scripted import ScriptedReply, ScriptedStream, ScriptedUpstream
from tests.completion.support import SETTINGS, run_now
from tests.http.wire import CLIENT, Connection, chat_body, request_bytes

T = TypeVar("T")

STOP = "END"
FOREVER_SECONDS = 2_000
_TICK_SECONDS = 10.0

Step = tuple[Any, ...]
"""The name of a method of World, and its arguments."""

FAILURES: tuple[Callable[[], ApiError], ...] = (
    lambda: UpstreamUnavailable(detail="gone"),
    lambda: UpstreamBroken(detail="cut"),
    lambda: UpstreamRefused(detail="no"),
    UpstreamRateLimited,
    lambda: UpstreamTimeout(seconds=1, what="idle"),
)


class QueuedCounts(TokenCounts):
    """Counts when told to, as a slow thread would."""

    def __init__(self) -> None:
        self._queue: deque[Callable[[], None]] = deque()

    def work(self, name: EncodingName, size: int, work: Callable[[Encoding], T]) -> Deferred[T]:
        done: Deferred[T] = Deferred()
        self._queue.append(lambda: None if done.called else done.callback(work(load(name))))
        return done

    def run(self) -> None:
        while self._queue:
            self._queue.popleft()()


@dataclass(eq=False, slots=True)
class Asked:
    """One request of a client."""

    request_id: str
    streamed: bool
    choices: int
    stop: bool


@dataclass(eq=False, slots=True)
class Client:
    connection: Connection
    asked: list[Asked] = field(default_factory=list)
    left: bool = False


class World:
    """Where a schedule happens. ``events`` gets what is logged."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_700_000_000)
        self.upstream = ScriptedUpstream()
        self.counts = QueuedCounts()
        self.events: list[LogEvent] = []
        self.clients: list[Client] = []
        self.sent: dict[ScriptedStream, str] = {}
        self.ended: set[ScriptedStream] = set()
        self.whole: set[ScriptedStream] = set()
        self.replied: dict[ScriptedReply, str] = {}
        self.drains: list[Deferred[None]] = []
        clock = cast(Any, self.clock)
        completions = Completions(
            catalog=Catalog.built_in(),
            upstreams={"gpt": self.upstream},
            default_model=None,
            settings=SETTINGS,
            counts=self.counts,
            budget=RetryBudget(1000, self.clock.seconds),
            clock=clock,
            run_in_thread=run_now,
        )
        self.api = Api(
            completions=completions,
            settings=HttpSettings(max_concurrent_requests=4),
            clock=clock,
            version="0",
            pool_figures=dict,
            readiness=dict,
        )
        self.site = ApiSite(self.api, clock)

    def take(self, step: Step) -> None:
        name, *arguments = step
        getattr(self, name)(*arguments)

    # What clients do.

    def connect(self) -> None:
        if not self.drains:
            self.clients.append(Client(Connection(self.site, CLIENT)))

    def ask(self, client: int, streamed: bool, choices: int, stop: bool, limit: int | None) -> None:
        """Send a request, be the one before answered or not."""
        if not self.clients:
            self.connect()
        if not self.clients:
            return
        asking = self.clients[client % len(self.clients)]
        request_id = f"r{sum(len(each.asked) for each in self.clients)}"
        fields: dict[str, Any] = {"stream": streamed, "n": choices}
        fields["messages"] = [{"role": "user", "content": request_id}]
        if stop:
            fields["stop"] = STOP
        if limit is not None:
            fields["max_tokens"] = limit
        asking.asked.append(Asked(request_id, streamed, choices, stop))
        headers = ["content-type: application/json", f"x-request-id: {request_id}"]
        asking.connection.send(
            request_bytes("POST", "/v1/chat/completions", chat_body(**fields), headers)
        )

    def leave(self, client: int) -> None:
        if self.clients:
            leaving = self.clients[client % len(self.clients)]
            leaving.left = leaving.left or leaving.connection.open
            leaving.connection.leave()

    def stop_reading(self, client: int) -> None:
        if self.clients and self.clients[client % len(self.clients)].connection.open:
            self.clients[client % len(self.clients)].connection.channel.pauseProducing()

    def read_on(self, client: int) -> None:
        if self.clients and self.clients[client % len(self.clients)].connection.open:
            self.clients[client % len(self.clients)].connection.channel.resumeProducing()

    # What the upstream does.

    @property
    def streams(self) -> list[ScriptedStream]:
        """Those that are under way."""
        return [
            each for each in self.upstream.streams if not each.cancelled and each not in self.ended
        ]

    @property
    def replies(self) -> list[ScriptedReply]:
        return [each for each in self.upstream.replies if not each.deferred.called]

    def arrive(self, call: int, pieces: list[str]) -> None:
        """Pieces come, the first with text marked so that no other call's is like it."""
        if self.streams:
            stream = self.streams[call % len(self.streams)]
            for at, piece in enumerate(pieces):
                if piece and not self.sent.get(stream):
                    pieces = [*pieces[:at], f"<{len(self.sent)}>{piece}", *pieces[at + 1 :]]
                self.sent[stream] = self.sent.get(stream, "") + pieces[at]
            stream.arrive(*pieces)

    def finish(self, call: int) -> None:
        if self.streams:
            stream = self.streams[call % len(self.streams)]
            self.ended.add(stream)
            self.whole.add(stream)
            stream.finish()

    def fail(self, call: int, failure: int) -> None:
        if self.streams:
            stream = self.streams[call % len(self.streams)]
            self.ended.add(stream)
            stream.fail(FAILURES[failure]())

    def reply(self, call: int, text: str) -> None:
        if self.replies:
            reply = self.replies[call % len(self.replies)]
            self.replied[reply] = f"<r{len(self.replied)}>{text}"
            reply.deferred.callback(self.replied[reply])

    def fail_reply(self, call: int, failure: int) -> None:
        if self.replies:
            self.replies[call % len(self.replies)].deferred.errback(FAILURES[failure]())

    def refuse(self, refusing: bool) -> None:
        """No thread is free for a call, or there are some again."""
        phrase = Phrase("open streams", "")
        self.upstream.refusal = Overloaded(limit=1, what=phrase) if refusing else None

    # What else happens.

    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def count_tokens(self) -> None:
        self.counts.run()

    def drain(self, seconds: float) -> None:
        self.drains.append(Deferred.fromCoroutine(self.site.drain(seconds)))

    def settle(self) -> None:
        """All who read read on, and time passes until every deadline has: gRPC's
        for unary calls, the daemon's own for the rest."""
        for number in range(len(self.clients)):
            self.read_on(number)
        for _ in range(int(FOREVER_SECONDS / _TICK_SECONDS)):
            self.counts.run()
            while self.replies:  # the end of one may be that of others
                self.replies[0].deferred.errback(UpstreamTimeout(seconds=30, what="the call"))
            self.clock.advance(_TICK_SECONDS)

    def close(self) -> None:
        """Every client leaves."""
        for client in self.clients:
            client.connection.leave()
        self.counts.run()


@dataclass(kw_only=True, slots=True)
class Heard:
    """One response as far as it came. ``texts`` are by choice."""

    status: int = 0
    request_id: str = ""
    texts: dict[int, str] = field(default_factory=dict)
    finished: dict[int, str] = field(default_factory=dict)
    error: Any = None
    is_done: bool = False
    is_complete: bool = False
    after_the_end: int = 0


def hear(data: bytes) -> list[Heard]:
    """The responses on a connection, the last of which may be cut anywhere."""
    responses = []
    while b"\r\n\r\n" in data:
        head, _, data = data.partition(b"\r\n\r\n")
        status_line, *lines = head.decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        heard = Heard(
            status=int(status_line.split(" ")[1]), request_id=headers.get("x-request-id", "")
        )
        responses.append(heard)
        if "content-length" in headers:
            length = int(headers["content-length"])
            body, data = data[:length], data[length:]
            heard.is_complete = len(body) == length
            if heard.is_complete:
                _hear_whole(heard, json.loads(body))
        else:
            data = _hear_stream(heard, data)
    return responses


def _hear_whole(heard: Heard, body: Any) -> None:
    heard.error = body.get("error")
    for choice in body.get("choices", ()):
        heard.texts[choice["index"]] = choice["message"]["content"]
        heard.finished[choice["index"]] = choice["finish_reason"]


def _hear_stream(heard: Heard, data: bytes) -> bytes:
    """Take the events; what follows the response."""
    body = b""
    while b"\r\n" in data:
        size_line, _, rest = data.partition(b"\r\n")
        size = int(size_line, 16)
        if len(rest) < size + 2:
            break
        body += rest[:size]
        data = rest[size + 2 :]
        if not size:
            heard.is_complete = True
            break
    for event in body.split(b"\n\n")[:-1]:
        _hear_event(heard, event.removeprefix(b"data: "))
    return data if heard.is_complete else b""


def _hear_event(heard: Heard, event: bytes) -> None:
    if heard.is_done or heard.error is not None:
        heard.after_the_end += 1
    elif event == b"[DONE]":
        heard.is_done = True
    elif event != KEEP_ALIVE.strip():
        chunk = json.loads(event)
        heard.error = chunk.get("error")
        for choice in chunk.get("choices", ()):
            index = choice["index"]
            assert index not in heard.finished, "text after the finish"
            heard.texts[index] = heard.texts.get(index, "") + choice["delta"].get("content", "")
            if choice["finish_reason"] is not None:
                heard.finished[index] = choice["finish_reason"]
