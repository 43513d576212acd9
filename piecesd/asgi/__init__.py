"""piecesd as an ASGI application: ``uvicorn piecesd.asgi:app``.

It is the daemon without ports, signals and log files, in the event loop of a
server that is somebody else's (docs/decisions/106). Nothing is read or started
before that server says so.
"""

import os

from piecesd.asgi.application import Application

__all__ = ["app"]

app = Application(os.environ)
