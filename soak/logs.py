"""What the daemon's log must say, and what it must not."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from soak.nonsense import SMUGGLED
from soak.workers import Connection, Kill

_ACCESS_LINE = re.compile(
    r"chat/completions -> \d+ in .* (soak\.\d+) model=.* retries=(\d+)$", re.MULTILINE
)
_FAILURE = re.compile(r"^.*(?:#error|#critical|Traceback|Unhandled).*$", re.MULTILINE)
_DEATH = re.compile(
    r"#error\] Worker \d+, pid (\d+), ended without having been told: signal SIGKILL$"
)


def read_logs(directory: Path) -> str:
    """The daemon's log file, with those that were moved away or rotated."""
    return "".join(path.read_text() for path in directory.glob("pieces.log*"))


def count_retries(log: str) -> int:
    return sum(int(retries) for _, retries in _ACCESS_LINE.findall(log))


def wrong_lines(
    log: str,
    console: str,
    answered: Mapping[str, tuple[Connection, float]],
    kills: Sequence[Kill],
) -> list[str]:
    """What is said too often, not at all, or of what must not happen.

    :param answered: the connection and the time of each whole response, by id.
    :param kills: what was done to workers here.
    """
    smuggled = [f"a request that was none: {SMUGGLED}"] if SMUGGLED in log else []
    return [
        *_wrong_access_lines(log, answered, kills),
        *_wrong_deaths(log, [kill.pid for kill in kills]),
        # The console has all lines again, and what is written without the log.
        *dict.fromkeys(failures(log + console, [kill.pid for kill in kills])),
        *smuggled,
    ]


def failures(text: str, killed: Collection[int]) -> Iterator[str]:
    """Lines that tell of something that went wrong in the daemon itself."""
    for line in _FAILURE.findall(text):
        death = _DEATH.search(line)
        if death is None or int(death[1]) not in killed:
            yield line


def _wrong_access_lines(
    log: str, answered: Mapping[str, tuple[Connection, float]], kills: Sequence[Kill]
) -> Iterator[str]:
    lines = Counter(request_id for request_id, _ in _ACCESS_LINE.findall(log))
    doubled = [request_id for request_id, count in lines.items() if count > 1]
    if doubled:
        yield f"{len(doubled)} requests with more than one access line, such as {doubled[0]}"
    missing = [
        request_id
        for request_id, (connection, seconds) in answered.items()
        if request_id not in lines
        and not any(kill.may_have_lost_line(connection, seconds) for kill in kills)
    ]
    if missing:
        yield f"{len(missing)} answers without an access line, such as {missing[0]}"


def _wrong_deaths(log: str, killed: Sequence[int]) -> Iterator[str]:
    """Each kill has one line."""
    told = Counter(
        int(death[1]) for line in log.splitlines() if (death := _DEATH.search(line)) is not None
    )
    for pid in killed:
        if told[pid] != 1:
            yield f"the log tells {told[pid]} times that pid {pid} was killed"
