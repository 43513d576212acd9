"""Clients whose connection breaks off."""

import asyncio
from random import Random

from twisted.trial.unittest import SynchronousTestCase

from soak.load import Load

HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


def chunk(event: bytes) -> bytes:
    data = b"data: " + event + b"\n\n"
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


NOTHING_OF_IT = b'{"choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "stop"}]}'


async def load_of_one(answer: bytes, *, may_break: bool) -> Load:
    """What comes of one call of each service, each broken off after ``answer``."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        load = Load(port, Random(0), may_break=lambda _connection: may_break)
        await load.connect_all(1)
    return load


class BrokenTests(SynchronousTestCase):
    def load(self, answer: bytes, *, may_break: bool) -> Load:
        return asyncio.run(load_of_one(answer, may_break=may_break))

    def test_with_a_killed_worker_it_is_counted(self) -> None:
        load = self.load(HEAD, may_break=True)
        self.assertEqual(load.counts, {"broken off with a killed worker": 2})
        self.assertEqual(load.problems, [])

    def test_otherwise_it_breaks_a_rule(self) -> None:
        load = self.load(HEAD, may_break=False)
        self.assertEqual(load.counts, {"rule broken": 2})
        self.assertIn("no whole response", load.problems[0])

    def test_not_even_with_a_killed_worker_is_a_part_said_to_be_whole(self) -> None:
        answer = HEAD + chunk(NOTHING_OF_IT) + chunk(b"[DONE]")
        load = self.load(answer, may_break=True)
        self.assertEqual(load.counts, {"rule broken": 2})
        self.assertIn("lost or doubled", load.problems[0])

    def test_without_a_server_a_connection_is_refused_and_that_is_never_right(self) -> None:
        async def ask_nobody() -> Load:
            server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
            port = server.sockets[0].getsockname()[1]
            server.close()
            await server.wait_closed()
            load = Load(port, Random(0), may_break=lambda _connection: True)
            await load.connect_all(1)
            return load

        self.assertIn("can't connect", asyncio.run(ask_nobody()).problems[0])
