"""``/admin/bans``: who is banned, for those who look after the daemon."""

from klein import Klein
from twisted.internet.interfaces import IReactorTime

from piecesd.access.bans import Ban, BanList
from piecesd.access.networks import IpNetwork, parse_network, shown
from piecesd.dialects.admin_bans import (
    BanCard,
    parse_ban_order,
    render_ban,
    render_bans,
    render_lifted,
)
from piecesd.errors import BanNotFound, InvalidValue, Phrase
from piecesd.http.auth import ApiKeys
from piecesd.http.json_request import JSON_HEADERS
from piecesd.http.request import ApiRequest

_PATH = "/admin/bans"
_DEFAULT_REASON = "banned by hand"


class AdminBans:
    """Lists, adds and lifts bans for whoever shows the key."""

    def __init__(self, bans: BanList, *, admin_key: str, clock: IReactorTime) -> None:
        self._bans = bans
        self._keys = ApiKeys((admin_key,))
        self._clock = clock

    def add_routes(self, klein: Klein) -> None:
        klein.route(_PATH, methods=["GET"], endpoint="bans")(self._list_bans)
        klein.route(_PATH, methods=["POST"], endpoint="ban")(self._add_ban)
        klein.route(_PATH, methods=["DELETE"], endpoint="lift all bans")(self._lift_all_bans)
        klein.route(f"{_PATH}/<path:address>", methods=["DELETE"], endpoint="lift ban")(
            self._lift_ban
        )

    def _list_bans(self, request: ApiRequest) -> None:
        self._check_key(request)
        request.send(200, JSON_HEADERS, render_bans(map(_card, self._bans.current())))

    def _add_ban(self, request: ApiRequest) -> None:
        self._check_key(request)
        order = parse_ban_order(request.body())
        network = _network(order.address)
        if self._bans.never.hold(network):
            raise InvalidValue(
                param="address",
                detail=Phrase(
                    "loopback and trusted proxies are never banned.",
                    "不能封禁环回地址和受信任的代理。",
                ),
            )
        now_unix = int(self._clock.seconds())
        try:
            ban = Ban(
                network=network,
                since_unix=now_unix,
                until_unix=now_unix + order.seconds,
                violations=0,
                reason=order.reason or _DEFAULT_REASON,
            )
        except ValueError:
            raise InvalidValue(
                param="reason",
                detail=Phrase(
                    "it must be printable, on one line and not longer than 200 characters.",
                    "应为单行可打印文本，且不超过 200 个字符。",
                ),
            ) from None
        self._bans.add(ban)
        request.send(201, JSON_HEADERS, render_ban(_card(ban)))

    def _lift_ban(self, request: ApiRequest, address: str) -> None:
        self._check_key(request)
        network = _network(address)
        if not self._bans.lift(network):
            raise BanNotFound(address=shown(network))
        request.send(200, JSON_HEADERS, render_lifted(1))

    def _lift_all_bans(self, request: ApiRequest) -> None:
        self._check_key(request)
        request.send(200, JSON_HEADERS, render_lifted(self._bans.lift_all()))

    def _check_key(self, request: ApiRequest) -> None:
        self._keys.check(request.shown_key)


def _network(text: str) -> IpNetwork:
    """:raises InvalidValue: it is no address and no network."""
    try:
        return parse_network(text)
    except ValueError:
        raise InvalidValue(
            param="address",
            detail=Phrase(
                "it must be an IP address, or a network such as 192.0.2.0/24.",
                "应为 IP 地址，或形如 192.0.2.0/24 的网段。",
            ),
        ) from None


def _card(ban: Ban) -> BanCard:
    return BanCard(
        address=ban.address,
        since_unix=ban.since_unix,
        until_unix=ban.until_unix,
        violations=ban.violations,
        reason=ban.reason,
    )
