"""Who may use the API, and from where."""

import re

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.daemon import Daemon, start
from tests.integration.web import Reply, chat, get

KEYS = ("first-key-1f2e", "second-key-3d4c")
OPEN_TO_ALL = "No API_KEY is set"


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


class KeyTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.daemon = start(
            self, API_KEY=",".join(KEYS), HOST="127.0.0.1", ECHO_DELAY="0", DEBUG="true"
        )
        self.port = self.daemon.port

    def replies(self, headers: dict[str, str]) -> list[Reply]:
        """Of everything that a key guards."""
        return [
            get(self.port, "/v1/models", headers),
            get(self.port, "/v1/models/gpt-4o", headers),
            chat(self.port, "hello", headers=headers),
            chat(self.port, "hello", headers=headers, stream=True),
        ]

    def test_each_key_opens_the_api(self) -> None:
        for key in KEYS:
            for reply in self.replies(bearer(key)):
                self.assertEqual(reply.status, 200)

    def test_without_a_key_or_with_a_wrong_one_it_stays_closed(self) -> None:
        wrong = ("", KEYS[0][:-1], KEYS[0] + "x", KEYS[0].upper(), ",".join(KEYS))
        for headers in ({}, {"Authorization": KEYS[0]}, *map(bearer, wrong)):
            for reply in self.replies(headers):
                self.assertEqual((reply.status, reply.error["code"]), (401, "invalid_api_key"))
                self.assertEqual(reply.headers["www-authenticate"], "Bearer")

    def test_the_status_and_ping_need_no_key(self) -> None:
        self.assertEqual(get(self.port, "/ping").body, b"pong")
        self.assertEqual(get(self.port, "/").json["status"], "ok")

    def test_no_key_is_ever_logged(self) -> None:
        self.replies(bearer(KEYS[0]))
        self.replies(bearer("a-wrong-key"))
        get(self.port, f"/v1/{KEYS[1]}?key={KEYS[1]}", {"x-request-id": KEYS[0]})
        self.daemon.wait_for("-> 404")
        self.daemon.stop()
        for key in (*KEYS, "a-wrong-key"):
            self.assertEqual(self.daemon.matching(re.escape(key)), [])


class AddressTests(SynchronousTestCase):
    def listening_on(self, daemon: Daemon) -> str:
        return daemon.wait_for("Listening on http://(.*):")[1]

    def test_without_a_key_only_this_machine_can_connect(self) -> None:
        daemon = start(self)
        self.assertEqual(self.listening_on(daemon), "127.0.0.1")
        self.assertEqual(daemon.matching(OPEN_TO_ALL), [])

    def test_with_a_key_all_interfaces_are_open(self) -> None:
        daemon = start(self, API_KEY=KEYS[0])
        self.assertEqual(self.listening_on(daemon), "0.0.0.0")
        self.assertEqual(daemon.matching(OPEN_TO_ALL), [])

    def test_an_open_address_without_a_key_is_warned_of(self) -> None:
        daemon = start(self, HOST="0.0.0.0")
        self.assertEqual(self.listening_on(daemon), "0.0.0.0")
        daemon.wait_for(rf"#warn\] {OPEN_TO_ALL}")
        self.assertEqual(get(daemon.port, "/ping").body, b"pong")
