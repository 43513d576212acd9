"""The file of bans: one JSON object a line, shared by processes.

    {"address": "203.0.113.7", "since": 1763802000, "until": 1763805600,
     "violations": 10, "reason": "wrong key"}

The file is the truth, and changes are applied to what it holds: each process
reads, changes and replaces it under a lock, and takes what it then holds for
its own. An entry is whole or none, since a cut object is no JSON: whatever is
no entry is passed over.
"""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from piecesd.access.bans import Ban, Changes
from piecesd.access.networks import parse_network

MAX_FILE_BYTES = 8 * 1024 * 1024
"""What of a file is read: several times what as many bans take as are held."""

_MAX_LINE_BYTES = 4096
_MAX_UNIX = 1 << 53  # what a number in JSON holds exactly everywhere
_MODE = 0o640

Signature: TypeAlias = tuple[int, int, int] | None
"""Tells one state of a file from another; None is that of no file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Contents:
    """What a file holds, and how many lines were found in it that are no ban."""

    bans: list[Ban]
    skipped_lines: int
    signature: Signature


def read_bans(data: bytes) -> tuple[list[Ban], int]:
    """The bans in the bytes of a file, and how many lines hold none; of two of
    one network the later one holds."""
    bans: dict[object, Ban] = {}
    skipped = 0
    for line in data.split(b"\n"):
        if not line.strip():
            continue
        try:
            ban = _read_line(line)
        except (ValueError, KeyError, TypeError, RecursionError):
            skipped += 1
        else:
            bans[ban.network] = ban
    return list(bans.values()), skipped


def write_bans(bans: Iterable[Ban]) -> bytes:
    """The bytes of a file with these bans."""
    return "".join(
        json.dumps(
            {
                "address": ban.address,
                "since": ban.since_unix,
                "until": ban.until_unix,
                "violations": ban.violations,
                "reason": ban.reason,
            }
        )
        + "\n"
        for ban in bans
    ).encode("ascii")


class BanFile:
    """A file of bans. Its methods wait for the disk, and may be called on any
    thread, one at a time.

    Beside it stand a file ``.lock`` and, while it is being replaced, one
    ``.new``: its folder has to be writable.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock_path = path.with_name(path.name + ".lock")
        self._new_path = path.with_name(path.name + ".new")
        self._last: Contents | None = None

    def signature(self) -> Signature:
        """:raises OSError: it can't be looked at."""
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size

    def read(self) -> Contents:
        """What it holds; no file holds nothing.

        :raises OSError: it can't be read.
        """
        signature = self.signature()
        if self._last is not None and self._last.signature == signature:
            return self._last
        try:
            with self.path.open("rb") as file:
                data = file.read(MAX_FILE_BYTES)
        except FileNotFoundError:
            data = b""
        bans, skipped = read_bans(data)
        self._last = Contents(bans=bans, skipped_lines=skipped, signature=signature)
        return self._last

    def change(self, changes: Changes, now_unix: float) -> Contents:
        """Apply ``changes``, and leave out bans that have ended.

        :raises OSError: it can't be read or replaced; it is as it was.
        """
        with self._locked():
            known = self._last
            found = self.read()
            bans = [ban for ban in changes.applied_to(found.bans) if ban.until_unix > now_unix]
            self._replace(write_bans(bans))
            self._last = Contents(bans=bans, skipped_lines=0, signature=self.signature())
            if found is known:
                return self._last
            return replace(self._last, skipped_lines=found.skipped_lines)

    def _replace(self, data: bytes) -> None:
        """Put other contents in its place: after a crash either is there, whole."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        with os.fdopen(os.open(self._new_path, flags, _MODE), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        self._new_path.replace(self.path)
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep other processes from changing it meanwhile."""
        lock = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def _read_line(line: bytes) -> Ban:
    """:raises ValueError, KeyError, TypeError, RecursionError: it is no entry."""
    if len(line) > _MAX_LINE_BYTES:
        raise ValueError(len(line))
    entry = json.loads(line)
    return Ban(
        network=parse_network(_text(entry["address"])),
        since_unix=_whole(entry["since"]),
        until_unix=_whole(entry["until"]),
        violations=_whole(entry["violations"]),
        reason=_text(entry["reason"]),
    )


def _text(value: object) -> str:
    if type(value) is not str:
        raise TypeError(value)
    return value


def _whole(value: object) -> int:
    if type(value) is not int or not 0 <= value <= _MAX_UNIX:
        raise TypeError(value)
    return value
