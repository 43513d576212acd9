from twisted.python.failure import Failure

from piecesd.errors import UpstreamBroken
from tests.http.wire import WireTestCase, chat_bytes


class FailTests(WireTestCase):
    def test_a_failure_amid_a_response_drops_the_connection_rather_than_pass_for_its_end(
        self,
    ) -> None:
        connection = self.connect()
        connection.send(chat_bytes(stream=True))
        self.completions.begun[0].give_text("a")
        sent = connection.received
        (request,) = connection.channel.requests
        request.fail(Failure(UpstreamBroken(detail="cut")))
        self.assertEqual((connection.received, connection.open), (sent, False))
        (line,) = self.access_lines()
        self.assertEqual(line["outcome"], "broken")

    def test_the_client_being_gone_ends_it_quietly(self) -> None:
        connection = self.connect()
        connection.send(chat_bytes())
        (request,) = connection.channel.requests
        connection.leave()
        request.send(200, (), b"to nobody")
        request.finish()
        request.abort()
        self.assertEqual(connection.received, b"")
        self.assertEqual(len(self.access_lines()), 1)
