import json

from twisted.trial.unittest import SynchronousTestCase

from piecesd.access import bans
from piecesd.dialects.admin_bans import (
    MAX_REASON_CHARACTERS,
    BanCard,
    parse_ban_order,
    render_ban,
    render_bans,
)
from piecesd.errors import InvalidRequest

CARD = BanCard(address="192.0.2.0/24", since_unix=1, until_unix=2, violations=3, reason="wrong key")
JSON = {
    "object": "ban",
    "address": "192.0.2.0/24",
    "since": 1,
    "until": 2,
    "violations": 3,
    "reason": "wrong key",
}


class AdminBansTests(SynchronousTestCase):
    def test_bans_are_rendered_with_all_there_is_to_say(self) -> None:
        self.assertEqual(json.loads(render_ban(CARD)), JSON)
        self.assertEqual(json.loads(render_bans([CARD])), {"object": "list", "data": [JSON]})

    def test_a_ban_is_asked_for_by_address_time_and_maybe_a_reason(self) -> None:
        order = parse_ban_order(b'{"address": "192.0.2.7", "seconds": 60}')
        self.assertEqual((order.address, order.seconds, order.reason), ("192.0.2.7", 60, ""))
        order = parse_ban_order(b'{"address": "::", "seconds": 1, "reason": "spam"}')
        self.assertEqual(order.reason, "spam")

    def test_what_is_wrong_is_named(self) -> None:
        for body, param in (
            (b"[]", None),
            (b"{", None),
            (b'{"seconds": 60}', "address"),
            (b'{"address": "::"}', "seconds"),
            (b'{"address": 1, "seconds": 60}', "address"),
            (b'{"address": "::", "seconds": 0}', "seconds"),
            (b'{"address": "::", "seconds": 1e99}', "seconds"),
            (b'{"address": "::", "seconds": 60, "reason": null}', "reason"),
        ):
            error = self.assertRaises(InvalidRequest, parse_ban_order, body)
            self.assertEqual(error.param, param, body)

    def test_a_reason_may_be_as_long_as_a_ban_keeps_it(self) -> None:
        self.assertEqual(MAX_REASON_CHARACTERS, bans.MAX_REASON_CHARACTERS)
        body = {"address": "::", "seconds": 1, "reason": "a" * MAX_REASON_CHARACTERS}
        parse_ban_order(json.dumps(body).encode())
        body["reason"] = "a" * (MAX_REASON_CHARACTERS + 1)
        self.assertRaises(InvalidRequest, parse_ban_order, json.dumps(body).encode())
