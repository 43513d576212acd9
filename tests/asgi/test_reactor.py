"""A reactor that is not installed, on a loop that a test runs."""

import asyncio
import signal

from twisted.internet.error import ReactorAlreadyInstalledError
from twisted.internet.threads import deferToThreadPool
from twisted.trial.unittest import SynchronousTestCase

from piecesd.asgi.reactor import HostedReactor, install


class HostedReactorTests(SynchronousTestCase):
    def test_it_works_and_ends_while_the_loop_runs_on(self) -> None:
        async def steps() -> list[str]:
            loop = asyncio.get_running_loop()
            reactor = HostedReactor(loop)
            reactor.begin()
            self.assertTrue(reactor.running)
            happened = []
            called = loop.create_future()
            reactor.callLater(0.001, called.set_result, None)
            await asyncio.wait_for(called, 5)
            happened.append("timer")
            threads = reactor.getThreadPool()
            in_thread = deferToThreadPool(reactor, threads, happened.append, "thread")
            await asyncio.wait_for(in_thread.asFuture(loop), 5)
            reactor.addSystemEventTrigger("before", "shutdown", happened.append, "end")
            await asyncio.wait_for(reactor.end(), 5)
            self.assertFalse(reactor.running)
            self.assertFalse(any(thread.is_alive() for thread in threads.threads))
            await asyncio.sleep(0.001)
            return happened

        self.assertEqual(asyncio.run(steps()), ["timer", "thread", "end"])

    def test_it_leaves_the_signals_alone(self) -> None:
        numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGHUP)
        before = [signal.getsignal(number) for number in numbers]

        async def steps() -> list[object]:
            reactor = HostedReactor(asyncio.get_running_loop())
            reactor.begin()
            during = [signal.getsignal(number) for number in numbers]
            await reactor.end()
            return [*during]

        # asyncio.run has one of its own for SIGINT
        during = asyncio.run(steps())
        self.assertEqual(during[0], before[0])
        self.assertEqual(during[2:], before[2:])

    def test_it_takes_no_other_reactors_place(self) -> None:
        async def steps() -> None:
            with self.assertRaises(ReactorAlreadyInstalledError):
                install(asyncio.get_running_loop())

        asyncio.run(steps())
