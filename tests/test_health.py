"""Where the check of health asks; tests/integration/test_health.py really asks."""

import os
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from piecesd.config import load
from piecesd.health import Place, Unhealthy, check, place_to_ask

ROOT = Path(__file__).parent.parent


def place(**settings: str) -> Place:
    return place_to_ask(load(settings, None, {}))


class PlaceTests(SynchronousTestCase):
    def test_it_is_host_and_port(self) -> None:
        for host, address in {
            "": "127.0.0.1",
            "0.0.0.0": "127.0.0.1",
            "::": "::1",
            "localhost": "127.0.0.1",
            "192.0.2.7": "192.0.2.7",
        }.items():
            self.assertEqual(place(HOST=host, PORT="9000").address, (address, 9000))

    def test_it_is_the_first_of_listen_that_has_an_address(self) -> None:
        found = place(LISTEN="systemd:domain=INET:index=0 tcp:0 unix:/run/a.sock tcp:9000")
        self.assertEqual(found, Place(text="unix:/run/a.sock", address=Path("/run/a.sock")))
        self.assertEqual(place(LISTEN="tcp6:9000", PORT="8000").address, ("::1", 9000))

    def test_tls_and_proxy_headers_are_spoken_where_they_are_listened_for(self) -> None:
        found = place(LISTEN="haproxy:ssl:9000:privateKey=/key.pem")
        self.assertEqual((found.tls, found.proxied), (True, True))
        found = place(LISTEN="tcp:9000")
        self.assertEqual((found.tls, found.proxied), (False, False))

    def test_it_may_be_unknown(self) -> None:
        for settings in ({"PORT": "0"}, {"LISTEN": "systemd:domain=INET:index=0 tcp:0"}):
            self.assertRaises(Unhealthy, place, **settings)


class CheckTests(SynchronousTestCase):
    def test_settings_that_can_not_be_used_are_not_healthy(self) -> None:
        well, line = check([], {"PORT": "x"})
        self.assertFalse(well)
        self.assertIn("PORT='x' (environment) can't be used", line)

    def test_an_address_that_is_not_known_is_not_healthy(self) -> None:
        self.assertEqual(
            check(["--ready"], {"PORT": "0"}),
            (False, "/readyz: PORT and LISTEN do not tell an address to ask at"),
        )

    def test_it_loads_neither_twisted_nor_grpc(self) -> None:
        code = (
            "import sys, piecesd.health; print(*{name.partition('.')[0] for name in sys.modules})"
        )
        loaded = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        self.assertIn("piecesd", loaded)
        self.assertEqual({"twisted", "grpc", "klein", "tiktoken"} & set(loaded), set())
