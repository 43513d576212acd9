"""Whether a client may come in."""

from collections.abc import Callable
from math import ceil

from piecesd.access.bans import Ban, BanList
from piecesd.access.client import NO_ADDRESS, TrustedProxies
from piecesd.access.networks import LOOPBACK, IpAddress, Networks, parse_address
from piecesd.access.violations import BanRules, Violations
from piecesd.errors import AddressBanned, AddressRefused, ApiError, InvalidApiKey, MalformedHttp

VIOLATIONS = {
    InvalidApiKey: "wrong key",
    AddressRefused: "denied address",
    MalformedHttp: "malformed HTTP",
}
"""Errors that count as violations, and what they are called. Not those below
them: whoever shows no key at all has guessed none."""


class Gate:
    """The lists, the bans, and the counting that leads to bans.

    A client without an address, on a unix socket, always passes: the rights on
    the socket's file say who may connect.

    :param allow: if there are any, nobody else comes in.
    :param deny: these never do.
    :param banned: called with each ban that violations have led to.
    """

    def __init__(
        self,
        seconds: Callable[[], float],
        *,
        proxies: TrustedProxies,
        bans: BanList,
        violations: Violations,
        allow: Networks,
        deny: Networks,
        banned: Callable[[Ban], None],
    ) -> None:
        self.proxies = proxies
        self.bans = bans
        self._seconds = seconds
        self._violations = violations
        self._allow = allow
        self._deny = deny
        self._has_lists = bool(allow) or bool(deny)
        self._counts = violations.rules.mode != "off"
        self._banned = banned

    def refusal(self, address: str) -> AddressRefused | None:
        """What keeps the client with this address out; None lets it in."""
        if not self._has_lists and not len(self.bans):
            return None
        client = _parsed(address)
        if client is None:
            return None
        if client in self._deny or (self._allow and client not in self._allow):
            return AddressRefused()
        ban = self.bans.find(client)
        if ban is None:
            return None
        return AddressBanned(
            retry_after_seconds=max(1, ceil(ban.until_unix - self._seconds())),
        )

    def note_error(self, address: str, error: ApiError) -> None:
        """Count an error that a client was answered with, if it is a violation."""
        if self._counts and type(error) in VIOLATIONS:
            self.note_violation(address, VIOLATIONS[type(error)])

    def note_violation(self, address: str, why: str) -> None:
        """Count a violation of the client with this address, and ban it if that
        was one too many.

        :param why: what it did, in a few words on one line.
        """
        if not self._counts:
            return
        client = _parsed(address)
        if client is None or client in self.bans.never or self.bans.find(client):
            return
        ban = self._violations.note(client, why)
        if ban is not None:
            self.bans.add(ban)
            # Above it, another worker has banned, and this one did not know yet.
            if ban.violations == self._violations.rules.threshold:
                self._banned(ban)


def open_gate(seconds: Callable[[], float]) -> Gate:
    """A gate without lists, where nobody is banned but by hand."""
    return Gate(
        seconds,
        proxies=TrustedProxies(),
        bans=BanList(seconds, Networks(LOOPBACK)),
        violations=Violations(BanRules(), seconds),
        allow=Networks(),
        deny=Networks(),
        banned=lambda ban: None,
    )


def _parsed(address: str) -> IpAddress | None:
    return None if address == NO_ADDRESS else parse_address(address)
