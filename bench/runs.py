"""One run through the scenarios, against a daemon of our own or any gateway."""

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial

from bench.children import Daemon, started_daemon
from bench.figures import SCENARIOS, Figures
from bench.http1 import Target
from bench.process import ProcessTree, keep_on
from bench.report import Failure
from bench.scenarios import MEASURED_BY, ScenarioFailed, Sizes, Subject, first_answer

_START_LIMIT_SECONDS = 30.0

Progress = Callable[[str], object]


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What every run goes through. ``model`` is what clients ask for; ``pin``:
    keep what measures off the cores of a daemon that keeps to its own."""

    only: Collection[str]
    sizes: Sizes
    model: str
    pin: bool
    upstream_pid: int
    upstream_port: int

    @property
    def upstream_address(self) -> str:
        return f"127.0.0.1:{self.upstream_port}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """What one run has measured, and what it could not."""

    figures: Figures
    failures: list[Failure]


def run_with_daemon(number: int, plan: Plan, progress: Progress) -> Run:
    """One run against a fresh daemon of this working tree; another one before
    it measures how long a start takes.

    :raises DidNotStart: the daemon does not run.
    """
    run = Run(figures={}, failures=[])
    cores = os.sched_getaffinity(0)
    try:
        if "start" in plan.only:
            progress(f"run {number}: start")
            _measure("start", number, run, partial(_start, plan, cores))
        if set(plan.only) - {"start"}:
            with started_daemon(plan.upstream_port, cores) as daemon:
                daemon.wait_until_listening()
                subject = _subject(_target(daemon, plan), daemon.pid, plan)
                if plan.pin:
                    _keep_apart(subject, cores)
                _go_through(number, plan, subject, run, progress)
    finally:
        keep_on(cores, [os.getpid(), plan.upstream_pid])
    return run


def run_with_gateway(
    number: int, plan: Plan, target: Target, gateway_pid: int, progress: Progress
) -> Run:
    """One run against a gateway that others have started on the bench upstream.

    :raises ScenarioFailed: it answers nothing.
    """
    run = Run(figures={}, failures=[])
    # It may take a while to find an upstream that was not there before, and
    # may have other processes once it has answered.
    first_answer(target, lambda: None, _START_LIMIT_SECONDS)
    _go_through(number, plan, _subject(target, gateway_pid, plan), run, progress)
    return run


def _subject(target: Target, gateway_pid: int, plan: Plan) -> Subject:
    return Subject(
        target=target,
        tree=ProcessTree(gateway_pid),
        upstream_pid=plan.upstream_pid,
        upstream_address=plan.upstream_address,
    )


def _target(daemon: Daemon, plan: Plan) -> Target:
    return Target.from_url(f"http://127.0.0.1:{daemon.port}/v1", model=plan.model)


def _start(plan: Plan, cores: set[int]) -> Figures:
    with started_daemon(plan.upstream_port, cores) as daemon:
        answered = first_answer(_target(daemon, plan), daemon.check_running, _START_LIMIT_SECONDS)
        return {"start.first_answer_s": answered - daemon.born_us / 1e6}


def _keep_apart(subject: Subject, cores: set[int]) -> None:
    """Leave the gateway the cores it keeps to; where it may run on all, or
    there is but one, nothing changes."""
    others = cores - subject.tree.cores()
    if others:
        keep_on(others, [os.getpid(), subject.upstream_pid])


def _go_through(number: int, plan: Plan, subject: Subject, run: Run, progress: Progress) -> None:
    for name in SCENARIOS:
        if name in plan.only and name in MEASURED_BY:
            progress(f"run {number}: {name}")
            _measure(name, number, run, partial(MEASURED_BY[name], subject, plan.sizes))


def _measure(name: str, number: int, run: Run, scenario: Callable[[], Figures]) -> None:
    try:
        run.figures.update(scenario())
    except ScenarioFailed as failure:
        run.failures.append(Failure(number, name, str(failure)))
