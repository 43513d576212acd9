"""Who may come in."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from piecesd.access.networks import IpNetwork
from piecesd.config import kinds, networks
from piecesd.config.networks import Proxy
from piecesd.config.setting import setting


@dataclass(frozen=True, kw_only=True)
class AccessSection:
    __slots__ = ()

    trusted_proxies: tuple[Proxy, ...] = setting(
        "TRUSTED_PROXIES",
        "Access",
        networks.proxies(),
        "",
        "Proxies whose X-Forwarded-For says who the client is; `unix` stands for whatever "
        "connects on a unix socket.",
    )
    proxy_secret: str | None = setting(
        "PROXY_SECRET",
        "Access",
        kinds.secret(),
        "",
        "What such a proxy has to send in X-Proxy-Secret as well. Empty: its address is enough.",
        secret=True,
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
