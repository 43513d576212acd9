import json
from typing import Any

from tests.http.wire import Response, WireTestCase, request_bytes

KEY = "Authorization: Bearer adm-1"
START_UNIX = 1_700_000_000


class AdminCase(WireTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.serve(admin_key="adm-1")

    def ask(self, method: str, path: str = "", *, key: str = KEY, **order: Any) -> Response:
        body = json.dumps(order).encode() if order else None
        return self.exchange(request_bytes(method, f"/admin/bans{path}", body, [key]))

    def ban(self, address: str, seconds: int = 60) -> Response:
        return self.ask("POST", address=address, seconds=seconds, reason="spam")

    def banned(self) -> list[str]:
        return [each["address"] for each in self.ask("GET").json()["data"]]


class KeyTests(AdminCase):
    def test_without_an_admin_key_there_is_no_such_path(self) -> None:
        self.serve(api_keys=("k",))
        for method, path in (("GET", ""), ("POST", ""), ("DELETE", ""), ("DELETE", "/192.0.2.7")):
            self.assertEqual(self.ask(method, path, key="authorization: Bearer k").status, 404)

    def test_nothing_is_done_without_the_key(self) -> None:
        self.serve(admin_key="adm-1", api_keys=("k",))
        self.ban("198.51.100.1")
        for key in ("x: y", "authorization: Bearer k", "authorization: Bearer adm-12"):
            for method, path in (("GET", ""), ("DELETE", ""), ("DELETE", "/198.51.100.1")):
                response = self.ask(method, path, key=key)
                self.assertEqual(
                    (response.status, response.error["code"]), (401, "invalid_api_key")
                )
            refused = self.ask("POST", key=key, address="198.51.100.2", seconds=60)
            self.assertEqual(refused.status, 401)
        self.assertEqual(self.banned(), ["198.51.100.1"])

    def test_other_methods_are_not_allowed(self) -> None:
        self.assertEqual(self.ask("PUT").status, 405)
        self.assertEqual(self.ask("GET", "/192.0.2.7").headers["allow"], "DELETE")


class BansTests(AdminCase):
    def test_bans_are_listed(self) -> None:
        self.assertEqual(self.ask("GET").json(), {"object": "list", "data": []})
        self.ban("198.51.100.0/24")
        self.assertEqual(
            self.ask("GET").json()["data"],
            [
                {
                    "object": "ban",
                    "address": "198.51.100.0/24",
                    "since": START_UNIX,
                    "until": START_UNIX + 60,
                    "violations": 0,
                    "reason": "spam",
                }
            ],
        )
        self.clock.advance(60)
        self.assertEqual(self.banned(), [])

    def test_a_ban_can_be_added_and_holds(self) -> None:
        added = self.ban("192.0.2.0/24")
        self.assertEqual((added.status, added.json()["until"]), (201, START_UNIX + 60))
        response = self.get("/ping")
        self.assertEqual((response.status, response.error["code"]), (403, "address_banned"))
        self.assertEqual(response.headers["retry-after"], "60")
        self.clock.advance(60)
        self.assertEqual(self.get("/ping").status, 200)

    def test_one_can_be_lifted_by_its_encoded_name(self) -> None:
        for address in ("198.51.100.7", "198.51.100.0/24", "2001:db8::/64"):
            self.ban(address)
        for path in ("/198.51.100.0%2F24", "/2001%3Adb8%3A%3A%2f64"):
            self.assertEqual(self.ask("DELETE", path).json(), {"lifted": 1})
        self.assertEqual(self.banned(), ["198.51.100.7"])
        again = self.ask("DELETE", "/198.51.100.0/24")
        self.assertEqual((again.status, again.error["code"]), (404, "ban_not_found"))
        self.assertIn("198.51.100.0/24", again.error["message"])

    def test_all_can_be_lifted(self) -> None:
        for address in ("198.51.100.7", "2001:db8::/64"):
            self.ban(address)
        self.assertEqual(self.ask("DELETE").json(), {"lifted": 2})
        self.assertEqual(self.banned(), [])

    def test_what_can_not_be_banned_is_refused_by_name(self) -> None:
        for order, param in (
            ({"address": "nonsense", "seconds": 60}, "address"),
            ({"address": "10.0.0.1/8", "seconds": 60}, "address"),
            ({"address": "127.0.0.1", "seconds": 60}, "address"),
            ({"address": "::1", "seconds": 60}, "address"),
            ({"address": "192.0.2.7", "seconds": -1}, "seconds"),
            ({"address": "192.0.2.7", "seconds": 60, "reason": "a\nb"}, "reason"),
            ({"address": "192.0.2.7", "seconds": 60, "reason": "x" * 201}, "reason"),
            ({"seconds": 60}, "address"),
        ):
            response = self.ask("POST", **order)
            self.assertEqual((response.status, response.error["param"]), (400, param), order)
        for path in ("/nonsense", "/<script>", "/..%2f..%2fetc%2fpasswd", "/%ff"):
            self.assertEqual(self.ask("DELETE", path).status, 400 if "%ff" not in path else 404)
        self.assertEqual(self.banned(), [])
