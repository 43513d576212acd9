"""An HTTP client that can also read slowly, leave, or say something odd.

It blocks, and each step is bounded in time.
"""

import json
import socket
import ssl
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPMessage, HTTPResponse
from typing import Any

WAIT_SECONDS = 20.0

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER, on, with 0 seconds: closing sends RST and not FIN."""

_ANY_CERTIFICATE = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_ANY_CERTIFICATE.check_hostname = False
_ANY_CERTIFICATE.verify_mode = ssl.CERT_NONE

NO_HEADERS: Mapping[str, str] = {}


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """A whole response."""

    status: int
    headers: HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> Any:
        """The object that describes an error."""
        return self.json["error"]

    @property
    def text(self) -> str:
        """The answer of the only choice."""
        (choice,) = self.json["choices"]
        content: str = choice["message"]["content"]
        return content


@dataclass(slots=True)
class Streamed:
    """What a streamed answer came to; ``texts`` are those of choice 0."""

    texts: list[str] = field(default_factory=list)
    finish_reasons: list[str] = field(default_factory=list)
    error: Any = None
    is_done: bool = False

    @property
    def text(self) -> str:
        return "".join(self.texts)


class Exchange:
    """One request on a connection of its own, and its response.

    :param receive_buffer_bytes: of the socket; None leaves it to the system.
    :param tls: with any certificate.
    """

    def __init__(
        self,
        port: int,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] = NO_HEADERS,
        body: bytes = b"",
        receive_buffer_bytes: int | None = None,
        tls: bool = False,
    ) -> None:
        self.socket = socket.socket()
        if receive_buffer_bytes is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        self.socket.settimeout(WAIT_SECONDS)
        self.socket.connect(("127.0.0.1", port))
        if tls:
            self.socket = _ANY_CERTIFICATE.wrap_socket(self.socket, server_hostname="localhost")
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        self._response: HTTPResponse | None = None

    @property
    def response(self) -> HTTPResponse:
        """Its header has been read; waits for it at first."""
        if self._response is None:
            self._response = HTTPResponse(self.socket)
            self._response.begin()
        return self._response

    def reply(self) -> Reply:
        """The whole response; the connection is closed."""
        with self.socket:
            body = self.response.read()
            return Reply(status=self.response.status, headers=self.response.headers, body=body)

    def events(self) -> Iterator[Any]:
        """The events of a streamed answer as they come: objects, and ``[DONE]``
        as a text."""
        assert self.response.status == 200, self.response.read()
        while line := self.response.readline():
            assert line.startswith(b"data: "), line
            assert line.endswith(b"\n"), line
            assert self.response.readline() == b"\n"
            data = line[6:-1]
            yield "[DONE]" if data == b"[DONE]" else json.loads(data)

    def next_text(self) -> str:
        """Read on to the next text of the answer."""
        for event in self.events():
            for choice in event["choices"]:
                if choice["delta"].get("content"):
                    text: str = choice["delta"]["content"]
                    return text
        raise AssertionError("the answer has no more text")

    def streamed(self) -> Streamed:
        """Read the streamed answer to its end."""
        answer = Streamed()
        with self.socket:
            for event in self.events():
                assert not answer.is_done, event
                if event == "[DONE]":
                    answer.is_done = True
                elif "error" in event:
                    answer.error = event["error"]
                else:
                    _add(answer, event)
        return answer

    def leave(self, *, reset: bool = False) -> None:
        """Close the connection, whatever is on the way."""
        if reset:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        if self._response is not None:
            self._response.close()
        self.socket.close()


def _add(answer: Streamed, chunk: Any) -> None:
    for choice in chunk["choices"]:
        if choice["index"] == 0:
            answer.texts.append(choice["delta"].get("content", ""))
        if choice["finish_reason"] is not None:
            answer.finish_reasons.append(choice["finish_reason"])


def get(port: int, path: str, headers: Mapping[str, str] = NO_HEADERS) -> Reply:
    return Exchange(port, "GET", path, headers=headers).reply()


def open_chat(
    port: int,
    text: str,
    *,
    path: str = "/v1/chat/completions",
    headers: Mapping[str, str] = NO_HEADERS,
    receive_buffer_bytes: int | None = None,
    tls: bool = False,
    **fields: Any,
) -> Exchange:
    """Ask ``text``; ``fields`` are others of the request's JSON."""
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": text}]} | fields
    return Exchange(
        port,
        "POST",
        path,
        headers={"Content-Type": "application/json"} | dict(headers),
        body=json.dumps(body).encode(),
        receive_buffer_bytes=receive_buffer_bytes,
        tls=tls,
    )


def chat(port: int, text: str, **options: Any) -> Reply:
    """The whole reply to ``text``, as JSON or as the bytes of a stream."""
    return open_chat(port, text, **options).reply()


def stream_chat(port: int, text: str, **options: Any) -> Streamed:
    """The streamed answer to ``text``."""
    return open_chat(port, text, stream=True, **options).streamed()
