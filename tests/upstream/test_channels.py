"""The pool on fake channels; with real ones in tests/integration."""

from typing import Any

import grpc
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from piecesd.errors import ShuttingDown
from piecesd.upstream.channels import ChannelPool


class FakeChannel:
    """As much of a channel as a pool touches, and of its insides as
    `piecesd.upstream.grpc_private.connectivity` does."""

    def __init__(self) -> None:
        self.connectivity = grpc.ChannelConnectivity.READY
        self.closed = False
        self._channel = self

    def check_connectivity_state(self, _try_to_connect: bool) -> int:
        number: int = self.connectivity.value[0]
        return number

    def close(self) -> None:
        self.closed = True


class ChannelPoolTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.channels: list[FakeChannel] = []
        self.pool = ChannelPool(
            "gpt", self.connect, lambda channel: channel, minimum=2, maximum=4, clock=self.clock
        )
        self.pool.start()

    def connect(self) -> FakeChannel:
        channel = FakeChannel()
        self.channels.append(channel)
        return channel

    def acquire(self, times: int = 1) -> list[Any]:
        return [self.pool.acquire() for _ in range(times)]

    def test_it_starts_with_the_minimum(self) -> None:
        self.assertEqual(len(self.channels), 2)

    def test_calls_spread_evenly(self) -> None:
        taken = self.acquire(4)
        self.assertEqual([channel.in_flight for channel in taken], [2, 2, 2, 2])

    def test_a_call_avoids_a_channel_if_there_is_another(self) -> None:
        [first] = self.acquire()
        self.assertIsNot(self.pool.acquire(avoid=first), first)

    def test_the_only_channel_is_not_avoided(self) -> None:
        pool = ChannelPool(
            "gpt", self.connect, lambda channel: channel, minimum=1, maximum=1, clock=self.clock
        )
        pool.start()
        only = pool.acquire()
        self.assertIs(pool.acquire(avoid=only), only)

    def test_under_load_it_grows(self) -> None:
        self.acquire(170)
        self.pool.adjust()
        self.assertEqual(self.pool.figures().channels, 3)

    def test_a_channel_with_a_call_on_it_is_not_closed_before_its_end(self) -> None:
        self.acquire(170)
        self.pool.adjust()
        [newest] = self.acquire()
        self.assertIs(newest.channel, self.channels[2])
        self.channels[2].connectivity = grpc.ChannelConnectivity.SHUTDOWN
        self.pool.adjust()
        self.assertFalse(self.channels[2].closed)
        self.pool.release(newest)
        self.assertTrue(self.channels[2].closed)

    def test_a_draining_channel_takes_no_calls(self) -> None:
        [first] = self.acquire()
        first.channel.connectivity = grpc.ChannelConnectivity.SHUTDOWN
        self.pool.adjust()
        self.assertNotIn(first, self.acquire(10))

    def test_when_idle_again_it_shrinks_to_the_minimum(self) -> None:
        taken = self.acquire(170)
        self.pool.adjust()
        for channel in taken:
            self.pool.release(channel)
        self.pool.adjust()
        self.pool.adjust()
        figures = self.pool.figures()
        self.assertEqual((figures.channels, figures.closed), (2, 1))

    def test_a_channel_that_keeps_failing_is_replaced(self) -> None:
        failing = self.channels[0]
        failing.connectivity = grpc.ChannelConnectivity.TRANSIENT_FAILURE
        self.pool.adjust()
        self.clock.advance(15)
        failing.connectivity = grpc.ChannelConnectivity.CONNECTING  # between two attempts
        self.pool.adjust()
        self.assertFalse(failing.closed)
        self.clock.advance(15)
        failing.connectivity = grpc.ChannelConnectivity.TRANSIENT_FAILURE
        self.pool.adjust()
        self.assertTrue(failing.closed)
        self.assertEqual(self.pool.figures().channels, 2)

    def test_a_channel_that_recovers_is_kept(self) -> None:
        channel = self.channels[0]
        channel.connectivity = grpc.ChannelConnectivity.TRANSIENT_FAILURE
        self.pool.adjust()
        self.clock.advance(20)
        channel.connectivity = grpc.ChannelConnectivity.READY
        self.pool.adjust()
        channel.connectivity = grpc.ChannelConnectivity.TRANSIENT_FAILURE
        self.clock.advance(20)
        self.pool.adjust()
        self.assertFalse(channel.closed)

    def test_stopping_closes_all_and_refuses_calls(self) -> None:
        self.acquire(3)
        self.pool.stop()
        self.assertEqual([channel.closed for channel in self.channels], [True, True])
        self.assertRaises(ShuttingDown, self.pool.acquire)
        self.pool.adjust()
        self.assertEqual(self.pool.figures().channels, 0)
