"""How much a client may ask for, and how long it may take over it."""

from dataclasses import dataclass

from piecesd.config import kinds
from piecesd.config.setting import setting


@dataclass(frozen=True, kw_only=True)
class LimitsSection:
    __slots__ = ()

    max_body_bytes: int = setting(
        "MAX_BODY_BYTES",
        "Limits",
        kinds.size("1KiB", "1GiB"),
        "10MiB",
        "Largest request body.",
    )
    max_body_memory_bytes: int = setting(
        "MAX_BODY_MEMORY",
        "Limits",
        kinds.size("1MiB", "1024GiB"),
        "256MiB",
        "Bodies of all requests that arrive or are being answered, together; past it the "
        "longest of those that arrive gets 503.",
    )
    max_concurrent_requests: int = setting(
        "MAX_CONCURRENT_REQUESTS",
        "Limits",
        kinds.whole(1, 1_000_000),
        "1000",
        "API requests served at one time; one more gets 503. Each of several workers has an equal "
        "share.",
    )
    max_connections: int = setting(
        "MAX_CONNECTIONS",
        "Limits",
        kinds.whole(10, 1_000_000),
        "10000",
        "Connections of clients at one time, within what `ulimit -n` allows; for one more, "
        "another that waits for its client is dropped. Each of several workers has an equal share.",
    )
    rate_limit: int | None = setting(
        "RATE_LIMIT",
        "Limits",
        kinds.whole_or_empty(0, 1_000_000_000),
        "",
        "API requests in RATE_LIMIT_WINDOW, of each key, or of each client where no key is asked "
        "for; 0: any number. Empty: 60 while others can reach the daemon and no API_KEY is set, "
        "else any number.",
    )
    rate_limit_window_seconds: int = setting(
        "RATE_LIMIT_WINDOW",
        "Limits",
        kinds.whole(1, 86_400),
        "60",
        "Seconds in which they are counted.",
    )
    burst_rate_limit: int = setting(
        "BURST_RATE_LIMIT",
        "Limits",
        kinds.whole(0, 1_000_000_000),
        "0",
        "The same in BURST_RATE_LIMIT_WINDOW, beside RATE_LIMIT; 0: any number.",
    )
    burst_rate_limit_window_seconds: int = setting(
        "BURST_RATE_LIMIT_WINDOW",
        "Limits",
        kinds.whole(1, 86_400),
        "1",
        "Seconds in which they are counted.",
    )
    strict_rate_limit: int = setting(
        "STRICT_RATE_LIMIT",
        "Limits",
        kinds.whole(0, 1_000_000_000),
        "0",
        "The same for completions only, in STRICT_RATE_LIMIT_WINDOW; 0: any number.",
    )
    strict_rate_limit_window_seconds: int = setting(
        "STRICT_RATE_LIMIT_WINDOW",
        "Limits",
        kinds.whole(1, 86_400),
        "60",
        "Seconds in which they are counted.",
    )
    token_rate_limit: int = setting(
        "TOKEN_RATE_LIMIT",
        "Limits",
        kinds.whole(0, 1_000_000_000),
        "0",
        "Tokens a minute, of prompts and answers, of each key or client; 0: any number.",
    )
    max_client_requests: int = setting(
        "MAX_CLIENT_REQUESTS",
        "Limits",
        kinds.whole(0, 1_000_000),
        "0",
        "API requests of one client, by its address, at one time; one more gets 429; 0: any "
        "number.",
    )
    redis_url: str | None = setting(
        "REDIS_URL",
        "Limits",
        kinds.redis_url(),
        "",
        "Redis in which several daemons count their rate limits together.",
        secret=True,
    )
    header_timeout_seconds: float = setting(
        "HEADER_TIMEOUT",
        "Limits",
        kinds.seconds(0.1, 3600),
        "15",
        "How long the header of a request may take to arrive.",
    )
    body_timeout_seconds: float = setting(
        "BODY_TIMEOUT",
        "Limits",
        kinds.seconds(0.1, 3600),
        "60",
        "How long the body of a request may take to arrive.",
    )
    keepalive_timeout_seconds: float = setting(
        "KEEPALIVE_TIMEOUT",
        "Limits",
        kinds.seconds(0.1, 3600),
        "75",
        "How long a connection may stay open between two requests.",
    )
