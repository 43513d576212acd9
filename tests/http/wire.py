"""Real HTTP bytes into a site and out of it, without a socket."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IAddress
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransportWithDisconnection
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from piecesd.http.app import Api
from piecesd.http.channel import ApiChannel
from piecesd.http.metrics import MetricsEndpoint
from piecesd.http.responses import Store
from piecesd.http.settings import HttpSettings
from piecesd.http.site import ApiSite
from piecesd.ratelimits.limiter import RateLimiter
from tests.http.scripted_completions import ScriptedCompletions

VERSION = "9.9"
CLIENT = IPv4Address("TCP", "192.0.2.7", 4321)


@dataclass(frozen=True, kw_only=True, slots=True)
class Response:
    """One response as a client reads it; the names of headers are lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> Any:
        return self.json()["error"]


class NotHttp(Exception):
    """What was sent is not a row of whole HTTP/1.1 responses."""


def read_responses(data: bytes, *, of_head: bool = False) -> list[Response]:
    """Every response in ``data``, read strictly.

    :param of_head: the requests were HEAD: bodies are announced and not sent.
    :raises NotHttp: some of it can't be read.
    """
    responses = []
    while data:
        head, separator, data = data.partition(b"\r\n\r\n")
        status_line, *lines = head.decode("latin-1").split("\r\n")
        version, status, _reason = status_line.split(" ", 2)
        if not separator or version != "HTTP/1.1":
            raise NotHttp(head)
        headers = {}
        for line in lines:
            name, colon, value = line.partition(": ")
            if not colon or name.lower() in headers:
                raise NotHttp(line)
            headers[name.lower()] = value
        if of_head or status in ("204", "304", "100"):
            body = b""
        elif headers.get("transfer-encoding") == "chunked":
            body, data = _read_chunks(data)
        else:
            length = int(headers["content-length"])
            body, data = data[:length], data[length:]
            if len(body) < length:
                raise NotHttp(body)
        responses.append(Response(status=int(status), headers=headers, body=body))
    return responses


def _read_chunks(data: bytes) -> tuple[bytes, bytes]:
    body = b""
    while True:
        size_line, separator, data = data.partition(b"\r\n")
        if not separator:
            raise NotHttp(size_line)
        size = int(size_line, 16)
        chunk, data = data[:size], data[size:]
        if len(chunk) < size or not data.startswith(b"\r\n"):
            raise NotHttp(data)
        data = data[2:]
        if not size:
            return body, data
        body += chunk


def request_bytes(
    method: str, path: str, body: bytes | None = None, headers: Iterable[str] = ()
) -> bytes:
    """A request as a client writes it; ``headers`` are whole lines."""
    lines = [f"{method} {path} HTTP/1.1", "host: test", *headers]
    if body is not None:
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b"")


def chat_body(**fields: Any) -> bytes:
    """The JSON of a chat request; ``fields`` add to it or replace what it has."""
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]}
    return json.dumps(body | fields).encode()


def chat_bytes(*, path: str = "/v1/chat/completions", **fields: Any) -> bytes:
    return request_bytes("POST", path, chat_body(**fields), ["content-type: application/json"])


def messages_body(**fields: Any) -> bytes:
    """The JSON of what a message of the Anthropic API needs, but for its limit."""
    prompt = {"model": "claude-3-opus-20240229", "messages": [{"role": "user", "content": "Hi"}]}
    return json.dumps(prompt | fields).encode()


def messages_bytes(path: str = "/v1/messages", *headers: str, **fields: Any) -> bytes:
    return request_bytes("POST", path, messages_body(**{"max_tokens": 50} | fields), headers)


class RecordingTransport(StringTransportWithDisconnection):
    """Keeps what each write brought, too."""

    def __init__(self, peer: IAddress) -> None:
        super().__init__(peerAddress=peer, lenient=True)
        self.writes: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.writes.append(data)
        super().write(data)

    def writeSequence(self, data: Iterable[bytes]) -> None:
        self.write(b"".join(data))

    def unregisterProducer(self) -> None:  # noqa: N802
        """Twisted's own connections don't mind when there is none."""
        if self.producer is not None:
            super().unregisterProducer()


class Connection:
    """A client's connection to the site."""

    def __init__(self, site: ApiSite, peer: IAddress) -> None:
        self.transport = RecordingTransport(peer)
        self.channel = cast(ApiChannel, site.buildProtocol(self.transport.getPeer()))
        self.transport.protocol = self.channel
        self.channel.makeConnection(self.transport)

    def send(self, data: bytes) -> None:
        if self.transport.connected:
            self.channel.dataReceived(data)

    @property
    def received(self) -> bytes:
        return bytes(self.transport.value())

    @property
    def writes(self) -> list[bytes]:
        return self.transport.writes

    @property
    def open(self) -> bool:
        return bool(self.transport.connected)

    def responses(self) -> list[Response]:
        return read_responses(self.received)

    def response(self) -> Response:
        """The one response there is."""
        (response,) = self.responses()
        return response

    def leave(self) -> None:
        """The client goes without a word; nothing where it is gone already."""
        if not self.transport.connected:
            return
        self.transport.connected = False
        if self.transport.producer is not None:
            self.transport.producer.stopProducing()
        self.channel.connectionLost(Failure(ConnectionLost()))


class WireTestCase(SynchronousTestCase):
    """A site over ScriptedCompletions, with a clock of its own."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_700_000_000)
        self.completions = ScriptedCompletions()
        self.services = {"gpt": True, "vertex": True}
        self.limiter: RateLimiter | None = None
        self.store: Store | None = None
        self.metrics: MetricsEndpoint | None = None
        self.events: list[LogEvent] = []
        observer = cast(ILogObserver, self.events.append)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        self.serve()

    def serve(self, **settings: Any) -> None:
        """Start over with these settings."""
        self.settings = HttpSettings(**settings)
        self.api = Api(
            completions=cast(Any, self.completions),
            settings=self.settings,
            clock=cast(Any, self.clock),
            version=VERSION,
            pool_figures=lambda: {"services": {"gpt": [{"channels": 5}]}},
            readiness=lambda: self.services,
            limiter=self.limiter,
            store=self.store,
            metrics=self.metrics,
        )
        self.site = ApiSite(self.api, cast(Any, self.clock), self.api.count_finished)

    def connect(self, peer: IAddress = CLIENT) -> Connection:
        """Connect; the client leaves when the test ends, if not before."""
        connection = Connection(self.site, peer)
        self.addCleanup(connection.leave)
        return connection

    def exchange(self, request: bytes) -> Response:
        """Send one request on a connection of its own, for its response."""
        connection = self.connect()
        connection.send(request)
        return connection.response()

    def get(self, path: str, *headers: str) -> Response:
        return self.exchange(request_bytes("GET", path, headers=headers))

    def access_lines(self) -> list[LogEvent]:
        return [event for event in self.events if "first_token_seconds" in event]
