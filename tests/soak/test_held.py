"""Idle connections, and whether those that must be served are."""

import asyncio
import os
from collections.abc import Collection

from twisted.trial.unittest import SynchronousTestCase

from soak.held import HeldConnections

PONG = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\npong"


async def check(
    owners: Collection[int], living: Collection[int], *, serves_again: bool
) -> list[str]:
    """What is wrong with a connection to a server of this process."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(PONG)
        await reader.readuntil(b"\r\n\r\n")
        if serves_again:
            writer.write(PONG)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        held = await HeldConnections.open(server.sockets[0].getsockname()[1], 1, owners)
        return await held.check(living)


class HeldConnectionsTests(SynchronousTestCase):
    def check(
        self,
        living: Collection[int],
        *,
        serves_again: bool,
        owners: Collection[int] = (os.getpid(),),
    ) -> list[str]:
        return asyncio.run(check(owners, living, serves_again=serves_again))

    def test_one_that_is_served_again_is_right(self) -> None:
        self.assertEqual(self.check([os.getpid()], serves_again=True), [])

    def test_one_that_ended_with_its_process_is_right(self) -> None:
        self.assertEqual(self.check([], serves_again=False), [])

    def test_one_that_ended_by_itself_is_told(self) -> None:
        (told,) = self.check([os.getpid()], serves_again=False)
        self.assertIn("not served any more", told)

    def test_one_that_outlives_its_process_is_told(self) -> None:
        (told,) = self.check([], serves_again=True)
        self.assertIn("outlived", told)

    def test_one_that_no_process_has_is_told(self) -> None:
        (told,) = self.check([], serves_again=True, owners=())
        self.assertIn("with nobody", told)
