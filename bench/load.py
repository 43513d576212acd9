"""The load client: many HTTP requests at once on one thread.

It counts exactly and keeps times, but parses no JSON: what it costs is taken
from the machine under test.
"""

import errno
import heapq
import itertools
import json
import os
import selectors
import socket
from collections.abc import Callable
from dataclasses import dataclass

from bench.http1 import ResponseBroken, ResponseReader, Target, encode_post
from bench.script import MARK, STAMP, Script, lateness_us
from bench.sse import EventCounter
from bench.upstream import monotonic_us

_RECEIVE_BYTES = 65_536
_EXCERPT_BYTES = 300


@dataclass(frozen=True, slots=True)
class Arrival:
    """A piece that says when it was due, and how long after that it came."""

    due_us: int
    late_us: int


class Exchange:
    """One request and what has come of it; times are monotonic microseconds.

    ``first_us`` is when the first piece came, ``problem`` why this is no whole
    answer (empty: it is one, or is still on its way).
    """

    def __init__(self, script: Script, *, streamed: bool) -> None:
        self.script = script
        self.streamed = streamed
        self.started_us = 0
        self.first_us = 0
        self.finished_us = 0
        self.problem = ""
        self.when_done: Callable[[Exchange], None] | None = None
        self.counter = EventCounter()
        self.body = b""

    def encode(self, target: Target) -> bytes:
        message = {"role": "user", "content": self.script.prompt()}
        request = {"model": target.model, "stream": self.streamed, "messages": [message]}
        return encode_post(target, "/chat/completions", json.dumps(request).encode())

    def check(self, status: int) -> str:
        """What is wrong with an answer that has come to its end, or ``""``."""
        if status != 200:
            return f"status {status}: {self._excerpt(self.body)}"
        if not self.streamed:
            pieces = self.body.count(MARK)
            return "" if pieces == self.script.pieces else self._miscount("pieces", pieces)
        if self.counter.error:
            return self._excerpt(self.counter.error)
        for what, count in (
            ("pieces", self.counter.pieces),
            ("content events", self.counter.content_events),
        ):
            if count != self.script.pieces:
                return self._miscount(what, count)
        if not self.counter.done or self.counter.partial:
            return "the stream did not end with [DONE]"
        return ""

    def _miscount(self, what: str, count: int) -> str:
        return f"{count} {what} came, {self.script.pieces} were asked for"

    @staticmethod
    def _excerpt(body: bytes) -> str:
        return body[:_EXCERPT_BYTES].decode(errors="replace")


class _Connection:
    __slots__ = ("exchange", "reader", "socket", "unsent", "watches_room")

    def __init__(self, connecting: socket.socket) -> None:
        self.socket = connecting
        self.exchange: Exchange | None = None
        self.reader = ResponseReader()
        self.unsent = b""
        self.watches_room = False


class LoadClient:
    """Carries exchanges with one gateway.

    ``pieces`` counts those that came in streams, ``arrivals`` holds those that
    were stamped while ``records_arrivals`` was set. Connections are kept for
    later requests until `close`.
    """

    def __init__(self, target: Target) -> None:
        self.pieces = 0
        self.arrivals: list[Arrival] = []
        self.records_arrivals = False
        self._target = target
        self._selector = selectors.EpollSelector()
        self._timers: list[tuple[int, int, Callable[[], object]]] = []
        self._order = itertools.count()
        self._idle: list[_Connection] = []
        self._busy: set[_Connection] = set()

    def start(
        self,
        script: Script,
        *,
        streamed: bool = True,
        when_done: Callable[[Exchange], None] | None = None,
    ) -> Exchange:
        """Send a request now; `run` brings its answer."""
        exchange = Exchange(script, streamed=streamed)
        exchange.when_done = when_done
        request = exchange.encode(self._target)
        exchange.started_us = monotonic_us()
        connection = self._idle.pop() if self._idle else self._connect()
        connection.exchange = exchange
        connection.reader = ResponseReader()
        connection.unsent = request
        self._busy.add(connection)
        self._send(connection)
        return exchange

    def at(self, when_us: int, call: Callable[[], object]) -> None:
        """Have `run` call ``call`` at that time."""
        heapq.heappush(self._timers, (when_us, next(self._order), call))

    def run(self, limit_seconds: float) -> None:
        """Go on until every exchange has ended and every timer has fired;
        exchanges that have not by the limit are ended with a problem."""
        limit_us = monotonic_us() + int(limit_seconds * 1e6)
        while True:
            now_us = monotonic_us()
            while self._timers and self._timers[0][0] <= now_us:
                heapq.heappop(self._timers)[2]()
            if not (self._busy or self._timers):
                return
            if now_us >= limit_us:
                self._give_up(f"not complete after {limit_seconds:g} s")
                return
            next_us = min(self._timers[0][0], limit_us) if self._timers else limit_us
            for key, mask in self._selector.select(max(0, next_us - monotonic_us()) / 1e6):
                if mask & selectors.EVENT_WRITE:
                    self._send(key.data)
                if mask & selectors.EVENT_READ:
                    self._receive(key.data)

    def close(self) -> None:
        self._give_up("the load client was closed")
        for connection in self._idle:
            connection.socket.close()
        self._idle.clear()
        self._selector.close()

    def _give_up(self, problem: str) -> None:
        self._timers.clear()
        while self._busy:
            connection = next(iter(self._busy))
            if connection.exchange is not None:
                connection.exchange.when_done = None
            self._end(connection, problem)

    def _connect(self) -> _Connection:
        connecting = socket.socket()
        connecting.setblocking(False)
        connecting.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connecting.connect_ex((self._target.host, self._target.port))
        connection = _Connection(connecting)
        self._selector.register(connecting, selectors.EVENT_READ, connection)
        return connection

    def _send(self, connection: _Connection) -> None:
        if connection.unsent:
            try:
                sent = connection.socket.send(connection.unsent)
                connection.unsent = connection.unsent[sent:]
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.EINPROGRESS, errno.ENOTCONN):
                    self._end(connection, os.strerror(error.errno or 0))
                    return
        wanted = bool(connection.unsent)
        if wanted != connection.watches_room:
            connection.watches_room = wanted
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if wanted else 0)
            self._selector.modify(connection.socket, events, connection)

    def _receive(self, connection: _Connection) -> None:
        if connection.socket.fileno() < 0:
            return
        try:
            data = connection.socket.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._end(connection, os.strerror(error.errno or 0))
            return
        exchange = connection.exchange
        if exchange is None:
            self._drop(connection)
            return
        reader = connection.reader
        try:
            if data:
                self._take(exchange, reader.feed(data), reader.status)
            else:
                reader.feed_end()
        except ResponseBroken as error:
            self._end(connection, str(error))
            return
        if reader.complete:
            self._end(connection, exchange.check(reader.status), reusable=reader.reusable)

    def _take(self, exchange: Exchange, body: bytes, status: int) -> None:
        if not exchange.streamed or status != 200:
            exchange.body += body
            return
        before = exchange.counter.pieces
        events = exchange.counter.feed(body)
        count = exchange.counter.pieces - before
        if not count:
            return
        now_us = monotonic_us()
        self.pieces += count
        if not exchange.first_us:
            exchange.first_us = now_us
        if self.records_arrivals:
            for digits in STAMP.findall(events):
                late_us = lateness_us(digits, now_us)
                self.arrivals.append(Arrival(now_us - late_us, late_us))

    def _end(self, connection: _Connection, problem: str, *, reusable: bool = False) -> None:
        exchange = connection.exchange
        connection.exchange = None
        self._busy.discard(connection)
        if reusable and not problem:
            self._idle.append(connection)
        else:
            self._drop(connection)
        if exchange is not None:
            exchange.finished_us = monotonic_us()
            exchange.problem = problem
            if exchange.when_done is not None:
                exchange.when_done(exchange)

    def _drop(self, connection: _Connection) -> None:
        if connection in self._idle:
            self._idle.remove(connection)
        if connection.socket.fileno() >= 0:
            self._selector.unregister(connection.socket)
            connection.socket.close()
