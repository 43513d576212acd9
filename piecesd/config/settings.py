"""The settings of the daemon: one table, which is the class `Config` itself.

Its rows stand in `piecesd.config.sections`; what holds between two of them stands
here. Reading, the options of ``twistd pieces``, docs/settings.md and .env.example
all come from the table.
"""

from dataclasses import dataclass, fields
from urllib.parse import urlsplit

from piecesd.config.listen import ListenEndpoint
from piecesd.config.sections.access import AccessSection
from piecesd.config.sections.embedded import EmbeddedSection
from piecesd.config.sections.http import HttpSection
from piecesd.config.sections.limits import LimitsSection
from piecesd.config.sections.logs import LogsSection
from piecesd.config.sections.metrics import MetricsSection
from piecesd.config.sections.models import ModelsSection
from piecesd.config.sections.store import StoreSection
from piecesd.config.sections.upstream import UpstreamSection
from piecesd.config.setting import ConfigError, Setting

_LOOPBACK = "127.0.0.1"
_ALL_INTERFACES = "0.0.0.0"  # noqa: S104 only once a key guards it, see `Config`

_PUBLIC_RATE_LIMIT = 60
"""Requests a window, where anybody may ask."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Config(
    # A dataclass takes the fields of its last base first.
    EmbeddedSection,
    LogsSection,
    UpstreamSection,
    StoreSection,
    ModelsSection,
    MetricsSection,
    AccessSection,
    LimitsSection,
    HttpSection,
):
    """Every setting, read and checked. ``Config()`` has the defaults.

    :raises ConfigError: two settings contradict each other.
    """

    def __post_init__(self) -> None:
        if not self.host:
            object.__setattr__(self, "host", _ALL_INTERFACES if self.api_keys else _LOOPBACK)
        if self.rate_limit is None:
            guarded = bool(self.api_keys) or self.is_local
            object.__setattr__(self, "rate_limit", 0 if guarded else _PUBLIC_RATE_LIMIT)
        if self.max_body_memory_bytes < self.max_body_bytes:
            raise ConfigError(
                f"MAX_BODY_MEMORY={self.max_body_memory_bytes} can't be used; allowed is at least "
                f"MAX_BODY_BYTES, which is {self.max_body_bytes}"
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
    def api_endpoints(self) -> tuple[ListenEndpoint, ...]:
        """Where the API is: LISTEN, or else HOST and PORT."""
        return self.listen or (ListenEndpoint.tcp(self.host, self.port),)

    @property
    def endpoints(self) -> tuple[ListenEndpoint, ...]:
        """All of them: those of the API, and the metrics' own if there is one."""
        metrics = () if self.metrics_listen is None else (self.metrics_listen,)
        return (*self.api_endpoints, *metrics)

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
        return all(endpoint.is_local for endpoint in self.api_endpoints)

    @property
    def secret_texts(self) -> tuple[str, ...]:
        """Every key and token, which no log line may show."""
        redis_password = self.redis_url and urlsplit(self.redis_url).password
        return tuple(
            secret
            for secret in (
                *self.api_keys,
                self.admin_key,
                self.proxy_secret,
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
