"""Logs: one line an event, to the console and to a file that rotates itself.

Knows twisted.logger and nothing of piecesd: whoever wires the daemon together
gives a `LogService` its settings and registers it as the observer.
"""

from piecesd.logs.console import Console
from piecesd.logs.formatting import FormatName
from piecesd.logs.lock import FileLock
from piecesd.logs.service import LogService

__all__ = ["Console", "FileLock", "FormatName", "LogService"]
