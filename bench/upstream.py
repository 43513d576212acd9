"""The bench's upstream: a gRPC server that costs next to nothing.

`python -m bench.upstream --port N` serves both services of protos/ on the
loopback interface, in cleartext, and does what prompts of `bench.script` say.
It prints the port it listens on.
"""

import argparse
import gc
import heapq
import itertools
import select
import selectors
import socket
import sys
import time
from functools import partial

from bench.answers import Call, Peer
from bench.http2 import ConnectionBroken

_RECEIVE_BYTES = 65_536


class PreciseSelector(selectors.EpollSelector):
    """Waits to the microsecond: epoll_wait rounds up to milliseconds, and
    pieces a millisecond late are what is measured here."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout > 0:
            select.select([self.fileno()], [], [], timeout)
            timeout = 0
        return super().select(timeout)


def monotonic_us() -> int:
    return time.monotonic_ns() // 1000


class _Link:
    """A peer and its socket."""

    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected
        self.peer = Peer()
        self.open = True
        self.broken = False
        self.waits_to_write = False


class Upstream:
    """Serves every peer that connects to ``listener``, in one thread."""

    def __init__(self, listener: socket.socket) -> None:
        self._selector = PreciseSelector()
        self._due: list[tuple[int, int, _Link, Call]] = []
        self._order = itertools.count()
        self._to_pump: set[_Link] = set()
        self._stopped = False
        listener.setblocking(False)
        self._selector.register(listener, selectors.EVENT_READ, partial(self._accept, listener))

    def stop_when_readable(self, stream: socket.socket | int) -> None:
        """End `serve` once ``stream`` has input or is closed at its other end."""
        self._selector.register(stream, selectors.EVENT_READ, self._stop)

    def serve(self) -> None:
        while not self._stopped:
            for key, mask in self._selector.select(self._patience_seconds()):
                key.data(mask)
            now_us = monotonic_us()
            while self._due and self._due[0][0] <= now_us:
                _, _, link, call = heapq.heappop(self._due)
                link.peer.resume(call)
                self._to_pump.add(link)
            links, self._to_pump = self._to_pump, set()
            for link in links:
                if link.open:
                    self._pump(link, now_us)

    def _patience_seconds(self) -> float | None:
        if self._to_pump:
            return 0
        if not self._due:
            return None
        return max(0, self._due[0][0] - monotonic_us()) / 1e6

    def _stop(self, mask: int) -> None:
        self._stopped = True

    def _accept(self, listener: socket.socket, mask: int) -> None:
        connected, _ = listener.accept()
        connected.setblocking(False)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link = _Link(connected)
        self._selector.register(connected, selectors.EVENT_READ, partial(self._ready, link))
        self._to_pump.add(link)

    def _ready(self, link: _Link, mask: int) -> None:
        if mask & selectors.EVENT_READ:
            self._read(link)
        if link.open:
            self._to_pump.add(link)

    def _read(self, link: _Link) -> None:
        try:
            data = link.socket.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._close(link)
            return
        if link.broken:
            return
        try:
            link.peer.receive(data, monotonic_us())
        except ConnectionBroken as error:
            link.broken = True
            link.peer.connection.break_off(error)

    def _pump(self, link: _Link, now_us: int) -> None:
        if not link.broken:
            for call in link.peer.pump(now_us):
                heapq.heappush(self._due, (call.due_us, next(self._order), link, call))
        outgoing = link.peer.connection.outgoing
        if outgoing:
            try:
                del outgoing[: link.socket.send(outgoing)]
            except BlockingIOError:
                pass
            except OSError:
                self._close(link)
                return
        if not outgoing and (link.broken or link.peer.finished):
            self._close(link)
            return
        self._watch_for_room(link, wanted=bool(outgoing))
        if link.peer.busy and not outgoing:
            self._to_pump.add(link)

    def _watch_for_room(self, link: _Link, *, wanted: bool) -> None:
        if wanted != link.waits_to_write:
            link.waits_to_write = wanted
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if wanted else 0)
            self._selector.modify(link.socket, events, partial(self._ready, link))

    def _close(self, link: _Link) -> None:
        link.open = False
        self._selector.unregister(link.socket)
        link.socket.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.upstream", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 (the default) lets the system pick")
    parser.add_argument(
        "--until-stdin-closes", action="store_true", help="end with the process that started it"
    )
    options = parser.parse_args()
    try:
        listener = socket.create_server(("127.0.0.1", options.port), backlog=1024)
    except OSError as error:
        sys.exit(f"bench.upstream: {error}")
    upstream = Upstream(listener)
    if options.until_stdin_closes:
        upstream.stop_when_readable(sys.stdin.fileno())
    print(listener.getsockname()[1], flush=True)
    gc.freeze()
    gc.disable()
    upstream.serve()


if __name__ == "__main__":
    main()
