"""The client's address: its connection's, or what a trusted proxy says of it.

A proxy appends the address it was called from to ``X-Forwarded-For``; what
stands before that may have been made up by whoever called it. So the header is
read from the right, and only as far as each who wrote is trusted
(docs/decisions/030).
"""

from collections.abc import Iterable, Sequence
from hmac import compare_digest

from piecesd.access.networks import IpAddress, IpNetwork, Networks, parse_address

NO_ADDRESS = "-"
"""Stands for the address of a client that has none."""

MAX_HOPS = 32
"""So many proxies are followed; no sane chain is as long."""


class TrustedProxies:
    """Those whose ``X-Forwarded-For`` is believed.

    :param unix: whether peers on unix sockets, who have no address, are among
        them.
    :param secret: what they have to show as well, because others have the same
        addresses (docs/decisions/108); None for nothing.
    """

    def __init__(
        self,
        networks: Iterable[IpNetwork] = (),
        *,
        unix: bool = False,
        secret: str | None = None,
    ) -> None:
        self._networks = Networks(networks)
        self._unix = unix
        self._secret = None if secret is None else secret.encode()
        self._anybody = unix or bool(self._networks)

    def client_address(
        self,
        peer: str | None,
        forwarded_for: Sequence[bytes] | None,
        shown_secret: bytes | None = None,
    ) -> str:
        """The client's address in its canonical form, or NO_ADDRESS.

        It is the first from the right that is no proxy's. Where the header ends
        or is no address any more, it is the last that was one.

        :param peer: the address of the connection's other end; None for that of
            a unix socket.
        :param forwarded_for: the values of the header, in their order.
        :param shown_secret: that of ``X-Proxy-Secret``.
        """
        address = _peer_address(peer)
        if (
            self._anybody
            and forwarded_for
            and self._trusts(peer, address)
            and self._knows(shown_secret or b"")
        ):
            address = self._followed(address, b",".join(forwarded_for))
        return NO_ADDRESS if address is None else str(address)

    def _trusts(self, peer: str | None, address: IpAddress | None) -> bool:
        if address is None:
            return peer is None and self._unix
        return address in self._networks

    def _knows(self, shown_secret: bytes) -> bool:
        return self._secret is None or compare_digest(shown_secret, self._secret)

    def _followed(self, address: IpAddress | None, forwarded_for: bytes) -> IpAddress | None:
        for hop in reversed(forwarded_for.rsplit(b",", MAX_HOPS)[-MAX_HOPS:]):
            try:
                address = _hop_address(hop)
            except ValueError:
                break
            if address not in self._networks:
                break
        return address


def _peer_address(peer: str | None) -> IpAddress | None:
    if peer is None:
        return None
    try:
        return parse_address(peer.partition("%")[0])
    except ValueError:
        return None


def _hop_address(hop: bytes) -> IpAddress:
    """One item of the header; some proxies write the port, too.

    :raises ValueError: it is no address.
    """
    text = hop.strip(b" \t").decode("ascii")
    if text.startswith("["):
        text, bracket, port = text[1:].partition("]")
        if not bracket or (port and not (port[0] == ":" and port[1:].isdigit())):
            raise ValueError(hop)
    elif text.count(":") == 1:
        text, _, port = text.partition(":")
        if not port.isdigit():
            raise ValueError(hop)
    return parse_address(text)
