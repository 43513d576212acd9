"""Who the client is, and how long it may misbehave: real daemons behind a
proxy that the test plays."""

import json
import re
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.daemon import START_SECONDS, Daemon, eventually, run_directory, start
from tests.integration.web import Exchange, Reply, chat, get

STRANGER = "203.0.113.77"
PROXY: dict[str, str] = {"TRUSTED_PROXIES": "127.0.0.1", "HOST": "127.0.0.1"}
BANS: dict[str, str] = {
    **PROXY,
    "API_KEY": "right",
    "ADMIN_KEY": "adm-5e6f",
    "BLACKLIST_MODE": "single",
    "BLACKLIST_THRESHOLD": "3",
}


def ping(daemon: Daemon, forwarded_for: str) -> Reply:
    return get(daemon.port, "/ping", {"X-Forwarded-For": forwarded_for})


def guess(daemon: Daemon, address: str, times: int = 3) -> list[int]:
    """The statuses of so many wrong keys from ``address``."""
    headers = {"Authorization": "Bearer wrong", "X-Forwarded-For": address}
    return [get(daemon.port, "/v1/models", headers).status for _ in range(times)]


def admin(
    daemon: Daemon, method: str, path: str = "", key: str = "adm-5e6f", **order: Any
) -> Reply:
    body = json.dumps(order).encode() if order else b""
    headers = {"Authorization": f"Bearer {key}"}
    return Exchange(daemon.port, method, f"/admin/bans{path}", headers=headers, body=body).reply()


def banned(daemon: Daemon) -> list[str]:
    return [ban["address"] for ban in admin(daemon, "GET").json["data"]]


class ClientAddressTests(SynchronousTestCase):
    def test_a_trusted_proxy_says_who_the_client_is_and_nobody_else(self) -> None:
        proxied = start(self, **PROXY)
        get(proxied.port, "/one", {"X-Forwarded-For": f"6.6.6.6, {STRANGER}, 127.0.0.1"})
        proxied.wait_for(rf"\] {re.escape(STRANGER)} GET /one ")
        alone = start(self)
        get(alone.port, "/two", {"X-Forwarded-For": STRANGER})
        alone.wait_for(r"\] 127\.0\.0\.1 GET /two ")

    def test_nobody_can_forge_a_line_of_the_log(self) -> None:
        daemon = start(self, **PROXY, DEBUG="true")
        for junk in ("\x1b[2J<b>x</b>", "192.0.2.1%\x1b[31m", "x\rFORGED", "\u2028FORGED"):
            for name in ("X-Forwarded-For", "X-Request-Id", "Accept-Language"):
                self.assertIn(get(daemon.port, "/ping", {name: junk}).status, (200, 400))
            reply = Exchange(daemon.port, "GET", f"/../../{junk}/etc/passwd").reply()
            self.assertIn(reply.error["code"], ("unknown_url", "malformed_http"))
        daemon.stop()
        self.assertEqual(daemon.matching("^FORGED|[\x1b\r\u2028]"), [])


class ListTests(SynchronousTestCase):
    def test_only_those_allowed_and_not_denied_come_in(self) -> None:
        daemon = start(self, **PROXY, IP_ALLOW="203.0.113.0/24, 2001:db8::/32", IP_DENY=STRANGER)
        statuses = [
            ping(daemon, address).status
            for address in ("203.0.113.1", "2001:db8::1", STRANGER, "198.51.100.1", "::1")
        ]
        self.assertEqual(statuses, [200, 200, 403, 403, 403])
        reply = chat(daemon.port, "hi", headers={"X-Forwarded-For": STRANGER})
        self.assertEqual((reply.status, reply.error["code"]), (403, "address_refused"))


class BanTests(SynchronousTestCase):
    def test_guessing_keys_bans_for_a_time_and_this_address_only(self) -> None:
        daemon = start(self, **BANS, BLACKLIST_DURATION="2")
        self.assertEqual(guess(daemon, STRANGER, 4), [401, 401, 401, 403])
        reply = ping(daemon, STRANGER)
        self.assertEqual(reply.error["code"], "address_banned")
        self.assertLessEqual(int(reply.headers["retry-after"]), 3)
        self.assertEqual(ping(daemon, "203.0.113.78").status, 200)
        daemon.wait_for(rf"#warn\] Banned {re.escape(STRANGER)} for 3s: 3 viol.* was: wrong key")
        self.assertTrue(eventually(lambda: ping(daemon, STRANGER).status == 200))
        self.assertEqual(banned(daemon), [])

    def test_in_subnets_the_neighbours_are_banned_and_the_proxy_is_not(self) -> None:
        settings = BANS | {"BLACKLIST_MODE": "subnet", "TRUSTED_PROXIES": "127.0.0.1,203.0.113.1"}
        daemon = start(self, **settings)
        for number in (7, 8, 9):
            guess(daemon, f"203.0.113.{number}", 1)
        self.assertEqual(ping(daemon, STRANGER).status, 403)
        self.assertEqual(ping(daemon, "203.0.113.1").status, 200)
        guess(daemon, "127.0.0.1", 9)
        self.assertEqual(banned(daemon), ["203.0.113.0/24"])

    def test_a_ban_outlives_a_restart(self) -> None:
        path = run_directory(self) / "bans"
        first = start(self, **BANS, BLACKLIST_FILE=str(path))
        guess(first, STRANGER)
        first.stop()
        with path.open("a") as file:
            file.write('{"address": "198.51.100.1", "sin')  # as a torn write leaves it
        second = start(self, **BANS, BLACKLIST_FILE=str(path))
        self.assertEqual(ping(second, STRANGER).status, 403)
        second.wait_for(r"#warn\] .*bans: passed over 1 of its lines")

    def test_daemons_with_one_file_share_their_bans_within_a_second_or_so(self) -> None:
        shared = str(run_directory(self))
        one, other = (start(self, **BANS, PIECESD_SHARED_DIRECTORY=shared) for _ in range(2))
        guess(one, STRANGER)
        self.assertTrue(eventually(lambda: ping(other, STRANGER).status == 403, 5))
        admin(other, "DELETE", f"/{STRANGER}")
        self.assertTrue(eventually(lambda: ping(one, STRANGER).status == 200, 5))
        self.assertTrue(Path(shared, "bans").exists())

    def test_workers_count_violations_together(self) -> None:
        """Connections that are open before the first guess are spread evenly, so
        that no worker sees the threshold's number of guesses by itself."""
        settings = BANS | {"BLACKLIST_THRESHOLD": "10"}
        daemon = start(self, "--workers", "2", **settings, METRICS_TOKEN="m-71")
        daemon.wait_for(r"Worker \d serves", START_SECONDS, times=2)
        headers = {"Authorization": "Bearer wrong", "X-Forwarded-For": STRANGER}
        statuses = []
        with ExitStack() as stack:
            held = [HTTPConnection("127.0.0.1", daemon.port, timeout=20) for _ in range(13)]
            for each in held:
                stack.callback(each.close)
                each.connect()
            for each in held:
                each.request("GET", "/v1/models", headers=headers)
                response = each.getresponse()
                response.read()
                statuses.append(response.status)
        # The worker that has not banned hears of it by one guess more, if not before.
        self.assertEqual(statuses[:10], [401] * 10)
        self.assertLessEqual(statuses.count(401), 11)
        self.assertTrue(
            eventually(lambda: {ping(daemon, STRANGER).status for _ in "abcd"} == {403})
        )
        self.assertEqual(len(daemon.matching("Banned .* 10 violations")), 1)
        page = get(daemon.port, "/metrics", {"Authorization": "Bearer m-71"}).body.decode()
        self.assertIn('piecesd_events_total{event="ban"} 1.0', page)
        self.assertEqual(daemon.matching("by each worker for itself"), [])

    def test_a_file_that_can_not_be_read_stops_the_start_with_one_line(self) -> None:
        directory = run_directory(self)
        with self.assertRaisesRegex(AssertionError, "piecesd: can't start: .*directory"):
            start(self, BLACKLIST_FILE=str(directory))


class AdminTests(SynchronousTestCase):
    def test_bans_are_listed_added_and_lifted_with_the_admin_key(self) -> None:
        daemon = start(self, **BANS)
        for key in ("right", "adm-5e6", ""):
            self.assertEqual(admin(daemon, "GET", key=key).status, 401)
        added = admin(daemon, "POST", address="2001:db8:7::/48", seconds=60, reason="spam")
        self.assertEqual((added.status, added.json["reason"]), (201, "spam"))
        guess(daemon, STRANGER)
        self.assertEqual(set(banned(daemon)), {"2001:db8:7::/48", STRANGER})
        self.assertEqual(ping(daemon, "2001:db8:7:1::9").status, 403)
        lifted = admin(daemon, "DELETE", "/" + quote("2001:db8:7::/48", safe=""))
        self.assertEqual(lifted.json, {"lifted": 1})
        self.assertEqual(ping(daemon, "2001:db8:7:1::9").status, 200)
        self.assertEqual(admin(daemon, "DELETE").json, {"lifted": 1})
        self.assertEqual(ping(daemon, STRANGER).status, 200)
        daemon.wait_for(r"127\.0\.0\.1 DELETE /admin/bans -> 200")
        daemon.stop()
        self.assertEqual(daemon.matching("adm-5e6f"), [])

    def test_without_a_key_there_is_nothing_to_see(self) -> None:
        daemon = start(self)
        self.assertEqual(admin(daemon, "GET").status, 404)
