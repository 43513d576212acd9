"""What is asked of a gateway, and which figures come of it."""

import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from bench.direct import DirectClient
from bench.figures import Figures, percentile
from bench.http1 import Target
from bench.load import Arrival, Exchange, LoadClient
from bench.process import ProcessTree, cpu_seconds
from bench.script import Script
from bench.upstream import monotonic_us

_GOLDEN_RATIO = 0.618_033_988_75
_SETTLE_SECONDS = 0.2
_MARGIN_SECONDS = 60.0
_PIECES_OF_AN_ANSWER = 20
_PIECES_OF_A_FIRST_TOKEN = 5
_WARM_UP_REQUESTS = 10


class ScenarioFailed(Exception):
    """An answer was not what was asked for, so nothing was measured."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """How much each scenario asks for. ``rest_seconds``: how long a gateway is
    left alone before the memory it keeps is read."""

    burst_streams: int = 16
    burst_pieces: int = 2_000
    paced_streams: int = 200
    paced_rate: float = 20.0
    paced_ramp_seconds: float = 1.0
    paced_seconds: float = 6.0
    first_pairs: int = 200
    unary_requests: int = 1_000
    unary_connections: int = 16
    held_streams: int = 1_000
    held_rate: float = 1.0
    held_ramp_seconds: float = 4.0
    held_seconds: float = 10.0
    rest_seconds: float = 2.0


FULL = Sizes()
QUICK = Sizes(
    burst_pieces=500,
    paced_seconds=2.0,
    first_pairs=50,
    unary_requests=200,
    held_ramp_seconds=2.5,
    held_seconds=3.0,
    rest_seconds=1.0,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """The gateway under test and what measures it.

    ``upstream_pid`` and ``upstream_address`` (host:port) are those of the
    bench upstream that the gateway talks to.
    """

    target: Target
    tree: ProcessTree
    upstream_pid: int
    upstream_address: str

    def harness_cpu_seconds(self) -> float:
        return cpu_seconds(self.upstream_pid) + cpu_seconds(os.getpid())

    def resident_mb(self) -> float:
        return self.tree.resident_bytes() / 1e6


@contextmanager
def load_client(target: Target) -> Iterator[LoadClient]:
    client = LoadClient(target)
    try:
        yield client
    finally:
        client.close()


def require_whole(exchanges: Sequence[Exchange]) -> None:
    """:raises ScenarioFailed: one of the answers is not whole."""
    problems = [exchange.problem for exchange in exchanges if exchange.problem]
    if problems:
        raise ScenarioFailed(
            f"{len(problems)} of {len(exchanges)} answers failed; the first: {problems[0]}"
        )


def first_answer(target: Target, check_running: Callable[[], None], limit_seconds: float) -> float:
    """Ask for an unstreamed answer until there is one; returns the monotonic
    seconds of its end.

    :raises ScenarioFailed: there was none within the limit.
    """
    end = time.monotonic() + limit_seconds
    with load_client(target) as client:
        while True:
            check_running()
            exchange = client.start(Script(pieces=1), streamed=False)
            client.run(limit_seconds)
            if not exchange.problem:
                return exchange.finished_us / 1e6
            if time.monotonic() > end:
                raise ScenarioFailed(
                    f"no answer within {limit_seconds:g} s; the last: {exchange.problem}"
                )
            time.sleep(0.005)


def idle(subject: Subject, sizes: Sizes) -> Figures:
    """Memory before the first request and after it."""
    time.sleep(sizes.rest_seconds)
    untouched = subject.resident_mb()
    first_answer(subject.target, lambda: None, limit_seconds=10)
    time.sleep(sizes.rest_seconds)
    return {"idle.rss_mb": untouched, "idle.rss_answered_mb": subject.resident_mb()}


def burst(subject: Subject, sizes: Sizes) -> Figures:
    """All streams at once, each as fast as it goes."""
    script = Script(pieces=sizes.burst_pieces)
    with load_client(subject.target) as client:
        warm_up = [client.start(Script(pieces=50)) for _ in range(sizes.burst_streams)]
        client.run(_MARGIN_SECONDS)
        require_whole(warm_up)
        time.sleep(_SETTLE_SECONDS)
        cpu, harness = subject.tree.cpu_seconds(), subject.harness_cpu_seconds()
        started_us = monotonic_us()
        exchanges = [client.start(script) for _ in range(sizes.burst_streams)]
        client.run(_MARGIN_SECONDS)
        harness = subject.harness_cpu_seconds() - harness
        # What the gateway does after the last byte belongs to the answers.
        time.sleep(_SETTLE_SECONDS)
        cpu = subject.tree.cpu_seconds() - cpu
    require_whole(exchanges)
    chunks = sizes.burst_streams * sizes.burst_pieces
    seconds = (max(exchange.finished_us for exchange in exchanges) - started_us) / 1e6
    return {
        "burst.cpu_us_per_chunk": cpu / chunks * 1e6,
        "burst.chunks_per_s": chunks / seconds,
        "burst.harness_us_per_chunk": harness / chunks * 1e6,
    }


def paced(subject: Subject, sizes: Sizes) -> Figures:
    """Streams at the pace at which models write."""
    steady = _hold_streams(
        subject,
        streams=sizes.paced_streams,
        rate=sizes.paced_rate,
        ramp_seconds=sizes.paced_ramp_seconds,
        steady_seconds=sizes.paced_seconds,
    )
    return {
        "paced.cpu_us_per_chunk": steady.cpu_seconds / steady.pieces * 1e6,
        "paced.chunks_per_s": steady.pieces / steady.seconds,
        "paced.late_p50_ms": steady.late_ms(50),
        "paced.late_p99_ms": steady.late_ms(99),
    }


def held(subject: Subject, sizes: Sizes) -> Figures:
    """Many streams that are open and say little."""
    steady = _hold_streams(
        subject,
        streams=sizes.held_streams,
        rate=sizes.held_rate,
        ramp_seconds=sizes.held_ramp_seconds,
        steady_seconds=sizes.held_seconds,
    )
    time.sleep(sizes.rest_seconds)
    return {
        "held.late_p50_ms": steady.late_ms(50),
        "held.late_p99_ms": steady.late_ms(99),
        "held.cpu_percent": steady.cpu_seconds / steady.seconds * 100,
        "held.rss_mb": steady.resident_mb,
        "held.rss_after_mb": subject.resident_mb(),
    }


def first(subject: Subject, sizes: Sizes) -> Figures:
    """One request at a time, by turns straight to the upstream and through the
    gateway; what is added is the difference within each such pair."""
    script = Script(pieces=_PIECES_OF_A_FIRST_TOKEN)
    direct_ms, gateway_ms = [], []
    direct = DirectClient(subject.upstream_address)
    try:
        with load_client(subject.target) as client:
            for number in range(_WARM_UP_REQUESTS + sizes.first_pairs):
                direct_seconds = direct.first_piece_seconds(script)
                exchange = client.start(script)
                client.run(_MARGIN_SECONDS)
                require_whole([exchange])
                if number >= _WARM_UP_REQUESTS:
                    direct_ms.append(direct_seconds * 1e3)
                    gateway_ms.append((exchange.first_us - exchange.started_us) / 1e3)
    finally:
        direct.close()
    added_ms = [through - straight for through, straight in zip(gateway_ms, direct_ms, strict=True)]
    return {
        f"first.{name}_p{percent}_ms": percentile(values, percent)
        for name, values in (("added", added_ms), ("direct", direct_ms), ("gateway", gateway_ms))
        for percent in (50, 99)
    }


def unary(subject: Subject, sizes: Sizes) -> Figures:
    """Unstreamed requests, a new one on each connection as soon as the last is answered."""
    script = Script(pieces=_PIECES_OF_AN_ANSWER)
    with load_client(subject.target) as client:
        exchanges: list[Exchange] = []

        def ask(total: int) -> None:
            if len(exchanges) < total:
                exchanges.append(
                    client.start(script, streamed=False, when_done=lambda done: ask(total))
                )

        def ask_all(total: int) -> None:
            exchanges.clear()
            for _ in range(sizes.unary_connections):
                ask(total)
            client.run(_MARGIN_SECONDS)
            require_whole(exchanges)

        ask_all(sizes.unary_connections * 2)
        cpu, started_us = subject.tree.cpu_seconds(), monotonic_us()
        ask_all(sizes.unary_requests)
        seconds = (monotonic_us() - started_us) / 1e6
        time.sleep(_SETTLE_SECONDS)
        cpu = subject.tree.cpu_seconds() - cpu
    return {
        "unary.cpu_ms_per_request": cpu / len(exchanges) * 1e3,
        "unary.requests_per_s": len(exchanges) / seconds,
    }


@dataclass(frozen=True, kw_only=True, slots=True)
class _Steady:
    """What was seen while every stream was open."""

    seconds: float
    cpu_seconds: float
    pieces: int
    arrivals: Sequence[Arrival]
    resident_mb: float

    def late_ms(self, percent: float) -> float:
        return percentile([arrival.late_us for arrival in self.arrivals], percent) / 1e3


def _hold_streams(
    subject: Subject, *, streams: int, rate: float, ramp_seconds: float, steady_seconds: float
) -> _Steady:
    """Open streams one after another, and watch them from one interval after
    the last has been opened."""
    interval_seconds = 1 / rate
    tail_seconds = max(1.0, interval_seconds)
    open_seconds = ramp_seconds + 2 * interval_seconds + steady_seconds + tail_seconds
    script = Script(pieces=math.ceil(open_seconds * rate), rate=rate)
    exchanges: list[Exchange] = []
    with load_client(subject.target) as client:
        client.records_arrivals = True
        readings: list[tuple[int, float, int]] = []

        def read() -> None:
            readings.append((monotonic_us(), subject.tree.cpu_seconds(), client.pieces))

        resident_mb: list[float] = []
        start_us = monotonic_us()
        for number in range(streams):
            # The golden ratio spreads the phases evenly, whatever the ramp.
            phase_seconds = (number * _GOLDEN_RATIO) % 1 * interval_seconds
            begin_seconds = ramp_seconds * number / streams + phase_seconds
            client.at(
                start_us + int(begin_seconds * 1e6), lambda: exchanges.append(client.start(script))
            )
        watch_us = start_us + int((ramp_seconds + 2 * interval_seconds) * 1e6)
        client.at(watch_us, read)
        client.at(watch_us + int(steady_seconds * 1e6), read)
        client.at(
            watch_us + int(steady_seconds * 1e6) + 1,
            lambda: resident_mb.append(subject.resident_mb()),
        )
        client.run(open_seconds + _MARGIN_SECONDS)
    require_whole(exchanges)
    (begin_us, begin_cpu, begin_pieces), (end_us, end_cpu, end_pieces) = readings
    return _Steady(
        seconds=(end_us - begin_us) / 1e6,
        cpu_seconds=end_cpu - begin_cpu,
        pieces=end_pieces - begin_pieces,
        arrivals=[item for item in client.arrivals if begin_us <= item.due_us < end_us],
        resident_mb=resident_mb[0],
    )


MEASURED_BY = {
    "idle": idle,
    "burst": burst,
    "paced": paced,
    "first": first,
    "unary": unary,
    "held": held,
}
"""The scenarios that a running gateway can be put through, by name."""
