"""deploy/docker/nginx.conf: nginx before several daemons that count in one Redis.

What Docker's network would do, a server of names does that knows one name.
"""

import socket
import struct
from collections.abc import Sequence
from threading import Thread
from unittest import skipIf

from twisted.trial.unittest import SynchronousTestCase

from tests.deploy import missing
from tests.deploy.proxies import Proxy, adapted, free_port, run_nginx
from tests.integration.daemon import at, start
from tests.integration.far_end import QueuedFarEnd
from tests.integration.redis_server import RedisServer
from tests.integration.web import Exchange, Reply, open_chat

ADDRESSES = ("127.0.0.21", "127.0.0.22", "127.0.0.23")
KEY = {"Authorization": "Bearer key-of-the-tests"}
RATE_LIMIT = 12

_HEADER = struct.Struct("!6H")
_ANSWER = struct.Struct("!HHHIH4s")
_IS_ANSWER = 0x8180
_NAME_OF_QUESTION = 0xC00C
_A, _IN = 1, 1


class NameServer:
    """Answers every question with the same addresses (RFC 1035, 4.1). It ends
    with the test."""

    def __init__(self, test: SynchronousTestCase, addresses: Sequence[str]) -> None:
        self._addresses = addresses
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = Thread(target=self._serve, daemon=True)
        self._thread.start()
        test.addCleanup(self._end)

    def _serve(self) -> None:
        while True:
            query, client = self._socket.recvfrom(512)
            if not query:
                return
            self._socket.sendto(self._answer(query), client)

    def _answer(self, query: bytes) -> bytes:
        number = _HEADER.unpack_from(query)[0]
        question = query[_HEADER.size :]
        head = _HEADER.pack(number, _IS_ANSWER, 1, len(self._addresses), 0, 0)
        records = (
            _ANSWER.pack(_NAME_OF_QUESTION, _A, _IN, 1, 4, socket.inet_aton(address))
            for address in self._addresses
        )
        return head + question + b"".join(records)

    def _end(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join()
        self._socket.close()


@skipIf(reason := missing("nginx", "redis-server"), reason)
class ReplicaTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.server = QueuedFarEnd()
        self.addCleanup(self.server.stop)
        port = free_port()
        settings = {
            "PORT": str(port),
            "API_KEY": KEY["Authorization"].split()[1],
            "REDIS_URL": RedisServer(self).url,
            "RATE_LIMIT": str(RATE_LIMIT),
            "RATE_LIMIT_WINDOW": "3600",
            "TRUSTED_PROXIES": "127.0.0.1",
        }
        self.daemons = [
            start(self, **settings, **at(self.server), HOST=address) for address in ADDRESSES[:2]
        ]
        # At the last address nobody listens, as after a replica that has gone.
        names = NameServer(self, ADDRESSES)
        self.proxy = Proxy(self)
        text = adapted(
            "docker/nginx.conf",
            {
                "listen 8443": f"listen 127.0.0.1:{self.proxy.port}",
                "127.0.0.11 valid=5s": f"127.0.0.1:{names.port} valid=5s",
                "$replicas:8787": f"$replicas:{port}",
                "/etc/nginx/certificates": str(self.proxy.directory),
                "temp_path /tmp": f"temp_path {self.proxy.directory}",
                "pid /tmp": f"pid {self.proxy.directory}",
                "error_log /dev/stderr warn;": "",
            },
        )
        run_nginx(self.proxy, text)

    def models(self) -> Reply:
        return Exchange(self.proxy.port, "GET", "/v1/models", headers=KEY, tls=True).reply()

    def test_requests_go_to_all_and_count_as_those_of_one(self) -> None:
        statuses = [self.models().status for _ in range(4 * RATE_LIMIT)]
        self.assertEqual(set(statuses), {200, 429})
        # Two that count alone would let in twice as many. A few too many are let
        # in where the Redis of a busy machine answers too late.
        self.assertGreaterEqual(statuses.count(200), RATE_LIMIT)
        self.assertLess(statuses.count(200), 2 * RATE_LIMIT)
        for daemon in self.daemons:
            daemon.wait_for(" GET /v1/models -> 200 ")

    def test_pieces_come_as_they_are_said_and_a_client_that_leaves_cancels(self) -> None:
        client = open_chat(self.proxy.port, "hello", stream=True, headers=KEY, tls=True)
        call = self.server.next_call()
        for piece in ("a", "b"):
            call.arrive(piece)
            self.assertEqual(client.next_text(), piece)
        client.leave()
        self.assertTrue(call.over())
