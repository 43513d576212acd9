"""What came of a run of tests: counts, names and times, of one process or of several."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field

from twisted.trial.reporter import TestResult

_SLOWEST = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """``failed``: names of tests, or what else failed. ``seconds``: by test, with the
    fixtures of each."""

    passed: int = 0
    failed: tuple[str, ...] = ()
    skipped: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, result: TestResult, seconds: dict[str, float]) -> "Outcome":
        failed = [test for test, *_ in result.failures + result.errors + result.unexpectedSuccesses]
        return cls(
            passed=result.successes,
            failed=tuple(test.id() for test in failed),
            skipped=len(result.skips),
            seconds=seconds,
        )

    @classmethod
    def of_all(cls, outcomes: Iterable["Outcome"]) -> "Outcome":
        whole = tuple(outcomes)
        return cls(
            passed=sum(each.passed for each in whole),
            failed=tuple(name for each in whole for name in each.failed),
            skipped=sum(each.skipped for each in whole),
            seconds={name: spent for each in whole for name, spent in each.seconds.items()},
        )

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Outcome":
        """What `to_json` wrote.

        :raises ValueError: it is not the whole of that.
        """
        fields = json.loads(text)
        return cls(**fields | {"failed": tuple(fields["failed"])})

    @property
    def went_well(self) -> bool:
        """There were tests, and none failed."""
        return bool(self.passed) and not self.failed

    def summary(self) -> Iterator[str]:
        """Lines that close a run: what took longest, what failed, and the count,
        such as ``3 passed, 1 failed, 2 skipped``, whose last part is there only if
        there are any."""
        yield from _slowest("modules", _by_module(self.seconds))
        yield from _slowest("tests", self.seconds)
        yield from (f"failed: {name}" for name in self.failed)
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        yield f"{self.passed} passed, {len(self.failed)} failed{skipped}"


def _by_module(seconds: dict[str, float]) -> dict[str, float]:
    """A test is named by its module, its class and its method."""
    modules: dict[str, float] = {}
    for name, spent in seconds.items():
        module = name.rsplit(".", 2)[0]
        modules[module] = modules.get(module, 0.0) + spent
    return modules


def _slowest(what: str, seconds: dict[str, float]) -> Iterator[str]:
    if len(seconds) > 1:
        yield f"slowest {what}:"
        slowest = sorted(seconds, key=seconds.__getitem__, reverse=True)[:_SLOWEST]
        yield from (f"{seconds[name]:8.1f} s  {name}" for name in slowest)
