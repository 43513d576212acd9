"""`python -m soak`: mixed load with faults and accidents, and what is left of it."""

import argparse
import asyncio
import json
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from soak.children import DidNotStart
from soak.run import Plan, soak


def parse_options(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line; exits with a message where it makes no sense."""
    parser = argparse.ArgumentParser(
        prog="python -m soak",
        description="Put the daemon of this working tree under mixed load, faults and "
        "accidents. Exit status 1 tells that a rule of docs/reliability.md was broken.",
    )
    parser.add_argument("--minutes", type=float, default=5.0, help="how long, in all (5)")
    parser.add_argument("--clients", type=int, default=24, help="at a time (24)")
    parser.add_argument("--held", type=int, default=200, help="idle connections beside them (200)")
    parser.add_argument("--seed", type=int, help="repeats the requests of another soak")
    parser.add_argument(
        "--workers",
        type=int,
        nargs="+",
        default=[1, 2],
        metavar="N",
        help="soak a daemon of so many; of several numbers one after the other (1 2)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report there, too")
    parser.add_argument("--keep", type=Path, metavar="DIRECTORY", help="leave the logs there")
    options = parser.parse_args(arguments)
    if options.minutes <= 0 or options.clients < 1 or options.held < 0 or min(options.workers) < 1:
        parser.error("a soak needs some time, at least one client and at least one worker")
    return options


def main(arguments: Sequence[str]) -> int:
    options = parse_options(arguments)
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))
    plans = [
        Plan(
            seconds=options.minutes * 60 / len(options.workers),
            clients=options.clients,
            held_connections=options.held,
            seed=time.time_ns() if options.seed is None else options.seed,
            workers=workers,
        )
        for workers in options.workers
    ]
    reports = []
    with tempfile.TemporaryDirectory(prefix="piecesd-soak-") as temporary:
        for number, plan in enumerate(plans, 1):
            directory = (options.keep or Path(temporary)) / str(number)
            try:
                report = asyncio.run(soak(plan, directory))
            except DidNotStart as error:
                print(f"a process did not start:\n{error}", file=sys.stderr)
                return 2
            print(report.as_text(), flush=True)
            reports.append(report)
    if options.json is not None:
        found = [report.as_json() for report in reports]
        options.json.write_text(json.dumps(found, indent=2) + "\n")
    return 1 if any(report.violations for report in reports) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
