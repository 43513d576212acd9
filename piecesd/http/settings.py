"""What the HTTP side wants to be told."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpSettings:
    """The settings of the HTTP side; DESIGN and docs/settings.md explain them.

    ``sse_keepalive_seconds``: the longest silence of a stream; 0 for any.
    ``linger_seconds`` and ``linger_bytes``: for how long, and how much of it,
    the rest of a refused body is read and thrown away, so that the client gets
    to read why.
    """

    api_prefix: str = "/v1/"
    api_keys: tuple[str, ...] = ()
    admin_key: str | None = None
    enable_model_route: bool = False
    enable_ollama_api: bool = False
    ignore_unsupported_params: bool = False
    cors_origins: tuple[str, ...] = ()
    max_body_bytes: int = 10 * 1024 * 1024
    max_body_memory_bytes: int = 256 * 1024 * 1024
    max_concurrent_requests: int = 1000
    max_connections: int = 10_000
    header_timeout_seconds: float = 15
    body_timeout_seconds: float = 60
    keepalive_timeout_seconds: float = 75
    sse_keepalive_seconds: float = 15
    linger_seconds: float = 10
    linger_bytes: int = 64 * 1024 * 1024
