"""Whose connections there are."""

import os
import socket

from twisted.trial.unittest import SynchronousTestCase

from soak.sockets import client_ports, open_files


class ClientPortsTests(SynchronousTestCase):
    def setUp(self) -> None:
        server = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(server.close)
        self.server = server
        self.port = server.getsockname()[1]

    def connect(self) -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self.port))
        self.addCleanup(client.close)
        return client

    def test_an_accepted_connection_is_its_process_s(self) -> None:
        client = self.connect()
        accepted, _ = self.server.accept()
        self.addCleanup(accepted.close)
        self.assertEqual(client_ports(os.getpid(), self.port), {client.getsockname()[1]})

    def test_one_that_waits_to_be_accepted_is_nobody_s(self) -> None:
        self.connect()
        self.assertEqual(client_ports(os.getpid(), self.port), frozenset())

    def test_a_process_that_is_gone_has_no_files(self) -> None:
        self.assertEqual(open_files(2**22 + 1), [])
