"""The settings of the daemon: one table, which is the class `Config` itself.

Every field of `Config` carries its `Setting`: the name in the environment, the
kind of value, the default as one would write it, and a sentence for people.
Reading, the options of ``twistd pieces``, docs/settings.md and .env.example all
come from there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from piecesd.access.networks import IpNetwork
from piecesd.config import kinds, networks
from piecesd.config.address import UpstreamAddress, is_loopback
from piecesd.config.kinds import CpuAffinity
from piecesd.config.listen import ListenEndpoint
from piecesd.config.networks import Proxy
from piecesd.config.setting import ConfigError, Setting, setting

_LOOPBACK = "127.0.0.1"
_ALL_INTERFACES = "0.0.0.0"  # noqa: S104 only once a key guards it, see `Config`

_PUBLIC_RATE_LIMIT = 60
"""Requests a window, where anybody may ask."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """Every setting, read and checked. ``Config()`` has the defaults.

    :raises ConfigError: two settings contradict each other.
    """

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
        "Path before `chat/completions` and `models`; `/v1`, `v1/` and `/v1/` are the same.",
    )
    api_keys: tuple[str, ...] = setting(
        "API_KEY",
        "HTTP",
        kinds.secrets(),
        "",
        "Keys that clients may show, comma-separated. Empty: no key is asked for.",
        secret=True,
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
        kinds.unsupported_params(),
        "refuse",
        "What to do with a parameter that would change the answer and can't be honoured.",
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
    max_body_bytes: int = setting(
        "MAX_BODY_BYTES",
        "Limits",
        kinds.size("1KiB", "1GiB"),
        "10MiB",
        "Largest request body.",
    )
    max_concurrent_requests: int = setting(
        "MAX_CONCURRENT_REQUESTS",
        "Limits",
        kinds.whole(1, 1_000_000),
        "1000",
        "API requests served at one time; one more gets 503.",
    )
    max_connections: int = setting(
        "MAX_CONNECTIONS",
        "Limits",
        kinds.whole(10, 1_000_000),
        "10000",
        "Connections of clients at one time, within what `ulimit -n` allows; for one more, "
        "another that waits for its client is dropped.",
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
    trusted_proxies: tuple[Proxy, ...] = setting(
        "TRUSTED_PROXIES",
        "Access",
        networks.proxies(),
        "",
        "Proxies whose X-Forwarded-For says who the client is; `unix` stands for whatever "
        "connects on a unix socket.",
    )
    ip_allow: tuple[IpNetwork, ...] = setting(
        "IP_ALLOW",
        "Access",
        networks.networks(),
        "",
        "Addresses that may come in. Empty: all but those of IP_DENY.",
    )
    ip_deny: tuple[IpNetwork, ...] = setting(
        "IP_DENY",
        "Access",
        networks.networks(),
        "",
        "Addresses that may not come in, even if IP_ALLOW has them.",
    )
    blacklist_mode: Literal["off", "single", "subnet"] = setting(
        "BLACKLIST_MODE",
        "Access",
        networks.ban_mode(),
        "off",
        "Whom violations ban: nobody, the one address (of IPv6, its network), or its subnet.",
    )
    blacklist_threshold: int = setting(
        "BLACKLIST_THRESHOLD",
        "Access",
        kinds.whole(1, 100_000),
        "10",
        "Violations that ban: wrong keys, denied addresses, malformed HTTP.",
    )
    blacklist_window_seconds: float = setting(
        "BLACKLIST_WINDOW",
        "Access",
        kinds.seconds(1, 86400),
        "600",
        "Time within which so many violations ban.",
    )
    blacklist_duration_seconds: float = setting(
        "BLACKLIST_DURATION",
        "Access",
        kinds.seconds(1, 31_536_000),
        "3600",
        "How long a ban holds.",
    )
    ipv4_mask: int = setting(
        "IPV4_MASK",
        "Access",
        kinds.whole(8, 32),
        "24",
        "Bits of an IPv4 address that its subnet has in common.",
    )
    ipv6_mask: int = setting(
        "IPV6_MASK",
        "Access",
        kinds.whole(16, 128),
        "64",
        "Bits of an IPv6 address that one client's addresses have in common.",
    )
    blacklist_file: Path | None = setting(
        "BLACKLIST_FILE",
        "Access",
        kinds.file_path(),
        "",
        "File that keeps bans over a restart, and shares them among daemons. Empty: bans end "
        "with the daemon.",
    )
    admin_key: str | None = setting(
        "ADMIN_KEY",
        "Access",
        kinds.secret(),
        "",
        "Key for `/admin/bans`. Empty: there is no such path.",
        secret=True,
    )
    metrics_token: str | None = setting(
        "METRICS_TOKEN",
        "Metrics",
        kinds.secret(),
        "",
        "Token that `GET /metrics` asks for, sent as `Authorization: Bearer`; with it that is "
        "served on the daemon's own port, too.",
        secret=True,
    )
    metrics_listen: tuple[str, int] | None = setting(
        "METRICS_LISTEN",
        "Metrics",
        kinds.listening_address(),
        "",
        "Where to serve `GET /metrics` on a port of its own; a port alone is on 127.0.0.1. With "
        "neither this nor METRICS_TOKEN, the daemon's port shows it only while it is on a "
        "loopback address and no API_KEY is set.",
    )
    default_model: str = setting(
        "DEFAULT_MODEL",
        "Models",
        kinds.text(),
        "",
        "Model that answers where a request names an unknown one. Empty: those are refused.",
    )
    enable_model_route: bool = setting(
        "ENABLE_MODEL_ROUTE",
        "Models",
        kinds.boolean(),
        "false",
        "Also serve `/{model}{API_PREFIX}chat/completions` and `/{model}{API_PREFIX}models`.",
    )
    models_file: Path | None = setting(
        "MODELS_FILE",
        "Models",
        kinds.file_path(),
        "",
        "JSON file that replaces the built-in catalogue of models.",
    )
    gpt_addresses: tuple[UpstreamAddress, ...] = setting(
        "GPT_GRPC_ADDR",
        "Upstream",
        kinds.upstream_addresses(),
        "",
        "Addresses of the GPT service, `host:port;weight=3` for three times the calls. With "
        "neither this nor VERTEX_GRPC_ADDR, the embedded upstream serves both.",
    )
    vertex_addresses: tuple[UpstreamAddress, ...] = setting(
        "VERTEX_GRPC_ADDR",
        "Upstream",
        kinds.upstream_addresses(),
        "",
        "Addresses of the Vertex service.",
    )
    health_check_interval_seconds: float | None = setting(
        "HEALTH_CHECK_INTERVAL",
        "Upstream",
        kinds.seconds_or_never(1, 3600),
        "0",
        "Time between two questions to each address how it is, by the gRPC health protocol, "
        "where it speaks that. 0: none are asked; failed calls tell all the same.",
    )
    grpc_ca_file: Path | None = setting(
        "GRPC_CA_FILE",
        "Upstream",
        kinds.readable_file(),
        "",
        "PEM file of the authorities to trust instead of the system's.",
    )
    grpc_auth_token: str | None = setting(
        "GRPC_AUTH_TOKEN",
        "Upstream",
        kinds.secret(),
        "",
        "Token for the services, sent as `authorization: Bearer`; only where every address is TLS.",
        secret=True,
    )
    max_retries: int = setting(
        "MAX_RETRIES",
        "Upstream",
        kinds.whole(0, 20),
        "3",
        "Attempts after a first one that failed before any of the answer was passed on.",
    )
    retry_budget_percent: int = setting(
        "RETRY_BUDGET",
        "Upstream",
        kinds.whole(0, 1000),
        "20",
        "How many of the calls of the last ten seconds may be retries, in percent; ten always may.",
    )
    timeout_seconds: float = setting(
        "TIMEOUT",
        "Upstream",
        kinds.seconds(0.1, 86400),
        "30",
        "How long an unstreamed answer, or the first piece of a streamed one, may take.",
    )
    stream_idle_timeout_seconds: float = setting(
        "STREAM_IDLE_TIMEOUT",
        "Upstream",
        kinds.seconds(0.1, 86400),
        "60",
        "How long a streamed answer may pause between two pieces.",
    )
    stream_timeout_seconds: float | None = setting(
        "STREAM_TIMEOUT",
        "Upstream",
        kinds.seconds_or_never(0.1, 86400),
        "300",
        "How long a streamed answer may take in all.",
    )
    min_pool_size: int = setting(
        "MIN_POOL_SIZE",
        "Upstream",
        kinds.whole(1, 1000),
        "5",
        "Channels to each service at the start, and the fewest later.",
    )
    max_pool_size: int = setting(
        "MAX_POOL_SIZE",
        "Upstream",
        kinds.whole(1, 1000),
        "20",
        "Most channels to each service.",
    )
    scale_interval_seconds: float = setting(
        "SCALE_INTERVAL",
        "Upstream",
        kinds.seconds(1, 86400),
        "30",
        "How often the number of channels is fitted to the load.",
    )
    bridge_threads: int = setting(
        "BRIDGE_THREADS",
        "Upstream",
        kinds.whole(1, 10_000),
        "512",
        "Threads that carry streamed answers, one each; one more gets 503.",
    )
    cpu_affinity: CpuAffinity = setting(
        "CPU_AFFINITY",
        "Upstream",
        kinds.cpu_affinity(),
        "auto",
        "Cores the daemon stays on: `auto` is one of its own choice, which costs the least CPU.",
    )
    debug: bool = setting(
        "DEBUG",
        "Logs",
        kinds.boolean(),
        "false",
        "Log debug events too, which may hold the text of messages; keys are never logged.",
    )
    log_file: Path | None = setting(
        "LOG_FILE",
        "Logs",
        kinds.file_path(),
        "",
        "File to log to beside the console. Empty: console only.",
    )
    log_format: Literal["text", "json"] = setting(
        "LOG_FORMAT",
        "Logs",
        kinds.log_format(),
        "text",
        "Form of a log line, in the file and on the console.",
    )
    log_max_bytes: int | None = setting(
        "LOG_MAX_BYTES",
        "Logs",
        kinds.size_or_never("4KiB", "1024GiB"),
        "10MiB",
        "Size at which the log file is rotated.",
    )
    log_max_age_seconds: float | None = setting(
        "LOG_MAX_AGE",
        "Logs",
        kinds.seconds_or_never(60, 31_536_000),
        "86400",
        "Span of time one log file holds, counted from local midnight: 86400 rotates daily.",
    )
    log_keep: int = setting(
        "LOG_KEEP",
        "Logs",
        kinds.whole(1, 1000),
        "3",
        "Rotated log files that are kept.",
    )
    time_zone: str = setting(
        "TZ",
        "Logs",
        kinds.time_zone(),
        "",
        "Time zone of the log's times.",
    )
    echo_delay_seconds: float = setting(
        "ECHO_DELAY",
        "Embedded upstream",
        kinds.seconds(0, 60),
        "0.03",
        "Pause before each word of the demonstration model.",
    )
    relay_base_url: str | None = setting(
        "RELAY_BASE_URL",
        "Embedded upstream",
        kinds.base_url(),
        "",
        "OpenAI-compatible server to forward to, such as http://127.0.0.1:11434/v1. Empty: the "
        "demonstration model answers.",
    )
    relay_api_key: str | None = setting(
        "RELAY_API_KEY",
        "Embedded upstream",
        kinds.secret(),
        "",
        "Key to show to that server.",
        secret=True,
    )
    relay_model_map: Mapping[str, str] = setting(
        "RELAY_MODEL_MAP",
        "Embedded upstream",
        kinds.model_map(),
        "",
        "Names of models here and at that server; `*` is for any other. Unmapped names stay.",
    )
    upstream_faults: bool = setting(
        "UPSTREAM_FAULTS",
        "Embedded upstream",
        kinds.boolean(),
        "false",
        "Let a request script faults of the embedded upstream. For tests only.",
    )

    def __post_init__(self) -> None:
        if not self.host:
            object.__setattr__(self, "host", _ALL_INTERFACES if self.api_keys else _LOOPBACK)
        if self.rate_limit is None:
            guarded = bool(self.api_keys) or self.is_local
            object.__setattr__(self, "rate_limit", 0 if guarded else _PUBLIC_RATE_LIMIT)
        if self.listen and self.workers > 1:
            raise ConfigError(
                f"LISTEN can't be used with WORKERS={self.workers}; allowed is HOST and PORT, on "
                "which all workers accept"
            )
        if self.min_pool_size > self.max_pool_size:
            raise ConfigError(
                f"MIN_POOL_SIZE={self.min_pool_size} can't be used; allowed is at most "
                f"MAX_POOL_SIZE, which is {self.max_pool_size}"
            )
        addresses = (*self.gpt_addresses, *self.vertex_addresses)
        plaintext = next((each for each in addresses if not each.tls), None)
        if self.grpc_auth_token and plaintext is not None:
            raise ConfigError(
                f"GRPC_AUTH_TOKEN=(hidden) can't be used with {plaintext}; allowed is a token "
                "where every address is TLS"
            )

    @property
    def shows_metrics(self) -> bool:
        """Whether ``/metrics`` is on the daemon's own port: guarded by a token,
        or where nobody but this machine gets and all else is open, too."""
        if self.metrics_token:
            return True
        return self.metrics_listen is None and not self.api_keys and self.is_local

    @property
    def is_local(self) -> bool:
        """Whether nobody but this machine gets to the daemon."""
        if self.listen:
            return all(endpoint.is_local for endpoint in self.listen)
        return is_loopback(self.host)

    @property
    def secret_texts(self) -> tuple[str, ...]:
        """Every key and token, which no log line may show."""
        redis_password = self.redis_url and urlsplit(self.redis_url).password
        return tuple(
            secret
            for secret in (
                *self.api_keys,
                self.admin_key,
                self.grpc_auth_token,
                self.relay_api_key,
                self.metrics_token,
                redis_password,
            )
            if secret
        )


SETTINGS = tuple(
    Setting(attribute=each.name, **each.metadata["setting"]) for each in fields(Config)
)
"""The table, in the order in which it is documented."""
