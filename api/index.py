"""The function that Vercel runs: docs/deploy/one-click.md says how."""

import os

from piecesd.asgi.application import Application

DEFAULTS = {
    # The host's own proxy, which replaces the header that clients send.
    "TRUSTED_PROXIES": "127.0.0.1",
    # What the host takes at most, so that the refusal is ours and says why.
    "MAX_BODY_BYTES": "4MiB",
    # Before the host breaks a stream off without a word: see vercel.json.
    "STREAM_TIMEOUT": "280",
    # The next request may come to another instance, which would know nothing of it.
    "STORE": "off",
    # An instance serves few requests, and has 1,024 open files for all it does.
    "BRIDGE_THREADS": "64",
    "MIN_POOL_SIZE": "1",
    "MAX_POOL_SIZE": "4",
}
"""Settings that suit the host; the project's environment variables win."""

app = Application(DEFAULTS | os.environ)
