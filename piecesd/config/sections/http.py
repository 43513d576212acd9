"""Where the daemon listens, and what it takes from its clients."""

from dataclasses import dataclass
from typing import Literal

from piecesd.config import kinds
from piecesd.config.listen import ListenEndpoint
from piecesd.config.setting import setting


@dataclass(frozen=True, kw_only=True)
class HttpSection:
    __slots__ = ()

    host: str = setting(
        "HOST",
        "HTTP",
        kinds.interface(),
        "",
        "Address to listen on. Empty: 127.0.0.1 while no API_KEY is set, 0.0.0.0 (all IPv4 "
        "interfaces) once one is. `::` is all of IPv6, and of IPv4 too where the system joins "
        "them.",
    )
    port: int = setting(
        "PORT",
        "HTTP",
        kinds.whole(0, 65535),
        "8787",
        "TCP port to listen on; 0 lets the system pick one.",
    )
    listen: tuple[ListenEndpoint, ...] = setting(
        "LISTEN",
        "HTTP",
        kinds.listen_endpoints(),
        "",
        "Where to listen instead of HOST and PORT: Twisted's endpoint strings, separated by "
        "blanks. docs/operations.md has examples.",
    )
    api_prefix: str = setting(
        "API_PREFIX",
        "HTTP",
        kinds.path_prefix(),
        "/v1/",
        "Path before `chat/completions`, `messages` and `models`; `/v1`, `v1/` and `/v1/` are the "
        "same.",
    )
    api_keys: tuple[str, ...] = setting(
        "API_KEY",
        "HTTP",
        kinds.secrets(),
        "",
        "Keys that clients may show, comma-separated. Empty: no key is asked for.",
        secret=True,
    )
    enable_ollama_api: bool = setting(
        "ENABLE_OLLAMA_API",
        "HTTP",
        kinds.boolean(),
        "false",
        "Also serve Ollama's API, under `/api/`.",
    )
    cors_origins: tuple[str, ...] = setting(
        "CORS_ORIGINS",
        "HTTP",
        kinds.origins(),
        "*",
        "Web origins whose pages may call the API. Empty: no CORS headers are sent.",
    )
    unsupported_params: Literal["refuse", "ignore"] = setting(
        "UNSUPPORTED_PARAMS",
        "HTTP",
        kinds.one_of("refuse", "ignore"),
        "refuse",
        "What to do with a parameter that would change the answer and can't be honoured.",
    )
    tools: Literal["emulate", "refuse"] = setting(
        "TOOLS",
        "HTTP",
        kinds.one_of("emulate", "refuse"),
        "emulate",
        "Whether tools of requests are told to the model by piecesd, or refused.",
    )
    sse_keepalive_seconds: float = setting(
        "SSE_KEEPALIVE",
        "HTTP",
        kinds.seconds(0, 3600),
        "15",
        "How long a stream may be silent before a comment shows that it is alive; 0: any time.",
    )
    drain_timeout_seconds: float = setting(
        "DRAIN_TIMEOUT",
        "HTTP",
        kinds.seconds(0, 3600),
        "10",
        "How long running requests may go on once the daemon has been told to stop.",
    )
    workers: int = setting(
        "WORKERS",
        "HTTP",
        kinds.workers(),
        "1",
        "Processes that serve, under one more that looks after them; 1 is a single process, "
        "`auto` one for each core.",
    )
