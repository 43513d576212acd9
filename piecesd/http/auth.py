"""API keys: who may use the API."""

from collections.abc import Iterable
from hashlib import sha256
from hmac import compare_digest

from piecesd.errors import InvalidApiKey, MissingApiKey

_HOLDER = b"piecesd holder of "
_HOLDER_CHARACTERS = 32


class ApiKeys:
    """The keys that open the API; without any, it is open to all.

    A key shown is compared with every key, by digests, so that the time taken
    tells nothing about any of them, their lengths included.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        self._digests = tuple(_digest(key.encode()) for key in keys)

    def check(self, shown_key: bytes) -> None:
        """Check the key a client shows; empty if it shows none.

        :raises MissingApiKey: it shows none.
        :raises InvalidApiKey: the key is not one of ours.
        """
        if not self._digests:
            return
        if not shown_key:
            raise MissingApiKey()
        shown = _digest(shown_key)
        matches = [compare_digest(shown, digest) for digest in self._digests]
        if not any(matches):
            raise InvalidApiKey()

    def holder(self, shown_key: bytes) -> str | None:
        """A name for whoever shows the key, which was checked: a hash
        of the key, the same in every daemon. None where no key is asked for."""
        if not self._digests:
            return None
        return _digest(_HOLDER + shown_key).hex()[:_HOLDER_CHARACTERS]


def _digest(key: bytes) -> bytes:
    return sha256(key).digest()
