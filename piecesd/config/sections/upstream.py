"""The services that answer, and how they are called."""

from dataclasses import dataclass
from pathlib import Path

from piecesd.config import kinds
from piecesd.config.address import UpstreamAddress
from piecesd.config.kinds import CpuAffinity
from piecesd.config.setting import setting


@dataclass(frozen=True, kw_only=True)
class UpstreamSection:
    __slots__ = ()

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
