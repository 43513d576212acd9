"""What a client and the daemon see of any proxy between them."""

import re

from twisted.trial.unittest import SynchronousTestCase

from tests.deploy.proxies import Proxy
from tests.integration.daemon import Daemon, at, start
from tests.integration.far_end import QueuedFarEnd
from tests.integration.test_curl import curl
from tests.integration.web import Exchange, open_chat

CANCEL_SECONDS = 1.0


class ProxyContract(SynchronousTestCase):
    """Subclasses say with what settings the daemon has to run, and start the proxy."""

    settings: dict[str, str]

    def setUp(self) -> None:
        self.server = QueuedFarEnd()
        self.addCleanup(self.server.stop)
        self.daemon = start(self, **self.settings, **at(self.server))
        self.proxy = Proxy(self)
        self.start_proxy(self.proxy, self.daemon)

    def start_proxy(self, proxy: Proxy, daemon: Daemon) -> None:
        raise NotImplementedError

    def ask(self, *, stream: bool = True) -> Exchange:
        return open_chat(self.proxy.port, "hello", stream=stream, tls=True)

    def test_pieces_come_as_they_are_said(self) -> None:
        client = self.ask()
        call = self.server.next_call()
        for piece in ("a", "bc", "d" * 5000):
            call.arrive(piece)  # and the next one not before this one has come
            self.assertEqual(client.next_text(), piece)
        call.finish()
        self.assertTrue(client.streamed().is_done)

    def test_a_client_that_leaves_cancels_its_call_within_a_second(self) -> None:
        for reset in (False, True):
            for stream in (False, True):
                client = self.ask(stream=stream)
                call = self.server.next_call()
                client.leave(reset=reset)
                self.assertTrue(call.over(CANCEL_SECONDS), f"{reset=} {stream=}")
            client = self.ask()
            call = self.server.next_call()
            call.arrive("a")
            client.next_text()
            client.leave(reset=reset)
            self.assertTrue(call.over(CANCEL_SECONDS), f"{reset=}, after a piece")

    def test_the_daemon_learns_who_asks_and_how_the_request_is_named(self) -> None:
        for own_id in (["-H", "X-Request-Id: mine-7"], []):
            header = curl(
                "--insecure",
                *("--interface", "127.0.0.9"),
                "--ipv4",
                *("--dump-header", "-", "--output", "/dev/null"),
                *own_id,
                f"https://localhost:{self.proxy.port}/v1/models",
            )
            (request_id,) = re.findall(r"(?im)^x-request-id: (\S+)", header)
            self.assertEqual(request_id == "mine-7", bool(own_id))
            self.assertFalse(request_id.startswith("req_"), "the daemon had to make one")
            self.daemon.wait_for(rf" 127\.0\.0\.9 GET /v1/models -> 200 .*{request_id}")
