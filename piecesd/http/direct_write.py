"""Connections that send at once while nothing waits to be sent.

Twisted buffers every write and sends it when the reactor next finds the socket
writable: two ``epoll_ctl`` calls and another turn of the reactor for each. The
pieces of a stream come one by one to a socket that is nearly always writable,
so sending them straight away saves most of what a piece costs. What the kernel
does not take is left to Twisted's buffer, and everything after it, so the
order holds and producers are paused as ever.
"""

from collections.abc import Iterable
from typing import Any

from twisted.internet import tcp, unix


class _DirectWrites(tcp.Connection):
    """What sends at once, of a connection of either kind."""

    def write(self, data: bytes) -> None:
        """Send ``data``, or what of it the kernel takes, and buffer the rest."""
        if self._can_send_now():
            data = self._send(data)
        if data:
            super().write(data)

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        """The same for parts, which are sent as one."""
        if self._can_send_now():
            self.write(b"".join(iovec))
        else:
            super().writeSequence(iovec)

    def _can_send_now(self) -> bool:
        """Whether nothing is buffered on a connection that still takes writes."""
        return bool(
            self.connected
            and not self.dataBuffer
            and not self._tempDataBuffer
            and not self.disconnecting
            and not self._writeDisconnecting
            and not self._writeDisconnected
            and not self.TLS
        )

    def _send(self, data: bytes) -> bytes:
        """Send once; what was not taken. A connection found lost takes nothing:
        the reactor meets the same error when it sends the buffer, and reports
        it from its own turn rather than from inside a caller's write."""
        if not data:
            return data
        sent = self.writeSomeData(data)
        if not isinstance(sent, int) or sent <= 0:
            return data
        return data[sent:]


class DirectServer(_DirectWrites, tcp.Server):
    """The server's end of a TCP connection."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.setTcpNoDelay(True)
        # A client that vanished without a word, while its answer is awaited.
        self.setTcpKeepAlive(True)


class DirectUnixServer(_DirectWrites, unix.Server):
    """The server's end of a connection to a socket file."""

    def setTcpNoDelay(self, enabled: bool) -> None:  # noqa: N802
        """There is none here; Twisted before 24.10 would ask the system."""
