"""Keeping known secrets out of whatever is written."""

import json
import re
from collections.abc import Iterable
from urllib.parse import quote

REDACTED = "(hidden)"


class Redaction:
    """Replaces secrets in texts, also as they look in a ``repr``, in JSON or
    in a URL. A secret that is a common word takes that word out of the log."""

    def __init__(self, secrets: Iterable[str]) -> None:
        spellings = {
            spelling
            for secret in secrets
            if secret
            for spelling in (
                secret,
                repr(secret)[1:-1],
                json.dumps(secret)[1:-1],
                quote(secret),
                quote(secret, safe=""),
            )
        }
        # The longest first: one key may begin with another.
        ordered = sorted(spellings, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def __call__(self, text: str) -> str:
        return text if self._pattern is None else self._pattern.sub(REDACTED, text)
