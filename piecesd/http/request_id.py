"""The id that a request is known by: in its response and in the log."""

import re
from secrets import token_hex

_SANE = re.compile(rb"[A-Za-z0-9._:/+=@~-]{1,128}")


def request_id_of(header: bytes | None) -> str:
    """The client's own ``x-request-id`` if it can stand in a header and a log
    line as it is, else a new one."""
    if header is not None and _SANE.fullmatch(header):
        return header.decode("ascii")
    return f"req_{token_hex(12)}"
