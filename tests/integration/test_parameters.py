"""Every example of docs/parameters.md, sent to a running daemon."""

import json
from http.client import HTTPConnection
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.dialects.parameters import Row, read_rows
from tests.integration.daemon import PATIENCE_SECONDS, Daemon, start

_SETTINGS = {"ECHO_DELAY": "0", "ENABLE_OLLAMA_API": "true"}


class ParametersTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.refusing = self.connect(start(self, **_SETTINGS))
        self.ids = self.store_a_response()
        self.ignoring = self.connect(start(self, UNSUPPORTED_PARAMS="ignore", **_SETTINGS))

    def connect(self, daemon: Daemon) -> HTTPConnection:
        connection = HTTPConnection("127.0.0.1", daemon.port, timeout=PATIENCE_SECONDS)
        self.addCleanup(connection.close)
        return connection

    def store_a_response(self) -> dict[bytes, bytes]:
        """What stands in the examples for the ids of a stored response, and the ids."""
        body = json.dumps({"model": "gpt-4o", "input": "Hello"})
        headers = {"content-type": "application/json"}
        self.refusing.request("POST", "/v1/responses", body, headers)
        made = json.loads(self.refusing.getresponse().read())
        return {
            b"resp_example": made["id"].encode(),
            b"msg_example": made["output"][0]["id"].encode(),
        }

    def ask(self, connection: HTTPConnection, row: Row, example: Any) -> tuple[int, bytes]:
        body = row.with_example(example)
        for name, real_id in self.ids.items():
            body = body.replace(name, real_id)
        connection.request("POST", row.of.path, body, {"content-type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read()

    def test_what_is_accepted_is_answered(self) -> None:
        for row in read_rows():
            for example in row.accepted:
                status, body = self.ask(self.refusing, row, example)
                self.assertEqual(status, 200, (row.path, example, body))

    def test_what_is_refused_is_refused_by_name(self) -> None:
        for row in read_rows():
            for example in row.refused:
                status, body = self.ask(self.refusing, row, example)
                self.assertEqual(status, 400, (row.path, example, body))
                self.assertIn(row.path.encode(), body, (row.path, example))

    def test_what_is_refused_for_its_effect_can_be_ignored(self) -> None:
        for row in read_rows():
            for example in row.refused if row.treatment == "refused" else ():
                status, body = self.ask(self.ignoring, row, example)
                self.assertEqual(status, 200, (row.path, example, body))
