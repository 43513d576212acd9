"""In place of threads, for tests that are one step after another."""

from typing import Any

from twisted.internet.defer import Deferred, execute


class NoThreads:
    """In place of a thread pool; tells whether it runs."""

    running = False

    def start(self) -> None:
        self.running = True

    def stop(self) -> None:
        self.running = False


class Thread:
    """A worker that a test lets go on when it likes."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Deferred[Any], Any, Any]] = []
        self.at_once = True

    def __call__(self, function: Any, *arguments: Any) -> Deferred[Any]:
        if self.at_once:
            return execute(function, *arguments)
        outcome: Deferred[Any] = Deferred()
        self.waiting.append((outcome, function, arguments))
        return outcome

    def step(self) -> None:
        outcome, function, arguments = self.waiting.pop(0)
        execute(function, *arguments).chainDeferred(outcome)
