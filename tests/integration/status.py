"""What a daemon's ``GET /`` says, to wait for."""

from tests.integration.daemon import Daemon, eventually
from tests.integration.web import get

SOON_SECONDS = 1.0


def calls_under_way(daemon: Daemon) -> int:
    """Calls on the channels to all upstreams."""
    services = get(daemon.port, "/").json["pools"]["services"]
    return sum(address["in_flight"] for service in services.values() for address in service)


def busy_threads(daemon: Daemon) -> int:
    """Threads that read a stream."""
    busy: int = get(daemon.port, "/").json["pools"]["threads"]["busy"]
    return busy


def await_calls(daemon: Daemon, count: int = 1) -> None:
    """Wait until so many calls are under way.

    :raises AssertionError: they do not come to be.
    """
    assert eventually(lambda: calls_under_way(daemon) == count), calls_under_way(daemon)


def assert_idle(daemon: Daemon) -> None:
    """Within a second, no call is under way and no thread is busy."""
    assert eventually(
        lambda: not calls_under_way(daemon) and not busy_threads(daemon), SOON_SECONDS
    ), (calls_under_way(daemon), busy_threads(daemon))
